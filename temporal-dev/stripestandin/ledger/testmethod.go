package ledger

import (
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// testMethod is one of the payment methods that Stripe has for tests. It does the same each time. The names and numbers are
// Stripe's: https://docs.stripe.com/testing and https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment.
type testMethod struct {
	name   string
	number string // of the card; of the account where there is no brand
	brand  string // "" for a bank account
	says   string // what it does, for people

	decline      string // why it does not pay: a key of declines. Empty: it pays
	authenticate bool   // the customer must first prove who they are
	settles      string // what the bank answers in the end. Empty for a bank account: nothing until somebody says
	dispute      string // why a payment is disputed at once. Empty: it is not
	inquiry      bool   // the dispute is only an inquiry
	refunds      string // what refunds do: a key of refundOutcomes. Empty: they succeed
	risk         string // what Radar thinks of it. Empty: normal
}

var testMethods = []testMethod{
	{name: "pm_card_visa", number: "4242424242424242", brand: "visa", says: "pays"},
	{name: "pm_card_mastercard", number: "5555555555554444", brand: "mastercard", says: "pays"},
	{name: "pm_card_amex", number: "378282246310005", brand: "amex", says: "pays"},
	{name: "pm_card_visa_chargeDeclined", number: "4000000000000002", brand: "visa", says: "is declined", decline: "generic_decline"},
	{name: "pm_card_visa_chargeDeclinedInsufficientFunds", number: "4000000000009995", brand: "visa", says: "has insufficient funds", decline: "insufficient_funds"},
	{name: "pm_card_visa_chargeDeclinedLostCard", number: "4000000000009987", brand: "visa", says: "is lost", decline: "lost_card"},
	{name: "pm_card_visa_chargeDeclinedStolenCard", number: "4000000000009979", brand: "visa", says: "is stolen", decline: "stolen_card"},
	{name: "pm_card_chargeDeclinedExpiredCard", number: "4000000000000069", brand: "visa", says: "has expired", decline: "expired_card"},
	{name: "pm_card_chargeDeclinedIncorrectCvc", number: "4000000000000127", brand: "visa", says: "has another security code", decline: "incorrect_cvc"},
	{name: "pm_card_chargeDeclinedProcessingError", number: "4000000000000119", brand: "visa", says: "runs into a processing error", decline: "processing_error"},
	{name: "pm_card_visa_chargeDeclinedVelocityLimitExceeded", number: "4000000000006975", brand: "visa", says: "is over its limit", decline: "card_velocity_exceeded"},
	{name: chargeCustomerFail, number: "4000000000000341", brand: "visa", says: "can be kept, and is then declined", decline: "generic_decline"},
	{name: "pm_card_radarBlock", number: "4100000000000019", brand: "visa", says: "is blocked by Radar", decline: "fraudulent", risk: "highest"},
	{name: "pm_card_authenticationRequired", number: "4000002760003184", brand: "visa", says: "wants authentication each time", authenticate: true},
	{name: "pm_card_authenticationRequiredOnSetup", number: "4000002500003155", brand: "visa", says: "wants authentication unless it is kept", authenticate: true},
	{name: "pm_card_threeDSecure2Required", number: "4000000000003220", brand: "visa", says: "wants authentication", authenticate: true},
	{name: "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", number: "4000008260003178", brand: "visa", says: "wants authentication, then has insufficient funds", authenticate: true, decline: "insufficient_funds"},
	{name: "pm_card_createDispute", number: "4000000000000259", brand: "visa", says: "pays, and is disputed as fraudulent", dispute: "fraudulent"},
	{name: "pm_card_createDisputeProductNotReceived", number: "4000000000002685", brand: "visa", says: "pays, and is disputed: product not received", dispute: "product_not_received"},
	{name: "pm_card_createDisputeInquiry", number: "4000000000001976", brand: "visa", says: "pays, and its bank inquires", dispute: "fraudulent", inquiry: true},
	{name: "pm_card_riskLevelElevated", number: "4000000000009235", brand: "visa", says: "pays, and is put into review", risk: "elevated"},
	{name: "pm_card_pendingRefund", number: "4000000000007726", brand: "visa", says: "pays; refunds are pending first", refunds: "pending"},
	{name: "pm_card_refundFail", number: "4000000000005126", brand: "visa", says: "pays; refunds fail later", refunds: "failed"},
	{name: "pm_usBankAccount_success", number: "000123456789", says: "pays days later", settles: "succeeded"},
	{name: "pm_usBankAccount_insufficientFunds", number: "000222222227", says: "fails days later", settles: "failed"},
	{name: "pm_usBankAccount_processing", number: "000000000009", says: "stays processing"},
}

// chargeCustomerFail is the one declined card that can be attached to a customer.
const chargeCustomerFail = "pm_card_chargeCustomerFail"

// Card is a payment method to choose on a page.
type Card struct {
	Number string `json:"number"` // of the card, or of the bank account
	Method string `json:"method"` // its name in the API
	Says   string `json:"says"`   // what it does, for people
}

// Cards are Stripe's test payment methods, in the order in which to show them.
func Cards() []Card {
	cards := make([]Card, 0, len(testMethods))
	for _, m := range testMethods {
		cards = append(cards, Card{Number: m.number, Method: m.name, Says: m.says})
	}
	return cards
}

// behaviour is how a test payment method behaves. Stripe takes most names with and without the brand.
func behaviour(name string) (does testMethod, known bool) {
	plain := func(name string) string { return strings.Replace(name, "pm_card_visa_", "pm_card_", 1) }
	for _, m := range testMethods {
		if plain(m.name) == plain(name) {
			return m, true
		}
	}
	return testMethod{}, false
}

// decline is what a declined card leads to: an error's code, decline code (often none), param and message.
type decline struct{ code, declineCode, param, message string }

// declines are the reasons for which a card is declined. https://docs.stripe.com/declines/codes
var declines = map[string]decline{
	"generic_decline":        {"card_declined", "generic_decline", "", "Your card was declined."},
	"insufficient_funds":     {"card_declined", "insufficient_funds", "", "Your card has insufficient funds."},
	"lost_card":              {"card_declined", "lost_card", "", "Your card was declined."},
	"stolen_card":            {"card_declined", "stolen_card", "", "Your card was declined."},
	"fraudulent":             {"card_declined", "fraudulent", "", "Your card was declined."},
	"card_velocity_exceeded": {"card_declined", "card_velocity_exceeded", "", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."},
	"expired_card":           {"expired_card", "", "exp_month", "Your card has expired."},
	"incorrect_cvc":          {"incorrect_cvc", "", "cvc", "Your card's security code is incorrect."},
	"processing_error":       {"processing_error", "", "", "An error occurred while processing your card. Try again in a little bit."},
	unauthenticated:          {unauthenticated, unauthenticated, "", "Your card was declined. This transaction requires authentication."},
}

// unauthenticated is why a card is declined whose holder would have to authenticate the payment, but is not there.
const unauthenticated = "authentication_required"

// funds is a payment method's card or bank account.
func (m testMethod) funds() wire.Object {
	if m.kind() == "card" {
		return m.card()
	}
	return m.account()
}

func (m testMethod) card() wire.Object {
	return wire.Object{
		"brand": m.brand, "country": "US", "display_brand": displayBrand(m.brand), "exp_month": 12, "exp_year": 2040, "fingerprint": "f" + m.number,
		"funding": "credit", "generated_from": nil, "last4": m.last4(), "wallet": nil,
		"checks":               wire.Object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
		"networks":             wire.Object{"available": []string{m.brand}, "preferred": nil},
		"three_d_secure_usage": wire.Object{"supported": true},
	}
}

func displayBrand(brand string) string {
	if brand == "amex" {
		return "american_express"
	}
	return brand
}

// account is a payment method's bank account.
func (m testMethod) account() wire.Object {
	account := wire.Part("payment_method", "us_bank_account")
	account["account_holder_type"], account["account_type"] = "individual", "checking"
	account["bank_name"], account["routing_number"], account["last4"] = "STRIPE TEST BANK", "110000000", m.last4()
	account["fingerprint"] = "f" + m.number
	account["networks"] = wire.Object{"preferred": "ach", "supported": []string{"ach"}}
	return account
}

func (m testMethod) last4() string { return m.number[len(m.number)-4:] }

// refusesToBeKept tells whether a card is declined when it is to become a customer's already.
func (m testMethod) refusesToBeKept() bool {
	return m.decline != "" && !m.authenticate && m.name != chargeCustomerFail
}

// kind is the type of the payment method.
func (m testMethod) kind() string {
	if m.brand == "" {
		return "us_bank_account"
	}
	return "card"
}
