package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"twigz/models"
	"twigz/temporal-dev/apiclient"
	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// stage is where one sale is played.
type stage struct {
	stripe *stripestandin.Server
	rows   *rows
	api    apiclient.Client
	sale   *sale

	dispute, review, refund string // Stripe's IDs, "" while there is none
}

const (
	// patience is how long a sale may wait for one thing: a dead worker's mails alone are tried again after forty seconds.
	patience = 4 * time.Minute
	// look is the pause between two looks, and between two attempts at a call that was not answered.
	look = 300 * time.Millisecond
)

// pause waits, unless ctx ends before that.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// act changes something at Stripe.
func (s *stage) act(what string, change func(*ledger.Tx) *wire.Error) error {
	if err := s.stripe.Act(change); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// payment is what the customer pays.
func (s *stage) payment() ledger.Payment {
	p := ledger.Payment{
		PaymentIntentID: s.sale.Intent(), ReceiptEmail: s.sale.Email,
		BillingDetails: ledger.BillingDetails{Name: "Customer", Email: s.sale.Email},
	}
	if p.PaymentIntentID == "" {
		p.Amount, p.Currency, p.Metadata = s.sale.Paid, string(s.sale.Store.Currency), s.sale.metadata()
	}
	return p
}

// settle runs a payment, and whatever else is to happen in the same moment.
func (s *stage) settle(what string, do func(*ledger.Tx, ledger.Payment) (wire.Object, *wire.Error), more ...func(*ledger.Tx) *wire.Error) error {
	return s.act(what, func(t *ledger.Tx) *wire.Error {
		intent, refusal := do(t, s.payment())
		if refusal != nil {
			return refusal
		}
		s.sale.setIntent(intent.ID())
		for _, act := range more {
			if refusal := act(t); refusal != nil {
				return refusal
			}
		}
		return nil
	})
}

func (s *stage) pay(context.Context) error { return s.settle("pay", (*ledger.Tx).Pay) }

func (s *stage) decline(context.Context) error { return s.settle("decline", (*ledger.Tx).Fail) }

func (s *stage) cancel(context.Context) error { return s.settle("cancel", (*ledger.Tx).Cancel) }

// tellTwice makes a second event of the payment's success: another ID, the same change.
func (s *stage) tellTwice(context.Context) error {
	return s.act("tell twice", func(t *ledger.Tx) *wire.Error {
		t.Emit("payment_intent.succeeded", t.Read(s.sale.Intent()))
		return nil
	})
}

// payAndRefund gives the money back in the moment in which it was paid.
func (s *stage) payAndRefund(context.Context) error {
	return s.settle("pay and refund", (*ledger.Tx).Pay, func(t *ledger.Tx) *wire.Error {
		_, refusal := t.Refund(s.sale.Intent(), 0, "requested_by_customer")
		return refusal
	})
}

func (s *stage) payAndDispute(context.Context) error {
	return s.settle("pay and dispute", (*ledger.Tx).Pay, s.openDispute)
}

// session pays on Stripe's hosted page; our metadata is on the session, on its payment intent, or on both.
func session(onSession, onIntent bool) func(*stage, context.Context) error {
	return func(s *stage, _ context.Context) error {
		return s.act("pay a session", func(t *ledger.Tx) *wire.Error {
			made, refusal := ledger.Calls()["POST /v1/checkout/sessions"](t, ledger.Input{Params: s.sessionParams(onSession, onIntent)})
			if refusal != nil {
				return refusal
			}
			done, refusal := t.CompleteSession(made.ID(), ledger.SessionPayment{
				BillingDetails: ledger.BillingDetails{Name: "Customer", Email: s.sale.Email},
			})
			s.sale.setIntent(done.Text("payment_intent"))
			return refusal
		})
	}
}

func (s *stage) sessionParams(onSession, onIntent bool) wire.Object {
	var items []wire.Object
	item := func(name string, amount, quantity int64) {
		items = append(items, wire.Object{"quantity": quantity, "price_data": wire.Object{
			"currency": string(s.sale.Store.Currency), "unit_amount": amount, "product_data": wire.Object{"name": name},
		}})
	}
	for _, line := range s.sale.Lines {
		item(line.Name, line.UnitAmount, line.Quantity)
	}
	if fee := s.sale.fee(); fee > 0 {
		item("Delivery", fee, 1)
	}
	params := wire.Object{"mode": "payment", "success_url": "https://shop.example/thanks", "customer_email": s.sale.Email, "line_items": items}
	if onSession {
		params["metadata"] = wire.Strings(s.sale.metadata())
	}
	if onIntent {
		params["payment_intent_data"] = wire.Object{"metadata": wire.Strings(s.sale.metadata())}
	}
	return wire.Normalize(params)
}

func (s *stage) refundAll(context.Context) error { return s.giveBack(0) }

func (s *stage) refundPart(context.Context) error { return s.giveBack(s.sale.part()) }

// giveBack refunds as staff do in Stripe's Dashboard; 0 is all.
func (s *stage) giveBack(amount int64) error {
	return s.act("refund", func(t *ledger.Tx) *wire.Error {
		made, refusal := t.Refund(s.sale.Intent(), amount, "requested_by_customer")
		s.refund = made.ID()
		return refusal
	})
}

// bounce has the bank send the refund back.
func (s *stage) bounce(context.Context) error {
	return s.act("fail the refund", func(t *ledger.Tx) *wire.Error { return t.SettleRefund(s.refund, "failed", "lost_or_stolen_card") })
}

func (s *stage) disputeIt(context.Context) error { return s.act("dispute", s.openDispute) }

func (s *stage) openDispute(t *ledger.Tx) *wire.Error {
	made, refusal := t.OpenDispute(s.sale.Intent(), 0, "fraudulent", false)
	s.dispute = made.ID()
	return refusal
}

// decided is the bank's word on the dispute: won or lost.
func decided(status string) func(*stage, context.Context) error {
	return func(s *stage, _ context.Context) error {
		return s.act("decide the dispute", func(t *ledger.Tx) *wire.Error { return t.CloseDispute(s.dispute, status) })
	}
}

func (s *stage) reviewIt(context.Context) error {
	return s.act("review", func(t *ledger.Tx) *wire.Error {
		made, refusal := t.OpenReview(s.sale.Intent(), "rule")
		s.review = made.ID()
		return refusal
	})
}

// reviewed is the end of the review: approved or refunded_as_fraud.
func reviewed(reason string) func(*stage, context.Context) error {
	return func(s *stage, _ context.Context) error {
		return s.act("close the review", func(t *ledger.Tx) *wire.Error { return t.CloseReview(s.review, reason) })
	}
}

// ordered waits until the order is there.
func (s *stage) ordered(ctx context.Context) error {
	return s.until(ctx, "the order", func(now standing) bool { return now.Order != "" })
}

// blocked waits until the payment waits for a person.
func (s *stage) blocked(ctx context.Context) error {
	return s.until(ctx, "the payment to need attention", func(now standing) bool { return now.Status == "needs_attention" })
}

// until looks at the payment's rows until they are as they should be. That the database does not answer now and then is a part
// of the game.
func (s *stage) until(ctx context.Context, what string, is func(standing) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %s for %s", patience, what))
	defer cancel()
	var now standing
	for {
		found, err := s.rows.standing(ctx, s.sale.Intent())
		if err == nil {
			now = found
		}
		if err == nil && is(now) {
			return nil
		}
		if !pause(ctx, look) {
			return fmt.Errorf("%w: it is %q with order %q", context.Cause(ctx), now.Status, now.Order)
		}
	}
}

// restock puts enough of the rare product on the shelf.
func (s *stage) restock(ctx context.Context) error {
	return s.persist(ctx, "restock", func(ctx context.Context) error {
		return s.rows.restock(ctx, *s.sale.Rare, s.sale.restocked())
	})
}

// staff has a person ask for something through the support API. A request whose answer was lost is made again under its own
// ID, as a person does who sees an error.
func staff(action models.ActionKind) func(*stage, context.Context) error {
	return func(s *stage, ctx context.Context) error {
		body := map[string]string{
			"action": string(action), "reason": "chaos",
			"requestId": fmt.Sprintf("chaos-%04d-%s", s.sale.Number, action),
		}
		err := s.persist(ctx, string(action), func(ctx context.Context) error {
			return s.api.Call(ctx, http.MethodPost, "/support/api/payments/"+s.sale.Intent()+"/actions", supportToken, body, nil)
		})
		var answer *apiclient.StatusError
		if action == models.ActRetry && errors.As(err, &answer) && answer.Status == http.StatusConflict {
			return nil // a late event was faster, and has tried again already
		}
		return err
	}
}

// persist tries something until it is done or refused.
func (s *stage) persist(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	for {
		err := try(ctx)
		var answer *apiclient.StatusError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &answer) && answer.Status < 500 && answer.Status != http.StatusTooManyRequests:
			return fmt.Errorf("%s: %w", what, err)
		case !pause(ctx, look):
			return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}
