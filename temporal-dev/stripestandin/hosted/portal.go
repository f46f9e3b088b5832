package hosted

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// portal is the page on which a customer sees to what they pay for.
type portal struct {
	frame
	Who, ReturnURL string // ReturnURL empty: there is no way back to the shop
	Problem        string // why what was wanted was not done
	Subscriptions  []subscription
	Card           string // the card that is on file; empty: none is
	Cards          []card
	Invoices       []bill
}

// subscription is one as the portal shows it.
type subscription struct {
	ID, Name, Price, Card string
	Status                badge
	When                  string // what happens next, and when
	CanCancel, CanKeep    bool
	Switches              []choice // other prices that it can be changed to
}

type choice struct{ ID, Name string }

// bill is an invoice in a list.
type bill struct {
	ID, Number, Date, Amount, Page string
	Status                         badge
	CanPay                         bool
}

// badge is a word about how something stands, and its tone: good, bad, wait, or none.
type badge struct{ Says, Tone string }

var tones = map[string]string{
	"active": "good", "paid": "good", "trialing": "wait", "open": "wait", "incomplete": "wait", "paused": "wait",
	"past_due": "bad", "unpaid": "bad", "uncollectible": "bad",
}

func badgeOf(status string) badge { return badge{strings.ReplaceAll(status, "_", " "), tones[status]} }

func (*portal) template() string { return "portal.html" }

// showPortal is the page of a portal session.
func showPortal(t *ledger.Tx, id string, entered url.Values, refusal *wire.Error) shown {
	session, missing := t.Find("billing_portal.session", id, "")
	if missing != nil {
		return nil
	}
	customer, missing := t.Find("customer", session.Text("customer"), "")
	if missing != nil {
		return nil // deleted since
	}
	p := &portal{Who: cmp.Or(customer.Text("email"), customer.Text("name")), ReturnURL: session.Text("return_url")}
	p.Title = "Your subscriptions"
	if refusal != nil {
		p.Problem = refusal.Message
	}
	for _, s := range t.SubscriptionsOf(customer.ID()) {
		p.Subscriptions = append(p.Subscriptions, newSubscription(t, s))
	}
	for _, in := range t.InvoicesOf(customer.ID()) {
		p.Invoices = append(p.Invoices, newBill(in))
	}
	p.Card = cardName(t.Read(customer.Sub("invoice_settings").Text("default_payment_method")))
	for _, s := range p.Subscriptions {
		p.Card = cmp.Or(p.Card, s.Card) // one that began on the hosted page has its own
	}
	p.Cards = choices(entered.Get("card"))
	return p
}

func newSubscription(t *ledger.Tx, s wire.Object) subscription {
	shown := subscription{ID: s.ID(), Status: badgeOf(s.Text("status")), Card: cardName(t.PayerOf(s)), When: next(s)}
	var names, prices []string
	for _, item := range s.List("items") {
		names = append(names, productName(t, item.Sub("price")))
		prices = append(prices, priceOf(item.Sub("price"), item.Int("quantity")))
	}
	shown.Name, shown.Price = strings.Join(names, ", "), strings.Join(prices, ", ")
	goesOn := s.Text("status") == "active" || s.Text("status") == "trialing" || s.Text("status") == "past_due"
	shown.CanKeep = goesOn && s.Bool("cancel_at_period_end")
	shown.CanCancel = goesOn && s["cancel_at"] == nil
	for _, p := range t.Switches(s) {
		shown.Switches = append(shown.Switches, choice{p.ID(), productName(t, p) + ", " + priceOf(p, 1)})
	}
	return shown
}

// next says what happens to a subscription next, and when.
func next(s wire.Object) string {
	end := day(s.Int("current_period_end"))
	switch status := s.Text("status"); {
	case s["cancel_at"] != nil:
		return "Ends on " + day(s.Int("cancel_at"))
	case s["pause_collection"] != nil:
		return "Paused: nothing is collected meanwhile"
	case status == "trialing":
		return "Free until " + end + ", then paid"
	case status == "active":
		return "Renews on " + end
	case status == "past_due", status == "unpaid":
		return "The last payment has failed. Pay the open invoice below, or change the card"
	case status == "incomplete":
		return "Waits for its first payment"
	}
	return "Paused, since there was no card when the trial ended"
}

func productName(t *ledger.Tx, price wire.Object) string {
	return cmp.Or(t.Read(price.Text("product")).Text("name"), price.Text("nickname"))
}

// priceOf is a recurring price as people read it: 12.00 USD a month.
func priceOf(price wire.Object, quantity int64) string {
	each := models.Currency(price.Text("currency")).Format(price.Int("unit_amount")) + " " + pace(price.Sub("recurring"))
	if quantity != 1 {
		return fmt.Sprintf("%d × %s", quantity, each)
	}
	return each
}

// cardName is a payment method as people know it; "" for none.
func cardName(method wire.Object) string {
	if funds := method.Sub("card"); funds != nil {
		return strings.ToUpper(funds.Text("brand")[:1]) + funds.Text("brand")[1:] + "\u00a0••••\u00a0" + funds.Text("last4")
	}
	if funds := method.Sub("us_bank_account"); funds != nil {
		return "Bank account\u00a0••••\u00a0" + funds.Text("last4")
	}
	return ""
}

func newBill(in wire.Object) bill {
	return bill{
		ID: in.ID(), Number: in.Text("number"), Date: day(in.Int("created")), Amount: models.Currency(in.Text("currency")).Format(in.Int("total")),
		Page: invoicePath(in.ID()), Status: badgeOf(in.Text("status")), CanPay: in.Text("status") == "open" && in.Text("payment_intent") != "",
	}
}

// day is a time of the ledger's, in UTC.
func day(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2 January 2006") }

func portalPath(id string) string { return "/portal/" + id }

// portalActs are the buttons of the portal.
var portalActs = map[string]act{
	"cancel": func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		return portalPath(id), t.CancelOnPortal(id, entered.Get("subscription"), true)
	},
	"keep": func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		return portalPath(id), t.CancelOnPortal(id, entered.Get("subscription"), false)
	},
	"switch": func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		return portalPath(id), t.SwitchOnPortal(id, entered.Get("subscription"), entered.Get("price"))
	},
	"card": func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		chosen, known := cardOf(entered.Get("card"))
		if !known {
			return "", notATestCard()
		}
		return portalPath(id), t.ChangeCardOnPortal(id, chosen.Method)
	},
	"pay": func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		invoice := entered.Get("invoice")
		if refusal := t.PayOnPortal(id, invoice); refusal != nil {
			return "", refusal
		}
		if t.Read(invoice).Text("status") == "open" { // its bank asks first, or takes its time
			return invoicePath(invoice), nil
		}
		return portalPath(id), nil
	},
}

func notATestCard() *wire.Error {
	return wire.Invalid("", "card", "Your card number is none of Stripe's test cards.")
}
