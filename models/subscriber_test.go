package models_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// paidBy is what pays an invoice.
func paidBy(intent string) func(*models.InvoiceFacts) {
	return func(f *models.InvoiceFacts) { f.PaymentIntentID = intent }
}

func TestPaymentsOfSubscriptions(t *testing.T) {
	t.Parallel()
	bill := invoiced("in_1", "sub_1", "paid", paidBy("pi_1"))

	t.Run("are known by the invoice, whichever comes first", func(t *testing.T) {
		t.Parallel()
		for _, invoiceFirst := range []bool{true, false} {
			s := newShop(t)
			if invoiceFirst {
				s.invoices(bill)
			}
			s.create(paid("pi_1", without))
			if !invoiceFirst {
				assert.Equal(t, "unmatched", s.detail("pi_1").Payment.Status)
				s.invoices(bill)
				assert.Equal(t, []string{"payment_paid", "payment_of_subscription"}, actions(s.detail("pi_1")))
			}
			s.invoices(bill)
			d := s.detail("pi_1")
			assert.Equal(t, "subscription", d.Payment.Status)
			require.NotNil(t, d.Invoice)
			assert.Equal(t, "in_1", d.Invoice.InvoiceID)
			assert.Equal(t, models.Outcome("subscription"), s.create(paid("pi_1", without)).Outcome)
		}
	})

	t.Run("are known when both come at once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for range 10 {
			intent := fresh("pi")
			in := invoiced(fresh("in"), "sub_1", "paid", paidBy(intent))
			f := stripeSays(customerID, monthly("sub_1", "active"))
			f.Invoices = []models.InvoiceFacts{in}
			var group sync.WaitGroup
			group.Go(func() { s.look(f) })
			group.Go(func() {
				_, err := s.CreateOrder(t.Context(), paid(intent, without))
				assert.NoError(t, err)
			})
			group.Wait()
			assert.Equal(t, "subscription", s.detail(intent).Payment.Status)
		}
	})

	t.Run("leave an order's payment alone", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.mustOrder(paid("pi_1"))
		s.invoices(bill)
		assert.Equal(t, "paid", s.detail("pi_1").Payment.Status)
	})

	t.Run("are never for an order when their session subscribes, though it says whose it is", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := session("cs_1", "", func(e *models.Event) {
			e.Mode, e.Metadata = "subscription", models.Metadata{models.KeyCustomerID: customerID}
		})
		f := s.create(e)
		assert.Equal(t, models.Outcome("subscription"), f.Outcome)
		assert.Empty(t, f.BlockedReason)
		assert.Equal(t, "subscription", s.detail("cs_1").Payment.Status)
	})

	t.Run("have no invoice in their detail unless one is known", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.create(paid("pi_2", without))
		s.invoices(bill)
		assert.Nil(t, s.detail("pi_2").Invoice)
	})

	t.Run("are found by the invoice, the subscription and Stripe's customer", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.invoices(bill, invoiced("in_2", "sub_1", "open"))
		s.create(paid("pi_1", without))
		s.create(paid("pi_2", without))
		for _, text := range []string{"in_1", "sub_1", "cus_1"} {
			assert.Equal(t, []string{"pi_1"}, s.find(models.SearchQuery{Text: text}), text)
			assert.Empty(t, s.find(models.SearchQuery{Text: text, Status: "paid"}), text)
		}
		assert.Empty(t, s.find(models.SearchQuery{Text: "in_2"}))
	})

	t.Run("are found by whose they are, here and at Stripe", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.invoices(bill)
		s.create(paid("pi_1", without))
		s.exec("UPDATE customers SET email = 'eve@home.example' WHERE id = $1", customerID)
		s.exec("UPDATE stripe_customers SET email = 'eve@work.example' WHERE id = 'cus_1'")
		for _, text := range []string{customerID, "Eve@home.example", "EVE@work.example"} {
			assert.Equal(t, []string{"pi_1"}, s.find(models.SearchQuery{Text: text}), text)
		}
		assert.Empty(t, s.find(models.SearchQuery{Text: "adam"}))
	})
}

func TestForgetASubscriber(t *testing.T) {
	t.Parallel()

	t.Run("leaves no address, and the amounts where they were", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		s.exec("INSERT INTO stripe_customers (id, email) VALUES ('cus_2', 'other@example.com')")
		e := billing("invoice.paid", invoice("in_1"))
		s.finish(e)
		l := s.letter(e)
		require.NoError(t, s.SettleNotification(t.Context(), l.Notification, models.NotificationFailed, "no mailbox eve@example.com"))
		s.forget()
		assert.Empty(t, s.traces())
		assert.Empty(t, ask[string](s, "SELECT coalesce(string_agg(email, ''), '') FROM stripe_customers WHERE id = 'cus_1'"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM stripe_customers WHERE email = 'other@example.com'"))
		assert.EqualValues(t, 900, ask[int64](s, "SELECT total FROM invoices"))
		assert.Equal(t, "in_1 failed", ask[string](s, "SELECT occasion || ' ' || status FROM notifications"))
	})

	t.Run("is not undone by a look, but by being remembered", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		address := func() string { return ask[string](s, "SELECT coalesce(email, '') FROM stripe_customers") }
		s.invoices()
		assert.Equal(t, "eve@example.com", address())
		s.forget()
		s.invoices()
		assert.Empty(t, address())
		s.putCustomer("eve@example.org", "Eve")
		s.invoices()
		assert.Equal(t, "eve@example.com", address())
	})

	t.Run("holds for a subscription that alone says whose it is", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := stripeSays("", monthly("sub_1", "active", of(customerID)))
		s.look(f)
		s.forget()
		s.look(f)
		assert.Empty(t, ask[string](s, "SELECT coalesce(email, '') FROM stripe_customers"))
	})
}
