package settings_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/settings"
)

// from reads settings out of a map.
func from(env map[string]string) *settings.Reader {
	return settings.From(func(name string) string { return env[name] })
}

// of reads one setting, X, and says which fault it has, "" if none.
func of[T any](value string, read func(*settings.Reader) T) (T, string) {
	r := from(map[string]string{
		"X": value, "LOG_LEVEL": value, "DATABASE_URL": value, "STRIPE_SECRET_KEY": value, "STRIPE_PUBLISHABLE_KEY": value,
	})
	got := read(r)
	if err := r.Err(); err != nil {
		return got, err.Error()
	}
	return got, ""
}

func TestEveryFaultIsToldAtOnceALineEach(t *testing.T) {
	t.Parallel()
	r := from(map[string]string{"DOOR": "left", "SURE": "perhaps"})
	r.Required("NAME", "set it to yours")
	r.Addr("DOOR", "")
	r.Bool("SURE", false)
	r.Text("FREE", "")
	require.EqualError(t, r.Err(), `some settings are missing or wrong:
  NAME is not set: set it to yours
  DOOR must be host:port, such as 127.0.0.1:9090
  SURE must be true or false
The README lists them all.`)
}

func TestNoFaultIsNoError(t *testing.T) {
	t.Parallel()
	r := from(map[string]string{"NAME": " Ann "})
	assert.Equal(t, "Ann", r.Required("NAME", ""))
	assert.Equal(t, "else", r.Text("OTHER", "else"))
	require.NoError(t, r.Err())
}

func TestBlankIsAbsent(t *testing.T) {
	t.Parallel()
	r := from(map[string]string{"NAME": " \t\n"})
	assert.Empty(t, r.Required("NAME", "set it"))
	require.ErrorContains(t, r.Err(), "NAME is not set: set it")
}

func TestAddr(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "127.0.0.1:3000", "127.0.0.1:0": "127.0.0.1:0", ":8080": ":8080", "localhost:80": "localhost:80", "[::1]:9": "[::1]:9", "0.0.0.0:65535": "0.0.0.0:65535",
	} {
		got, fault := of(value, func(r *settings.Reader) string { return r.Addr("X", "127.0.0.1:3000") })
		assert.Empty(t, fault, value)
		assert.Equal(t, want, got)
	}
	for _, value := range []string{"3000", "localhost", "localhost:", "localhost:http", "localhost:65536", "localhost:-1", "::1:9", "http://localhost:80"} {
		got, fault := of(value, func(r *settings.Reader) string { return r.Addr("X", "127.0.0.1:3000") })
		assert.Contains(t, fault, "X must be host:port, such as 127.0.0.1:3000", value)
		assert.Empty(t, got)
	}
	t.Run("that is absent without a fallback is off", func(t *testing.T) {
		got, fault := of("", func(r *settings.Reader) string { return r.Addr("X", "") })
		assert.Empty(t, got+fault)
	})
}

func TestURL(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) string { return r.URL("X", "", "http", "https") }
	for value, want := range map[string]string{
		"": "", "http://a": "http://a", "https://a.example:8443/b/": "https://a.example:8443/b", "HTTP://a": "HTTP://a",
	} {
		got, fault := of(value, read)
		assert.Empty(t, fault, value)
		assert.Equal(t, want, got)
	}
	for _, value := range []string{"a.example", "ftp://a", "http://", "http:///b", "http://a:b", "://"} {
		_, fault := of(value, read)
		assert.Contains(t, fault, "X must be a URL starting with http:// or https://", value)
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) bool { return r.Bool("X", true) }
	for value, want := range map[string]bool{"": true, "true": true, "false": false, " false ": false} {
		got, fault := of(value, read)
		assert.Empty(t, fault)
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{"yes", "1", "TRUE", "live"} {
		_, fault := of(value, read)
		assert.Contains(t, fault, "X must be true or false", value)
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) int { return r.Int("X", 7, 0, 365) }
	for value, want := range map[string]int{"": 7, "0": 0, " 14 ": 14, "365": 365} {
		got, fault := of(value, read)
		assert.Empty(t, fault, value)
		assert.Equal(t, want, got)
	}
	for _, value := range []string{"-1", "366", "1.5", "seven", "1e2", "99999999999999999999"} {
		_, fault := of(value, read)
		assert.Contains(t, fault, "X must be a whole number from 0 to 365", value)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) []string { return r.List("X") }
	for value, want := range map[string][]string{"": nil, "a": {"a"}, "a,b": {"a", "b"}, " a , b ": {"a", "b"}} {
		got, fault := of(value, read)
		assert.Empty(t, fault)
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{",", "a,", ",a", "a,,b", "a, ,b"} {
		got, fault := of(value, read)
		assert.Contains(t, fault, "X has an empty value between its commas", value)
		assert.Nil(t, got)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) map[string]string { return r.Tokens("X") }
	for value, want := range map[string]map[string]string{
		"": {}, "ann:t1": {"t1": "ann"}, "ann:t1,bob:t2": {"t1": "ann", "t2": "bob"}, " ann : t1 , bob:t2": {"t1": "ann", "t2": "bob"},
		"ann:t1,ann:t2": {"t1": "ann", "t2": "ann"}, "ann:a:b:c": {"a:b:c": "ann"},
	} {
		got, fault := of(value, read)
		assert.Empty(t, fault)
		assert.Equal(t, want, got, value)
	}
	for value, why := range map[string]string{
		"secret": "must be name:token", "ann:": "must be name:token", ":secret": "must be name:token", "ann: ": "must be name:token",
		"ann:secret,": "empty value between its commas", "ann:secret,bob:secret": "gives one token twice",
		"secret:ann,secret2:ann": "gives one token twice", // the wrong way round: the name is the secret
	} {
		_, fault := of(value, read)
		assert.Contains(t, fault, why, value)
		assert.NotContains(t, fault, "secret", "no value is quoted: it may be one")
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) slog.Level { return r.LogLevel() }
	for value, want := range map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		got, fault := of(value, read)
		assert.Empty(t, fault)
		assert.Equal(t, want, got, value)
	}
	_, fault := of("loud", read)
	assert.Contains(t, fault, "LOG_LEVEL must be debug, info, warn or error")
}

func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	read := func(r *settings.Reader) string { return r.DatabaseURL() }
	for _, value := range []string{
		"postgres://u:p@host:5432/db", "postgresql://host/db?sslmode=disable", "postgres://u:p%2F%40@host/db",
		"postgres:///db?host=/var/run/postgresql", "postgres://u:p@one:1,two:2/db", "postgres://host/db?password=ends-with/", "postgres://u:with#@host/db",
	} {
		got, fault := of(value, read)
		assert.Empty(t, fault, value)
		assert.Equal(t, value, got, "it is used as it is")
	}
	_, fault := of("", read)
	assert.Contains(t, fault, "DATABASE_URL is not set: set it to postgres://user:password@host:5432/database")
	for _, value := range []string{
		"hunter2", "host=localhost password=hunter2", "mysql://u:hunter2@host/db", "postgres://u:hunter2@host:port/db",
		"postgres://u:hunter2@host/db?sslmode=perhaps", "postgres://u:%hunter2@host/db",
	} {
		_, fault := of(value, read)
		assert.Contains(t, fault, "DATABASE_URL must be a Postgres URL, such as postgres://user:password@host:5432/database", value)
		assert.NotContains(t, fault, "hunter2")
	}
}

func TestStripeKeys(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"sk_test_1": false, "rk_test_1": false, "sk_live_1": true, "rk_live_1": true} {
		live, fault := of(value, func(r *settings.Reader) bool { _, live := r.StripeKey(); return live })
		assert.Empty(t, fault)
		assert.Equal(t, want, live, value)
	}
	for value, why := range map[string]string{
		"":            "STRIPE_SECRET_KEY is not set: set it to the key from Stripe's dashboard, sk_…",
		"pk_test_1":   "STRIPE_SECRET_KEY must start with sk_test_, sk_live_, rk_test_ or rk_live_",
		"whsec_12345": "STRIPE_SECRET_KEY must start with",
	} {
		_, fault := of(value, func(r *settings.Reader) string { key, _ := r.StripeKey(); return key })
		assert.Contains(t, fault, why, value)
		assert.NotContains(t, fault, "12345")
	}
	for value, why := range map[string]string{
		"pk_test_1": "", "pk_live_1": "", "": "STRIPE_PUBLISHABLE_KEY is not set", "sk_live_12345": "STRIPE_PUBLISHABLE_KEY must start with pk_test_ or pk_live_",
	} {
		_, fault := of(value, func(r *settings.Reader) string { return r.StripePublishableKey() })
		assert.Contains(t, fault, why)
		assert.NotContains(t, fault, "12345")
	}
}
