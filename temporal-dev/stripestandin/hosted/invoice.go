package hosted

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// invoice is the page of an invoice.
type invoice struct {
	frame
	// Stage is what there is to do: pay, authenticate (the payment, with the bank), answer (for the bank), or nothing more: none.
	Stage                        string
	Number, Who, Issued, Settled string // Settled: when it was paid; empty: it was not
	Status                       badge
	Headline                     string // what it comes to, and what is left of that
	Lines                        []line
	Subtotal, Tax, TaxNote       string // Tax empty: there is none
	Total, Balance, Paid, Due    string // Balance and Paid empty: nothing was
	PDF, OnFile, Button, Problem string // OnFile: the card that pays the subscription; empty: there is none
	Cards                        []card
}

func (*invoice) template() string { return "invoice.html" }

// showInvoice is the page of an invoice. Drafts have none.
func showInvoice(t *ledger.Tx, id string, entered url.Values, refusal *wire.Error) shown {
	in, missing := t.Find("invoice", id, "")
	if missing != nil || in.Text("status") == "draft" {
		return nil
	}
	currency := models.Currency(in.Text("currency"))
	v := &invoice{
		Stage: invoiceStage(t, in), Number: in.Text("number"), Who: cmp.Or(in.Text("customer_name"), in.Text("customer_email")),
		Issued: day(in.Sub("status_transitions").Int("finalized_at")), Status: badgeOf(in.Text("status")), PDF: invoicePath(id) + "/pdf",
		Total: currency.Format(in.Int("total")), Due: currency.Format(in.Int("amount_remaining")), Subtotal: currency.Format(in.Int("subtotal")),
		Headline: currency.Format(in.Int("total")), Cards: choices(entered.Get("card")),
	}
	v.Title = "Invoice " + v.Number + " · " + v.Headline
	for _, l := range in.List("lines") {
		v.Lines = append(v.Lines, billed(l, currency))
	}
	v.settle(in, currency)
	v.OnFile = cardName(t.PayerOf(t.Read(in.Text("subscription"))))
	v.Button = "Pay " + v.Due
	v.explain(t, in, refusal)
	return v
}

// settle shows what comes on top of the lines, and what is left to pay.
func (v *invoice) settle(in wire.Object, currency models.Currency) {
	if tax := in.Int("tax"); tax != 0 {
		v.Tax, v.TaxNote = currency.Format(tax), fmt.Sprintf("Tax, %d %%", ledger.TaxPercent)
	}
	if balance := in.Int("amount_due") - in.Int("total"); balance != 0 {
		v.Balance = currency.Format(balance)
	}
	if paid := in.Int("amount_paid"); paid != 0 {
		v.Paid = currency.Format(paid)
	}
	if at := in.Sub("status_transitions").Int("paid_at"); at != 0 {
		v.Settled = day(at)
	}
	if in.Text("status") == "open" {
		v.Headline = v.Due
	}
}

// explain says why it was not paid: what was refused just now, else what came of the last try.
func (v *invoice) explain(t *ledger.Tx, in wire.Object, refusal *wire.Error) {
	last := t.Read(in.Text("payment_intent")).Sub("last_payment_error")
	switch {
	case refusal != nil:
		v.Problem = refusal.Message
	case v.Stage == "pay" && last != nil:
		v.Problem = last.Text("message")
	}
}

// invoiceStage says what there is to do with an invoice.
func invoiceStage(t *ledger.Tx, in wire.Object) string {
	intent := t.Read(in.Text("payment_intent"))
	payable := in.Text("status") == "open" || in.Text("status") == "uncollectible"
	switch status := intent.Text("status"); {
	case !payable, intent == nil, status == "canceled":
		return "none"
	case status == "requires_action":
		return "authenticate"
	case status == "processing":
		return "answer"
	}
	return "pay"
}

// billed is one line of an invoice.
func billed(l wire.Object, currency models.Currency) line {
	shown := line{Name: l.Text("description"), Sum: currency.Format(l.Int("amount"))}
	if period := l.Sub("period"); period.Int("end") > period.Int("start") {
		shown.Note = day(period.Int("start")) + " to " + day(period.Int("end"))
	}
	return shown
}

func invoicePath(id string) string { return "/invoice/" + id }

// invoiceActs are the buttons of an invoice's page.
var invoiceActs = map[string]act{
	"pay":          payInvoice,
	"authenticate": onInvoice((*ledger.Tx).CompleteAction, true),
	"refuse":       onInvoice((*ledger.Tx).CompleteAction, false),
	"succeed":      onInvoice((*ledger.Tx).SettleIntent, true),
	"fail":         onInvoice((*ledger.Tx).SettleIntent, false),
}

// payInvoice pays with the card that was chosen; without one, with the card on file.
func payInvoice(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
	method := ""
	if number := entered.Get("card"); number != "" {
		chosen, known := cardOf(number)
		if !known {
			return "", notATestCard()
		}
		method = chosen.Method
	}
	_, refusal := t.PayInvoice(id, method)
	return invoicePath(id), refusal
}

// onInvoice is the bank that answers about the payment of an invoice.
func onInvoice(answer func(*ledger.Tx, string, bool) *wire.Error, ok bool) act {
	return func(t *ledger.Tx, id string, _ url.Values) (string, *wire.Error) {
		return invoicePath(id), answer(t, t.Read(id).Text("payment_intent"), ok)
	}
}

// pdf is an invoice as a file.
func (p pages) pdf(w http.ResponseWriter, r *http.Request) {
	var page shown
	p.ledger.View(func(t *ledger.Tx) { page = showInvoice(t, r.PathValue("id"), nil, nil) })
	v, isInvoice := page.(*invoice)
	if !isInvoice {
		render(w, http.StatusNotFound, missingOf(r.PathValue("id")))
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(document(v.text())) // the reader has gone: nobody is left to tell
}

// text is what the invoice says, line by line.
func (v *invoice) text() []string {
	text := []string{"Invoice " + v.Number, "For " + v.Who, "Issued on " + v.Issued + ", " + v.Status.Says, ""}
	for _, l := range v.Lines {
		text = append(text, l.Name+": "+l.Sum)
		if l.Note != "" {
			text = append(text, "    "+l.Note)
		}
	}
	text = append(text, "", "Subtotal: "+v.Subtotal)
	for _, sum := range []struct{ name, amount string }{{v.TaxNote, v.Tax}, {"Total", v.Total}, {"Balance", v.Balance}, {"Paid", v.Paid}, {"To pay", v.Due}} {
		if sum.amount != "" {
			text = append(text, sum.name+": "+sum.amount)
		}
	}
	return text
}
