package ledger

import "twigz/temporal-dev/stripestandin/wire"

// servedSession are the parameters of a new session that do something here. What Stripe has beside them is refused, unless it only
// says that something is off: a test that passes because a parameter was ignored proves nothing.
var servedSession = []string{
	"automatic_tax[enabled]", "billing_address_collection", "cancel_url", "client_reference_id", "currency", "customer", "customer_creation",
	"customer_email", "customer_update", "expand", "expires_at", "line_items", "locale", "metadata", "mode", "payment_intent_data[capture_method]",
	"payment_intent_data[description]", "payment_intent_data[metadata]", "payment_intent_data[receipt_email]",
	"payment_intent_data[setup_future_usage]", "payment_intent_data[shipping]", "payment_intent_data[statement_descriptor]",
	"payment_intent_data[statement_descriptor_suffix]", "payment_method_collection", "payment_method_types", "phone_number_collection",
	"shipping_address_collection", "shipping_options", "submit_type", "subscription_data[description]", "subscription_data[metadata]",
	"subscription_data[trial_end]", "subscription_data[trial_period_days]", "success_url", "ui_mode",
}

// servedLine are those of a line item.
var servedLine = []string{"price", "price_data", "quantity"}

// checkSession refuses a new session for what is wrong with its parameters by themselves.
func (t *Tx) checkSession(params wire.Object) *wire.Error {
	if refusal := checkServed(params, servedSession, ""); refusal != nil {
		return refusal
	}
	for _, check := range []func(*Tx, wire.Object) *wire.Error{checkMode, checkURLs, checkLife, checkWho, checkCustomerUpdate, checkTax, checkTrial} {
		if refusal := check(t, params); refusal != nil {
			return refusal
		}
	}
	return nil
}

// foreign are the parameters that one mode has and the other has not.
var foreign = map[string][]string{
	"payment":      {"subscription_data"},
	"subscription": {"payment_intent_data", "shipping_options", "submit_type"},
}

func checkMode(_ *Tx, params wire.Object) *wire.Error {
	mode := params.Text("mode")
	switch {
	case mode == "":
		return missing("mode")
	case modes[mode] == nil:
		return wire.Invalid("", "mode", "This stand-in for Stripe does not serve `%s` mode.", mode)
	case params.Text("ui_mode") == "embedded":
		return wire.Invalid("", "ui_mode", "This stand-in for Stripe does not serve `ui_mode` `embedded`.")
	case mode == "payment" && params.Has("payment_method_collection"):
		return wire.Invalid("", "payment_method_collection", "You can only set `payment_method_collection` if there are recurring prices.")
	case mode != "payment" && params.Has("customer_creation"):
		return wire.Invalid("", "customer_creation", "`customer_creation` can only be used in `payment` mode.")
	}
	for _, name := range foreign[mode] {
		if params.Has(name) {
			return wire.Invalid("", name, "You can not pass `%s` in `%s` mode.", name, mode)
		}
	}
	return nil
}

func checkURLs(_ *Tx, params wire.Object) *wire.Error {
	if !params.Has("success_url") {
		return missing("success_url")
	}
	for _, name := range []string{"success_url", "cancel_url"} {
		if text := params.Text(name); params.Has(name) && !isURL(text) {
			return wire.Invalid("url_invalid", name, "Not a valid URL")
		}
	}
	return nil
}

func checkLife(t *Tx, params wire.Object) *wire.Error {
	life := params.Int("expires_at") - t.Now()
	switch {
	case !params.Has("expires_at"):
		return nil
	case life < shortestSession:
		return wire.Invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case life > sessionLife:
		return wire.Invalid("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	return nil
}

func checkWho(t *Tx, params wire.Object) *wire.Error {
	for _, other := range []string{"customer_email", "customer_creation"} {
		if params.Has("customer") && params.Has(other) {
			return wire.Invalid("", other, "You may only specify one of these parameters: customer, %s.", other)
		}
	}
	if email := params.Text("customer_email"); params.Has("customer_email") && !isEmail(email) {
		return wire.Invalid("email_invalid", "customer_email", "Invalid email address: %s", email)
	}
	if params.Has("customer") {
		c, refusal := t.Find("customer", params.Text("customer"), "customer")
		if refusal != nil {
			return refusal
		}
		if c.Bool("deleted") {
			return wire.Missing("customer", c.ID(), "customer")
		}
	}
	return nil
}

func checkCustomerUpdate(_ *Tx, params wire.Object) *wire.Error {
	if params.Has("customer_update") && !params.Has("customer") {
		return wire.Invalid("", "customer_update", "`customer_update` can only be used with `customer`.")
	}
	return nil
}

// checkTax wants an address to be had: on the customer, or from the page and then kept with the customer.
func checkTax(t *Tx, params wire.Object) *wire.Error {
	updates := params.Sub("customer_update")
	if !params.Sub("automatic_tax").Bool("enabled") || !params.Has("customer") || updates.Text("address") == "auto" || updates.Text("shipping") == "auto" {
		return nil
	}
	if located(t.Read(params.Text("customer")).Sub("address")) {
		return nil
	}
	message := "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the Customer or set `customer_update[address]` to 'auto' to save the billing address entered in Checkout to the Customer."
	if params.Has("shipping_address_collection") {
		message = "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the Customer or set either `customer_update[address]` to 'auto' to save the billing address entered in Checkout to the Customer or `customer_update[shipping]` to 'auto' to save the shipping address entered in Checkout to the Customer."
	}
	return wire.Invalid("customer_tax_location_invalid", "", "%s", message)
}

// checkTrial: the end of a trial is at least two days away.
func checkTrial(t *Tx, params wire.Object) *wire.Error {
	data := params.Sub("subscription_data")
	const days, end = "trial_period_days", "trial_end"
	switch {
	case data.Has(days) && data.Has(end):
		return wire.Invalid("", "subscription_data[trial_end]", "You may only specify one of these parameters: subscription_data[%s], subscription_data[%s].", end, days)
	case data.Has(days) && (data.Int(days) < 1 || data.Int(days) > 730):
		return wire.Invalid("", "subscription_data["+days+"]", "The number of trial period days must be between 1 and 730.")
	case data.Has(end) && data.Int(end) < t.Now()+2*24*60*60:
		return wire.Invalid("", "subscription_data["+end+"]", "The `subscription_data[trial_end]` timestamp must be at least 2 days in the future.")
	}
	return nil
}
