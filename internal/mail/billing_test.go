package mail

import (
	"strings"
	"testing"
	"time"

	"twigz/models"
)

var (
	invoicePaid   = news{models.TellInvoicePaid, models.ToCustomer}
	invoiceFailed = news{models.TellInvoiceFailed, models.ToCustomer}
	invoiceAction = news{models.TellInvoiceAction, models.ToCustomer}
	upcoming      = news{models.TellUpcoming, models.ToCustomer}
	trialEnding   = news{models.TellTrialEnding, models.ToCustomer}
)

func date(month time.Month, dayOfMonth int) *time.Time {
	return new(time.Date(2027, month, dayOfMonth, 10, 30, 0, 0, time.UTC))
}

// billing is a subscription with one invoice, the same for every kind of mail:
// what is not its business must not show.
func billing(currency models.Currency) models.BillingLetter {
	return models.BillingLetter{
		Invoice: models.InvoiceFacts{
			ID: "in_1QXrkq2eZvKYlo2C", Number: "TWIGZ-0042", Status: "open", Currency: string(currency),
			Subtotal: 13500, Total: 13500, AmountDue: 13500, AmountPaid: 13500,
			NextAttemptAt: date(time.March, 6), PeriodStart: date(time.March, 3), PeriodEnd: date(time.April, 3), PaidAt: date(time.March, 3),
			Lines: []models.InvoiceLine{
				{Description: "Pro (per seat)", Quantity: 3, Amount: 14000, PeriodStart: date(time.March, 3), PeriodEnd: date(time.April, 3)},
				{Description: "Unused time on Basic after 20 Feb 2027", Quantity: 1, Amount: -500, PeriodStart: date(time.February, 20), PeriodEnd: date(time.March, 3)},
			},
			HostedURL:      "https://invoice.stripe.com/i/acct_1/test_1?s=ap&x=1",
			FailureMessage: "Your card has insufficient funds.",
		},
		Subscription: models.SubscriptionFacts{
			ID: "sub_1QXrkq2eZvKYlo2C", Status: "active", Card: models.Card{Brand: "visa", Last4: "4242"}, TrialEnd: date(time.March, 3),
			Items: []models.SubscriptionItem{
				{ProductName: "Pro", Quantity: 3, UnitAmount: 3000, Currency: string(currency), Interval: "month", IntervalCount: 1},
				{ProductName: "Support", Quantity: 1, UnitAmount: 2700, Currency: string(currency), Interval: "month", IntervalCount: 3},
			},
		},
		Upcoming: models.UpcomingFacts{
			Amount: 13500, Currency: string(currency), At: date(time.March, 3).Unix(),
			PeriodStart: date(time.March, 3).Unix(), PeriodEnd: date(time.April, 3).Unix(),
		},
	}
}

// billed is a letter of that kind with something about it changed.
func billed(n news, change func(*models.BillingLetter)) models.Letter {
	l := letter(n, "usd")
	change(&l.Billing)
	return l
}

func over(status string) func(*models.BillingLetter) {
	return func(b *models.BillingLetter) { b.Over, b.Invoice.Status = true, status }
}

func TestComposeBillingVariants(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]models.Letter{
		"invoice_paid_customer_taxed": billed(invoicePaid, func(b *models.BillingLetter) {
			b.Invoice.Tax, b.Invoice.Total, b.Invoice.AmountPaid = 2565, 16065, 11065
			b.Invoice.MoreLines = true
		}),
		"invoice_payment_failed_customer_over":  billed(invoiceFailed, over("paid")),
		"invoice_payment_failed_customer_final": billed(invoiceFailed, func(b *models.BillingLetter) { b.Invoice.NextAttemptAt = nil }),
		"invoice_action_required_customer_over": billed(invoiceAction, over("void")),
		"invoice_upcoming_customer_over":        billed(upcoming, over("")),
		"invoice_upcoming_customer_free":        billed(upcoming, func(b *models.BillingLetter) { b.Upcoming.Amount = 0 }),
		"trial_ending_customer_over":            billed(trialEnding, over("")),
		"trial_ending_customer_no_card":         billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.Card = models.Card{} }),
		"trial_ending_customer_ends":            billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.CancelAtPeriodEnd = true }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goldenMail(t, name, l)
		})
	}
}

func TestComposeSubjectsOfBilling(t *testing.T) {
	t.Parallel()
	cases := []struct {
		letter models.Letter
		want   string
	}{
		{letter(invoicePaid, "usd"), "Your invoice TWIGZ-0042 from Twigz"},
		{billed(invoicePaid, func(b *models.BillingLetter) { b.Invoice.Number = "" }), "Your invoice from Twigz"},
		{letter(invoiceFailed, "usd"), "Your payment at Twigz did not go through"},
		{billed(invoiceFailed, over("paid")), "Your invoice TWIGZ-0042 from Twigz has been paid since"},
		{letter(invoiceAction, "usd"), "Please confirm your payment at Twigz"},
		{billed(invoiceAction, over("void")), "Your invoice TWIGZ-0042 from Twigz is no longer owed"},
		{billed(invoiceAction, over("uncollectible")), "Your invoice TWIGZ-0042 from Twigz needs nothing more from you"},
		{letter(upcoming, "jpy"), "Your next charge at Twigz: 13500 JPY on 3 March 2027"},
		{billed(upcoming, func(b *models.BillingLetter) { b.Upcoming.Amount = 0 }), "Your next charge at Twigz: nothing to pay"},
		{billed(upcoming, over("")), "Late notice of a charge at Twigz"},
		{letter(trialEnding, "usd"), "Your trial at Twigz ends on 3 March 2027"},
		{billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.TrialEnd = nil }), "Your trial at Twigz ends soon"},
		{billed(trialEnding, over("")), "Your trial at Twigz has ended"},
	}
	for _, c := range cases {
		if got := compose(t, c.letter).Subject; got != c.want {
			t.Errorf("subject %q, want %q", got, c.want)
		}
	}
}

func TestComposeBillingSaysNoMoreThanIsKnown(t *testing.T) {
	t.Parallel()
	nothing := func(b *models.BillingLetter) { *b = models.BillingLetter{} }
	oddCurrency := func(b *models.BillingLetter) { *b = billing("not money") }
	cases := []struct {
		name    string
		letter  models.Letter
		has     []string
		without []string
	}{
		{"invoice of which nothing is known", billed(invoicePaid, nothing), []string{"your invoice from Twigz is paid"}, []string{"1970", "0.00", "Paid on", "For:", "Total"}},
		{"failure of which nothing is known", billed(invoiceFailed, nothing), []string{"The payment was not accepted.", "We do not try again"}, []string{"1970", "Pay now", " of ", "0.00"}},
		{"confirmation of which nothing is known", billed(invoiceAction, nothing), []string{"wants you to confirm the payment."}, []string{"1970", "0.00", "page"}},
		{"charge of which nothing is known", billed(upcoming, nothing), []string{"Your subscription will be charged at Twigz soon."}, []string{"1970", "0.00", "For:"}},
		{"trial of which nothing is known", billed(trialEnding, nothing), []string{"ends soon", "no card on file"}, []string{"1970", "0.00", "costs"}},
		{"lines in no currency", billed(invoicePaid, oddCurrency), []string{"3 × Pro (per seat)\n"}, []string{"NOT MONEY", "Total", "13500"}},
		{"charge in no currency", billed(upcoming, oddCurrency), []string{"will be charged"}, []string{"NOT MONEY", "13500", "Nothing is"}},
		{"cost in no currency", billed(trialEnding, oddCurrency), []string{"visa ending in 4242"}, []string{"NOT MONEY", "costs"}},
		{"cost of which a part is not known", billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.Items[0].UnitAmount = 0 }), nil, []string{"costs", "27.00"}},
		{"cost in two rhythms", letter(trialEnding, "usd"), []string{"costs 90.00 USD a month and 27.00 USD every 3 months,"}, nil},
		{"trial that is canceled for its end", billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.CancelAt = date(time.March, 3) }), []string{"will end then, and nothing is charged"}, []string{"costs", "4242"}},
		{"trial that is canceled for later", billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.CancelAt = date(time.May, 3) }), []string{"costs"}, []string{"will end then"}},
		{"what is no card", billed(trialEnding, func(b *models.BillingLetter) { b.Subscription.Card = models.Card{Brand: "sepa_debit"} }), []string{"charged to sepa debit."}, []string{"ending in"}},
		{"failure that is over", billed(invoiceFailed, over("paid")), []string{"has been paid since", "nothing you need to do"}, []string{"https:", "update", "We try again", "insufficient"}},
		{"confirmation that is over", billed(invoiceAction, over("void")), []string{"is no longer owed"}, []string{"https:", "Please confirm"}},
		{"charge that is over", billed(upcoming, over("")), []string{"has been made by now, or will not be made"}, []string{"will be charged", "4242"}},
		{"charge without a card", billed(upcoming, func(b *models.BillingLetter) { b.Subscription.Card = models.Card{} }), []string{"on 3 March 2027.\n"}, []string{"nothing you need", ", to"}},
		{"another period of a line alone", letter(invoicePaid, "usd"), []string{"For: 3 March – 3 April 2027", "(20 February – 3 March 2027) — -5.00 USD", "3 × Pro (per seat) — 140.00 USD"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := compose(t, c.letter).Text
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			for _, unwanted := range c.without {
				if strings.Contains(text, unwanted) {
					t.Errorf("%q is in:\n%s", unwanted, text)
				}
			}
		})
	}
}

func TestComposeSumsAddUp(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                              string
		subtotal, tax, total, paid, still int64
		want                              string
	}{
		{"no tax", 900, 0, 900, 900, 0, "Subtotal: 9.00 USD\nTotal: 9.00 USD\n\n"},
		{"tax on top", 900, 171, 1071, 1071, 0, "Subtotal: 9.00 USD\nTax: 1.71 USD\nTotal: 10.71 USD\n\n"},
		{"tax within", 900, 144, 900, 900, 0, "Subtotal: 9.00 USD\nTotal: 9.00 USD\nTax in the total: 1.44 USD\n\n"},
		{"discount", 900, 0, 600, 600, 0, "Subtotal: 9.00 USD\nDiscounts: -3.00 USD\nTotal: 6.00 USD\n\n"},
		{"discount and tax", 900, 114, 714, 714, 0, "Discounts and tax: -1.86 USD\nTotal: 7.14 USD\nTax in the total: 1.14 USD\n\n"},
		{"balance", 900, 0, 900, 400, 0, "Total: 9.00 USD\nCovered by your balance: -5.00 USD\nPaid: 4.00 USD\n\n"},
		{"debt", 900, 0, 900, 1100, 0, "Total: 9.00 USD\nOwed from before: 2.00 USD\nPaid: 11.00 USD\n\n"},
		{"credit", -900, 0, -900, 0, 0, "Total: -9.00 USD\nAdded to your balance: 9.00 USD\nPaid: 0.00 USD\n\n"},
		{"not all of it paid", 900, 0, 900, 400, 500, "Total: 9.00 USD\n\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := compose(t, billed(invoicePaid, func(b *models.BillingLetter) {
				i := &b.Invoice
				i.Subtotal, i.Tax, i.Total, i.AmountPaid, i.AmountRemaining = c.subtotal, c.tax, c.total, c.paid, c.still
			})).Text
			if !strings.Contains(text, c.want) {
				t.Errorf("%q is missing:\n%s", c.want, text)
			}
		})
	}
}

func TestComposeLinksToPagesOnly(t *testing.T) {
	t.Parallel()
	for _, n := range []news{invoicePaid, invoiceFailed, invoiceAction} {
		for _, hostile := range []string{
			"javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x", "//evil.example.test", "https:", "https://a b/", "mailto:a@example.test",
		} {
			m := compose(t, billed(n, func(b *models.BillingLetter) { b.Invoice.HostedURL = hostile }))
			if strings.Contains(m.HTML, "href") || strings.Contains(m.Text, hostile) {
				t.Errorf("%s links to %q:\n%s", n.kind, hostile, m.Text)
			}
		}
		m := compose(t, billed(n, func(b *models.BillingLetter) { b.Invoice.HostedURL = `https://in.example.test/"><script>` }))
		if strings.Contains(m.HTML, "<script>") || !strings.Contains(m.HTML, `href="https://in.example.test/%22%3e%3cscript%3e"`) && !strings.Contains(m.HTML, `href="https://in.example.test/%22%3E%3Cscript%3E"`) {
			t.Errorf("%s:\n%s", n.kind, m.HTML)
		}
	}
}

func TestComposeBillingKeepsTextsOnTheirLine(t *testing.T) {
	t.Parallel()
	const evil = "Evil\r\nBcc: all@example.test\u2028\u202E"
	for _, n := range []news{invoicePaid, invoiceFailed, invoiceAction, upcoming, trialEnding} {
		m := compose(t, billed(n, func(b *models.BillingLetter) {
			b.Invoice.Number, b.Invoice.FailureMessage, b.Invoice.Lines[0].Description = evil, evil, evil
			b.Subscription.Card = models.Card{Brand: evil, Last4: evil}
			b.Subscription.Items[0].ProductName, b.Subscription.Items[0].Interval = evil, evil
		}))
		if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Text, "\nBcc") || strings.ContainsAny(m.Text+m.HTML, "\r\u2028\u202E") {
			t.Errorf("%s: %s\n%s", n.kind, m.Subject, m.Text)
		}
	}
}

func TestComposeBillingWithoutASendersName(t *testing.T) {
	t.Parallel()
	s, err := New("smtp://127.0.0.1:1", "orders@twigz.example.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []news{invoicePaid, invoiceFailed, invoiceAction, upcoming, trialEnding} {
		m, err := s.Compose(letter(n, "usd"))
		if err != nil || strings.Contains(m.Subject, " at ") || strings.Contains(m.Subject, "from") || strings.Contains(m.Text, " at ") {
			t.Errorf("%v: %s\n%s", err, m.Subject, m.Text)
		}
	}
}
