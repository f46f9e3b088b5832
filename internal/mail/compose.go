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

// kind is how one kind of notification is put into words.
type kind struct {
	subject func(view) string
	text    *texttemplate.Template
	html    *htmltemplate.Template
}

var kinds = map[models.NotificationKind]kind{
	models.TellConfirmed: read("confirmed", func(v view) string {
		return fmt.Sprintf("Your order%s (%s)", v.At(), v.OrderID)
	}),
	models.TellReceived: read("received", func(v view) string {
		return fmt.Sprintf("New order %s: %s, %s", v.OrderID, v.Count, v.Way())
	}),
	models.TellFailed: read("failed", func(v view) string {
		return fmt.Sprintf("Your payment%s did not go through", v.At())
	}),
}

// read parses the templates of one kind. They are part of the program, so that
// one that cannot be read is a panic at its start.
func read(name string, subject func(view) string) kind {
	return kind{
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
	OrderID         string
	PaymentIntentID string // "": nothing had to be paid
	Placed          string // date and time in UTC
	Items           []item
	Count           string // "3 items"
	Subtotal        string
	Fee             string // "": pickup, which costs nothing
	Total           string
	Delivered       bool     // false: picked up
	Address         []string // where to; empty for pickup
	Amount          string   // of a failed payment; "": not known
	Reason          string   // of a failed payment
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
	kind, known := kinds[l.Kind]
	if !known {
		return Message{}, fmt.Errorf("compose %s: no words for kind %s", l.ID, l.Kind)
	}
	v := show(l)
	v.Subject = kind.subject(v)
	text, err := render(kind.text.Execute, v)
	if err != nil {
		return Message{}, fmt.Errorf("compose text of %s: %w", l.ID, err)
	}
	html, err := render(func(w io.Writer, data any) error { return kind.html.ExecuteTemplate(w, "layout.html", data) }, v)
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
	v := view{Store: oneLine(l.Store.Name), StoreEmail: oneLine(l.Store.Email)}
	if l.Kind == models.TellFailed {
		v.showFailure(l)
	} else {
		v.showOrder(l.Order)
	}
	return v
}

func (v *view) showOrder(o models.Order) {
	money := o.Currency.Format
	v.OrderID, v.PaymentIntentID = o.ID, o.PaymentIntentID
	v.Placed = o.CreatedAt.UTC().Format("2 January 2006, 15:04 ") + time.UTC.String()
	v.Subtotal, v.Total = money(o.Subtotal), money(o.Total)
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
	if l.Payment.Amount != nil && l.Payment.Currency.Valid() {
		v.Amount = l.Payment.Currency.Format(*l.Payment.Amount)
	}
	v.Reason = oneLine(l.Detail)
	if v.Reason == "" {
		v.Reason = "The payment was not accepted."
	}
}

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
