package temporalserver

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/dynamicconfig"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"an unknown flag is named":             {[]string{"--frontend-ip=1"}, "unknown flag: --frontend-ip"},
		"a stray word is named":                {[]string{"now"}, `unexpected argument "now"`},
		"an attribute needs a type":            {[]string{"--search-attribute", "StoreID"}, "want Name=Type"},
		"an attribute needs a type that is":    {[]string{"--search-attribute", "StoreID=Word"}, `no such type "Word"`},
		"a setting needs a value":              {[]string{"--dynamic-config-value", "frontend.rps"}, "want key=JSON"},
		"a setting's text needs quotes":        {[]string{"--dynamic-config-value", "a=1s"}, "the value is not JSON"},
		"a log level is one of a few words":    {[]string{"--log-level", "loud"}, "want one of debug, info, warn"},
		"a log format is one of a few words":   {[]string{"--log-format", "xml"}, "want one of pretty, text, json"},
		"what the SDK passes is taken as said": {[]string{"--ip", "127.0.0.1", "--port", "7000", "--namespace", "shop"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseFlags(tt.args, io.Discard)
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	t.Run("the Web UI is a thousand ports above", func(t *testing.T) {
		t.Parallel()
		opts := Options{Port: 7233}.withDefaults()
		require.Equal(t, 8233, opts.UIPort)
		require.Equal(t, "127.0.0.1", opts.UIIP)
	})
	t.Run("or on a free one where there is no such port", func(t *testing.T) {
		t.Parallel()
		require.LessOrEqual(t, Options{Port: 65000}.withDefaults().UIPort, 65535)
	})
}

func TestDynamicConfig(t *testing.T) {
	t.Parallel()
	key := dynamicconfig.TransferProcessorMaxPollRPS.Key()
	t.Run("ours hold", func(t *testing.T) {
		t.Parallel()
		client, err := newDynamicConfig(nil)
		require.NoError(t, err)
		require.Equal(t, 2000, client.GetValue(key)[0].Value)
	})
	t.Run("the caller's win, as the type that the server reads", func(t *testing.T) {
		t.Parallel()
		client, err := newDynamicConfig(map[string]json.RawMessage{key.String(): json.RawMessage("20")})
		require.NoError(t, err)
		require.Equal(t, 20, client.GetValue(key)[0].Value)
	})
	t.Run("an unknown key is refused", func(t *testing.T) {
		t.Parallel()
		_, err := newDynamicConfig(map[string]json.RawMessage{"history.speed": json.RawMessage("1")})
		require.ErrorContains(t, err, `dynamic config history.speed: unregistered key "history.speed"`)
	})
	t.Run("a value of the wrong type is refused", func(t *testing.T) {
		t.Parallel()
		_, err := newDynamicConfig(map[string]json.RawMessage{key.String(): json.RawMessage(`"fast"`)})
		require.ErrorContains(t, err, "value type is not int")
	})
}

func TestAssignColumns(t *testing.T) {
	t.Parallel()
	keyword := enumspb.INDEXED_VALUE_TYPE_KEYWORD
	t.Run("keeps what there is and fills the gaps", func(t *testing.T) {
		t.Parallel()
		aliases, err := assignColumns(map[string]string{"Keyword02": "B"},
			map[string]enumspb.IndexedValueType{"A": keyword, "B": keyword, "C": keyword})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"Keyword01": "A", "Keyword02": "B", "Keyword03": "C"}, aliases)
	})
	t.Run("says when there is no column left", func(t *testing.T) {
		t.Parallel()
		attributes := make(map[string]enumspb.IndexedValueType)
		for _, name := range "ABCDEFGHIJK" {
			attributes[string(name)] = keyword
		}
		_, err := assignColumns(nil, attributes)
		require.ErrorContains(t, err, "search attribute K: no room for another Keyword")
	})
	t.Run("leaves the server's own names alone", func(t *testing.T) {
		t.Parallel()
		_, err := assignColumns(nil, map[string]enumspb.IndexedValueType{"WorkflowId": keyword})
		require.ErrorContains(t, err, "the name is reserved")
	})
}
