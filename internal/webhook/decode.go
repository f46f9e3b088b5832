package webhook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"

	"twigz/models"
)

// Delivery is one event and whom it is about.
type Delivery struct {
	Event   models.Event
	Account string // the connected account that the event belongs to, "" for our own
}

// eventID is the form of an event's ID, which becomes a workflow's ID and a key.
var eventID = regexp.MustCompile(`^evt_[A-Za-z0-9_]{1,250}$`)

// Decode reads a verified event of any API version. Its error is an ErrPayload.
//
// Events of types that are not handled are held to the envelope's rules only.
// Stripe's thin events, whose created is a date in text and whose data has no
// object (https://docs.stripe.com/event-destinations), cannot be read.
func Decode(body []byte) (Delivery, error) {
	var envelope object
	if json.Unmarshal(body, &envelope) != nil || envelope == nil {
		return Delivery{}, fmt.Errorf("%w: not one JSON object", ErrPayload)
	}
	delivery, err := readEnvelope(envelope)
	if err != nil {
		return Delivery{}, err
	}
	subject, err := readSubject(envelope)
	if err != nil {
		return Delivery{}, err
	}
	if err := readHandled(subject, &delivery.Event); err != nil {
		return Delivery{}, err
	}
	return delivery, nil
}

// readEnvelope reads what every event has. A livemode or an account of the
// wrong type is refused rather than ignored, since ignoring it would make the
// event one of ours.
func readEnvelope(o object) (Delivery, error) {
	var (
		d       Delivery
		created *int64
	)
	err := cmp.Or(
		read(o, "id", &d.Event.ID),
		read(o, "type", &d.Event.Type),
		read(o, "created", &created),
		read(o, "livemode", &d.Event.Livemode),
		read(o, "api_version", &d.Event.APIVersion),
		o.id("account", &d.Account),
	)
	switch {
	case err != nil:
		return Delivery{}, err
	case !eventID.MatchString(d.Event.ID):
		return Delivery{}, fmt.Errorf("%w: id is no event ID", ErrPayload)
	case d.Event.Type == "":
		return Delivery{}, fmt.Errorf("%w: type is missing", ErrPayload)
	case created == nil:
		return Delivery{}, fmt.Errorf("%w: created is missing", ErrPayload)
	}
	d.Event.Created = *created
	d.Event.Type = models.Clean(d.Event.Type, maxWord)
	d.Event.APIVersion = models.Clean(d.Event.APIVersion, maxWord)
	return d, nil
}

// readSubject finds the object that the event is about, data.object.
func readSubject(envelope object) (object, error) {
	var data, subject object
	if err := cmp.Or(read(envelope, "data", &data), read(data, "object", &subject)); err != nil {
		return nil, err
	}
	if subject == nil {
		return nil, fmt.Errorf("%w: data.object is missing", ErrPayload)
	}
	return subject, nil
}

// kind is what a handled type is about: the name that the object gives itself
// and how it is read.
type kind struct {
	name string
	read func(object, *models.Event) error
	// owns: its metadata says whose the payment or the subscription is. A charge's is
	// a copy that a person may have changed since, that of what hangs on a charge is
	// its own, and where an invoice's is depends on its version.
	owns bool
}

var (
	paymentIntent   = kind{"payment_intent", readPaymentIntent, true}
	checkoutSession = kind{"checkout.session", readCheckoutSession, true}
	charge          = kind{"charge", readCharge, false}
	refund          = kind{"refund", readRefund, false}
	dispute         = kind{"dispute", readDispute, false}
	review          = kind{"review", readReview, false}
	subscription    = kind{"subscription", readSubscription, true}
	invoice         = kind{"invoice", readInvoice, false}
	customer        = kind{"customer", readCustomer, true}

	handled = map[string]kind{
		"payment_intent.succeeded":                     paymentIntent,
		"payment_intent.processing":                    paymentIntent,
		"payment_intent.payment_failed":                paymentIntent,
		"payment_intent.canceled":                      paymentIntent,
		"checkout.session.completed":                   checkoutSession,
		"checkout.session.async_payment_succeeded":     checkoutSession,
		"checkout.session.async_payment_failed":        checkoutSession,
		"checkout.session.expired":                     checkoutSession,
		"charge.refunded":                              charge,
		"charge.refund.updated":                        refund,
		"refund.created":                               refund,
		"refund.updated":                               refund,
		"refund.failed":                                refund,
		"charge.dispute.created":                       dispute,
		"charge.dispute.updated":                       dispute,
		"charge.dispute.closed":                        dispute,
		"charge.dispute.funds_withdrawn":               dispute,
		"charge.dispute.funds_reinstated":              dispute,
		"review.opened":                                review,
		"review.closed":                                review,
		"customer.subscription.created":                subscription,
		"customer.subscription.updated":                subscription,
		"customer.subscription.deleted":                subscription,
		"customer.subscription.paused":                 subscription,
		"customer.subscription.resumed":                subscription,
		"customer.subscription.pending_update_applied": subscription,
		"customer.subscription.pending_update_expired": subscription,
		"customer.subscription.trial_will_end":         subscription,
		"invoice.paid":                                 invoice,
		"invoice.payment_succeeded":                    invoice,
		"invoice.payment_failed":                       invoice,
		"invoice.payment_action_required":              invoice,
		"invoice.upcoming":                             invoice,
		"invoice.marked_uncollectible":                 invoice,
		"invoice.finalized":                            invoice,
		"customer.deleted":                             customer,
	}
)

// Handled says whether events of a type are decoded whole. The set is small and
// fixed, so that it may label metrics.
func Handled(eventType string) bool {
	_, ok := handled[eventType]
	return ok
}

// readHandled fills e from its object when its type is handled.
func readHandled(subject object, e *models.Event) error {
	about, ok := handled[e.Type]
	if !ok {
		return nil
	}
	if subject.text("object", maxWord) != about.name {
		return fmt.Errorf("%w: data.object is no %s", ErrPayload, about.name)
	}
	if about.owns {
		e.Metadata, e.MetadataProblem = readMetadata(subject)
	}
	return about.read(subject, e)
}

// readPaymentIntent reads https://docs.stripe.com/api/payment_intents/object.
func readPaymentIntent(o object, e *models.Event) error {
	charge := newestCharge(o)
	failure := o.inner("last_payment_error")
	e.Currency = o.text("currency", maxCurrency)
	e.FailureCode = cmp.Or(failure.text("decline_code", maxWord), failure.text("code", maxWord))
	e.FailureMessage = failure.text("message", maxMessage)
	e.CancellationReason = o.text("cancellation_reason", maxWord)
	e.Email = cmp.Or(o.text("receipt_email", maxEmail), charge.inner("billing_details").text("email", maxEmail))

	var embedded string
	err := cmp.Or(
		o.id("id", &e.PaymentIntentID),
		o.id("latest_charge", &e.ChargeID),
		charge.id("id", &embedded),
		o.id("invoice", &e.InvoiceID),
		read(o, "amount", &e.Amount),
		read(o, "amount_received", &e.AmountReceived),
	)
	e.ChargeID = cmp.Or(e.ChargeID, embedded)
	return err
}

// newestCharge is the first of the charges, newest first, that API versions
// before 2022-11-15 embed in a payment intent; later ones name latest_charge
// instead, and for them it is empty.
func newestCharge(paymentIntent object) object {
	var list []json.RawMessage
	if read(paymentIntent.inner("charges"), "data", &list) != nil || len(list) == 0 {
		return nil
	}
	var charge object
	if json.Unmarshal(list[0], &charge) != nil {
		return nil
	}
	return charge
}

// readCheckoutSession reads https://docs.stripe.com/api/checkout/sessions/object.
// A session does not say what was collected: that is its total, unless it says
// that it is unpaid or, as the oldest versions, nothing. One that sets up a
// subscription names it, and Stripe's customer.
func readCheckoutSession(o object, e *models.Event) error {
	e.Currency = o.text("currency", maxCurrency)
	e.Mode = o.text("mode", maxWord)
	e.PaymentStatus = o.text("payment_status", maxWord)
	e.Email = cmp.Or(o.inner("customer_details").text("email", maxEmail), o.text("customer_email", maxEmail))
	err := cmp.Or(
		o.id("id", &e.CheckoutSessionID),
		o.id("payment_intent", &e.PaymentIntentID),
		o.id("invoice", &e.InvoiceID),
		read(o, "amount_total", &e.Amount),
	)
	if e.PaymentStatus != "" && e.PaymentStatus != "unpaid" {
		e.AmountReceived = e.Amount
	}
	if e.Mode == "subscription" {
		err = cmp.Or(err, o.ref("subscription", &e.SubscriptionID), o.ref("customer", &e.StripeCustomerID))
	}
	return err
}
