package hosted

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// view is what the page shows of a session.
type view struct {
	frame
	ID string
	// Stage is what there is to do: pay, authenticate (the payment, with the bank), answer (for the bank), or nothing more:
	// done, failed, expired.
	Stage                            string
	Button                           string
	Lines                            []line
	Subtotal, Shipping, Tax, TaxNote string // empty: there is none
	Total, Due                       string
	SuccessURL, CancelURL, BackTo    string
	Email                            string // what the session says; it cannot be changed. Empty: it is asked for
	Form                             form
	Cards                            []card
	Rates                            []rate
	AskPhone, AskTax, AskAddress     bool
	Countries                        string // where it is shipped to; empty: anywhere
	AskCard, CanPayLater, CanPayNow  bool
	Expires                          string
	Problem                          string            // what is wrong with no field in particular
	Problems                         map[string]string // what is wrong, by field
}

type line struct{ Name, Note, Quantity, Each, Sum string }

type card struct {
	Number, Shown, Says string
	Chosen              bool
}

type rate struct {
	ID, Name, Price string
	Chosen          bool
}

func (*view) template() string { return "page.html" }

// showSession is the page of a session.
func showSession(t *ledger.Tx, id string, entered url.Values, refusal *wire.Error) shown {
	s, missing := t.Find("checkout.session", id, "")
	if missing != nil {
		return nil
	}
	v := &view{
		ID: id, Stage: stage(t, s), SuccessURL: successURL(s), CancelURL: s.Text("cancel_url"), Email: t.SessionEmail(s), Form: readForm(entered),
		Expires: time.Unix(s.Int("expires_at"), 0).UTC().Format("2 January 15:04 UTC"),
	}
	v.BackTo = cmp.Or(v.CancelURL, v.SuccessURL)
	v.showSums(t, s)
	if v.Stage == "pay" {
		v.ask(t, s)
		v.explain(t, s, refusal)
	}
	v.Title, v.leads = titles[v.Stage]+" · "+v.Total, []string{v.SuccessURL, v.CancelURL}
	return v
}

var titles = map[string]string{
	"pay": "Checkout", "authenticate": "Your bank asks", "answer": "Payment under way", "done": "Thank you", "failed": "Payment failed", "expired": "Expired",
}

// stage says what there is to do with a session.
func stage(t *ledger.Tx, s wire.Object) string {
	intent := t.IntentOf(s)
	switch status := s.Text("status"); {
	case status == "open" && intent.Text("status") == "requires_action":
		return "authenticate"
	case status == "open":
		return "pay"
	case status == "expired":
		return "expired"
	case s.Text("payment_status") != "unpaid", intent.Text("status") == "requires_capture":
		return "done"
	case intent.Text("status") == "processing":
		return "answer"
	}
	return "failed"
}

// showSums shows what is bought and what it costs.
func (v *view) showSums(t *ledger.Tx, s wire.Object) {
	currency := models.Currency(s.Text("currency"))
	for _, item := range t.LineItems(s.ID()) {
		v.Lines = append(v.Lines, newLine(item, currency))
	}
	totals := s.Sub("total_details")
	v.Subtotal, v.Total = currency.Format(s.Int("amount_subtotal")), currency.Format(s.Int("amount_total"))
	if cost := s.Sub("shipping_cost"); cost != nil {
		v.Shipping = currency.Format(cost.Int("amount_subtotal"))
	}
	switch tax := s.Sub("automatic_tax"); {
	case tax.Text("status") == "complete":
		v.Tax, v.TaxNote = currency.Format(totals.Int("amount_tax")), fmt.Sprintf("Tax, %d %%", ledger.TaxPercent)
	case tax.Bool("enabled"):
		v.Tax, v.TaxNote = "once your address is known", "Tax"
	}
}

func newLine(item wire.Object, currency models.Currency) line {
	price, quantity := item.Sub("price"), item.Int("quantity")
	shown := line{Name: item.Text("description"), Sum: currency.Format(item.Int("amount_subtotal"))}
	each := currency.Format(price.Int("unit_amount"))
	if price["unit_amount"] == nil { // a fraction of a minor unit
		each = price.Text("unit_amount_decimal") + " minor units"
	}
	if quantity > 1 {
		shown.Quantity, shown.Each = fmt.Sprint(quantity), each
	}
	if recurring := price.Sub("recurring"); recurring != nil {
		shown.Note = each + " " + pace(recurring)
		if item.Int("amount_subtotal") == 0 && price.Int("unit_amount") > 0 {
			shown.Note = "Free at first, then " + shown.Note
		}
	}
	return shown
}

// pace says how often something is due: a month, every 3 months.
func pace(recurring wire.Object) string {
	if n := recurring.Int("interval_count"); n > 1 {
		return fmt.Sprintf("every %d %ss", n, recurring.Text("interval"))
	}
	return "a " + recurring.Text("interval")
}

// ask shows the fields of a session that is to be paid, with what has been entered.
func (v *view) ask(t *ledger.Tx, s wire.Object) {
	v.AskPhone = s.Sub("phone_number_collection").Bool("enabled")
	asked := t.SessionAddress(s)
	v.AskTax, v.AskAddress = asked == ledger.TaxAddress, asked == ledger.FullAddress
	v.Countries = strings.Join(s.Sub("shipping_address_collection").Texts("allowed_countries"), ", ")
	v.CanPayNow = s.Sub("automatic_tax").Text("status") != "requires_location_inputs"
	v.AskCard = v.CanPayNow && (s.Int("amount_total") > 0 || s.Text("payment_method_collection") == "always")
	v.CanPayLater = s.Int("amount_total") > 0 && slices.Contains(s.Texts("payment_method_types"), bankDebitType)
	if v.Form.BillingDetails == (ledger.BillingDetails{}) {
		v.Form.BillingDetails = details(s)
	}
	v.Button = button(s, v.Total)
	v.Cards = choices(v.Form.Card)
	v.listRates(t, s)
}

// details are what the session knows of its customer, from an earlier try.
func details(s wire.Object) ledger.BillingDetails {
	known := s.Sub("customer_details")
	address := known.Sub("address")
	return ledger.BillingDetails{
		Name: known.Text("name"), Email: known.Text("email"), Phone: known.Text("phone"),
		Line1: address.Text("line1"), Line2: address.Text("line2"), City: address.Text("city"), State: address.Text("state"),
		PostalCode: address.Text("postal_code"), Country: address.Text("country"),
	}
}

// button is what the button to pay says.
func button(s wire.Object, total string) string {
	switch {
	case s.Int("amount_total") > 0 && s.Text("mode") == "subscription":
		return "Subscribe and pay " + total
	case s.Int("amount_total") > 0:
		return "Pay " + total
	case s.Text("mode") == "subscription":
		return "Start the subscription"
	}
	return "Complete the order"
}

// defaultCard is the one that pays.
const defaultCard = "4242424242424242"

// choices are the test cards, with the one that was chosen; empty: the one that pays.
func choices(chosen string) (shown []card) {
	chosen = cmp.Or(chosen, defaultCard)
	all := cards()
	if _, known := cardOf(chosen); !known {
		all = append([]ledger.Card{{Number: chosen, Says: "no test card"}}, all...)
	}
	for _, c := range all {
		shown = append(shown, card{Number: c.Number, Shown: grouped(c.Number), Says: c.Says, Chosen: c.Number == chosen})
	}
	return shown
}

// grouped writes a card's number as people read it, four digits at a time.
func grouped(number string) string {
	var b strings.Builder
	for i, digit := range number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

func (v *view) listRates(t *ledger.Tx, s wire.Object) {
	currency := models.Currency(s.Text("currency"))
	chosen := cmp.Or(v.Form.ShippingRate, s.Sub("shipping_cost").Text("shipping_rate"))
	for _, offer := range s.List("shipping_options") {
		id := offer.Text("shipping_rate")
		v.Rates = append(v.Rates, rate{
			ID: id, Name: t.Read(id).Text("display_name"), Price: currency.Format(offer.Int("shipping_amount")), Chosen: id == chosen,
		})
	}
}

// explain puts what is wrong where it is wrong: what was refused just now, else why the last try did not pay.
func (v *view) explain(t *ledger.Tx, s wire.Object, refusal *wire.Error) {
	v.Problems = map[string]string{}
	switch last := t.IntentOf(s).Sub("last_payment_error"); {
	case refusal == nil && last == nil:
	case refusal == nil:
		v.Problems["card"] = last.Text("message")
	case refusal.Type == "card_error":
		v.Problems["card"] = refusal.Message
	case v.asked()[refusal.Param]:
		v.Problems[refusal.Param] = refusal.Message
	default:
		v.Problem = refusal.Message
	}
}
