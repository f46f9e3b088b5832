package models_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

// quietFor is how long the watchdog waits in these tests. What they plant was
// last changed twice as long ago.
const quietFor = 5 * time.Minute

// collect plants a payment that succeeded ten minutes ago and nothing came of,
// changed as the test wants it.
func (s shop) collect(id, change string, args ...any) {
	s.t.Helper()
	s.exec(`INSERT INTO payments (id, kind, state, amount, amount_received, currency, livemode, updated_at)
		VALUES ($1, 'order', 'paid', 1599, 1599, 'usd', false, now() - interval '10 minutes')`, id)
	if change != "" {
		s.exec("UPDATE payments SET "+change+" WHERE id = '"+id+"'", args...)
	}
}

func (s shop) lacking() []string {
	s.t.Helper()
	ids, err := s.PaymentsWithoutOutcome(s.t.Context(), quietFor, 100)
	require.NoError(s.t, err)
	count, err := s.PaidWithoutOutcome(s.t.Context(), quietFor)
	require.NoError(s.t, err)
	assert.EqualValues(s.t, len(ids), count, "the gauge counts what the watchdog sees")
	return ids
}

func TestEverySucceededPaymentNeedsAnOutcome(t *testing.T) {
	t.Parallel()
	refund := func(status string, amount int64) func(shop) {
		return func(s shop) {
			s.exec("INSERT INTO refunds (id, payment_id, source, status, amount) VALUES ('rfd_1', 'pay_1', 'compensation', $1, $2)", status, amount)
		}
	}
	for _, c := range []struct {
		name   string
		change string // to the payment
		also   func(shop)
		lacks  bool
	}{
		{"one that nothing came of lacks one", "", nil, true},
		{"one that was told to have no order, and keeps the money, lacks one", "no_order_reason = 'out_of_stock'", nil, true},
		{"one of which a part was given back lacks one", "amount_refunded = 1598", nil, true},
		{"one of which all was given back has one", "amount_refunded = 1599", nil, false},
		{"one of which more than all was given back has one", "amount_refunded = 1600", nil, false},
		{"one that nobody knows what was collected for lacks one", "amount_received = NULL, amount_refunded = 5", nil, true},
		{"one that cost nothing and has no order lacks one", "amount_received = 0", nil, true},
		{"one that cost nothing and will have no order has one", "amount_received = 0, no_order_reason = 'out_of_stock'", nil, false},
		{"one whose refund is on its way has one", "no_order_reason = 'out_of_stock'", refund("pending", 1599), false},
		{"one whose refund waits for the customer has one", "", refund("requires_action", 1599), false},
		{"one whose refund came back lacks one", "", refund("failed", 1599), true},
		{"one whose refund nobody has asked Stripe for lacks one", "", refund("requested", 1599), true},
		{"one whose refund Stripe refused lacks one", "", refund("refused", 1599), true},
		{"one of which a part is on its way lacks one", "", refund("pending", 1598), true},
		{"one that the bank took back has one", "charged_back = true", nil, false},
		{"one that is blocked is an open case", "blocked_reason = 'out_of_stock', owner_workflow_id = 'evt_1'", nil, false},
		{"one that changed a moment ago has time yet", "updated_at = now() - interval '4 minutes'", nil, false},
		{"one that was not collected owes nothing", "state = 'failed'", nil, false},
		{"one that is no order's owes none", "kind = 'unmatched'", nil, false},
		{"one that pays a subscription owes none", "kind = 'subscription'", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := shop{open(t), t}
			s.collect("pay_1", c.change)
			if c.also != nil {
				c.also(s)
			}
			want := []string{}
			if c.lacks {
				want = append(want, "pay_1")
			}
			assert.Equal(t, want, s.lacking())
		})
	}

	t.Run("one with an order has one, whatever became of the order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1"))
		s.exec("UPDATE payments SET updated_at = now() - interval '10 minutes'")
		assert.Empty(t, s.lacking())
		require.NoError(t, s.ChangeOrderStatus(t.Context(), f.OrderID, models.OrderCanceled, staff))
		assert.Empty(t, s.lacking())
	})

	t.Run("those that wait longest come first, as many as are wanted", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		for i := range 5 {
			s.collect(fmt.Sprint("pay_", i), "updated_at = now() - make_interval(hours => $1)", i+1)
		}
		ids, err := s.PaymentsWithoutOutcome(t.Context(), quietFor, 2)
		require.NoError(t, err)
		assert.Equal(t, []string{"pay_4", "pay_3"}, ids)
		assert.Len(t, s.lacking(), 5)
	})
}

func TestTheWatchdogDoesNotReadTheWholePastEachTime(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	s := shop{openAt(t, url), t}
	s.collect("pay_old", "updated_at = now() - interval '40 days'")
	s.collect("pay_new", "updated_at = now() - interval '90 minutes'")
	assert.Equal(t, []string{"pay_old", "pay_new"}, s.lacking(), "at first everything is looked at")
	require.NoError(t, s.MoveCursor(t.Context(), models.CursorWatched, time.Now().Add(-time.Hour)))
	assert.Equal(t, []string{"pay_new"}, s.lacking(), "and later what was changed since everything was well, or an hour before")

	years(s)
	s.exec("UPDATE payments SET updated_at = now() - interval '30 days' WHERE id <> 'pay_new'")
	s.exec("ANALYZE payments")
	s.exec("SELECT pg_stat_reset()")
	busy, err := models.Open(url, 2)
	require.NoError(t, err)
	_, err = busy.PaymentsWithoutOutcome(t.Context(), quietFor, 10)
	require.NoError(t, err)
	_, err = busy.PaidWithoutOutcome(t.Context(), quietFor)
	require.NoError(t, err)
	require.NoError(t, busy.Close()) // its sessions report when they end
	require.Eventually(t, func() bool {
		return ask[int64](s, "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE indexrelname = 'payments_to_watch'") == 2
	}, 10*time.Second, 10*time.Millisecond)
	assert.Zero(t, ask[int64](s, "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('payments', 'orders')"))
}

func TestWhatWaitsForAPersonIsPagedThrough(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	for i := range 5 {
		id := fmt.Sprint("pay_", i)
		s.collect(id, "blocked_reason = 'out_of_stock', owner_workflow_id = $1", "evt_"+id)
		s.exec("INSERT INTO disputes (id, payment_id, status, owner_workflow_id) VALUES ($1, $2, 'needs_response', $3)",
			fmt.Sprint("du_", i), id, fmt.Sprint("evt_du_", i))
	}
	s.collect("pay_well", "")
	for i, status := range []string{"won", "lost", "warning_closed"} {
		s.exec("INSERT INTO disputes (id, payment_id, status, owner_workflow_id) VALUES ($1, 'pay_well', $2, 'evt_1')", fmt.Sprint("du_over_", i), status)
	}
	s.exec("INSERT INTO disputes (id, payment_id, status) VALUES ('du_unwatched', 'pay_well', 'needs_response')")

	var blocked, watched []models.Owned
	for after := ""; ; after = blocked[len(blocked)-1].ID {
		page, err := s.BlockedPayments(t.Context(), after, 2)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		blocked = append(blocked, page...)
	}
	for after := ""; ; after = watched[len(watched)-1].ID {
		page, err := s.WatchedDisputes(t.Context(), after, 2)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		watched = append(watched, page...)
	}
	require.Len(t, blocked, 5)
	require.Len(t, watched, 5)
	assert.Equal(t, models.Owned{ID: "pay_2", PaymentID: "pay_2", OwnerID: "evt_pay_2"}, blocked[2])
	assert.Equal(t, models.Owned{ID: "du_2", PaymentID: "pay_2", OwnerID: "evt_du_2"}, watched[2])
}

func TestACursorNeverMovesBack(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	never, err := s.Cursor(t.Context(), "x")
	require.NoError(t, err)
	assert.True(t, never.IsZero())
	at := time.Now().Truncate(time.Microsecond)
	for _, move := range []struct{ to, want time.Time }{
		{at, at}, {at.Add(-time.Hour), at}, {at.Add(time.Hour), at.Add(time.Hour)},
	} {
		require.NoError(t, s.MoveCursor(t.Context(), "x", move.to))
		got, err := s.Cursor(t.Context(), "x")
		require.NoError(t, err)
		assert.WithinDuration(t, move.want, got, 0)
	}
	other, err := s.Cursor(t.Context(), "y")
	require.NoError(t, err)
	assert.True(t, other.IsZero())
}

func TestUnseenAreThoseThatAreNeitherRecordedNorWaiting(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	e := paid("pi_1")
	s.mustOrder(e)
	s.exec("INSERT INTO inbox (workflow_id, workflow_type, input) VALUES ('evt_waiting', 'FulfillOrder', '{}')")
	got, err := s.Unseen(t.Context(), []string{"evt_b", e.ID, "evt_a", "evt_waiting"})
	require.NoError(t, err)
	assert.Equal(t, []string{"evt_b", "evt_a"}, got)
	got, err = s.Unseen(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, got)
}
