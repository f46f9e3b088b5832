package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestLettersAboutSubscriptions(t *testing.T) {
	t.Parallel()

	t.Run("have the invoice and the subscription as they are kept, and no store", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		in := invoiced("in_1", "sub_1", "paid", func(f *models.InvoiceFacts) { f.PaidAt, f.PaymentIntentID, f.MoreLines = day(2), "pi_1", true })
		s.invoices(in)
		e := billing("invoice.paid", invoice("in_1"))
		s.finish(e)
		l := s.letter(e)
		assert.Equal(t, models.TellInvoicePaid, l.Kind)
		assert.Equal(t, in, l.Billing.Invoice)
		want := monthly("sub_1", "active")
		want.Card = models.Card{Brand: "visa", Last4: "4242"}
		assert.Equal(t, want, l.Billing.Subscription)
		assert.False(t, l.Billing.Over)
		assert.Zero(t, l.Store)
		assert.Zero(t, l.Payment)
		assert.Zero(t, l.Order)
		assert.Equal(t, 1, l.Attempts)
		require.NoError(t, s.SettleNotification(t.Context(), l.Notification, models.NotificationSent, ""))
		assert.Empty(t, s.claim("", e.ID))
		assert.False(t, s.finish(e).Tell)
	})

	t.Run("go to the owner's address, else to the one that Stripe has", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		e := billing("invoice.paid", invoice("in_1"))
		s.finish(e)
		assert.Equal(t, "eve@example.com", s.letter(e).Address)
		s.putCustomer("eve@home.example", "Eve")
		assert.Equal(t, "eve@home.example", s.letter(e).Address)
		s.exec("UPDATE customers SET email = NULL")
		s.exec("UPDATE stripe_customers SET email = NULL")
		assert.Empty(t, s.letter(e).Address)
	})

	t.Run("pass to the next event of the customer when their workflow has died", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		dead, next := billing("invoice.paid", invoice("in_1")), billing("customer.subscription.updated")
		s.finish(dead)
		s.finish(billing("customer.subscription.updated", func(e *models.Event) { e.ID, e.StripeCustomerID, e.SubscriptionID = "evt_other", "cus_2", "" }))
		assert.False(t, s.finish(next).Tell)
		assert.Empty(t, s.claim("", next.ID))
		s.exec("UPDATE notifications SET claimed_at = now() - interval '21 minutes'")
		assert.Empty(t, s.claim("", "evt_other"))
		assert.True(t, s.finish(next).Tell)
		assert.Equal(t, "in_1", s.letter(next).Occasion)
		assert.Empty(t, s.claim("", dead.ID))
	})

	t.Run("are not those of a payment", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		e := billing("invoice.paid", invoice("in_1"))
		s.finish(e)
		f := s.mustOrder(paid("pi_1"))
		assert.Len(t, s.claim(f.PaymentID, "evt_a"), 2)
		assert.Len(t, s.claim("", e.ID), 1)
		assert.Len(t, s.detail("pi_1").Notifications, 2)
	})
}

func TestLettersThatComeTooLate(t *testing.T) {
	t.Parallel()
	none := func(*models.SubscriptionFacts) {}
	renewed := func(f *models.SubscriptionFacts) { f.PeriodStart, f.PeriodEnd = day(31), day(61) }
	trial := func(f *models.SubscriptionFacts) { f.TrialEnd = day(20) }
	for name, c := range map[string]struct {
		event  models.Event
		status string // the subscription's
		is     func(*models.SubscriptionFacts)
		pays   string // the invoice's status
		want   bool
	}{
		"a failed payment, still owed":             {billing("invoice.payment_failed", invoice("in_1")), "past_due", none, "open", false},
		"a failed payment, paid since":             {billing("invoice.payment_failed", invoice("in_1")), "active", none, "paid", true},
		"a failed payment, given up":               {billing("invoice.payment_failed", invoice("in_1")), "unpaid", none, "uncollectible", true},
		"a failed payment, no longer owed":         {billing("invoice.payment_failed", invoice("in_1")), "active", none, "void", true},
		"a payment to confirm, still owed":         {billing("invoice.payment_action_required", invoice("in_1")), "incomplete", none, "open", false},
		"a payment to confirm, confirmed since":    {billing("invoice.payment_action_required", invoice("in_1")), "active", none, "paid", true},
		"a charge to come":                         {billing("invoice.upcoming", upcoming(day(31))), "active", none, "paid", false},
		"a charge that came":                       {billing("invoice.upcoming", upcoming(day(31))), "active", renewed, "paid", true},
		"a charge of a subscription that ended":    {billing("invoice.upcoming", upcoming(day(31))), "canceled", none, "paid", true},
		"a charge of one that ends before":         {billing("invoice.upcoming", upcoming(day(31))), "active", func(f *models.SubscriptionFacts) { f.CancelAtPeriodEnd = true }, "paid", true},
		"a charge of one that ends on a day":       {billing("invoice.upcoming", upcoming(day(31))), "active", func(f *models.SubscriptionFacts) { f.CancelAt = day(30) }, "paid", true},
		"a charge of one that ends later":          {billing("invoice.upcoming", upcoming(day(31))), "active", func(f *models.SubscriptionFacts) { f.CancelAt = day(50) }, "paid", false},
		"a charge for what was used until then":    {billing("invoice.upcoming", upcoming(day(31)), used), "active", none, "paid", false},
		"a charge at no time":                      {billing("invoice.upcoming", upcoming(day(31)), func(e *models.Event) { e.Upcoming.At, e.Upcoming.PeriodStart = 0, 0 }), "active", renewed, "paid", false},
		"a trial that ends soon":                   {billing("customer.subscription.trial_will_end", trialEnds(day(20))), "trialing", trial, "paid", false},
		"a trial that ended":                       {billing("customer.subscription.trial_will_end", trialEnds(day(20))), "active", trial, "paid", true},
		"a trial that ends another day by now":     {billing("customer.subscription.trial_will_end", trialEnds(day(21))), "trialing", trial, "paid", true},
		"a trial of a subscription without an end": {billing("customer.subscription.trial_will_end", trialEnds(day(20))), "trialing", none, "paid", true},
	} {
		t.Run("say so of "+name, func(t *testing.T) {
			t.Parallel()
			s := shop{open(t), t}
			f := stripeSays(customerID, monthly("sub_1", c.status, c.is))
			f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", c.pays)}
			s.look(f)
			s.finish(c.event)
			l := s.letter(c.event)
			assert.Equal(t, c.want, l.Billing.Over)
			assert.Equal(t, c.event.InvoiceID, l.Billing.Invoice.ID)
			assert.Equal(t, "sub_1", l.Billing.Subscription.ID)
			if u := c.event.Upcoming; u != nil {
				assert.Equal(t, *u, l.Billing.Upcoming)
			} else {
				assert.Zero(t, l.Billing.Upcoming)
			}
		})
	}
}

// used makes an upcoming charge one for the month before it.
func used(e *models.Event) {
	e.Upcoming.PeriodStart, e.Upcoming.PeriodEnd = time.Unix(e.Upcoming.PeriodStart, 0).AddDate(0, 0, -30).Unix(), e.Upcoming.PeriodStart
}
