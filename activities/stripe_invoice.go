package activities

import (
	"context"
	"slices"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// listInvoices asks for a customer's newest invoices, and for the one that the look
// is for when it is not among them. Those of one who is deleted Stripe may list or not.
func (s *Stripe) listInvoices(ctx context.Context, in models.SyncLook, facts *models.BillingFacts) error {
	newest, err := s.newestInvoices(ctx, in.StripeCustomerID)
	if lacksCustomer(err) {
		facts.Customer = models.StripeCustomerFacts{ID: in.StripeCustomerID, Gone: true}
		return nil
	}
	if err != nil {
		return err
	}
	named := func(invoice *stripe.Invoice) bool { return invoice.ID == in.InvoiceID }
	if in.InvoiceID != "" && !slices.ContainsFunc(newest, named) {
		wanted, err := s.invoice(ctx, in)
		if err != nil {
			return err
		}
		if wanted != nil {
			newest = append(newest, wanted)
		}
	}
	facts.Invoices = make([]models.InvoiceFacts, 0, len(newest))
	for _, each := range newest {
		if named(each) {
			if err := s.completeLines(ctx, each); err != nil {
				return err
			}
		}
		facts.Invoices = append(facts.Invoices, invoiceFacts(each))
	}
	return nil
}

func (s *Stripe) newestInvoices(ctx context.Context, customerID string) ([]*stripe.Invoice, error) {
	params := &stripe.InvoiceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: new(int64(pageSize)), Single: true},
		Customer:   &customerID,
	}
	params.AddExpand("data.payment_intent")
	pages := s.api.Invoices.List(params)
	page, err := pages.InvoiceList(), pages.Err()
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(page.Data))
	for i, each := range page.Data {
		if !isInvoice(each) || !isFor(each, customerID) {
			return nil, errOddAnswer("list invoices")
		}
		ids[i] = each.ID
	}
	if !isList(page.ListMeta, ids) {
		return nil, errOddAnswer("list invoices")
	}
	return page.Data, nil
}

// isInvoice says whether an invoice has what none lacks.
func isInvoice(invoice *stripe.Invoice) bool {
	if invoice == nil || invoice.ID == "" || moment(invoice.Created) == nil {
		return false
	}
	return invoice.Lines == nil || areLines(invoice.Lines.Data)
}

func areLines(lines []*stripe.InvoiceLineItem) bool { return !slices.Contains(lines, nil) }

func isFor(invoice *stripe.Invoice, customerID string) bool {
	return invoice.Customer != nil && invoice.Customer.ID == customerID
}

// invoice asks for the invoice that a look is for; nil when there is none, or it is
// another customer's.
func (s *Stripe) invoice(ctx context.Context, in models.SyncLook) (*stripe.Invoice, error) {
	params := &stripe.InvoiceParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("payment_intent")
	invoice, err := s.api.Invoices.Get(in.InvoiceID, params)
	switch {
	case isMissing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case invoice.ID != in.InvoiceID || !invoice.Deleted && !isInvoice(invoice):
		return nil, errOddAnswer("view invoice")
	case invoice.Deleted || !isFor(invoice, in.StripeCustomerID):
		return nil, nil
	}
	return invoice, nil
}

// completeLines gets the lines that an invoice does not carry, up to maxLines.
func (s *Stripe) completeLines(ctx context.Context, invoice *stripe.Invoice) error {
	if invoice.Lines == nil || !invoice.Lines.HasMore {
		return nil
	}
	pages := s.api.Invoices.ListLines(&stripe.InvoiceListLinesParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: new(int64(maxLines)), Single: true},
		Invoice:    &invoice.ID,
	})
	page, err := pages.InvoiceLineItemList(), pages.Err()
	switch {
	case isMissing(err): // it is gone, and what it carried was true
		return nil
	case err != nil:
		return err
	case page.URL == "" || !areLines(page.Data):
		return errOddAnswer("list invoice lines")
	}
	invoice.Lines = page
	return nil
}

func invoiceFacts(of *stripe.Invoice) models.InvoiceFacts {
	facts := models.InvoiceFacts{
		ID:              models.Clean(of.ID, maxID),
		Number:          models.Clean(of.Number, maxWord),
		Status:          models.Clean(string(of.Status), maxWord),
		BillingReason:   models.Clean(string(of.BillingReason), maxWord),
		Currency:        models.Clean(string(of.Currency), maxCurrency),
		Subtotal:        of.Subtotal,
		Tax:             of.Tax,
		Total:           of.Total,
		AmountDue:       of.AmountDue,
		AmountPaid:      of.AmountPaid,
		AmountRemaining: of.AmountRemaining,
		AttemptCount:    of.AttemptCount,
		NextAttemptAt:   moment(of.NextPaymentAttempt),
		HostedURL:       models.Clean(of.HostedInvoiceURL, maxLink),
		PDFURL:          models.Clean(of.InvoicePDF, maxLink),
		PaymentIntentID: intentOf(of.PaymentIntent),
		MadeAt:          *moment(of.Created),
	}
	if of.Subscription != nil {
		facts.SubscriptionID = models.Clean(of.Subscription.ID, maxID)
	}
	if intent := of.PaymentIntent; intent != nil && intent.LastPaymentError != nil {
		facts.FailureMessage = models.Clean(intent.LastPaymentError.Msg, maxText)
	}
	if became := of.StatusTransitions; became != nil {
		facts.FinalizedAt, facts.PaidAt = moment(became.FinalizedAt), moment(became.PaidAt)
	}
	readLines(of.Lines, &facts)
	return facts
}

// readLines reads the lines, and from when to when they are for.
func readLines(lines *stripe.InvoiceLineItemList, facts *models.InvoiceFacts) {
	facts.Lines = []models.InvoiceLine{}
	if lines == nil {
		return
	}
	facts.MoreLines = lines.HasMore
	for _, each := range lines.Data {
		line := models.InvoiceLine{Description: models.Clean(each.Description, maxText), Quantity: each.Quantity, Amount: each.Amount}
		if each.Period != nil {
			line.PeriodStart, line.PeriodEnd = moment(each.Period.Start), moment(each.Period.End)
		}
		if start := line.PeriodStart; start != nil && (facts.PeriodStart == nil || start.Before(*facts.PeriodStart)) {
			facts.PeriodStart = start
		}
		if end := line.PeriodEnd; end != nil && (facts.PeriodEnd == nil || end.After(*facts.PeriodEnd)) {
			facts.PeriodEnd = end
		}
		facts.Lines = append(facts.Lines, line)
	}
}
