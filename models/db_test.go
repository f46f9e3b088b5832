package models_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

// secret is in every statement that fails below, as somebody's data would be.
const secret = "eve@example.com"

func TestErrorsOfTheDatabase(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	fail := func(query string, args ...any) error {
		_, err := s.SQL().ExecContext(t.Context(), query, args...)
		return err
	}
	s.exec("INSERT INTO customers (id, email) VALUES ('taken', $1)", secret)
	for name, c := range map[string]struct {
		err                    error
		permanent, unavailable bool
		says                   string
	}{
		"a check":             {fail("INSERT INTO customers (id, email) VALUES (E'a\\n', $1)", secret), true, false, "postgres: SQLSTATE 23514 caller_id_check"},
		"a foreign key":       {fail("INSERT INTO carts VALUES ($1, 'bakery')", secret), true, false, "postgres: SQLSTATE 23503 carts_customer_id_fkey"},
		"a missing value":     {fail("INSERT INTO customers (id, email) VALUES (NULL, $1)", secret), true, false, "postgres: SQLSTATE 23502"},
		"a NUL":               {fail("INSERT INTO customers (id, email) VALUES ('x', $1)", secret+"\x00"), true, false, "postgres: SQLSTATE 22021"},
		"a number too long":   {fail("SELECT $1::text, '1e999999'::jsonb", secret), true, false, "postgres: SQLSTATE 22003"},
		"a key that is taken": {fail("INSERT INTO customers (id, email) VALUES ('taken', $1)", secret), false, false, "postgres: SQLSTATE 23505 customers_pkey"},
		"a missing table":     {fail("SELECT $1::text FROM nothing", secret), false, false, "postgres: SQLSTATE 42P01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, c.err)
			wrapped := fmt.Errorf("create order for evt_1: %w", c.err)
			assert.Equal(t, c.permanent, models.Permanent(wrapped))
			assert.Equal(t, c.unavailable, models.Unavailable(wrapped))
			assert.Equal(t, c.says, models.Describe(wrapped))
		})
	}
	for _, err := range []error{errors.New("x"), context.Canceled, &models.Error{Kind: models.Invalid, Message: "x"}, nil} {
		assert.False(t, models.Permanent(err))
		assert.False(t, models.Unavailable(err))
	}
	assert.Equal(t, "x", models.Describe(errors.New("x")))
}

func TestDatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	unavailable := func(t *testing.T, err error) {
		t.Helper()
		require.Error(t, err)
		assert.True(t, models.Unavailable(err), "%T %v", err, err)
		assert.False(t, models.Permanent(err))
		assert.NotContains(t, models.Describe(err), "hunter2")
		assert.NotContains(t, models.Describe(err), secret)
	}

	t.Run("a closed port", func(t *testing.T) {
		t.Parallel()
		db := openAt(t, "postgres://twigz:hunter2@127.0.0.1:1/twigz?sslmode=disable")
		unavailable(t, db.Ping(t.Context()))
		_, err := db.CreateOrder(t.Context(), paid("pi_1"))
		unavailable(t, err)
	})

	t.Run("a host that nobody knows", func(t *testing.T) {
		t.Parallel()
		unavailable(t, openAt(t, "postgres://twigz:hunter2@db.invalid/twigz").Ping(t.Context()))
	})

	t.Run("a connection that is killed", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		running := make(chan error, 1)
		go func() {
			_, err := s.SQL().ExecContext(t.Context(), "SELECT $1::text, pg_sleep(30)", secret)
			running <- err
		}()
		const kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(30)' AND pid <> pg_backend_pid()"
		require.Eventually(t, func() bool { return ask[int64](s, kill) == 1 }, 10*time.Second, 10*time.Millisecond)
		unavailable(t, <-running)
		s.mustOrder(paid("pi_1")) // over a new connection
	})

	t.Run("connections that were killed while nobody used them", func(t *testing.T) {
		t.Parallel()
		url := pgtest.NewURL(t)
		s, other := shop{openAt(t, url), t}, shop{openAt(t, url), t}
		s.putStore(func(*models.Store) {})
		other.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		s.putStore(func(*models.Store) {})
	})

	t.Run("a statement that takes too long", func(t *testing.T) {
		t.Parallel()
		at := pgtest.NewURL(t)
		s := shop{openAt(t, at), t}
		u, err := url.Parse(at)
		require.NoError(t, err)
		query := u.Query()
		query.Set("statement_timeout", "50")
		u.RawQuery = query.Encode()
		impatient := openAt(t, u.String())
		tx, err := s.SQL().BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer tx.Rollback() //nolint:errcheck // it only holds the lock
		_, err = tx.ExecContext(t.Context(), "LOCK TABLE payments")
		require.NoError(t, err)
		_, err = impatient.CreateOrder(t.Context(), paid("pi_1"))
		unavailable(t, err)
		assert.Equal(t, "postgres: SQLSTATE 57014", models.Describe(err))
	})

	t.Run("a caller who waits no longer", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		_, err := s.CreateOrder(ctx, paid("pi_1"))
		unavailable(t, err)
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"postgres://twigz:hunter2@host:port/x", "mysql://twigz:hunter2@%%", "host=x port=hunter2"} {
		_, err := models.Open(bad, 1)
		require.Error(t, err, bad)
		assert.Equal(t, "DATABASE_URL is not a Postgres URL", err.Error())
	}
	require.NoError(t, open(t).Ping(t.Context()))
}

// Whichever write of a transaction fails, nothing of it is left, and the next
// attempt does it all.
func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, table := range []string{
		"payments", "products", "orders", "order_items", "cart_items", "notifications", "audit_entries", "stripe_events",
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.fill("jam", 2)
			s.checkout("co_1")
			s.exec("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room for eve@example.com' USING ERRCODE = '53100'; END $$")
			s.exec("CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON " + table + " FOR EACH STATEMENT EXECUTE FUNCTION fail()")
			before, audit := s.goods(), ask[int64](s, "SELECT count(*) FROM audit_entries")
			e := paid("pi_1", named("co_1"))
			_, err := s.CreateOrder(t.Context(), e)
			require.ErrorContains(t, err, "create order for "+e.ID)
			assert.True(t, models.Unavailable(err))
			assert.Equal(t, "postgres: SQLSTATE 53100", models.Describe(err))
			assert.Equal(t, before, s.goods())
			assert.Equal(t, audit, ask[int64](s, "SELECT count(*) FROM audit_entries"))
			assert.Zero(t, ask[int64](s, "SELECT count(*) FROM payments"))
			assert.Zero(t, ask[int64](s, "SELECT count(*) FROM stripe_events"))

			s.exec("DROP TRIGGER fail ON " + table)
			s.mustOrder(e)
		})
	}

	t.Run("of a payment that failed", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.exec("DROP TABLE notifications")
		_, err := s.RecordPaymentState(t.Context(), failed("pi_1", "ch_1"), models.PaymentFailed)
		require.ErrorContains(t, err, "record failed for evt_")
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM payments"))
		_, err = s.ClaimNotifications(t.Context(), "pay_1", "evt_a")
		require.ErrorContains(t, err, "claim notifications of pay_1")
		err = s.SettleNotification(t.Context(), models.Notification{ID: "ntf_1"}, models.NotificationSent, "")
		require.ErrorContains(t, err, "settle notification ntf_1")
		require.ErrorContains(t, s.FailNotifications(t.Context(), "pay_1", ""), "fail notifications of pay_1")
		_, err = s.PaymentDetail(t.Context(), "pi_1", workflowURL)
		requireKind(t, err, models.NotFound, "")
	})
}
