package models_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// billing is an event of a type about cus_1 and its subscription sub_1.
func billing(kind string, changes ...change) models.Event {
	return changed(models.Event{
		ID: eventID(), Type: kind, Created: 1_700_000_000, StripeCustomerID: "cus_1", SubscriptionID: "sub_1",
	}, changes)
}

// invoice is the invoice that an event is about.
func invoice(id string) change { return func(e *models.Event) { e.InvoiceID = id } }

// upcoming is a charge of 9.00 on a day, for the month that begins then.
func upcoming(on *time.Time) change {
	return func(e *models.Event) {
		e.Upcoming = &models.UpcomingFacts{
			Amount: 900, Currency: "usd", At: on.Unix() + 3600, PeriodStart: on.Unix(), PeriodEnd: on.AddDate(0, 0, 30).Unix(),
		}
	}
}

func trialEnds(at *time.Time) change { return func(e *models.Event) { e.TrialEnd = at.Unix() } }

func (s shop) finish(e models.Event) models.Billed {
	s.t.Helper()
	b, err := s.FinishSync(s.t.Context(), e)
	require.NoError(s.t, err)
	return b
}

// invoices looks at Stripe, which says that cus_1 is the shop's customer's and has
// sub_1 with invoices.
func (s shop) invoices(list ...models.InvoiceFacts) {
	s.t.Helper()
	f := stripeSays(customerID, monthly("sub_1", "active"))
	f.Invoices = list
	s.look(f)
}

// mails are the kinds and occasions of all mails about subscriptions, sorted.
func (s shop) mails() []string {
	s.t.Helper()
	all := ask[string](s, "SELECT coalesce(string_agg(kind || ' ' || occasion, ', ' ORDER BY kind, occasion), '') FROM notifications WHERE payment_id IS NULL")
	if all == "" {
		return nil
	}
	return strings.Split(all, ", ")
}

// letter claims the one mail that is an event's to send.
func (s shop) letter(e models.Event) models.Letter {
	s.t.Helper()
	to := s.claim("", e.ID)
	require.Len(s.t, to, 1)
	return to[models.ToCustomer]
}

func TestFinishSync(t *testing.T) {
	t.Parallel()

	t.Run("notes the event, whose it is, and that a mail is due", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		e := billing("invoice.paid", invoice("in_1"))
		want := models.Billed{Outcome: models.SubscriptionSynced, StripeCustomerID: "cus_1", CustomerID: customerID, Tell: true}
		assert.Equal(t, want, s.finish(e))
		assert.Equal(t, want, s.finish(e), "the answer was lost")
		assert.Equal(t, "cus_1 in_1 subscription_synced", ask[string](s,
			"SELECT stripe_customer_id || ' ' || object_id || ' ' || outcome FROM stripe_events WHERE id = $1", e.ID))
	})

	t.Run("finds the customer by the subscription or the invoice alone", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.invoices(invoiced("in_1", "sub_1", "paid"))
		for _, e := range []models.Event{{SubscriptionID: "sub_1"}, {InvoiceID: "in_1"}} {
			e.ID, e.Type = eventID(), "invoice.finalized"
			assert.Equal(t, models.Billed{Outcome: models.SubscriptionSynced, StripeCustomerID: "cus_1", CustomerID: customerID}, s.finish(e))
		}
	})

	t.Run("says what nobody knows, and what is nobody's", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		e := billing("customer.subscription.updated", func(e *models.Event) { e.StripeCustomerID = "" })
		assert.Equal(t, models.Billed{Outcome: models.SubscriptionUnknown}, s.finish(e))
		s.look(stripeSays("", monthly("sub_1", "active")))
		unowned := models.Billed{Outcome: models.SubscriptionUnowned, StripeCustomerID: "cus_1"}
		assert.Equal(t, unowned, s.finish(e))
		assert.Equal(t, "subscription_unowned", ask[string](s, "SELECT outcome FROM stripe_events"), "who knows more says more")
		s.mapTo(customerID, "cus_1")
		assert.Equal(t, models.SubscriptionSynced, s.finish(e).Outcome)
		assert.Equal(t, "subscription_unowned", ask[string](s, "SELECT outcome FROM stripe_events"), "it keeps what it said")
	})

	t.Run("hears from a session whose it is, where the subscription does not say", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("", monthly("sub_1", "active"), monthly("sub_2", "active", of("own"))))
		by := func(subscription, customer string) models.Event {
			return billing("checkout.session.completed", func(e *models.Event) {
				e.SubscriptionID, e.Metadata = subscription, models.Metadata{models.KeyCustomerID: customer}
			})
		}
		assert.Equal(t, models.SubscriptionUnowned, s.finish(by("sub_1", "a\nb")).Outcome)
		assert.Equal(t, customerID, s.finish(by("sub_1", customerID)).CustomerID)
		assert.Equal(t, customerID, s.finish(by("sub_1", "other")).CustomerID, "it says so itself by now")
		assert.Equal(t, "own", s.finish(by("sub_2", customerID)).CustomerID)
		assert.Equal(t, "active", s.subscription(customerID).Status)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'subscription_owned' AND after = $1", customerID))
	})
}

func TestMailsAboutSubscriptions(t *testing.T) {
	t.Parallel()
	free := func(f *models.InvoiceFacts) { f.Subtotal, f.Total, f.AmountDue = 0, 0, 0 }
	trial := func(f *models.SubscriptionFacts) { f.TrialEnd = day(20) }
	for name, c := range map[string]struct {
		event   models.Event
		invoice models.InvoiceFacts
		want    []string
	}{
		"a paid invoice":                        {billing("invoice.paid", invoice("in_1")), invoiced("in_1", "sub_1", "paid"), []string{"invoice_paid in_1"}},
		"a paid invoice, by its other name":     {billing("invoice.payment_succeeded", invoice("in_1")), invoiced("in_1", "sub_1", "paid"), []string{"invoice_paid in_1"}},
		"a paid invoice of nothing":             {billing("invoice.paid", invoice("in_1")), invoiced("in_1", "sub_1", "paid", free), nil},
		"an invoice that is not paid after all": {billing("invoice.paid", invoice("in_1")), invoiced("in_1", "sub_1", "open"), nil},
		"an invoice that nobody knows":          {billing("invoice.paid", invoice("in_2")), invoiced("in_1", "sub_1", "paid"), nil},
		"a payment that failed":                 {billing("invoice.payment_failed", invoice("in_1")), invoiced("in_1", "sub_1", "open"), []string{"invoice_payment_failed in_1"}},
		"a payment that failed and was paid":    {billing("invoice.payment_failed", invoice("in_1")), invoiced("in_1", "sub_1", "paid"), []string{"invoice_payment_failed in_1"}},
		"a payment to be confirmed":             {billing("invoice.payment_action_required", invoice("in_1")), invoiced("in_1", "sub_1", "open"), []string{"invoice_action_required in_1"}},
		"a finalized invoice":                   {billing("invoice.finalized", invoice("in_1")), invoiced("in_1", "sub_1", "open"), nil},
		"an upcoming charge":                    {billing("invoice.upcoming", upcoming(day(31))), invoiced("in_1", "sub_1", "paid"), []string{"invoice_upcoming sub_1:" + seconds(day(31).Add(time.Hour))}},
		"an upcoming charge of nothing":         {billing("invoice.upcoming", upcoming(day(31)), func(e *models.Event) { e.Upcoming.Amount = 0 }), invoiced("in_1", "sub_1", "paid"), nil},
		"an upcoming charge at no time":         {billing("invoice.upcoming", upcoming(day(31)), func(e *models.Event) { e.Upcoming.At = 0 }), invoiced("in_1", "sub_1", "paid"), []string{"invoice_upcoming sub_1:" + seconds(*day(61))}},
		"a charge for what nobody knows":        {billing("invoice.upcoming", upcoming(day(31)), func(e *models.Event) { e.SubscriptionID = "sub_9" }), invoiced("in_1", "sub_1", "paid"), nil},
		"the end of a trial":                    {billing("customer.subscription.trial_will_end", trialEnds(day(20))), invoiced("in_1", "sub_1", "paid"), []string{"trial_ending sub_1:" + seconds(*day(20))}},
		"the end of no trial":                   {billing("customer.subscription.trial_will_end"), invoiced("in_1", "sub_1", "paid"), nil},
	} {
		t.Run("of "+name, func(t *testing.T) {
			t.Parallel()
			s := shop{open(t), t}
			f := stripeSays("", monthly("sub_1", "trialing", trial))
			f.Invoices = []models.InvoiceFacts{c.invoice}
			s.look(f)
			assert.Equal(t, c.want != nil, s.finish(c.event).Tell)
			again := c.event
			again.ID = eventID()
			assert.False(t, s.finish(again).Tell, "it is the first one's")
			assert.Equal(t, c.want, s.mails())
			if c.want != nil {
				assert.Equal(t, "eve@example.com", s.letter(c.event).Address, "nobody owns it, and they paid")
			}
		})
	}

	t.Run("are the same in every order, however often events come, at once too", func(t *testing.T) {
		t.Parallel()
		events := []models.Event{
			billing("invoice.payment_failed", invoice("in_1")), billing("invoice.payment_action_required", invoice("in_1")),
			billing("invoice.paid", invoice("in_1")), billing("invoice.payment_succeeded", invoice("in_1")),
			billing("invoice.upcoming", upcoming(day(31))), billing("customer.subscription.trial_will_end", trialEnds(day(1))),
			billing("customer.subscription.updated"), billing("invoice.paid", invoice("in_2")),
		}
		want := []string{
			"invoice_action_required in_1", "invoice_paid in_1", "invoice_paid in_2", "invoice_payment_failed in_1",
			"invoice_upcoming sub_1:" + seconds(day(31).Add(time.Hour)), "trial_ending sub_1:" + seconds(*day(1)),
		}
		for range 5 {
			s := shop{open(t), t}
			s.invoices(invoiced("in_1", "sub_1", "paid"), invoiced("in_2", "sub_1", "paid"))
			all := slices.Concat(events, events, events)
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			var group sync.WaitGroup
			for _, e := range all {
				group.Go(func() {
					_, err := s.FinishSync(t.Context(), e)
					assert.NoError(t, err)
				})
			}
			group.Wait()
			assert.Equal(t, want, s.mails())
			sent := 0
			for _, e := range events {
				letters, err := s.ClaimNotifications(t.Context(), "", e.ID)
				require.NoError(t, err)
				sent += len(letters)
			}
			assert.Equal(t, len(want), sent, "each is one workflow's to send")
		}
	})
}

// seconds is a time in Unix seconds, as occasions name it.
func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
