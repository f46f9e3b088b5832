package ledger

import (
	"cmp"
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// A subscription's life.
//
//	             first invoice paid                     renewal not paid
//	incomplete ────────────────────▶ active ◀─────────────────────────────▶ past_due
//	    │                              ▲  │             paid after all          │ four attempts
//	    │ 23 hours     trial over      │  │ canceled, or cancel_at(_period_end) │
//	    ▼              trialing ───────┘  ▼                                     ▼
//	incomplete_expired    └─▶ paused   canceled ◀───────────────────────────────┘
//
// Where SetDunningOutcome says so, it is unpaid after four attempts, until its latest invoice is paid, or stays past_due.
// What time does to it is in subscription_clock.go; its invoices are in invoice.go. Private fields: _told, which warnings of
// the present period were sent; _prorations, lines that are to go onto the next invoice; _pending_invoice, what must be paid
// for its pending update; _dunning, what it becomes when retries are over; _ended_period, for the time of making a renewal's
// invoice, when the period before began.
var subscriptionCalls map[string]Call

func init() { // not where it is declared: customers end subscriptions, and subscriptions make customers' invoices
	subscriptionCalls = map[string]Call{
		"POST /v1/subscriptions":                             func(t *Tx, in Input) (wire.Object, *wire.Error) { return t.startSubscription(in.Params, nil) },
		"GET /v1/subscriptions":                              listSubscriptions,
		"GET /v1/subscriptions/{subscription_exposed_id}":    retrieve("subscription"),
		"POST /v1/subscriptions/{subscription_exposed_id}":   updateSubscription,
		"DELETE /v1/subscriptions/{subscription_exposed_id}": cancelSubscription,
		"POST /v1/subscriptions/{subscription}/resume":       resumeSubscription,
		"GET /v1/subscription_items":                         listItems,
		"GET /v1/subscription_items/{item}":                  retrieveItem,
	}
}

// The parameters that do something here.
var (
	servedSubscription = []string{
		"add_invoice_items", "automatic_tax[enabled]", "cancel_at", "cancel_at_period_end", "collection_method", "currency", "customer", "default_payment_method", "description",
		"expand", "items", "metadata", "off_session", "payment_behavior", "payment_settings[save_default_payment_method]", "proration_behavior", "trial_end",
		"trial_period_days", "trial_settings",
	}
	servedSubscriptionUpdate = []string{
		"automatic_tax[enabled]", "billing_cycle_anchor", "cancel_at", "cancel_at_period_end", "default_payment_method", "description", "expand", "items", "metadata",
		"off_session", "pause_collection", "payment_behavior", "payment_settings[save_default_payment_method]", "proration_behavior",
		"trial_end", "trial_settings", "cancellation_details",
	}
	servedItem = []string{"id", "price", "price_data", "quantity", "metadata", "deleted", "_own"}
)

// ended are the statuses that a subscription does not leave.
var ended = []string{"canceled", "incomplete_expired"}

// startSubscription makes a subscription from parameters as POST /v1/subscriptions takes them, with its first invoice, and
// pays it with method (nil: what the parameters or the customer name).
func (t *Tx) startSubscription(params, method wire.Object) (wire.Object, *wire.Error) {
	if refusal := checkServed(params, servedSubscription, ""); refusal != nil {
		return nil, refusal
	}
	if refusal := startable(params); refusal != nil {
		return nil, refusal
	}
	customer, refusal := t.Find("customer", params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	s := t.newSubscription(customer)
	for _, set := range []func(*Tx, wire.Object, wire.Object) *wire.Error{setItems, setPayer, setTrial, setTerms, setTax} { // in this order
		if refusal := set(t, s, params); refusal != nil {
			return nil, refusal
		}
	}
	if method != nil {
		s["default_payment_method"] = method.ID()
	}
	once, refusal := t.oneTimeLines(params.List("add_invoice_items"), s)
	if refusal != nil {
		return nil, refusal
	}
	return s, t.billFirst(s, once, cmp.Or(params.Text("payment_behavior"), "allow_incomplete"))
}

func startable(params wire.Object) *wire.Error {
	switch {
	case params.Text("collection_method") == "send_invoice":
		return notServed("collection_method")
	case params.Text("payment_behavior") == "pending_if_incomplete":
		return wire.Invalid("", "payment_behavior", "`pending_if_incomplete` can only be used when updating a subscription.")
	}
	return nil
}

// newSubscription makes one that nothing is said of yet.
func (t *Tx) newSubscription(customer wire.Object) wire.Object {
	s := t.Make("subscription", "sub")
	s["customer"], s["start_date"], s["billing_cycle_anchor"] = customer.ID(), t.Now(), t.Now()
	s["collection_method"], s["status"] = "charge_automatically", "incomplete"
	s["default_tax_rates"] = []any{}
	s["cancellation_details"] = wire.Part("subscription", "cancellation_details")
	s["payment_settings"] = wire.Part("subscription", "payment_settings")
	s.Sub("payment_settings")["save_default_payment_method"] = "off"
	s["trial_settings"] = wire.Object{"end_behavior": wire.Object{"missing_payment_method": "create_invoice"}}
	return s
}

// billFirst makes the first invoice, and tries to collect it.
func (t *Tx) billFirst(s wire.Object, once []wire.Object, behavior string) *wire.Error {
	trialing := s["trial_end"] != nil
	if trialing {
		s["status"] = "trialing"
	}
	invoice := t.newInvoice(s, "subscription_create", append(t.periodLines(s, trialing), once...))
	if invoice.Int("amount_due") > 0 && behavior != "default_incomplete" && t.payerOf(s) == nil {
		return noPayer()
	}
	if invoice.Int("total") == 0 && !trialing {
		s["status"] = "active"
	}
	t.schedule(s)
	t.Emit("customer.subscription.created", s)
	t.Emit("invoice.created", invoice)
	t.finalize(invoice)
	return t.collectNow(invoice, behavior)
}

func noPayer() *wire.Error {
	return wire.Invalid("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
}

// setPayer notes which payment method pays, where it is the customer's.
func setPayer(t *Tx, s, params wire.Object) *wire.Error {
	id := params.Text("default_payment_method")
	if id != "" {
		m, refusal := t.Find("payment_method", id, "default_payment_method")
		if refusal != nil {
			return refusal
		}
		if m.Text("customer") != s.Text("customer") {
			return notTheirs(id, "default_payment_method")
		}
	}
	assign(s, params, "default_payment_method")
	return nil
}

// setTerms sets what does not change what is paid now.
func setTerms(t *Tx, s, params wire.Object) *wire.Error {
	dated := params.Has("cancel_at") && params["cancel_at"] != ""
	switch {
	case dated && params.Bool("cancel_at_period_end"):
		return wire.Invalid("parameters_exclusive", "", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	case dated && params.Int("cancel_at") <= t.Now():
		return wire.Invalid("", "cancel_at", "The timestamp specified for `cancel_at` must be in the future.")
	case params.Has("currency") && params.Text("currency") != s.Text("currency"):
		return wire.Invalid("", "currency", "The price specified only supports `%s`. This doesn't match the expected currency: `%s`.", s.Text("currency"), params.Text("currency"))
	}
	if s.Bool("cancel_at_period_end") && params["cancel_at_period_end"] == false {
		s["cancel_at"] = nil // it was the end of the period
	}
	assign(s, params, "cancel_at", "cancel_at_period_end", "description", "metadata", "trial_settings")
	assign(s.Sub("payment_settings"), params.Sub("payment_settings"), "save_default_payment_method")
	assign(s.Sub("cancellation_details"), params.Sub("cancellation_details"), "comment", "feedback")
	if !slices.Contains(ended, s.Text("status")) {
		markCanceling(t, s)
	}
	return nil
}

// markCanceling notes when it was decided that a subscription is to end.
func markCanceling(t *Tx, s wire.Object) {
	if s.Bool("cancel_at_period_end") {
		s["cancel_at"] = s["current_period_end"]
	}
	details := s.Sub("cancellation_details")
	switch ending := s["cancel_at"] != nil; {
	case ending && s["canceled_at"] == nil:
		s["canceled_at"], details["reason"] = t.Now(), "cancellation_requested"
	case !ending:
		s["canceled_at"], details["reason"] = nil, nil
	}
}

// setTrial sets a new subscription's trial and first period.
func setTrial(t *Tx, s, params wire.Object) *wire.Error {
	end := int64(0)
	switch {
	case params.Has("trial_period_days") && params.Has("trial_end"):
		return wire.Invalid("parameters_exclusive", "", "You may only specify one of these parameters: trial_period_days, trial_end.")
	case params.Has("trial_period_days"):
		if end = t.Now() + params.Int("trial_period_days")*day; params.Int("trial_period_days") < 1 {
			return wire.Invalid("parameter_invalid_integer", "trial_period_days", "Invalid integer: %d; must be at least 1", params.Int("trial_period_days"))
		}
	case params.Has("trial_end") && params["trial_end"] != "now":
		if end = params.Int("trial_end"); end <= t.Now() {
			return wire.Invalid("", "trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
		}
	}
	if end != 0 {
		s["trial_start"], s["trial_end"], s["billing_cycle_anchor"] = t.Now(), end, end
		s["current_period_start"], s["current_period_end"] = t.Now(), end
		return nil
	}
	s["current_period_start"], s["current_period_end"] = t.Now(), nextPeriod(s, t.Now())
	return nil
}

func listSubscriptions(t *Tx, in Input) (wire.Object, *wire.Error) {
	params := in.Params.Clone()
	status := params.Text("status")
	price := params.Text("price")
	delete(params, "status")
	delete(params, "price")
	return t.list("subscription", in, "/v1/subscriptions", func(s wire.Object) bool {
		is := s.Text("status")
		switch {
		case status == "" && is == "canceled", status == "ended" && !slices.Contains(ended, is), !slices.Contains([]string{"", "all", "ended", is}, status):
			return false
		case price != "" && !slices.ContainsFunc(s.List("items"), func(item wire.Object) bool { return item.Sub("price").ID() == price }):
			return false
		}
		return fits(s, params)
	})
}

// customerSubscriptions are those of a customer that have not ended.
func customerSubscriptions(t *Tx, customer wire.Object) wire.Object {
	var all []wire.Object
	for _, s := range t.all("subscription", "customer", customer.ID()) {
		if !slices.Contains(ended, s.Text("status")) {
			all = append(all, s.Public())
		}
	}
	return wire.List("/v1/customers/"+customer.ID()+"/subscriptions", false, all)
}

func cancelSubscription(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"cancellation_details", "expand"}, ""); refusal != nil {
		return nil, refusal
	}
	s, refusal := t.Edit("subscription", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if slices.Contains(ended, s.Text("status")) {
		return nil, wire.Missing("subscription", in.ID, "id")
	}
	assign(s.Sub("cancellation_details"), in.Params.Sub("cancellation_details"), "comment", "feedback")
	if s.Text("status") == "incomplete" {
		t.expire(s)
		return s, nil
	}
	t.end(s, "cancellation_requested")
	return s, nil
}

// end cancels a subscription for good.
func (t *Tx) end(s wire.Object, reason string) {
	s["status"], s["ended_at"], s["pending_update"] = "canceled", t.Now(), nil
	if s["canceled_at"] == nil {
		s["canceled_at"] = t.Now()
	}
	s.Sub("cancellation_details")["reason"] = reason
	delete(s, "_due")
	delete(s, "_prorations")
	delete(s, "_pending_invoice")
	for _, invoice := range t.all("invoice", "subscription", s.ID()) {
		if status := invoice.Text("status"); status == "draft" || status == "open" {
			o := t.edit(invoice.ID())
			o["auto_advance"] = false
			t.advanceInvoice(o)
		}
	}
	t.Emit("customer.subscription.deleted", s)
}

// expire ends a subscription whose first invoice was not paid in time.
func (t *Tx) expire(s wire.Object) {
	s["status"], s["ended_at"] = "incomplete_expired", t.Now()
	delete(s, "_due")
	t.Emit("customer.subscription.updated", s)
	if invoice := t.Read(s.Text("latest_invoice")); invoice.Text("status") == "open" {
		t.void(t.edit(invoice.ID()))
	}
}

func resumeSubscription(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"expand", "billing_cycle_anchor", "proration_behavior"}, ""); refusal != nil {
		return nil, refusal
	}
	s, refusal := t.Edit("subscription", in.ID, "")
	switch {
	case refusal != nil:
		return nil, refusal
	case in.Params.Text("billing_cycle_anchor") == "unchanged":
		return nil, notServed("billing_cycle_anchor")
	case s.Text("status") != "paused":
		return nil, wire.Invalid("", "", "This subscription cannot be resumed because it is not paused.")
	case t.payerOf(s) == nil:
		return nil, noPayer()
	}
	s["status"] = "active"
	t.restart(s)
	t.schedule(s)
	t.Emit("customer.subscription.resumed", s)
	return s, t.billNow(s, t.periodLines(s, false), "allow_incomplete")
}
