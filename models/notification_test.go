package models_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) claim(paymentID, by string) map[models.Recipient]models.Letter {
	s.t.Helper()
	letters, err := s.ClaimNotifications(s.t.Context(), paymentID, by)
	require.NoError(s.t, err)
	to := map[models.Recipient]models.Letter{}
	for _, letter := range letters {
		to[letter.Recipient] = letter
	}
	return to
}

func TestClaimNotifications(t *testing.T) {
	t.Parallel()

	t.Run("hands out all that a text is made of", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1"))
		to := s.claim(f.PaymentID, "evt_a")
		require.Len(t, to, 2)
		receipt, work := to[models.ToCustomer], to[models.ToStore]
		assert.Equal(t, [2]models.NotificationKind{models.TellConfirmed, models.TellReceived}, [2]models.NotificationKind{receipt.Kind, work.Kind})
		assert.Equal(t, [2]string{"eve@example.com", "orders@bakery.example"}, [2]string{receipt.Address, work.Address})
		for _, letter := range to {
			assert.Equal(t, s.order(f.OrderID), letter.Order)
			assert.Equal(t, "Corner Bakery", letter.Store.Name)
			assert.Equal(t, f.PaymentID, letter.Payment.ID)
			assert.Equal(t, 1, letter.Attempts)
			assert.Equal(t, models.NotificationPending, letter.Status)
			assert.Equal(t, "evt_a", *letter.ClaimedBy)
		}
		assert.NotEqual(t, receipt.ID, work.ID)
	})

	t.Run("keeps other workflows out until the claim expires", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1"))
		first := s.claim(f.PaymentID, "evt_a")
		assert.Empty(t, s.claim(f.PaymentID, "evt_b"))
		again := s.claim(f.PaymentID, "evt_a")
		require.Len(t, again, 2, "a retry of the same workflow may go on")
		assert.Equal(t, 2, again[models.ToStore].Attempts)
		assert.Equal(t, first[models.ToStore].ID, again[models.ToStore].ID, "under the same Message-ID")

		s.exec("UPDATE notifications SET claimed_at = now() - interval '19 minutes'")
		assert.Empty(t, s.claim(f.PaymentID, "evt_b"))
		s.exec("UPDATE notifications SET claimed_at = now() - interval '21 minutes'")
		assert.Len(t, s.claim(f.PaymentID, "evt_b"), 2)
		assert.Empty(t, s.claim(f.PaymentID, "evt_a"))
	})

	t.Run("finds the customer's address by precedence", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1", func(e *models.Event) { e.Email = "" }))
		assert.Empty(t, s.claim(f.PaymentID, "evt_a")[models.ToCustomer].Address)
		require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, "billing@example.com"))
		assert.Equal(t, "billing@example.com", s.claim(f.PaymentID, "evt_a")[models.ToCustomer].Address)
		s.exec("UPDATE customers SET email = 'row@example.com' WHERE id = $1", customerID)
		assert.Equal(t, "row@example.com", s.claim(f.PaymentID, "evt_a")[models.ToCustomer].Address)
	})

	t.Run("tells of a failure also when the payment names no store that exists", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := failed("pi_1", "ch_1", with(models.KeyStoreID, "nowhere"))
		letter := s.claim(s.record(e, models.PaymentFailed).PaymentID, e.ID)[models.ToCustomer]
		assert.Equal(t, models.TellFailed, letter.Kind)
		assert.Equal(t, "Your card has insufficient funds.", letter.Detail)
		assert.Equal(t, "eve@example.com", letter.Address)
		assert.Zero(t, letter.Store)
		assert.Zero(t, letter.Order)
		assert.Nil(t, letter.OrderID)
	})

	t.Run("keeps an earlier failure apart from the order that came of it", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := failed("pi_1", "ch_0")
		s.record(e, models.PaymentFailed)
		f := s.mustOrder(paid("pi_1"))
		letters, err := s.ClaimNotifications(t.Context(), f.PaymentID, e.ID)
		require.NoError(t, err)
		require.Len(t, letters, 3)
		for _, letter := range letters {
			assert.Equal(t, letter.Kind == models.TellFailed, letter.Order.ID == "", letter.Kind)
		}
	})

	t.Run("finds what is a workflow's own after its payment was merged into another", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := failed("pi_1", "ch_1")
		s.record(e, models.PaymentFailed)
		s.record(session("cs_1", "", func(e *models.Event) { e.PaymentStatus = "unpaid" }), models.PaymentProcessing)
		s.record(session("cs_1", "pi_1"), models.PaymentProcessing) // shows that the two are one
		mine := s.claim("pay_gone", e.ID)
		require.Len(t, mine, 1)
		assert.Equal(t, models.TellFailed, mine[models.ToCustomer].Kind)
		assert.Equal(t, s.detail("cs_1").Payment.PaymentID, mine[models.ToCustomer].Payment.ID)
	})

	t.Run("has nothing for a payment without any", func(t *testing.T) {
		t.Parallel()
		assert.Empty(t, newShop(t).claim("pay_unknown", "evt_a"))
	})
}

func TestSettleNotification(t *testing.T) {
	t.Parallel()
	for status, sent := range map[models.NotificationStatus]bool{
		models.NotificationSent: true, models.NotificationFailed: false, models.NotificationRecorded: false,
	} {
		t.Run(string(status)+" is final", func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			f := s.mustOrder(paid("pi_1"))
			letter := s.claim(f.PaymentID, "evt_a")[models.ToCustomer]
			require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, status, "said \x00"+strings.Repeat("x", 600)))
			for _, other := range []models.NotificationStatus{models.NotificationSent, models.NotificationFailed, models.NotificationRecorded} {
				require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, other, "again"))
			}
			require.NoError(t, s.FailNotifications(t.Context(), "evt_a", "given up"))
			var states []models.NotificationState
			for _, n := range s.detail("pi_1").Notifications {
				if n.Recipient == models.ToCustomer {
					states = append(states, n)
				}
			}
			require.Len(t, states, 1)
			assert.Equal(t, status, states[0].Status)
			assert.Equal(t, sent, states[0].SentAt != nil)
			assert.Equal(t, "said \uFFFD"+strings.Repeat("x", 494), states[0].Error)
			assert.Equal(t, "eve@example.com", ask[string](s, "SELECT address FROM notifications WHERE recipient = 'customer'"))
			assert.Empty(t, s.claim(f.PaymentID, "evt_a"), "the store's was given up, the customer's is settled")
		})
	}
}

func TestFailNotifications(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := s.mustOrder(paid("pi_1"))
	letter := s.claim(f.PaymentID, "evt_a")[models.ToStore]
	require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, models.NotificationSent, ""))
	s.fill("jam", 1)
	other := s.mustOrder(paid("pi_2", collected(300+fee)))
	require.NoError(t, s.FailNotifications(t.Context(), "evt_a", "given up"))
	by := map[models.Recipient]models.NotificationState{}
	for _, n := range s.detail("pi_1").Notifications {
		by[n.Recipient] = n
	}
	assert.Equal(t, models.NotificationSent, by[models.ToStore].Status)
	assert.Equal(t, models.NotificationFailed, by[models.ToCustomer].Status)
	assert.Equal(t, "given up", by[models.ToCustomer].Error)
	assert.Len(t, s.claim(other.PaymentID, "evt_b"), 2, "another payment's stay")
	assert.False(t, func() bool { s.exec("DELETE FROM cart_items"); return s.create(paid("pi_1")).Unfinished }(), "given up is done")
}

func TestKeepReceiptEmail(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := s.create(paid("pi_1", without, func(e *models.Event) { e.Email = "" }))
	kept := func() string { return ask[string](s, "SELECT receipt_email FROM payments") }
	for _, bad := range []string{"", "nobody", "a@b.example\r\nBcc: c@d.example", "a\x00@b.example", strings.Repeat("a", 320) + "@b.example"} {
		require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, bad))
		assert.Empty(t, kept())
	}
	require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, "first@example.com"))
	require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, "second@example.com"))
	assert.Equal(t, "first@example.com", kept(), "the address that came first stays")
}
