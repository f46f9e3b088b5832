package ledger_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestWhatThereIsNotIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.call(newCustomer, "")
	for call, form := range map[string][]string{
		oneCustomer: nil, "POST /v1/customers/{customer}": nil, "DELETE /v1/customers/{customer}": nil, "GET /v1/customers/{customer}/payment_methods": nil,
		"GET /v1/payment_methods/{payment_method}": nil, attachMethod: {"customer", customer.ID()}, "POST /v1/payment_methods/{payment_method}/detach": nil,
		oneIntent: nil, changeIntent: nil, confirmIntent: nil, captureIntent: nil, cancelIntent: nil,
		"GET /v1/charges/{charge}": nil, "POST /v1/charges/{charge}": nil, "GET /v1/charges/{charge}/refunds": nil,
		"GET /v1/refunds/{refund}": nil, "POST /v1/refunds/{refund}": nil, "POST /v1/refunds/{refund}/cancel": nil,
		"GET /v1/disputes/{dispute}": nil, changeDispute: nil, "POST /v1/disputes/{dispute}/close": nil,
		"GET /v1/reviews/{review}": nil, "POST /v1/reviews/{review}/approve": nil, "GET /v1/balance_transactions/{id}": nil,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			for _, id := range []string{"nothing", "we_1"} {
				refusal := w.refused(call, id, form...)
				assert.Equal(t, http.StatusNotFound, refusal.Status)
				assert.Equal(t, "resource_missing", refusal.Code)
			}
		})
	}
	for name, act := range map[string]func(*ledger.Tx) *wire.Error{
		"PayIntent":        func(x *ledger.Tx) *wire.Error { return x.PayIntent("pi_1", "pm_card_visa", nil) },
		"CompleteAction":   func(x *ledger.Tx) *wire.Error { return x.CompleteAction("pi_1", true) },
		"SettleIntent":     func(x *ledger.Tx) *wire.Error { return x.SettleIntent("pi_1", true) },
		"CancelIntent":     func(x *ledger.Tx) *wire.Error { return x.CancelIntent("pi_1", "") },
		"Refund":           func(x *ledger.Tx) *wire.Error { _, refusal := x.Refund("pi_1", 0, ""); return refusal },
		"SettleRefund":     func(x *ledger.Tx) *wire.Error { return x.SettleRefund("re_1", "failed", "") },
		"SetRefundOutcome": func(x *ledger.Tx) *wire.Error { return x.SetRefundOutcome("ch_1", "failed") },
		"OpenDispute":      func(x *ledger.Tx) *wire.Error { _, refusal := x.OpenDispute("ch_1", 0, "", false); return refusal },
		"UpdateDispute":    func(x *ledger.Tx) *wire.Error { return x.UpdateDispute("du_1", "words", true) },
		"EscalateDispute":  func(x *ledger.Tx) *wire.Error { return x.EscalateDispute("du_1") },
		"CloseDispute":     func(x *ledger.Tx) *wire.Error { return x.CloseDispute("du_1", "won") },
		"OpenReview":       func(x *ledger.Tx) *wire.Error { _, refusal := x.OpenReview("pi_1", ""); return refusal },
		"CloseReview":      func(x *ledger.Tx) *wire.Error { return x.CloseReview("prv_1", "approved") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, http.StatusNotFound, w.cannot(act).Status)
		})
	}
}

func TestWhatTheStandInDoesNotServeIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_card_visa", "capture_method", "manual")
	for call, c := range map[string]struct{ id, param, value string }{
		newCustomer:                     {"", "test_clock", "clock_1"},
		"POST /v1/customers/{customer}": {"cus_1", "source", "tok_visa"},
		newIntent:                       {"", "on_behalf_of", "acct_1"},
		changeIntent:                    {intent.ID(), "application_fee_amount", "5"},
		confirmIntent:                   {intent.ID(), "confirmation_token", "ctoken_1"},
		captureIntent:                   {intent.ID(), "application_fee_amount", "5"},
		newRefund:                       {"", "origin", "customer_balance"},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			form := []string{c.param, c.value}
			if call == newIntent {
				form = append(form, "amount", "1000", "currency", "usd")
			}
			refusal := w.refused(call, c.id, form...)
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, c.param, refusal.Param)
			assert.Contains(t, refusal.Message, "does not serve")
		})
	}
}
