package main

import (
	"encoding/base64"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// configOf reads the settings of a worker that lacks nothing, changed as the
// test wants it.
func configOf(changes map[string]string) (config, error) {
	env := map[string]string{
		"DATABASE_URL": "postgres://localhost/twigz", "STRIPE_SECRET_KEY": "sk_test_key", "TEMPORAL_CONFIG_FILE": os.DevNull,
	}
	maps.Copy(env, changes)
	return readConfig(func(name string) string { return env[name] })
}

func TestEveryMissingSettingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := readConfig(func(string) string { return "" })
	require.ErrorContains(t, err, "DATABASE_URL is not set: set it to postgres://")
	require.ErrorContains(t, err, "STRIPE_SECRET_KEY is not set: set it to")
	assert.Equal(t, 2, strings.Count(err.Error(), " is not set"), "the others may be absent")
}

func TestBadSettingsAreToldWithoutTheirValues(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"DATABASE_URL": "hunter2", "STRIPE_SECRET_KEY": "hunter2", "STRIPE_API_BASE": "hunter2", "TEMPORAL_UI_URL": "hunter2",
		"STRIPE_LIVEMODE": "hunter2", "LOG_LEVEL": "hunter2", "SMTP_URL": "hunter2", "MAIL_FROM": "hunter2", "SUPPORT_EMAIL": "hunter2",
		"SUBSCRIPTION_GRACE_DAYS": "hunter2", "OUTGOING_WEBHOOK_URL": "hunter2", "OUTGOING_WEBHOOK_SECRET": "hunter2",
	}
	_, err := configOf(bad)
	require.Error(t, err)
	for name := range bad {
		assert.Contains(t, err.Error(), name)
	}
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestLivemodeGoesByTheKeyUnlessItIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, told string
		want      bool
	}{
		{"sk_test_key", "", false},
		{"rk_live_key", "", true},
		{"sk_live_key", "false", false},
		{"sk_test_key", "true", true},
	} {
		got, err := configOf(map[string]string{"STRIPE_SECRET_KEY": c.key, "STRIPE_LIVEMODE": c.told})
		require.NoError(t, err)
		assert.Equal(t, c.want, got.livemode, c.key+" "+c.told)
	}
}

func TestHowLongAccessIsKeptAfterAPaymentFailed(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for set, want := range map[string]time.Duration{"": 7 * day, "0": 0, " 14 ": 14 * day, "365": 365 * day} {
		c, err := configOf(map[string]string{"SUBSCRIPTION_GRACE_DAYS": set})
		require.NoError(t, err)
		assert.Equal(t, want, c.grace, set)
	}
	for _, bad := range []string{"-1", "366", "1.5", "a week", "7d"} {
		_, err := configOf(map[string]string{"SUBSCRIPTION_GRACE_DAYS": bad})
		require.ErrorContains(t, err, "SUBSCRIPTION_GRACE_DAYS must be a whole number from 0 to 365", bad)
	}
}

func TestAnEndpointForOtherServices(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	of := func(url, secret string) (config, error) {
		return configOf(map[string]string{"OUTGOING_WEBHOOK_URL": url, "OUTGOING_WEBHOOK_SECRET": secret})
	}

	t.Run("is none unless it is set", func(t *testing.T) {
		t.Parallel()
		c, err := of("", "")
		require.NoError(t, err)
		assert.Nil(t, c.endpoint)
		assert.Nil(t, c.announce())
	})
	t.Run("is told by a workflow of its own for each message", func(t *testing.T) {
		t.Parallel()
		c, err := of("https://shop.example/hooks/", secret+", "+secret)
		require.NoError(t, err)
		assert.NotNil(t, c.endpoint)
		require.NotNil(t, c.announce())
		assert.Equal(t, "DeliverWebhook", c.announce().WorkflowType)
		assert.Equal(t, "webhook-msg_1", c.announce().WorkflowID("msg_1"))
	})
	t.Run("needs both settings, and good ones", func(t *testing.T) {
		t.Parallel()
		for name, bad := range map[string][2]string{
			"no secret": {"https://shop.example", ""}, "no URL": {"", secret}, "a bad URL": {"shop.example", secret},
			"a short secret": {"https://shop.example", "whsec_aHVudGVyMg=="}, "an empty secret": {"https://shop.example", secret + ","},
		} {
			_, err := of(bad[0], bad[1])
			require.ErrorContains(t, err, "OUTGOING_WEBHOOK_URL, OUTGOING_WEBHOOK_SECRET must both be set, or neither", name)
		}
	})
}

func TestMailSettings(t *testing.T) {
	t.Parallel()

	t.Run("no mail server is fine: mails are recorded", func(t *testing.T) {
		t.Parallel()
		c, err := configOf(nil)
		require.NoError(t, err)
		mailer, err := c.mailer()
		require.NoError(t, err)
		assert.Nil(t, mailer)
	})
	t.Run("a mail server needs a sender", func(t *testing.T) {
		t.Parallel()
		_, err := configOf(map[string]string{"SMTP_URL": "smtp://localhost:25"})
		require.ErrorContains(t, err, "MAIL_FROM is not set: set it to the sender")
	})
	t.Run("with both there is a mailer", func(t *testing.T) {
		t.Parallel()
		c, err := configOf(map[string]string{"SMTP_URL": "smtps://user:pass@mail.example:465", "MAIL_FROM": "Corner Bakery <orders@bakery.example>"})
		require.NoError(t, err)
		mailer, err := c.mailer()
		require.NoError(t, err)
		assert.NotNil(t, mailer)
	})
	t.Run("support may have an address, with or without a mail server", func(t *testing.T) {
		t.Parallel()
		c, err := configOf(map[string]string{"SUPPORT_EMAIL": " help@bakery.example "})
		require.NoError(t, err)
		assert.Equal(t, "help@bakery.example", c.supportEmail)
		c, err = configOf(nil)
		require.NoError(t, err)
		assert.Empty(t, c.supportEmail)
	})
	t.Run("support's address must be one, bare, and is told by name", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []string{"Help <help@bakery.example>", "a@bakery.example, b@bakery.example", "nobody"} {
			_, err := configOf(map[string]string{"SUPPORT_EMAIL": bad})
			require.ErrorContains(t, err, "SUPPORT_EMAIL must be one bare mail address")
		}
	})
}
