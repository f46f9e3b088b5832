package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faults is what readConfig says of an environment.
func faults(changes map[string]string) string {
	env := settingsOf(changes)
	_, err := readConfig(func(name string) string { return env[name] })
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEveryMissingSettingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := readConfig(func(string) string { return "" })
	require.Error(t, err)
	var names []string
	for line := range strings.Lines(err.Error()) {
		if name, _, missing := strings.Cut(strings.TrimSpace(line), " is not set: set it to "); missing {
			names = append(names, name)
		}
	}
	assert.ElementsMatch(t, []string{
		"DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "AUTH_JWT_SECRET",
	}, names)
}

func TestBadSettingsAreToldWithoutTheirValues(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"API_ADDR": "hunter2", "METRICS_ADDR": "hunter2", "DATABASE_URL": "hunter2", "TEMPORAL_ADDRESS": "hunter2", "TEMPORAL_UI_URL": "hunter2",
		"STRIPE_SECRET_KEY": "hunter2", "STRIPE_PUBLISHABLE_KEY": "hunter2", "STRIPE_WEBHOOK_SECRET": "hunter2,", "STRIPE_LIVEMODE": "hunter2",
		"CORS_ORIGINS": "hunter2", "AUTH_JWKS_URL": "hunter2", "SUPPORT_TOKENS": "hunter2", "LOG_LEVEL": "hunter2",
	}
	said := faults(bad)
	for name := range bad {
		assert.Equal(t, 1, strings.Count(said, "\n  "+name+" "), "%s is told once: %s", name, said)
	}
	assert.NotContains(t, said, "hunter2")
}

func TestWebhookSecretsMustNotBeEmpty(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "STRIPE_WEBHOOK_SECRET is not set", " ": "STRIPE_WEBHOOK_SECRET is not set", ",": "STRIPE_WEBHOOK_SECRET has an empty value between its commas",
		"whsec_1,": "STRIPE_WEBHOOK_SECRET has an empty value", ",whsec_1": "STRIPE_WEBHOOK_SECRET has an empty value", "whsec_1,,whsec_2": "STRIPE_WEBHOOK_SECRET has an empty value",
	} {
		assert.Contains(t, faults(map[string]string{"STRIPE_WEBHOOK_SECRET": value}), want, value)
	}
	assert.Empty(t, faults(map[string]string{"STRIPE_WEBHOOK_SECRET": " whsec_1 , whsec_2 "}))
}

func TestCORSOrigins(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		"": {"*"}, "*": {"*"}, "https://shop.example": {"https://shop.example"}, "http://localhost:3000, https://Shop.example": {"http://localhost:3000", "https://shop.example"},
		"capacitor://localhost": {"capacitor://localhost"},
	} {
		env := settingsOf(map[string]string{"CORS_ORIGINS": value})
		c, err := readConfig(func(name string) string { return env[name] })
		require.NoError(t, err, value)
		assert.Equal(t, want, c.corsOrigins)
	}
	for _, value := range []string{"shop.example", "https://shop.example/", "https://shop.example/path", "https://shop.example?x", "https://a:b@shop.example", "https://", "https://a,", "null"} {
		assert.Contains(t, faults(map[string]string{"CORS_ORIGINS": value}), "CORS_ORIGINS ", value)
	}
}

func TestLivemodeFollowsTheKeyUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, told string
		want      bool
	}{
		{"sk_test_1", "", false}, {"sk_live_1", "", true}, {"rk_live_1", "", true}, {"sk_test_1", "true", true}, {"sk_live_1", "false", false},
	} {
		env := settingsOf(map[string]string{"STRIPE_SECRET_KEY": test.key, "STRIPE_LIVEMODE": test.told})
		c, err := readConfig(func(name string) string { return env[name] })
		require.NoError(t, err)
		assert.Equal(t, test.want, c.livemode, "%+v", test)
	}
}

func TestUnwiseSettingsAreWarnedOf(t *testing.T) {
	t.Parallel()
	p := start(t, map[string]string{"AUTH_JWT_SECRET": "short", "SUPPORT_TOKENS": ""})
	assert.Contains(t, p.logs.String(), "AUTH_JWT_SECRET is shorter than 32 bytes")
	assert.Contains(t, p.logs.String(), "SUPPORT_TOKENS is not set")
	assert.NotContains(t, p.logs.String(), "AUTH_JWKS_URL")

	p = start(t, map[string]string{"AUTH_JWT_SECRET": "", "AUTH_JWKS_URL": "http://" + nowhere + "/keys"})
	assert.Contains(t, p.logs.String(), "neither AUTH_ISSUER nor AUTH_AUDIENCE is set")
	assert.NotContains(t, p.logs.String(), "AUTH_JWT_SECRET")
}

func TestTokensAreCheckedByASecretOrByPublishedKeysOrByBoth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ secret, keys, want string }{
		{jwtSecret, "", ""},
		{"", "https://id.example/.well-known/jwks.json", ""},
		{"", "http://127.0.0.1:1/keys", ""},
		{jwtSecret, "https://id.example/keys", ""},
		{"", "", "AUTH_JWT_SECRET is not set: set it to the secret that customers' tokens are signed with (HS256), or AUTH_JWKS_URL to"},
		{"", "id.example/keys", "AUTH_JWKS_URL must be a URL starting with https:// or http://"},
		{jwtSecret, "file:///keys", "AUTH_JWKS_URL must be a URL starting with https:// or http://"},
	} {
		said := faults(map[string]string{"AUTH_JWT_SECRET": test.secret, "AUTH_JWKS_URL": test.keys})
		assert.Contains(t, said, test.want)
		assert.Equal(t, test.want == "", said == "", said)
	}
}

// TestProgramsWithoutSettings runs the real ones as a newcomer might.
func TestProgramsWithoutSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "twigz/cmd/api", "twigz/cmd/worker")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	const (
		database = "  DATABASE_URL is not set: set it to postgres://user:password@host:5432/database\n"
		key      = "  STRIPE_SECRET_KEY is not set: set it to the key from Stripe's dashboard, sk_… or rk_…\n"
		end      = "The README lists them all.\n"
	)
	for _, test := range []struct{ command, want string }{
		{"api", "api: some settings are missing or wrong:\n" + database + key +
			"  STRIPE_PUBLISHABLE_KEY is not set: set it to the key from Stripe's dashboard, pk_…\n" +
			"  STRIPE_WEBHOOK_SECRET is not set: set it to the endpoint's signing secret, whsec_…\n" +
			"  AUTH_JWT_SECRET is not set: set it to the secret that customers' tokens are signed with (HS256), or AUTH_JWKS_URL to where their issuer publishes its keys (RS256, ES256)\n" + end},
		{"worker", "worker: some settings are missing or wrong:\n" + key + database + end},
		{"worker migrate", "worker: some settings are missing or wrong:\n" + database + end},
		{"worker bogus", "worker: usage: worker [migrate]\n"},
	} {
		t.Run(test.command, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(test.command)
			command := exec.CommandContext(t.Context(), filepath.Join(dir, words[0]), words[1:]...)
			command.Env = []string{} // nil would be ours
			var stderr strings.Builder
			command.Stderr = &stderr
			stdout, err := command.Output()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 1, exit.ExitCode())
			assert.Empty(t, string(stdout))
			assert.Equal(t, test.want, stderr.String())
		})
	}
}
