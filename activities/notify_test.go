package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/internal/mail"
	"twigz/models"
)

func TestSendNotifications(t *testing.T) {
	t.Parallel()
	var (
		customerSent = notice{Recipient: "customer", Status: "sent", Address: customerEmail, Attempts: 1, Sent: true}
		storeSent    = notice{Recipient: "store", Status: "sent", Address: storeEmail, Attempts: 1, Sent: true}
		rejected     = fmt.Errorf("%w: smtp RCPT TO: 550", mail.ErrRejected)
		notNow       = errors.New("smtp RCPT TO: 450")
	)

	t.Run("tells customer and store, once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		made := s.order(paid())
		got, err := s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Sent: 2}, got)
		assert.Equal(t, []notice{customerSent, storeSent}, s.notices())

		got, err = s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Zero(t, got)
		assert.ElementsMatch(t, []string{customerEmail, storeEmail}, s.post.to())
		assert.NotEqual(t, s.post.taken[0].ID, s.post.taken[1].ID)
	})

	t.Run("has nothing to do for a payment that is due no mail", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		got, err := s.send("pay_nobody")
		require.NoError(t, err)
		assert.Zero(t, got)
	})

	t.Run("gives up an address that is refused, and tells the other", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.post.refuse[customerEmail] = rejected
		got, err := s.send(s.order(paid()).PaymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Sent: 1, Failed: 1}, got)
		assert.Equal(t, []notice{
			{Recipient: "customer", Status: "failed", Address: customerEmail, Attempts: 1, Error: "mail rejected: smtp RCPT TO: 550"},
			storeSent,
		}, s.notices())
	})

	for address, other := range map[string]string{customerEmail: storeEmail, storeEmail: customerEmail} {
		t.Run("tells one while the other's server is busy, and only the other later: "+address, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.post.refuse[address] = notNow
			made := s.order(paid())
			for range 2 {
				_, err := s.send(made.PaymentID)
				failure := application(t, err)
				assert.False(t, failure.NonRetryable())
				assert.Contains(t, failure.Message(), "smtp RCPT TO: 450")
				assert.NotContains(t, err.Error(), "@")
			}
			assert.Equal(t, []string{other}, s.post.to())

			delete(s.post.refuse, address)
			got, err := s.send(made.PaymentID)
			require.NoError(t, err)
			assert.Equal(t, activities.NotifyResult{Sent: 1}, got)
			assert.Equal(t, []string{other, address}, s.post.to())
		})
	}

	t.Run("gives up a customer whose address nobody knows", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid()
		e.Email = ""
		made := s.order(e)
		assert.True(t, made.NoEmail)
		got, err := s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Sent: 1, Failed: 1}, got)
		assert.Equal(t, []notice{
			{Recipient: "customer", Status: "failed", Attempts: 1, Error: "no address is known"}, storeSent,
		}, s.notices())
	})

	t.Run("uses an address that was found meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid()
		e.Email = ""
		made := s.order(e)
		for _, found := range []string{"", "nonsense", customerEmail, "late@example.com"} {
			require.NoError(t, s.KeepReceiptEmail(t.Context(), activities.KeepEmailInput{PaymentID: made.PaymentID, Email: found}))
		}
		_, err := s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, []notice{customerSent, storeSent}, s.notices())
	})

	t.Run("gives up what cannot be put into words", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.post.unwell = errors.New("compose ntf_1: no words for kind x")
		got, err := s.send(s.order(paid()).PaymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Failed: 2}, got)
		for _, n := range s.notices() {
			assert.Equal(t, "compose ntf_1: no words for kind x", n.Error)
		}
		assert.Len(t, s.logged(), 2)
	})

	t.Run("records and logs, without personal data, when there is no mail server", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.Mailer = nil
		made := s.order(paid())
		got, err := s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, activities.NotifyResult{Recorded: 2}, got)
		assert.Equal(t, []notice{
			{Recipient: "customer", Status: "recorded", Address: customerEmail, Attempts: 1},
			{Recipient: "store", Status: "recorded", Address: storeEmail, Attempts: 1},
		}, s.notices())
		line := func(recipient, kind string) map[string]any {
			return map[string]any{
				"level": "INFO", "msg": "notification recorded, no mail server is configured",
				"payment_id": made.PaymentID, "recipient": recipient, "kind": kind,
			}
		}
		assert.ElementsMatch(t, []map[string]any{line("customer", "order_confirmed"), line("store", "order_received")}, s.logged())
	})

	t.Run("logs nobody's address however it goes", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.post.refuse[customerEmail] = rejected
		s.post.refuse[storeEmail] = notNow
		made := s.order(paid())
		_, err := s.send(made.PaymentID)
		require.Error(t, err)
		assert.NotEmpty(t, s.logged())
		for _, secret := range []string{customerEmail, storeEmail, street, "auth0|7"} {
			assert.NotContains(t, s.logs.String(), secret)
			assert.NotContains(t, err.Error(), secret)
		}
	})

	t.Run("leaves alone what another workflow is sending", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		made := s.order(paid())
		letters, err := s.DB.ClaimNotifications(t.Context(), made.PaymentID, "evt_sibling")
		require.NoError(t, err)
		require.Len(t, letters, 2)
		got, err := s.send(made.PaymentID)
		require.NoError(t, err)
		assert.Zero(t, got)
		assert.Empty(t, s.post.to())
	})

	t.Run("tells a customer why the payment failed", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid()
		e.Type, e.AmountReceived, e.FailureMessage = "payment_intent.payment_failed", nil, "Your card was declined."
		noted, err := s.RecordPaymentState(t.Context(), activities.RecordInput{Event: e, State: models.PaymentFailed})
		require.NoError(t, err)
		require.True(t, noted.Tell)
		_, err = s.send(noted.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, []notice{customerSent}, s.notices())
		assert.Contains(t, s.post.taken[0].Text, "Your card was declined.")
	})

	t.Run("gives up what no attempt could send", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.post.refuse[customerEmail] = notNow
		made := s.order(paid())
		_, err := s.send(made.PaymentID)
		require.Error(t, err)
		in := activities.NotifyInput{PaymentID: made.PaymentID, WorkflowID: "evt_1"}
		for range 2 {
			_, err = run[any](t, s.Activities, s.FailNotifications, in)
			require.NoError(t, err)
		}
		assert.Equal(t, []notice{
			{Recipient: "customer", Status: "failed", Attempts: 1, Error: "given up: no attempt succeeded in three days"},
			storeSent,
		}, s.notices())
	})
}

// A crash between the mail server's answer and our commit makes a double, which
// mail programs recognise by its Message-ID.
func TestSendNotificationsAfterACrash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		crash func(s *shop, cancel context.CancelFunc)
	}{
		{"the attempt is cut off", func(_ *shop, cancel context.CancelFunc) { cancel() }},
		{"the database goes away", func(s *shop, _ context.CancelFunc) { _ = s.DB.Close() }},
	} {
		t.Run("a mail that was taken before "+c.name+" keeps its Message-ID", func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			made := s.order(paid())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.post.onTake = func() { c.crash(s, cancel) }
			_, err := s.sendUntil(ctx, made.PaymentID)
			assert.False(t, application(t, err).NonRetryable())
			require.Len(t, s.post.taken, 1)

			s.post.onTake, s.DB = nil, open(t, s.url)
			got, err := s.send(made.PaymentID)
			require.NoError(t, err)
			assert.Equal(t, activities.NotifyResult{Sent: 2}, got)
			require.Len(t, s.post.taken, 3)
			var again []mail.Message
			for _, m := range s.post.taken[1:] {
				if m.To == s.post.taken[0].To {
					again = append(again, m)
				}
			}
			assert.Equal(t, s.post.taken[:1], again, "the double is the same mail to the letter")
		})
	}

	t.Run("connections that are killed while a mail is taken cost nobody a mail", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		made := s.order(paid())
		other := open(t, s.url)
		s.post.onTake = func() {
			_, err := other.SQL().ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			assert.NoError(t, err)
		}
		for attempt := 0; ; attempt++ {
			require.Less(t, attempt, 5)
			if _, err := s.send(made.PaymentID); err == nil {
				break
			} else {
				assert.False(t, application(t, err).NonRetryable())
			}
			s.post.onTake = nil
		}
		for _, n := range s.notices() {
			assert.Equal(t, "sent", n.Status)
		}
		ids := map[string]string{}
		for _, m := range s.post.taken {
			assert.Contains(t, []string{"", m.ID}, ids[m.To], "one Message-ID a recipient")
			ids[m.To] = m.ID
		}
		assert.Len(t, ids, 2)
	})
}
