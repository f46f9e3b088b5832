package ledger

import (
	"cmp"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// A payment intent's life.
//
//	               declined, not authenticated, or the bank says no
//	          ┌──────────────────────────────┬─────────────────────────┐
//	          ▼                              │                         │
//	requires_payment_method ─▶ requires_confirmation ─confirm─▶ requires_action
//	                                         │                         │
//	                                         ├──▶ processing ──────────┼──▶ succeeded
//	                                         └──▶ requires_capture ────┴──▶ succeeded, perhaps with less than its amount
//
// Until it has succeeded it can be canceled. Its private fields: _session, the Checkout Session that it is of; _refunds, see
// SetRefundOutcome; _off_session, that nobody is there who could authenticate.
var paymentIntentCalls = map[string]Call{
	"POST /v1/payment_intents":                  createIntent,
	"GET /v1/payment_intents":                   filtered("payment_intent", "/v1/payment_intents"),
	"GET /v1/payment_intents/{intent}":          retrieveIntent,
	"POST /v1/payment_intents/{intent}":         updateIntent,
	"POST /v1/payment_intents/{intent}/confirm": confirmIntent,
	"POST /v1/payment_intents/{intent}/capture": captureIntent,
	"POST /v1/payment_intents/{intent}/cancel": func(t *Tx, in Input) (wire.Object, *wire.Error) {
		refusal := t.CancelIntent(in.ID, in.Params.Text("cancellation_reason"))
		return t.Read(in.ID), refusal
	},
}

// The parameters that do something here, by call.
var (
	servedIntentUpdate = []string{
		"amount", "capture_method", "currency", "customer", "description", "expand", "metadata", "payment_method", "payment_method_options",
		"payment_method_types", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix",
		"transfer_group",
	}
	servedIntent  = append([]string{"automatic_payment_methods", "confirm", "confirmation_method", "error_on_requires_action", "off_session", "return_url", "use_stripe_sdk"}, servedIntentUpdate...)
	servedConfirm = []string{
		"capture_method", "client_secret", "error_on_requires_action", "expand", "off_session", "payment_method", "payment_method_options",
		"payment_method_types", "receipt_email", "return_url", "setup_future_usage", "shipping", "use_stripe_sdk",
	}
	servedCapture = []string{"amount_to_capture", "expand", "final_capture", "metadata", "statement_descriptor", "statement_descriptor_suffix"}
)

// whenConfirming are parameters of a new intent that say how to confirm it.
var whenConfirming = []string{"error_on_requires_action", "off_session", "return_url"}

func createIntent(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedIntent, ""); refusal != nil {
		return nil, refusal
	}
	how := wire.Object{}
	for _, name := range whenConfirming {
		value, given := in.Params[name]
		if given && !in.Params.Bool("confirm") {
			return nil, wire.Invalid("", name, "The parameter `%s` cannot be passed when creating a PaymentIntent unless `confirm` is set to true.", name)
		}
		if given {
			how[name] = value
		}
	}
	intent, refusal := t.newIntent(in.Params)
	if refusal != nil || !in.Params.Bool("confirm") {
		return intent, refusal
	}
	return intent, t.confirmWith(intent, how)
}

// newIntent makes a payment intent (status requires_payment_method) from parameters as POST /v1/payment_intents takes them, and
// emits payment_intent.created. Beside those, invoice and _session may say what it pays.
func (t *Tx) newIntent(params wire.Object) (wire.Object, *wire.Error) {
	if params.Has("automatic_payment_methods") && params.Has("payment_method_types") {
		return nil, wire.Invalid("parameters_exclusive", "", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
	}
	if refusal := checkCurrency(params.Text("currency")); refusal != nil {
		return nil, refusal
	}
	intent := t.Make("payment_intent", "pi")
	intent["status"], intent["client_secret"] = "requires_payment_method", t.ID(intent.ID()+"_secret")
	intent["capture_method"], intent["confirmation_method"] = cmp.Or(params.Text("capture_method"), "automatic_async"), "automatic"
	intent["currency"] = strings.ToLower(params.Text("currency"))
	if refusal := t.takeMethods(intent, params); refusal != nil {
		return nil, refusal
	}
	assign(intent, params, "confirmation_method", "invoice", "_session")
	if refusal := t.setIntent(intent, params); refusal != nil {
		return nil, refusal
	}
	t.Emit("payment_intent.created", intent)
	return intent, nil
}

// takeMethods says with what a new intent can be paid: with what it names, else with whatever the account takes.
func (t *Tx) takeMethods(intent, params wire.Object) *wire.Error {
	if !params.Has("payment_method_types") {
		intent["automatic_payment_methods"] = wire.Object{"allow_redirects": "always", "enabled": true}
		if given := params.Sub("automatic_payment_methods"); given != nil {
			intent["automatic_payment_methods"] = wire.Object{"allow_redirects": cmp.Or(given.Text("allow_redirects"), "always"), "enabled": true}
		}
	}
	return setIntentTypes(intent, params)
}

func setIntentTypes(intent, params wire.Object) *wire.Error {
	if refusal := setTypes(intent, params); refusal != nil {
		return refusal
	}
	options := wire.Object{}
	if slices.Contains(intent.Texts("payment_method_types"), "card") {
		options["card"] = wire.Object{"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"}
	}
	intent["payment_method_options"] = options
	return nil
}

// setIntent changes what the parameters give.
func (t *Tx) setIntent(intent, params wire.Object) *wire.Error {
	if refusal := t.checkIntent(intent, params); refusal != nil {
		return refusal
	}
	assign(
		intent, params, "amount", "capture_method", "customer", "description", "metadata", "receipt_email", "setup_future_usage",
		"statement_descriptor", "statement_descriptor_suffix", "transfer_group",
	)
	if value, given := params["shipping"]; given {
		intent["shipping"] = filled(value, "payment_intent", "shipping")
	}
	options := intent.Sub("payment_method_options")
	for kind, given := range params.Sub("payment_method_options") {
		if options.Sub(kind) == nil {
			options[kind] = wire.Object{}
		}
		fields, _ := given.(wire.Object)
		assign(options.Sub(kind), fields, fields.Keys()...)
	}
	return t.choose(intent, params)
}

func (t *Tx) checkIntent(intent, params wire.Object) *wire.Error {
	if amount, currency := params.Int("amount"), intent.Text("currency"); params.Has("amount") || params.Has("currency") {
		if refusal := checkAmount(cmp.Or(amount, intent.Int("amount")), currency); refusal != nil {
			return refusal
		}
	}
	if id := params.Text("customer"); id != "" {
		if _, refusal := t.Find("customer", id, "customer"); refusal != nil {
			return refusal
		}
	}
	return checkEmail(params, "receipt_email")
}

// choose sets the payment method that the parameters name.
func (t *Tx) choose(intent, params wire.Object) *wire.Error {
	id := params.Text("payment_method")
	if id == "" {
		return nil
	}
	m, refusal := t.method(id, "payment_method")
	if refusal == nil {
		refusal = usable(intent, m)
	}
	if refusal == nil {
		intent["status"], intent["payment_method"], intent["next_action"] = "requires_confirmation", m.ID(), nil
	}
	return refusal
}

func retrieveIntent(t *Tx, in Input) (wire.Object, *wire.Error) {
	intent, refusal := t.Find("payment_intent", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return intent, checkSecret(intent, in.Params)
}

func checkSecret(intent, params wire.Object) *wire.Error {
	if secret := params.Text("client_secret"); secret != "" && secret != intent.Text("client_secret") {
		return wire.Invalid("payment_intent_invalid_parameter", "client_secret", "The client_secret provided does not match the client_secret associated with the PaymentIntent.")
	}
	return nil
}

// unsettled are the statuses in which it is still open how an intent is paid.
var unsettled = []string{"requires_payment_method", "requires_confirmation", "requires_action"}

// frozen are the fields that can be changed only then.
var frozen = []string{
	"amount", "capture_method", "currency", "customer", "payment_method", "payment_method_options", "payment_method_types", "setup_future_usage",
	"statement_descriptor",
}

func updateIntent(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedIntentUpdate, ""); refusal != nil {
		return nil, refusal
	}
	intent, refusal := t.Edit("payment_intent", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := t.checkFrozen(intent, in.Params); refusal != nil {
		return nil, refusal
	}
	if currency := in.Params.Text("currency"); currency != "" {
		if refusal := checkCurrency(currency); refusal != nil {
			return nil, refusal
		}
		intent["currency"] = strings.ToLower(currency)
	}
	if in.Params.Has("payment_method_types") {
		if refusal := setIntentTypes(intent, in.Params); refusal != nil {
			return nil, refusal
		}
	}
	return intent, t.setIntent(intent, in.Params)
}

// checkFrozen refuses to change how much is paid, and how, once that is settled, or where a Checkout Session says it.
func (t *Tx) checkFrozen(intent, params wire.Object) *wire.Error {
	for _, field := range frozen {
		switch {
		case !params.Has(field):
		case !slices.Contains(unsettled, intent.Text("status")):
			refusal := unexpected(intent, "This PaymentIntent's %s could not be updated because it has a status of %s. You may only update the %s of a PaymentIntent with one of the following statuses: %s.", field, intent.Text("status"), field, strings.Join(unsettled, ", "))
			refusal.Param = field
			return refusal
		case t.inCheckout(intent):
			return unexpected(intent, ofCheckout)
		}
	}
	return nil
}

// unexpected is the error for what an intent's status does not allow.
func unexpected(intent wire.Object, format string, args ...any) *wire.Error {
	return with(intent, wire.Invalid("payment_intent_unexpected_state", "", format, args...))
}

// with adds to an error the intent that it is about.
func with(intent wire.Object, refusal *wire.Error) *wire.Error {
	refusal.PaymentIntent = intent.Public().Clone()
	return refusal
}

// ofCheckout is what Stripe says of an intent that only its Checkout Session's page may pay.
const ofCheckout = "You cannot perform this action on PaymentIntents created by Checkout. Try expiring the Checkout Session instead."

// inCheckout tells whether an intent is of a Checkout Session that is still open: then only the session's page may pay it.
func (t *Tx) inCheckout(intent wire.Object) bool {
	id := intent.Text("_session")
	return id != "" && t.Read(id).Text("status") == "open"
}

func confirmIntent(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedConfirm, ""); refusal != nil {
		return nil, refusal
	}
	intent, refusal := t.Edit("payment_intent", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return intent, t.confirmWith(intent, in.Params)
}

// confirmWith confirms an intent as the parameters of POST /v1/payment_intents/{intent}/confirm say.
func (t *Tx) confirmWith(intent, params wire.Object) *wire.Error {
	if refusal := cmp.Or(checkSecret(intent, params), t.confirmable(intent), checkReturn(intent, params)); refusal != nil {
		return refusal
	}
	if refusal := t.setIntent(intent, params); refusal != nil {
		return refusal
	}
	if intent.Text("payment_method") == "" {
		if customer := intent.Text("customer"); customer != "" {
			return unexpected(intent, "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent with %s, specify a payment method attached to this customer along with the customer ID.", customer)
		}
		return unexpected(intent, "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.")
	}
	intent["_return_url"] = params.Text("return_url")
	intent["_off_session"] = params["off_session"] != nil && params["off_session"] != false || params.Bool("error_on_requires_action")
	m := t.edit(intent.Text("payment_method"))
	if refusal := usable(intent, m); refusal != nil {
		return refusal
	}
	return t.confirm(intent, m)
}

// confirmable refuses to confirm an intent that is beyond that.
func (t *Tx) confirmable(intent wire.Object) *wire.Error {
	switch status := intent.Text("status"); {
	case t.inCheckout(intent):
		return unexpected(intent, ofCheckout)
	case slices.Contains(unsettled, status):
		return nil
	case status == "succeeded" || status == "requires_capture":
		return unexpected(intent, "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	default:
		return unexpected(intent, "You cannot confirm this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.", status)
	}
}

// checkReturn wants to know where to send the customer back to, where they could be sent away.
func checkReturn(intent, params wire.Object) *wire.Error {
	url := params.Text("return_url")
	switch {
	case url == "" && intent.Sub("automatic_payment_methods").Text("allow_redirects") == "always" && !params.Bool("use_stripe_sdk"):
		return wire.Invalid("", "", "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")
	case url != "" && !isURL(url):
		return wire.Invalid("url_invalid", "return_url", "Not a valid URL")
	}
	return nil
}

func captureIntent(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedCapture, ""); refusal != nil {
		return nil, refusal
	}
	intent, refusal := t.Edit("payment_intent", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	amount := intent.Int("amount_capturable")
	if in.Params.Has("amount_to_capture") {
		amount = in.Params.Int("amount_to_capture")
	}
	switch {
	case intent.Text("status") == "succeeded":
		return nil, unexpected(intent, "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized amount has been released.")
	case intent.Text("status") != "requires_capture":
		return nil, unexpected(intent, "This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.", intent.Text("status"))
	case amount < 0:
		return nil, with(intent, wire.Invalid("", "amount_to_capture", "Invalid non-negative integer"))
	case amount == 0:
		return nil, with(intent, wire.Invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1."))
	case amount > intent.Int("amount_capturable"):
		return nil, with(intent, wire.Invalid("amount_too_large", "", "The payment could not be captured because the requested capture amount is greater than the amount you can capture for this charge. Contact us via https://support.stripe.com/contact/ for help."))
	}
	assign(intent, in.Params, "metadata", "statement_descriptor", "statement_descriptor_suffix")
	t.capture(intent, amount)
	return intent, nil
}
