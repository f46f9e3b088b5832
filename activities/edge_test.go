package activities_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/internal/pgtest"
	"twigz/models"
)

func TestEdge(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.NewURL(t)).SQL()
	_, err := db.ExecContext(t.Context(), `CREATE TABLE things (id text PRIMARY KEY, age int NOT NULL CONSTRAINT grown_up CHECK (age > 17),
		friend text REFERENCES things); INSERT INTO things VALUES ('`+customerEmail+`', 18)`)
	require.NoError(t, err)

	raise := func(state string) string {
		return fmt.Sprintf("DO $$ BEGIN RAISE EXCEPTION '%s' USING ERRCODE = '%s'; END $$", customerEmail, state)
	}
	for _, c := range []struct {
		name      string
		statement string
		permanent bool
		text      string
	}{
		{"a broken rule", "INSERT INTO things VALUES ('" + customerEmail + "', 3)", true, "SQLSTATE 23514 grown_up"},
		{"nobody of that name", "INSERT INTO things VALUES ('x', 20, 'no-" + customerEmail + "')", true, "SQLSTATE 23503 things_friend_fkey"},
		{"nothing where something must be", "INSERT INTO things VALUES ('" + customerEmail + "')", true, "SQLSTATE 23502"},
		{"a value that is none", "SELECT '" + customerEmail + "'::int", true, "SQLSTATE 22P02"},
		{"a number too large", "INSERT INTO things VALUES ('x', 3000000000)", true, "SQLSTATE 22003"},
		{"a table that is not there", "SELECT '" + customerEmail + "' FROM nothing", false, "SQLSTATE 42P01"},
		{"a row that was there first", "INSERT INTO things VALUES ('" + customerEmail + "', 20)", false, "SQLSTATE 23505 things_pkey"},
		{"a deadlock", raise("40P01"), false, "SQLSTATE 40P01"},
		{"two at once", raise("40001"), false, "SQLSTATE 40001"},
		{"a full disk", raise("53100"), false, "SQLSTATE 53100"},
		{"too many connections", raise("53300"), false, "SQLSTATE 53300"},
		{"a server that shuts down", raise("57P01"), false, "SQLSTATE 57P01"},
		{"a statement that takes too long", "SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", false, "SQLSTATE 57014"},
		{"a server of which we know nothing", raise("XX000"), false, "SQLSTATE XX000"},
	} {
		t.Run(fmt.Sprintf("%s is permanent: %t", c.name, c.permanent), func(t *testing.T) {
			t.Parallel()
			_, err := db.ExecContext(t.Context(), c.statement)
			require.Error(t, err)
			failure := application(t, activities.Edge(fmt.Errorf("create order for evt_1: %w", err)))
			assert.Equal(t, c.permanent, failure.NonRetryable())
			assert.Equal(t, "postgres: "+c.text, failure.Message())
			assert.NotContains(t, failure.Error(), customerEmail)
			require.NoError(t, failure.Unwrap(), "the cause would be written down beside it, data and all")
			assert.False(t, failure.HasDetails())
		})
	}

	t.Run("nothing is nothing", func(t *testing.T) {
		t.Parallel()
		assert.NoError(t, activities.Edge(nil))
	})
}

func TestRowsThatCannotBeReachedPass(t *testing.T) {
	t.Parallel()
	elsewhere, err := models.Open("postgres://twigz:hunter2@127.0.0.1:1/twigz?sslmode=disable&connect_timeout=2", 2)
	require.NoError(t, err)
	t.Cleanup(func() { _ = elsewhere.Close() })
	a := &activities.Activities{DB: elsewhere}

	t.Run("when nobody listens", func(t *testing.T) {
		t.Parallel()
		for name, call := range map[string]func() error{
			"CreateOrder": func() error { _, err := run[any](t, a, a.CreateOrder, paid()); return err },
			"ClearCart": func() error {
				_, err := run[any](t, a, a.ClearCart, activities.OrderInput{OrderID: "ord_1"})
				return err
			},
			"RecordPaymentState": func() error {
				_, err := run[any](t, a, a.RecordPaymentState, activities.RecordInput{Event: paid(), State: models.PaymentFailed})
				return err
			},
			"SendNotifications": func() error { _, err := run[any](t, a, a.SendNotifications, activities.NotifyInput{}); return err },
			"FailNotifications": func() error { _, err := run[any](t, a, a.FailNotifications, activities.NotifyInput{}); return err },
			"KeepReceiptEmail": func() error {
				_, err := run[any](t, a, a.KeepReceiptEmail, activities.KeepEmailInput{PaymentID: "pay_1", Email: customerEmail})
				return err
			},
		} {
			failure := application(t, call())
			assert.False(t, failure.NonRetryable(), name)
			for _, secret := range []string{"hunter2", customerEmail, street} {
				assert.NotContains(t, failure.Error(), secret, name)
			}
		}
	})

	t.Run("when there is no more time", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		_, err := s.CreateOrder(ctx, paid())
		assert.False(t, application(t, err).NonRetryable())
	})
}

func TestRowsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	e := paid()
	e.ID = "not an event's ID"
	_, err := run[models.Fulfillment](t, s.Activities, s.CreateOrder, e)
	failure := application(t, err)
	assert.True(t, failure.NonRetryable())
	assert.Contains(t, failure.Message(), "SQLSTATE 23514")
	for _, secret := range []string{customerEmail, street, "auth0|7"} {
		assert.NotContains(t, err.Error(), secret)
	}
}

func TestOrderIsMadeAndCartClearedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	made := s.order(paid())
	for range 2 {
		again, err := run[models.Fulfillment](t, s.Activities, s.CreateOrder, paid())
		require.NoError(t, err)
		assert.Equal(t, models.OrderExists, again.Outcome)
		assert.Equal(t, made.OrderID, again.OrderID)
		assert.True(t, again.Unfinished, "mails are due")
		_, err = run[any](t, s.Activities, s.ClearCart, activities.OrderInput{OrderID: made.OrderID})
		require.NoError(t, err)
	}
}
