package activities_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
)

func TestSendNotificationsToSupport(t *testing.T) {
	t.Parallel()
	const supportEmail = "help@twigz.example"
	const first, reminder = "evt_1", "evt_1:day-1"
	sentTo := func(address string) notice {
		return notice{Recipient: "support", Status: "sent", Address: address, Attempts: 1, Sent: true}
	}
	nowhere := notice{Recipient: "support", Status: "recorded", Attempts: 1, Error: "no support address is set"}
	for _, c := range []struct {
		name           string
		set            string // SUPPORT_EMAIL
		kind, occasion string
		want           notice
	}{
		{"tells support of a blocked payment", supportEmail, "payment_blocked", first, sentTo(supportEmail)},
		{"reminds support of a blocked payment", supportEmail, "payment_blocked", reminder, sentTo(supportEmail)},
		{"tells support of a deadline", supportEmail, "dispute_deadline", "du_1", sentTo(supportEmail)},
		{"tells nobody of a payment just blocked where support has no address", "", "payment_blocked", first, nowhere},
		{"reminds the store where support has no address", "", "payment_blocked", reminder, sentTo(storeEmail)},
		{"tells the store of a deadline where support has no address", "", "dispute_deadline", "du_1", sentTo(storeEmail)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.SupportEmail = c.set
			_, err := s.send(s.block(c.kind, c.occasion))
			require.NoError(t, err)
			assert.Equal(t, []notice{c.want}, s.notices())
			assert.NotContains(t, s.logs.String(), "@")
			for _, m := range s.post.taken {
				assert.Equal(t, c.want.Address, m.To)
				assert.NotContains(t, m.Text+m.HTML, customerEmail)
				assert.NotContains(t, m.Text+m.HTML, street)
			}
		})
	}

	t.Run("tells nobody where there is no store either", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		paymentID := s.block("payment_blocked", reminder)
		s.exec("UPDATE payments SET store_id = 'gone' WHERE id = $1", paymentID)
		got, err := s.send(paymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Recorded: 1}, got)
		assert.Equal(t, []notice{nowhere}, s.notices())
	})

	t.Run("records and logs where there is no mail server", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.Mailer, s.SupportEmail = nil, supportEmail
		_, err := s.send(s.block("payment_blocked", first))
		require.NoError(t, err)
		assert.Equal(t, []notice{{Recipient: "support", Status: "recorded", Address: supportEmail, Attempts: 1}}, s.notices())
	})
}

// block leaves a payment without an order, and one mail to support about it.
func (s *shop) block(kind, occasion string) (paymentID string) {
	s.t.Helper()
	made, err := s.CreateOrder(s.t.Context(), paid()) // nothing is in the cart
	require.NoError(s.t, err)
	require.Equal(s.t, models.PaymentBlocked, made.Outcome)
	s.exec("DELETE FROM notifications")
	s.exec(`INSERT INTO notifications (id, payment_id, recipient, kind, occasion, status)
		VALUES ('ntf_1', $1, 'support', $2, $3, 'pending')`, made.PaymentID, kind, occasion)
	return made.PaymentID
}

func (s *shop) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.DB.SQL().ExecContext(s.t.Context(), statement, args...)
	require.NoError(s.t, err)
}
