package temporalclient_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"twigz/internal/settings"
	"twigz/internal/temporalclient"
)

// read reads the settings that are given, beside no profile of the developer's.
func read(env map[string]string) (temporalclient.Config, error) {
	getenv := func(name string) string {
		if value, ok := env[name]; ok || name != "TEMPORAL_CONFIG_FILE" {
			return value
		}
		return os.DevNull
	}
	r := settings.From(getenv)
	config := temporalclient.ReadConfig(r, getenv)
	return config, r.Err()
}

func TestReadConfig(t *testing.T) {
	t.Parallel()

	t.Run("needs nothing for a server on this machine", func(t *testing.T) {
		t.Parallel()
		config, err := read(nil)
		require.NoError(t, err)
		assert.Empty(t, config.Options.HostPort, "the SDK's own default, localhost:7233")
		assert.Equal(t, "default", config.Options.Namespace)
		assert.Equal(t, "fulfillment", config.TaskQueue)
		assert.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows/evt_1", config.WorkflowURL("evt_1"))
	})

	t.Run("takes an address, a namespace, a queue and the Web UI's address", func(t *testing.T) {
		t.Parallel()
		config, err := read(map[string]string{
			"TEMPORAL_ADDRESS": "temporal.example:7233", "TEMPORAL_NAMESPACE": "shop",
			"TEMPORAL_TASK_QUEUE": "orders", "TEMPORAL_UI_URL": "https://ui.example/temporal/",
		})
		require.NoError(t, err)
		assert.Equal(t, "temporal.example:7233", config.Options.HostPort)
		assert.Nil(t, config.Options.ConnectionOptions.TLS)
		assert.Equal(t, "orders", config.TaskQueue)
		assert.Equal(t, "https://ui.example/temporal/namespaces/shop/workflows/evt_1", config.WorkflowURL("evt_1"))
	})

	t.Run("takes Temporal Cloud's API key, and TLS with it", func(t *testing.T) {
		t.Parallel()
		config, err := read(map[string]string{"TEMPORAL_ADDRESS": "eu.aws.api.temporal.io:7233", "TEMPORAL_NAMESPACE": "shop.acct", "TEMPORAL_API_KEY": "key"})
		require.NoError(t, err)
		assert.NotNil(t, config.Options.ConnectionOptions.TLS)
		assert.NotNil(t, config.Options.Credentials)
	})

	t.Run("takes a profile", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "temporal.toml")
		require.NoError(t, os.WriteFile(file, []byte("[profile.prod]\naddress = \"prod.example:7233\"\nnamespace = \"live\"\n"), 0o600))
		config, err := read(map[string]string{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_PROFILE": "prod"})
		require.NoError(t, err)
		assert.Equal(t, "prod.example:7233", config.Options.HostPort)
		assert.Equal(t, "live", config.Options.Namespace)
	})
}

func TestReadConfigFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"a profile that is not there":  {map[string]string{"TEMPORAL_PROFILE": "prod"}, "TEMPORAL_* cannot be used: unable to find profile prod"},
		"a certificate that is none":   {map[string]string{"TEMPORAL_TLS_CLIENT_CERT_DATA": "hunter2", "TEMPORAL_TLS_CLIENT_KEY_DATA": "hunter2"}, "TEMPORAL_* cannot be used: "},
		"a key that is not there":      {map[string]string{"TEMPORAL_TLS_CLIENT_CERT_PATH": "/none", "TEMPORAL_TLS_CLIENT_KEY_PATH": "/none"}, "TEMPORAL_* cannot be used: "},
		"an address that is a URL":     {map[string]string{"TEMPORAL_ADDRESS": "http://localhost:7233"}, "TEMPORAL_ADDRESS must be host:port, such as 127.0.0.1:7233"},
		"an address without a port":    {map[string]string{"TEMPORAL_ADDRESS": "localhost"}, "TEMPORAL_ADDRESS must be host:port, such as 127.0.0.1:7233"},
		"a Web UI's address of no use": {map[string]string{"TEMPORAL_UI_URL": "localhost:8233"}, "TEMPORAL_UI_URL must be a URL starting with http:// or https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(test.env)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, 1, strings.Count(err.Error(), "TEMPORAL_"), "one fault, told once")
		})
	}
	t.Run("names that gRPC resolves itself are taken", func(t *testing.T) {
		t.Parallel()
		for _, address := range []string{"dns:///temporal.example:7233", "unix:/run/temporal.sock"} {
			_, err := read(map[string]string{"TEMPORAL_ADDRESS": address})
			assert.NoError(t, err, address)
		}
	})
}

func TestNewDoesNotConnect(t *testing.T) {
	t.Parallel()
	config, err := read(map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1"})
	require.NoError(t, err)
	connection, err := config.New(slog.New(slog.NewJSONHandler(&bytes.Buffer{}, nil)))
	require.NoError(t, err)
	connection.Close()
}

// counting is a Temporal that is asked how many workflows there are.
type counting struct {
	client.Client
	count func(namespace, query string) error
}

func (c counting) CountWorkflow(_ context.Context, r *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	return nil, c.count(r.GetNamespace(), r.GetQuery())
}

func TestCheckAttributes(t *testing.T) {
	t.Parallel()
	types := map[string]string{"StoreID": "Keyword", "CustomerID": "Keyword", "Livemode": "Bool"}
	check := func(count func(namespace, query string) error) error {
		return temporalclient.CheckAttributes(t.Context(), counting{count: count}, "shop", types)
	}

	t.Run("asks for each by its type", func(t *testing.T) {
		t.Parallel()
		var asked []string
		require.NoError(t, check(func(namespace, query string) error {
			asked = append(asked, namespace+": "+query)
			return nil
		}))
		assert.ElementsMatch(t, []string{`shop: StoreID = ""`, `shop: CustomerID = ""`, `shop: Livemode = true`}, asked)
	})

	t.Run("names all that are missing, in one order, with what to run", func(t *testing.T) {
		t.Parallel()
		err := check(func(_, query string) error {
			if strings.HasPrefix(query, "CustomerID") {
				return nil
			}
			return serviceerror.NewInvalidArgument("column name is not defined")
		})
		var missing *temporalclient.MissingAttributesError
		require.ErrorAs(t, err, &missing)
		assert.Equal(t, []string{"Livemode", "StoreID"}, missing.Names)
		assert.EqualError(t, err, `Temporal's namespace lacks search attributes, make them with:
  temporal operator search-attribute create --namespace shop --name Livemode --type Bool
  temporal operator search-attribute create --namespace shop --name StoreID --type Keyword`)
	})

	t.Run("does not take a Temporal that cannot be asked for one that lacks them", func(t *testing.T) {
		t.Parallel()
		for _, cause := range []error{serviceerror.NewUnavailable("down"), serviceerror.NewPermissionDenied("no", ""), context.DeadlineExceeded} {
			err := check(func(string, string) error { return cause })
			require.ErrorIs(t, err, cause)
			var missing *temporalclient.MissingAttributesError
			assert.NotErrorAs(t, err, &missing)
		}
	})
}
