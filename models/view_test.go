package models_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) view(id string) models.PaymentView {
	s.t.Helper()
	v, err := s.CustomerPayment(s.t.Context(), customerID, id)
	require.NoError(s.t, err)
	return v
}

func TestCustomerPayment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(s shop, id string)
		status  string
		amount  int64
		order   models.OrderStatus // "": none
		final   bool
	}{
		"nothing yet": {func(shop, string) {}, "pending", subtotal + fee, "", false},
		"being processed": {func(s shop, id string) {
			s.record(paid("pi_1", named(id), uncollected), models.PaymentProcessing)
		}, "processing", subtotal + fee, "", false},
		"a failed attempt": {func(s shop, id string) {
			s.record(failed("pi_1", "ch_1", named(id)), models.PaymentFailed)
		}, "failed", subtotal + fee, "", false},
		"canceled": {func(s shop, id string) {
			s.record(paid("pi_1", named(id), uncollected), models.PaymentCanceled)
		}, "canceled", subtotal + fee, "", true},
		"paid": {func(s shop, id string) { s.mustOrder(paid("pi_1", named(id))) }, "paid", subtotal + fee, models.OrderConfirmed, true},
		"paid what does not fit": {func(s shop, id string) {
			s.create(paid("pi_1", named(id), collected(1)))
		}, "needs_attention", 1, "", false},
		"held": {func(s shop, id string) {
			s.mustOrder(paid("pi_1", named(id)))
			s.act(models.ActHold)
		}, "paid", subtotal + fee, models.OrderOnHold, false},
		"charged back": {func(s shop, id string) {
			s.mustOrder(paid("pi_1", named(id)))
			s.exec("UPDATE payments SET charged_back = true")
		}, "charged_back", subtotal + fee, models.OrderConfirmed, true},
		"disputed": {func(s shop, id string) {
			s.mustOrder(paid("pi_1", named(id)))
			s.exec("UPDATE payments SET disputed = true")
		}, "disputed", subtotal + fee, models.OrderConfirmed, false},
		"refunded in part": {func(s shop, id string) {
			s.mustOrder(paid("pi_1", named(id)))
			s.exec("UPDATE payments SET amount_refunded = 1")
		}, "partially_refunded", subtotal + fee, models.OrderConfirmed, true},
		"refunded in part before there is an order": {func(s shop, id string) {
			s.exec("UPDATE payments SET state = 'paid', amount_received = 1599, amount_refunded = 1 WHERE id = $1", id)
		}, "partially_refunded", subtotal + fee, "", false},
		"refunded": {func(s shop, id string) {
			s.exec("UPDATE payments SET state = 'paid', amount_received = 1599, amount_refunded = 1599 WHERE id = $1", id)
		}, "refunded", subtotal + fee, "", true},
		"nothing to pay, and it could not be made": {func(s shop, id string) {
			s.exec("UPDATE payments SET state = 'paid', amount_received = 0, no_order_reason = 'out_of_stock' WHERE id = $1", id)
		}, "paid", 0, "", true},
		"collected, and the order is about to be made": {func(s shop, id string) {
			s.exec("UPDATE payments SET state = 'paid', amount_received = 1599 WHERE id = $1", id)
		}, "paid", subtotal + fee, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			id := s.freeze().PaymentID
			c.happens(s, id)
			v := s.view(id)
			assert.Equal(t, id, v.PaymentID)
			assert.Equal(t, c.status, v.Status)
			assert.Equal(t, c.amount, v.Amount)
			assert.Equal(t, models.Currency("usd"), v.Currency)
			assert.Equal(t, c.final, v.Final())
			if c.order == "" {
				assert.Nil(t, v.Order)
				assert.Empty(t, v.OrderID)
				return
			}
			assert.Equal(t, c.order, v.Order.Status)
			assert.Equal(t, v.OrderID, v.Order.ID)
			assert.Len(t, v.Order.Items, 2)
		})
	}

	t.Run("of another, or nobody, is not found", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		id := s.freeze().PaymentID
		s.create(paid("pi_1", without))
		unmatched := s.detail("pi_1").Payment.PaymentID
		for _, c := range [][2]string{{"other", id}, {customerID, "pay_9"}, {customerID, "pay_\x00"}, {customerID, ""}, {"", unmatched}} {
			_, err := s.CustomerPayment(t.Context(), c[0], c[1])
			requireKind(t, err, models.NotFound, "")
		}
	})

	t.Run("has the contract's keys", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		id := s.freeze().PaymentID
		text, err := json.Marshal(s.view(id))
		require.NoError(t, err)
		assert.JSONEq(t, `{"paymentId":"`+id+`","status":"pending","amount":1599,"currency":"usd"}`, string(text))
	})

	t.Run("is the checkout's customer's, whatever the metadata claims", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		id := s.freeze().PaymentID
		s.mustOrder(paid("pi_1", with(models.KeyPaymentID, id), with(models.KeyCustomerID, "other")))
		assert.Equal(t, "paid", s.view(id).Status)
	})
}

func uncollected(e *models.Event) { e.AmountReceived = new(int64(0)) }
