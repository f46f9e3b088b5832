package stripestandin

import (
	"errors"
	"time"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

type (
	// PaymentParams is a payment as a whole.
	PaymentParams = ledger.Payment
	// BillingDetails is what the customer has told of themself.
	BillingDetails = ledger.BillingDetails
	// Attempt is one try at delivering an event.
	Attempt = courier.Attempt
	// Delivery is an event on its way to an endpoint.
	Delivery = courier.Delivery
)

// Pay has a customer pay, and returns the ID of the payment_intent.succeeded event and of the intent.
func (s *Server) Pay(p PaymentParams) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.succeeded", (*ledger.Tx).Pay)
}

// Fail has a customer's payment declined, and returns the ID of the payment_intent.payment_failed event and of the intent.
func (s *Server) Fail(p PaymentParams) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.payment_failed", (*ledger.Tx).Fail)
}

// Cancel cancels a payment, and returns the ID of the payment_intent.canceled event and of the intent.
func (s *Server) Cancel(p PaymentParams) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.canceled", (*ledger.Tx).Cancel)
}

func (s *Server) settle(p PaymentParams, eventType string, do func(*ledger.Tx, ledger.Payment) (wire.Object, *wire.Error)) (eventID, intentID string, err error) {
	err = s.Act(func(t *ledger.Tx) *wire.Error {
		intent, refusal := do(t, p)
		for _, event := range t.Events() {
			if event.Text("type") == eventType {
				eventID = event.ID()
			}
		}
		intentID = intent.ID()
		return refusal
	})
	return eventID, intentID, err
}

// Act runs a change that comes from the outside world: a bank, a customer, the person at the Dashboard.
func (s *Server) Act(change func(*ledger.Tx) *wire.Error) error {
	if refusal := s.ledger.Do(ledger.Cause{}, change); refusal != nil {
		return refusal
	}
	return nil
}

// View runs a function that reads objects.
func (s *Server) View(read func(*ledger.Tx)) { s.ledger.View(read) }

// Put adds an object as it is, or replaces the one with its ID, so that tests can have what Stripe never would.
func (s *Server) Put(o map[string]any) error {
	made := wire.Normalize(o)
	if made.ID() == "" || made.Kind() == "" {
		return errors.New("an object needs an id and the name of its kind in object")
	}
	return s.Act(func(t *ledger.Tx) *wire.Error { t.Put(made); return nil })
}

// Advance sets the clock ahead and does what was to happen meanwhile.
func (s *Server) Advance(by time.Duration) { s.ledger.Advance(by) }

// SetFaults replaces what goes wrong.
func (s *Server) SetFaults(seed uint64, rules ...faults.Rule) error { return s.faults.Set(seed, rules) }

// Deliveries lists every attempt to deliver an event, oldest first.
func (s *Server) Deliveries() []Attempt { return s.courier.Attempts() }

// Undelivered lists what is on its way, and what never arrived.
func (s *Server) Undelivered() []Delivery { return s.courier.Undelivered() }

// Send signs and delivers a payload to WebhookURL exactly as given, so that tests can send what Stripe never would.
func (s *Server) Send(payload []byte) { s.courier.Send(s.hook, payload) }

// Sign makes the Stripe-Signature header for a payload: t=…,v1=….
func Sign(payload []byte, secret string, at time.Time) string {
	return courier.Sign(payload, at, secret)
}
