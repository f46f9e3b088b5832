package models

import (
	"maps"
	"slices"
	"time"
)

// Invoice is an invoice as Stripe has it. Amounts are minor units and may be below
// nothing.
type Invoice struct {
	ID               string
	StripeCustomerID string
	SubscriptionID   string // "": it is for none
	Number           string // "": it is a draft
	Status           string
	BillingReason    string
	Currency         string
	Subtotal         int64
	Tax              int64
	Total            int64
	AmountDue        int64
	AmountPaid       int64
	AmountRemaining  int64
	AttemptCount     int64
	NextAttemptAt    *time.Time // nil: Stripe does not try again
	PeriodStart      *time.Time
	PeriodEnd        *time.Time
	Lines            jsonList[InvoiceLine]
	MoreLines        bool // there are more than these
	HostedURL        string
	PDFURL           string  `gorm:"column:pdf_url"`
	PaymentIntentID  *string // nil: none, or not known
	FailureMessage   string  // why the last attempt failed, meant for the customer
	FinalizedAt      *time.Time
	PaidAt           *time.Time
	MadeAt           time.Time
	UpdatedAt        time.Time
}

// invoices are the rows of invoices by Stripe's word, one an ID.
func (c *StripeCustomer) invoices(facts []InvoiceFacts) []Invoice {
	by := map[string]Invoice{}
	for _, f := range facts {
		by[f.ID] = c.invoice(f)
	}
	return sortedRows(by)
}

func (c *StripeCustomer) invoice(f InvoiceFacts) Invoice {
	row := Invoice{
		ID: f.ID, StripeCustomerID: c.ID, SubscriptionID: Clean(f.SubscriptionID, maxName), Number: Clean(f.Number, maxName),
		Status: Clean(f.Status, maxName), BillingReason: Clean(f.BillingReason, maxName), Currency: Clean(f.Currency, 32),
		Subtotal: f.Subtotal, Tax: f.Tax, Total: f.Total,
		AmountDue: f.AmountDue, AmountPaid: f.AmountPaid, AmountRemaining: f.AmountRemaining,
		AttemptCount: f.AttemptCount, NextAttemptAt: utc(f.NextAttemptAt), PeriodStart: utc(f.PeriodStart), PeriodEnd: utc(f.PeriodEnd),
		MoreLines: f.MoreLines, HostedURL: Clean(f.HostedURL, maxURL), PDFURL: Clean(f.PDFURL, maxURL),
		PaymentIntentID: nonEmpty(Clean(f.PaymentIntentID, maxName)), FailureMessage: Clean(f.FailureMessage, maxText),
		FinalizedAt: utc(f.FinalizedAt), PaidAt: utc(f.PaidAt), MadeAt: *utc(&f.MadeAt),
	}
	for _, line := range f.Lines {
		line.Description = Clean(line.Description, maxText)
		line.PeriodStart, line.PeriodEnd = utc(line.PeriodStart), utc(line.PeriodEnd)
		row.Lines = append(row.Lines, line)
	}
	return row
}

// paymentIntents are those that pay the invoices.
func (f BillingFacts) paymentIntents() []string {
	var list []string
	for _, i := range f.Invoices {
		if intent := Clean(i.PaymentIntentID, maxName); intent != "" {
			list = append(list, intent)
		}
	}
	return list
}

// sortedRows are rows by ID.
func sortedRows[T row](by map[string]T) []T {
	rows := make([]T, 0, len(by))
	for _, id := range slices.Sorted(maps.Keys(by)) {
		rows = append(rows, by[id])
	}
	return rows
}

// state is the invoice as customers and support see it.
func (i Invoice) state() InvoiceState {
	return InvoiceState{
		InvoiceID: i.ID, SubscriptionID: i.SubscriptionID, Number: i.Number, Status: i.Status, BillingReason: i.BillingReason,
		Currency: i.Currency, Subtotal: i.Subtotal, Tax: i.Tax, Total: i.Total,
		AmountDue: i.AmountDue, AmountPaid: i.AmountPaid, AmountRemaining: i.AmountRemaining,
		AttemptCount: i.AttemptCount, NextAttemptAt: utc(i.NextAttemptAt), PeriodStart: utc(i.PeriodStart), PeriodEnd: utc(i.PeriodEnd),
		FailureMessage: i.FailureMessage, HostedInvoiceURL: i.HostedURL, PaymentIntentID: i.PaymentIntentID,
		PaidAt: utc(i.PaidAt), CreatedAt: i.MadeAt.UTC(),
	}
}
