package hosted

import (
	"net/url"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// form is what has been entered. Its zero value is a page that nobody has touched yet.
type form struct {
	// Card is the number as typed, without blanks.
	Card string
	ledger.SessionPayment
}

func readForm(values url.Values) form {
	text := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	return form{
		Card: strings.ReplaceAll(text("card"), " ", ""),
		SessionPayment: ledger.SessionPayment{
			ShippingRate: text("shippingRate"),
			BillingDetails: ledger.BillingDetails{
				Name: text("name"), Email: text("email"), Phone: text("phone"),
				Line1: text("line1"), Line2: text("line2"), City: text("city"), State: text("state"),
				PostalCode: text("postalCode"), Country: text("country"),
			},
		},
	}
}

// sessionActs are the buttons of a session's page.
var sessionActs = map[string]act{
	"pay":          onForm(pay),
	"later":        onForm(payLater),
	"enter":        onForm(enter),
	"expire":       onForm(expire),
	"authenticate": onForm(authenticate(true)),
	"refuse":       onForm(authenticate(false)),
	"succeed":      onForm(answer(true)),
	"fail":         onForm(answer(false)),
}

// formAct is a button of a session's page, with what has been entered there.
type formAct = func(t *ledger.Tx, id string, entered form) (next string, refusal *wire.Error)

func onForm(do formAct) act {
	return func(t *ledger.Tx, id string, entered url.Values) (string, *wire.Error) {
		return do(t, id, readForm(entered))
	}
}

const (
	// bankDebit is the test payment method whose bank says nothing until somebody does.
	bankDebit     = "pm_usBankAccount_processing"
	bankDebitType = "us_bank_account"
)

// pagePath is the path of a session's page.
func pagePath(id string) string { return "/pay/" + id }

func pay(t *ledger.Tx, id string, entered form) (string, *wire.Error) {
	if entered.Name == "" {
		return "", wire.Invalid("", "name", "Your name is incomplete.")
	}
	card, found := cardOf(entered.Card)
	if entered.Card != "" && !found { // there is no card where nothing is to be paid
		return "", wire.Invalid("", "card", "Your card number is none of Stripe's test cards.")
	}
	entered.Method = card.Method
	s, refusal := t.CompleteSession(id, entered.SessionPayment)
	if refusal != nil {
		return "", refusal
	}
	if s.Text("status") != "complete" {
		return pagePath(id), nil
	}
	return successURL(s), nil
}

// successURL is where the shop wants its customer, with the session's ID where it has asked for it.
func successURL(s wire.Object) string {
	return strings.ReplaceAll(s.Text("success_url"), "{CHECKOUT_SESSION_ID}", s.ID())
}

// payLater pays by bank debit, and stays here, where the bank answers.
func payLater(t *ledger.Tx, id string, entered form) (string, *wire.Error) {
	entered.Method = bankDebit
	_, refusal := t.CompleteSession(id, entered.SessionPayment)
	return pagePath(id), refusal
}

// enter takes over what has been entered, so that the page shows what it comes to. The card is no business of the session yet,
// so the page's address remembers it.
func enter(t *ledger.Tx, id string, entered form) (string, *wire.Error) {
	_, refusal := t.EnterSession(id, entered.SessionPayment)
	return pagePath(id) + "?" + url.Values{"card": {entered.Card}}.Encode(), refusal
}

func expire(t *ledger.Tx, id string, _ form) (string, *wire.Error) {
	_, refusal := t.ExpireSession(id)
	return pagePath(id), refusal
}

// authenticate is the holder of a card who proves to their bank who they are, or does not.
func authenticate(ok bool) formAct {
	return func(t *ledger.Tx, id string, _ form) (string, *wire.Error) {
		s := t.Read(id)
		if refusal := t.CompleteAction(t.IntentOf(s).ID(), ok); refusal != nil {
			return "", refusal
		}
		if s := t.Read(id); s.Text("status") == "complete" {
			return successURL(s), nil
		}
		return pagePath(id), nil
	}
}

// answer is the bank that says whether a debit has come.
func answer(ok bool) formAct {
	return func(t *ledger.Tx, id string, _ form) (string, *wire.Error) {
		return pagePath(id), t.SettleIntent(t.IntentOf(t.Read(id)).ID(), ok)
	}
}

// cards are the test cards, without the bank accounts.
func cards() []ledger.Card {
	return slices.DeleteFunc(ledger.Cards(), func(c ledger.Card) bool { return !strings.HasPrefix(c.Method, "pm_card_") })
}

func cardOf(number string) (ledger.Card, bool) {
	for _, c := range cards() {
		if c.Number == number {
			return c, true
		}
	}
	return ledger.Card{}, false
}
