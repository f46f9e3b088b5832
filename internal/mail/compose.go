package mail

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"twigz/models"
)

//go:embed templates
var files embed.FS

// news is what is told to whom. The same thing is put differently to each.
type news struct {
	kind models.NotificationKind
	to   models.Recipient
}

// wording is how news is put into words.
type wording struct {
	subject func(view) string
	text    *texttemplate.Template
	html    *htmltemplate.Template
}

var wordings = map[news]wording{
	{models.TellConfirmed, models.ToCustomer}: read("confirmed", func(v view) string {
		return fmt.Sprintf("Your order%s (%s)", v.At(), v.OrderID)
	}),
	{models.TellReceived, models.ToStore}: read("received", func(v view) string {
		subject := fmt.Sprintf("New order %s: %s, %s", v.OrderID, v.Count, v.Way())
		if v.OnHold {
			subject += ", on hold"
		}
		return subject
	}),
	{models.TellFailed, models.ToCustomer}: read("failed", func(v view) string {
		return fmt.Sprintf("Your payment%s did not go through", v.At())
	}),
	{models.TellUnfulfillable, models.ToCustomer}: read("unfulfillable_customer", func(v view) string {
		return fmt.Sprintf("Your order%s could not be made", v.At())
	}),
	{models.TellUnfulfillable, models.ToStore}: read("unfulfillable_store", func(v view) string {
		return fmt.Sprintf("Nothing to prepare: an order could not be made (%s)", v.PaymentID)
	}),
	{models.TellCanceled, models.ToCustomer}: read("canceled_customer", func(v view) string {
		return fmt.Sprintf("Your order%s is canceled (%s)", v.At(), v.OrderID)
	}),
	{models.TellCanceled, models.ToStore}: read("canceled_store", func(v view) string {
		return fmt.Sprintf("Canceled: do not hand over order %s", v.OrderID)
	}),
	{models.TellBlocked, models.ToSupport}: read("blocked", func(v view) string {
		if v.Blocked == "" {
			return fmt.Sprintf("Payment no longer blocked (%s)", v.PaymentID)
		}
		return fmt.Sprintf("Payment %s: %s (%s)", v.Needs(), inWords(v.Blocked), v.PaymentID)
	}),
	{models.TellDeadline, models.ToSupport}: read("deadline", func(v view) string {
		if v.Due == "" {
			return fmt.Sprintf("Dispute %s waits for evidence", v.DisputeID)
		}
		return fmt.Sprintf("Evidence counts until %s: dispute %s", v.Due, v.DisputeID)
	}),
	{models.TellInvoicePaid, models.ToCustomer}:   read("invoice_paid", subjectOfPaid),
	{models.TellInvoiceFailed, models.ToCustomer}: read("invoice_failed", subjectOfFailed),
	{models.TellInvoiceAction, models.ToCustomer}: read("invoice_action", subjectOfAction),
	{models.TellUpcoming, models.ToCustomer}:      read("upcoming", subjectOfUpcoming),
	{models.TellTrialEnding, models.ToCustomer}:   read("trial_ending", subjectOfTrial),
}

// read parses the templates of one wording. They are part of the program, so that
// one that cannot be read is a panic at its start.
func read(name string, subject func(view) string) wording {
	return wording{
		subject: subject,
		text:    texttemplate.Must(texttemplate.ParseFS(files, "templates/"+name+".txt")),
		html:    htmltemplate.Must(htmltemplate.ParseFS(files, "templates/layout.html", "templates/"+name+".html")),
	}
}

// view is what the templates show: words, not numbers. Every text that came
// from outside is on one line; escaping is the templates' part.
type view struct {
	Subject         string
	Store           string // "": not known
	StoreEmail      string // "": not known
	OrderID         string // "": there is no order
	PaymentID       string
	PaymentIntentID string // "": nothing had to be paid, or not known
	Placed          string // date and time in UTC
	Items           []item
	Count           string // "3 items"
	Subtotal        string
	Fee             string // "": pickup, which costs nothing
	Tax             string // "": none was added
	Total           string
	Delivered       bool     // false: picked up
	Address         []string // where to; empty for pickup
	OnHold          bool     // the order must not be handed over yet

	Amount string // that failed, was collected or is disputed; "": not known
	Free   bool   // nothing was collected, so that nothing is refunded
	Reason string // why it failed, could not be made, is canceled or disputed; "": not known

	Blocked   string // the fixed word for what a payment waits for; "": nothing any more
	Detail    string // of what it waits for; "": no more to say
	Again     bool   // told before, and nothing was done about it
	Ways      []way  // what can be done
	Facts     []fact // for looking it up
	DisputeID string
	Inquiry   bool   // the bank only asks, so far
	Due       string // until when evidence counts, date and time in UTC; "": not told

	Bill *bill // nil: it is about no subscription
}

// item is one line of an order.
type item struct {
	Quantity  int64
	Name      string
	ProductID string
	Each      string // "" for a single one, whose price is Sum
	Sum       string
}

// Compose puts a notification into words. The same letter always makes the same
// mail. It needs no server.
func (s *Sender) Compose(l models.Letter) (Message, error) {
	words, known := wordings[news{l.Kind, l.Recipient}]
	if !known {
		return Message{}, fmt.Errorf("compose %s: no words for kind %s to %s", l.ID, l.Kind, l.Recipient)
	}
	v := show(l)
	if v.Bill != nil {
		v.Store = oneLine(s.from.Name)
	}
	v.Subject = words.subject(v)
	text, err := render(words.text.Execute, v)
	if err != nil {
		return Message{}, fmt.Errorf("compose text of %s: %w", l.ID, err)
	}
	html, err := render(func(w io.Writer, data any) error { return words.html.ExecuteTemplate(w, "layout.html", data) }, v)
	if err != nil {
		return Message{}, fmt.Errorf("compose HTML of %s: %w", l.ID, err)
	}
	return Message{ID: l.ID + "@" + s.domain, To: l.Address, Subject: v.Subject, Text: text, HTML: html}, nil
}

func render(execute func(io.Writer, any) error, v view) (string, error) {
	var b bytes.Buffer
	err := execute(&b, v)
	return b.String(), err
}

// show picks from a letter what its reader needs to know.
func show(l models.Letter) view {
	v := view{
		Store: oneLine(l.Store.Name), StoreEmail: oneLine(l.Store.Email), OnHold: l.OnHold,
		PaymentID: l.Payment.ID, PaymentIntentID: paymentIntent(l.Payment),
	}
	switch l.Kind {
	case models.TellFailed:
		v.showFailure(l)
	case models.TellUnfulfillable:
		v.showCollected(l.Payment)
		v.Reason = whyUnfulfillable(l)
	case models.TellCanceled:
		v.showOrder(l.Order)
		v.showCollected(l.Payment)
		v.Reason = inWords(l.Detail)
	case models.TellBlocked:
		v.showBlocked(l)
	case models.TellDeadline:
		v.showDeadline(l)
	case models.TellConfirmed, models.TellReceived:
		v.showOrder(l.Order)
	case models.TellInvoicePaid, models.TellInvoiceFailed, models.TellInvoiceAction, models.TellUpcoming, models.TellTrialEnding:
		v.showBilling(l)
	}
	return v
}

func (v *view) showOrder(o models.Order) {
	money := o.Currency.Format
	v.OrderID, v.PaymentIntentID = o.ID, o.PaymentIntentID
	v.Placed = inUTC(o.CreatedAt)
	v.Subtotal, v.Total = money(o.Subtotal), money(o.Total)
	if o.Tax > 0 {
		v.Tax = money(o.Tax)
	}
	v.Delivered = o.DeliveryType == models.Deliver
	// A customer who comes to the store may have left an address all the same.
	// It is nobody's business then.
	if v.Delivered {
		v.Fee = money(o.DeliveryFee)
		for _, line := range o.DeliveryAddress.Lines() {
			v.Address = append(v.Address, oneLine(line))
		}
	}
	pieces := int64(0)
	for _, line := range o.Items {
		pieces += line.Quantity
		v.Items = append(v.Items, showLine(line, money))
	}
	v.Count = fmt.Sprintf("%d items", pieces)
	if pieces == 1 {
		v.Count = "1 item"
	}
}

func showLine(line models.Line, money func(int64) string) item {
	shown := item{
		Quantity: line.Quantity, Name: oneLine(line.Name), ProductID: oneLine(line.ProductID),
		Sum: money(line.Quantity * line.UnitAmount),
	}
	if line.Quantity > 1 {
		shown.Each = money(line.UnitAmount)
	}
	return shown
}

// showFailure leaves out what Stripe did not tell, or told as nonsense.
func (v *view) showFailure(l models.Letter) {
	v.Amount = amount(l.Payment.Amount, l.Payment.Currency)
	v.Reason = oneLine(l.Detail)
	if v.Reason == "" {
		v.Reason = "The payment was not accepted."
	}
}

// showCollected shows what is given back when there is no order after all. A
// part of it may have been refunded before: it is what comes back in the end.
func (v *view) showCollected(p models.Payment) {
	v.Amount = amount(p.AmountReceived, p.Currency)
	v.Free = p.AmountReceived != nil && *p.AmountReceived == 0
}

// unfulfillable says in plain words why a paid order could not be made.
var unfulfillable = map[news]map[models.BlockedReason]string{
	{models.TellUnfulfillable, models.ToCustomer}: {
		models.BlockedOutOfStock:  "Something in it is out of stock.",
		models.BlockedStoreClosed: "The store is closed at the moment.",
	},
	{models.TellUnfulfillable, models.ToStore}: {
		models.BlockedOutOfStock:  "Less is in stock than was bought.",
		models.BlockedStoreClosed: "The store is set to closed.",
	},
}

// whyUnfulfillable is "" for a reason that has no plain words.
func whyUnfulfillable(l models.Letter) string {
	return unfulfillable[news{l.Kind, l.Recipient}][models.BlockedReason(l.Detail)]
}

// amount is "" for one that is not known, or in no currency.
func amount(minor *int64, currency models.Currency) string {
	if minor == nil || !currency.Valid() {
		return ""
	}
	return currency.Format(*minor)
}

func paymentIntent(p models.Payment) string {
	if p.PaymentIntentID == nil {
		return ""
	}
	return oneLine(*p.PaymentIntentID)
}

func inUTC(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 ") + time.UTC.String() }

// At is " at Corner Bakery", or nothing when the store is not known.
func (v view) At() string {
	if v.Store == "" {
		return ""
	}
	return " at " + v.Store
}

// Way is how the order reaches its customer, in a word.
func (v view) Way() string {
	if v.Delivered {
		return string(models.Deliver)
	}
	return string(models.Pickup)
}

// oneLine keeps text that came from outside on its line and in its place: a name
// is no place for a header or a second paragraph, and may not turn round what
// follows it. Text that runs right to left does so without the marks that force it.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029': // Unicode's own line and paragraph ends
			return ' '
		case r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069': // forced directions
			return -1
		}
		return r
	}, s))
}
