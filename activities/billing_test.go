package activities_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/internal/pgtest"
	"twigz/models"
)

// bureau is what looks at Stripe's customers, with the account that it looks at.
type bureau struct {
	*activities.Billing
	t       *testing.T
	account *account
	logs    *bytes.Buffer
}

func newBureau(t *testing.T) *bureau {
	t.Helper()
	b := &bureau{t: t, account: newAccount(t), logs: new(bytes.Buffer)}
	b.Billing = &activities.Billing{
		Stripe: served(t, b.account.ServeHTTP), DB: open(t, pgtest.NewURL(t)), Grace: 7 * 24 * time.Hour,
		Log: slog.New(slog.NewJSONHandler(b.logs, nil)),
	}
	b.account.page("/v1/subscriptions", false, subscription("sub_1", items(item("si_1", ""))))
	b.account.page("/v1/invoices", false, bill("in_1", `,"subscription":"sub_1"`))
	return b
}

// want makes it the turn of holder, or says whose it is.
func (b *bureau) want(holder string) models.SyncTurn {
	b.t.Helper()
	turn, err := run[models.SyncTurn](b.t, &activities.Activities{DB: b.DB}, (&activities.Activities{}).WantSync,
		models.SyncWant{StripeCustomerID: "cus_1", Holder: holder})
	require.NoError(b.t, err)
	return turn
}

func (b *bureau) sync(holder string) (models.SyncResult, error) {
	b.t.Helper()
	return run[models.SyncResult](b.t, b.Billing, b.SyncBilling, models.SyncLook{StripeCustomerID: "cus_1", Holder: holder})
}

func TestSyncBilling(t *testing.T) {
	t.Parallel()
	t.Run("keeps what Stripe says", func(t *testing.T) {
		t.Parallel()
		b := newBureau(t)
		require.True(t, b.want("evt_1").Mine)
		got, err := b.sync("evt_1")
		require.NoError(t, err)
		assert.Equal(t, models.SyncResult{Subscriptions: 1, Invoices: 1, Changed: true}, got)
		state, err := b.DB.Subscription(t.Context(), "auth0|7")
		require.NoError(t, err)
		assert.Equal(t, "active", state.Status)
		assert.NotContains(t, b.logs.String(), customerEmail)
	})
	t.Run("asks nothing when it is another's turn", func(t *testing.T) {
		t.Parallel()
		b := newBureau(t)
		require.True(t, b.want("evt_1").Mine)
		got, err := b.sync("evt_2")
		require.NoError(t, err)
		assert.Equal(t, models.SyncResult{Lost: true}, got)
		assert.Empty(t, b.account.asked)
	})
	t.Run("keeps nothing when Stripe cannot be reached, and may be tried again", func(t *testing.T) {
		t.Parallel()
		b := newBureau(t)
		require.True(t, b.want("evt_1").Mine)
		b.account.answers["/v1/invoices"] = reply{500, `{"error":{"type":"api_error"}}`}
		_, err := b.sync("evt_1")
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Contains(t, failure.Message(), "list invoices of cus_1")
		state, err := b.DB.Subscription(t.Context(), "auth0|7")
		require.NoError(t, err)
		assert.Equal(t, models.StatusNone, state.Status)
	})
	t.Run("waits for an operator to mend the key", func(t *testing.T) {
		t.Parallel()
		b := newBureau(t)
		require.True(t, b.want("evt_1").Mine)
		b.account.answers["/v1/customers/cus_1"] = reply{http.StatusUnauthorized, said("invalid_request_error", "api_key_expired")}
		_, err := b.sync("evt_1")
		assert.False(t, application(t, err).NonRetryable())
	})
	t.Run("waits for as long as Stripe says, and lets nobody else ask meanwhile", func(t *testing.T) {
		t.Parallel()
		b := newBureau(t)
		require.True(t, b.want("evt_1").Mine)
		b.account.answers["/v1/subscriptions"] = reply{http.StatusTooManyRequests, said("invalid_request_error", "rate_limit")}
		_, err := b.sync("evt_1")
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Equal(t, 30*time.Second, failure.NextRetryDelay())
		var until time.Time
		require.NoError(t, b.DB.SQL().QueryRowContext(t.Context(), "SELECT lease_until FROM stripe_customers WHERE id = 'cus_1' AND lease_holder = 'evt_1'").Scan(&until))
		assert.Greater(t, time.Until(until), 80*time.Second)
		assert.False(t, b.want("evt_2").Mine)
	})
}
