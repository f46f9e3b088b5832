package mail

import (
	"cmp"

	"twigz/models"
)

// bill is what the mails about subscriptions show. What is not known is "" or empty.
type bill struct {
	Over    bool   // it has come to pass, or come to nothing, before it could be told
	Settled string // what became of an invoice that is over
	Number  string
	Day     string // when it was paid, is to be charged, or the trial ends
	Period  string // what it is for
	For     []item
	Amount  string // that is owed, or to be charged
	Free    bool   // nothing is to be charged
	Reason  string // why the payment failed
	Retry   string // the day of the next attempt; "": there is none
	Card    string // what will be charged
	Costs   []string
	Ends    bool   // the subscription ends with its trial
	Link    string // http or https, of the invoice at Stripe

	Lines []billLine
	More  bool   // the invoice has more lines than these
	Above []fact // sums before the total
	Total string
	Below []fact // and after it
}

// billLine is one line of an invoice.
type billLine struct {
	item
	Period string // "": the invoice's
}

// showBilling picks what a customer needs to know of a subscription. There is no
// store then: Compose knows whose mail it is.
func (v *view) showBilling(l models.Letter) {
	b := bill{Over: l.Billing.Over, For: showItems(l.Billing.Subscription.Items), Card: showCard(l.Billing.Subscription.Card)}
	switch l.Kind {
	case models.TellInvoicePaid:
		b.showInvoice(l.Billing.Invoice)
		b.showLines(l.Billing.Invoice)
	case models.TellInvoiceFailed, models.TellInvoiceAction:
		b.showInvoice(l.Billing.Invoice)
		b.showOwed(l.Billing.Invoice)
	case models.TellUpcoming:
		b.showUpcoming(l.Billing.Upcoming)
	case models.TellTrialEnding:
		b.showTrial(l.Billing.Subscription)
	default: // the other kinds are about no subscription
	}
	v.Bill = &b
}

func (b *bill) showInvoice(i models.InvoiceFacts) {
	b.Number, b.Link = oneLine(i.Number), webLink(i.HostedURL)
	b.Day, b.Period = day(i.PaidAt), period(i.PeriodStart, i.PeriodEnd)
	switch i.Status {
	case "paid":
		b.Settled = "has been paid since"
	case "void":
		b.Settled = "is no longer owed"
	default:
		b.Settled = "needs nothing more from you"
	}
}

// showOwed shows what is left to pay, or what was asked for once nothing is left.
func (b *bill) showOwed(i models.InvoiceFacts) {
	owed := i.AmountRemaining
	if b.Over || owed == 0 {
		owed = i.AmountDue
	}
	if owed > 0 {
		b.Amount = amount(&owed, models.Currency(i.Currency))
	}
	b.Reason = cmp.Or(oneLine(i.FailureMessage), "The payment was not accepted.")
	b.Retry = day(i.NextAttemptAt)
}

// showLines shows no lines and sums at all when their currency is unknown:
// numbers alone would say nothing.
func (b *bill) showLines(i models.InvoiceFacts) {
	currency := models.Currency(i.Currency)
	for _, line := range i.Lines {
		shown := billLine{item: item{Quantity: line.Quantity, Name: oneLine(line.Description), Sum: amount(&line.Amount, currency)}}
		if p := period(line.PeriodStart, line.PeriodEnd); p != b.Period {
			shown.Period = p
		}
		b.Lines = append(b.Lines, shown)
	}
	b.More = i.MoreLines
	if currency.Valid() {
		b.showSums(i, currency.Format)
	}
}

// showSums makes the column add up. Tax may be part of the lines already, and
// discounts are known only by what they leave: where both may be, their sum is shown.
func (b *bill) showSums(i models.InvoiceFacts, money func(int64) string) {
	b.Total = money(i.Total)
	b.Above = append(b.Above, fact{"Subtotal", money(i.Subtotal)})
	between := i.Total - i.Subtotal
	added := i.Tax != 0 && between == i.Tax
	switch {
	case added:
		b.Above = append(b.Above, fact{"Tax", money(i.Tax)})
	case between != 0 && i.Tax == 0:
		b.Above = append(b.Above, fact{"Discounts", money(between)})
	case between != 0:
		b.Above = append(b.Above, fact{"Discounts and tax", money(between)})
	}
	if i.Tax != 0 && !added {
		b.Below = append(b.Below, fact{"Tax in the total", money(i.Tax)})
	}
	b.showBalance(i, money)
}

// showBalance shows why another amount was paid than the total: the rest was
// taken from the balance that the customer has with us, or put there.
func (b *bill) showBalance(i models.InvoiceFacts, money func(int64) string) {
	paid := i.AmountPaid + i.AmountRemaining
	switch {
	case paid == i.Total:
		return
	case i.Total < 0:
		b.Below = append(b.Below, fact{"Added to your balance", money(paid - i.Total)})
	case paid > i.Total:
		b.Below = append(b.Below, fact{"Owed from before", money(paid - i.Total)})
	default:
		b.Below = append(b.Below, fact{"Covered by your balance", money(paid - i.Total)})
	}
	b.Below = append(b.Below, fact{"Paid", money(i.AmountPaid)})
}

func (b *bill) showUpcoming(u models.UpcomingFacts) {
	b.Amount = amount(&u.Amount, models.Currency(u.Currency))
	// A credit is no charge either.
	b.Free = b.Amount != "" && u.Amount <= 0
	b.Day = day(moment(u.At))
	b.Period = period(moment(u.PeriodStart), moment(u.PeriodEnd))
}

func (b *bill) showTrial(s models.SubscriptionFacts) {
	b.Day = day(s.TrialEnd)
	b.Ends = s.CancelAtPeriodEnd || s.CancelAt != nil && s.TrialEnd != nil && !s.CancelAt.After(*s.TrialEnd)
	b.Costs = costs(s.Items)
}

func showItems(items []models.SubscriptionItem) []item {
	var shown []item
	for _, i := range items {
		if name := oneLine(i.ProductName); name != "" {
			shown = append(shown, item{Quantity: i.Quantity, Name: name})
		}
	}
	return shown
}

// From is " from Twigz", or nothing when the sender has no name.
func (v view) From() string {
	if v.Store == "" {
		return ""
	}
	return " from " + v.Store
}

// Named is "invoice ABCD-0001", or only "invoice".
func (b bill) Named() string {
	if b.Number == "" {
		return "invoice"
	}
	return "invoice " + b.Number
}

func subjectOfPaid(v view) string { return "Your " + v.Bill.Named() + v.From() }

func subjectOfFailed(v view) string {
	if v.Bill.Over {
		return subjectOfSettled(v)
	}
	return "Your payment" + v.At() + " did not go through"
}

func subjectOfAction(v view) string {
	if v.Bill.Over {
		return subjectOfSettled(v)
	}
	return "Please confirm your payment" + v.At()
}

func subjectOfSettled(v view) string {
	return "Your " + v.Bill.Named() + v.From() + " " + v.Bill.Settled
}

func subjectOfUpcoming(v view) string {
	b := v.Bill
	if b.Over {
		return "Late notice of a charge" + v.At()
	}
	subject := "Your next charge" + v.At()
	switch {
	case b.Free:
		return subject + ": nothing to pay"
	case b.Amount != "" && b.Day != "":
		return subject + ": " + b.Amount + " on " + b.Day
	}
	return subject
}

func subjectOfTrial(v view) string {
	switch {
	case v.Bill.Over:
		return "Your trial" + v.At() + " has ended"
	case v.Bill.Day == "":
		return "Your trial" + v.At() + " ends soon"
	}
	return "Your trial" + v.At() + " ends on " + v.Bill.Day
}
