package models_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// ask asks for an action on pi_1 as ada.
func (s shop) act(kind models.ActionKind, changes ...func(*models.Action)) models.ActionResult {
	s.t.Helper()
	a := models.Action{
		PaymentID: "pi_1", Kind: kind, Actor: "ada", Reason: "because", RequestID: fresh("req"), Workflow: fresh("support"),
	}
	for _, change := range changes {
		change(&a)
	}
	r, err := s.Act(s.t.Context(), a)
	require.NoError(s.t, err)
	return r
}

func amount(n int64) func(*models.Action) { return func(a *models.Action) { a.Amount = &n } }

func refunding(s shop) shop {
	s.t.Helper()
	s.putStore(func(store *models.Store) { store.OnUnfulfillable = models.RefundWhenUnfulfillable })
	return s
}

func TestUnfulfillableIsRefunded(t *testing.T) {
	t.Parallel()
	closed := func(s shop) {
		s.putStore(func(store *models.Store) {
			store.OnUnfulfillable, store.Active = models.RefundWhenUnfulfillable, false
		})
	}
	empty := func(s shop) { refunding(s).putProduct("loaf", 450, new(int64(1))) }
	for name, arrange := range map[string]func(shop){"out_of_stock": empty, "store_closed": closed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			arrange(s)
			before := s.goods()
			e := paid("pi_1")
			f := s.create(e)
			assert.True(t, f.Compensate)
			assert.Equal(t, models.PaymentBlocked, f.Outcome)
			require.Len(t, f.Refunds, 1)
			assert.Equal(t, models.RefundDue{
				RefundID: f.Refunds[0].RefundID, Key: e.ID + ":compensation", PaymentIntentID: "pi_1", ChargeID: "ch_1", Amount: subtotal + fee,
			}, f.Refunds[0])
			assert.Equal(t, f, s.create(e), "an answer that was lost is given again")
			assert.Equal(t, "needs_attention none", s.where("pi_1"), "until the money is on its way")

			sibling := s.create(session("cs_1", "pi_1"))
			assert.False(t, sibling.Compensate, "it is done by one of them")
			assert.Equal(t, e.ID, sibling.OwnerID)

			require.NoError(t, s.GiveBack(t.Context(), f.PaymentID))
			s.answerRefunds(f.PaymentID, models.RefundSucceeded)
			assert.Equal(t, "refunded none", s.where("pi_1"))
			after := s.goods()
			assert.EqualValues(t, 2, after.Notifications, "both are told")
			after.Notifications = before.Notifications
			assert.Equal(t, before, after, "stock and cart are as they were")

			for range 2 {
				again := s.create(e)
				assert.Equal(t, models.PaymentRefunded, again.Outcome)
				assert.Empty(t, again.Refunds)
			}
			d := s.detail("pi_1")
			assert.Len(t, d.Refunds, 1)
			assert.Equal(t, name, *d.Payment.NoOrderReason)
		})
	}

	t.Run("by one workflow, while another sends the mails", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid("pi_1", collected(1000))
		f := s.create(e)
		r := s.act(models.ActRefund, func(a *models.Action) { a.Workflow = "support-1" })
		require.Len(t, r.Due.Refunds, 1)
		s.answerRefunds(f.PaymentID, models.RefundSucceeded)
		letters, err := s.ClaimNotifications(t.Context(), f.PaymentID, "support-1")
		require.NoError(t, err)
		require.Len(t, letters, 2)
		again := s.create(e)
		assert.Equal(t, models.PaymentRefunded, again.Outcome)
		assert.False(t, again.Compensate, "they are the other's to send")
	})

	t.Run("not again when the stock is back: it was decided", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		empty(s)
		f := s.create(paid("pi_1"))
		s.answerRefunds(f.PaymentID, models.RefundPending)
		s.putProduct("loaf", 450, new(int64(10)))
		assert.Equal(t, models.PaymentRefunded, s.create(session("cs_1", "pi_1")).Outcome)
		assert.Equal(t, "refunded none", s.where("pi_1"))
	})

	t.Run("and waits for a person when Stripe refuses", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		empty(s)
		e := paid("pi_1")
		f := s.create(e)
		s.answerRefunds(f.PaymentID, models.RefundRefused)
		again := s.create(e)
		assert.Equal(t, models.BlockedCompensation, again.BlockedReason)
		assert.Contains(t, again.BlockedDetail, "insufficient_funds")
		assert.Equal(t, e.ID, again.OwnerID)

		r := s.act(models.ActRetry)
		assert.Empty(t, r.Refusal)
		require.Len(t, r.Due.Refunds, 1, "it is asked for anew")
		s.answerRefunds(f.PaymentID, models.RefundSucceeded)
		assert.Equal(t, "refunded none", s.where("pi_1"))
	})

	t.Run("when it fails days after it had succeeded, it waits for a person again", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		empty(s)
		f := s.create(paid("pi_1"))
		s.answerRefunds(f.PaymentID, models.RefundSucceeded)
		id := ask[string](s, "SELECT stripe_refund_id FROM refunds")
		late := refunded("pi_1", id, subtotal+fee, models.RefundFailed)
		standing := s.tell(late)
		assert.Equal(t, models.BlockedCompensation, standing.BlockedReason)
		assert.Equal(t, late.ID, standing.OwnerID, "the workflow that heard of it waits")
		r := s.act(models.ActAccept)
		assert.Empty(t, r.Refusal, "the money was given by other means")
		assert.Equal(t, late.ID, r.Due.WakeID)
		assert.Empty(t, s.detail("pi_1").Payment.BlockedReason)
	})

	t.Run("and what was reserved for its checkout is free again", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		refunding(s).checkout("co_1")
		require.NoError(t, s.ReserveStock(t.Context(), "co_1"))
		assert.EqualValues(t, 8, s.stock("loaf"))
		closed(s)
		s.create(paid("pi_1", named("co_1")))
		assert.EqualValues(t, 10, s.stock("loaf"))
	})
}

func TestReservations(t *testing.T) {
	t.Parallel()
	t.Run("are what the order takes", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		require.NoError(t, s.ReserveStock(t.Context(), "co_1"))
		require.NoError(t, s.ReserveStock(t.Context(), "co_1"), "once")
		s.mustOrder(paid("pi_1", named("co_1")))
		assert.EqualValues(t, 8, s.stock("loaf"))
		require.NoError(t, s.ReleaseReservation(t.Context(), "co_1"))
		assert.EqualValues(t, 8, s.stock("loaf"), "what is sold stays sold")
	})
	t.Run("end with the payment, and a success after that is checked against the stock", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		require.NoError(t, s.ReserveStock(t.Context(), "co_1"))
		s.tell(about("pi_1", "payment_intent.canceled", named("co_1")))
		assert.EqualValues(t, 10, s.stock("loaf"))
		s.putProduct("loaf", 450, new(int64(1)))
		assert.Equal(t, models.BlockedOutOfStock, s.create(paid("pi_1", named("co_1"))).BlockedReason)
	})
	t.Run("are refused for what is not there", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1", models.Line{ProductID: "loaf", Name: "Loaf", Quantity: 11, UnitAmount: 450})
		requireKind(t, s.ReserveStock(t.Context(), "co_1"), models.Conflict, "")
		assert.EqualValues(t, 10, s.stock("loaf"))
	})
}

func TestActions(t *testing.T) {
	t.Parallel()
	mismatch := func(s shop) { s.create(paid("pi_1", collected(1500))) }
	order := func(s shop) { s.mustOrder(paid("pi_1")) }
	for _, c := range []struct {
		name    string
		arrange func(shop)
		kind    models.ActionKind
		change  func(*models.Action)
		refusal string // "": it is done
		where   string
	}{
		{"accept makes the order, worth what was collected", mismatch, models.ActAccept, nil, "", "paid confirmed"},
		{"accept needs a mismatch", order, models.ActAccept, nil, "There is no mismatch to accept", "paid confirmed"},
		{"retry looks again and finds the same", mismatch, models.ActRetry, nil, "", "needs_attention none"},
		{"retry needs something that waits", order, models.ActRetry, nil, "Nothing is waiting for a retry", "paid confirmed"},
		{"fix makes the order of corrected metadata", func(s shop) { s.create(paid("pi_1", lacking(models.KeyStoreID))) }, models.ActFix, func(a *models.Action) { a.Metadata = terms() }, "", "paid confirmed"},
		{"fix claims a payment that carried none", func(s shop) { s.create(paid("pi_1", without)) }, models.ActFix, func(a *models.Action) { a.Metadata = terms() }, "", "paid confirmed"},
		{"fix that is wrong again waits again", func(s shop) { s.create(paid("pi_1", without)) }, models.ActFix, func(a *models.Action) { a.Metadata = models.Metadata{models.KeyStoreID: "nowhere"} }, "", "needs_attention none"},
		{"fix has no place where there is an order", order, models.ActFix, func(a *models.Action) { a.Metadata = terms() }, "The payment does not wait for its metadata", "paid confirmed"},
		{"refund of all that waits means no order", mismatch, models.ActRefund, nil, "", "needs_attention none"},
		{"refund of a part leaves the order", order, models.ActRefund, amount(500), "", "paid confirmed"},
		{"refund of more than there is", order, models.ActRefund, amount(1600), "No more than 15.99 USD is left to refund", "paid confirmed"},
		{"refund of nothing collected", func(s shop) { s.tell(failed("pi_1", "ch_1")) }, models.ActRefund, nil, "Nothing was collected", "failed none"},
		{"refund of what is disputed", func(s shop) { order(s); s.tell(disputed("pi_1", models.DisputeNeedsResponse)) }, models.ActRefund, nil, "The payment is disputed: its bank decides about the money", "disputed on_hold"},
		{"cancel takes the order back", order, models.ActCancel, nil, "", "needs_attention canceled"},
		{"cancel decides that there will be none", mismatch, models.ActCancel, nil, "", "needs_attention none"},
		{"cancel of what is over", func(s shop) { order(s); s.tell(refunded("pi_1", "re_1", 1599, models.RefundSucceeded)) }, models.ActCancel, nil, "An order that is refunded cannot be canceled", "refunded refunded"},
		{"hold keeps the order", order, models.ActHold, nil, "", "paid on_hold"},
		{"hold keeps an order that is still to come", mismatch, models.ActHold, nil, "", "needs_attention none"},
		{"release of nothing", order, models.ActRelease, nil, "There is no such hold to release", "paid confirmed"},
		{"release leaves what others hold", func(s shop) { order(s); s.tell(disputed("pi_1", models.DisputeNeedsResponse)) }, models.ActRelease, nil, "There is no such hold to release", "disputed on_hold"},
		{"resend of what was not sent", mismatch, models.ActResend, func(a *models.Action) { a.Recipient = models.ToStore }, "No mail to them was due yet", "needs_attention none"},
		{"resend of what is on its way", order, models.ActResend, func(a *models.Action) { a.Recipient = models.ToStore }, "A mail to them is on its way", "paid confirmed"},
		{"note changes nothing", order, models.ActNote, nil, "", "paid confirmed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			c.arrange(s)
			var asked models.Action
			r := s.act(c.kind, func(a *models.Action) {
				if c.change != nil {
					c.change(a)
				}
				asked = *a
			})
			assert.Equal(t, c.refusal, r.Refusal)
			assert.Equal(t, c.where, s.where("pi_1"))
			newest := last(s.detail("pi_1").Audit)
			assert.Equal(t, "ada", newest.Actor)
			assert.Equal(t, "because", newest.Reason)
			assert.False(t, newest.Claimed)
			if c.refusal == "" {
				assert.Equal(t, "action_"+string(c.kind), newest.Action)
			} else {
				assert.Equal(t, "action_"+string(c.kind)+"_refused", newest.Action)
				assert.Equal(t, c.refusal, newest.After)
			}

			again, err := s.Act(t.Context(), asked)
			require.NoError(t, err)
			assert.True(t, again.Duplicate)
			assert.Equal(t, c.refusal, again.Refusal, "the same answer")
			assert.Equal(t, newest, last(s.detail("pi_1").Audit), "done once")
		})
	}
}

func TestAcceptedOrderIsWorthWhatWasCollected(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.create(paid("pi_1", func(e *models.Event) { e.AmountReceived = new(int64(1000)) }))
	s.act(models.ActAccept)
	o := s.detail("pi_1").Order
	assert.EqualValues(t, 1000, o.Total)
	assert.EqualValues(t, -599, o.Adjustment)
	assert.Equal(t, subtotal, o.Subtotal)

	s = newShop(t)
	s.create(paid("pi_1", in("eur")))
	s.act(models.ActAccept)
	o = s.detail("pi_1").Order
	assert.Equal(t, subtotal+fee, o.Total, "what was paid in another currency cannot be compared")
	assert.EqualValues(t, "usd", o.Currency)

	s = newShop(t)
	s.create(paid("pi_1", with(models.KeyDeliveryFee, "9.99"), collected(2199)))
	s.act(models.ActAccept)
	assert.EqualValues(t, 2199, s.detail("pi_1").Order.Total)
}

func TestCanceledOrderGoesBackWhole(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := s.mustOrder(paid("pi_1"))
	require.NoError(t, s.ClearCart(t.Context(), f.OrderID))
	r := s.act(models.ActCancel)
	require.Len(t, r.Due.Refunds, 1)
	assert.EqualValues(t, 10, s.stock("loaf"))
	s.answerRefunds(f.PaymentID, models.RefundSucceeded)
	assert.Equal(t, "refunded refunded", s.where("pi_1"))

	id := ask[string](s, "SELECT stripe_refund_id FROM refunds")
	s.tell(refunded("pi_1", id, subtotal+fee, models.RefundFailed))
	assert.Equal(t, "needs_attention canceled", s.where("pi_1"), "the money came back, the order does not")
	assert.EqualValues(t, 10, s.stock("loaf"))
}

func TestHoldsLieOverEachOther(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustOrder(paid("pi_1"))
	s.act(models.ActHold)
	s.act(models.ActHold)
	s.tell(disputed("pi_1", models.DisputeNeedsResponse))
	assert.Len(t, s.detail("pi_1").Holds, 3)
	s.act(models.ActRelease, func(a *models.Action) { a.HoldID = s.detail("pi_1").Holds[0].ID })
	assert.Len(t, s.detail("pi_1").Holds, 2)
	s.act(models.ActRelease)
	assert.Equal(t, "disputed on_hold", s.where("pi_1"))
	s.tell(disputed("pi_1", models.DisputeWon))
	assert.Equal(t, "paid confirmed", s.where("pi_1"))
}

func TestRefundsTogetherNeverExceedWhatWasCollected(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustOrder(paid("pi_1"))
	s.tell(refunded("pi_1", "re_1", 599, models.RefundSucceeded))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := s.Act(t.Context(), models.Action{PaymentID: "pi_1", Kind: models.ActRefund, Actor: "ada", Reason: "x", RequestID: fresh("req"), Amount: new(int64(300))})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 900, ask[int64](s, "SELECT sum(amount) FROM refunds WHERE status = 'requested'"))
	assert.Equal(t, "No more than 1.00 USD is left to refund", s.act(models.ActRefund, amount(101)).Refusal)
}

func TestOneRequestActsOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustOrder(paid("pi_1"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := s.Act(t.Context(), models.Action{PaymentID: "pi_1", Kind: models.ActRefund, Actor: "ada", Reason: "x", RequestID: "req", Amount: new(int64(100))})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 100, ask[int64](s, "SELECT sum(amount) FROM refunds"))
	other := s.act(models.ActNote, func(a *models.Action) { a.RequestID = "req" })
	assert.Equal(t, "This requestId was used for another request", other.Refusal)
}

func TestRequestsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustOrder(paid("pi_1"))
	for field, change := range map[string]func(*models.Action){
		"action":    func(a *models.Action) { a.Kind = "eat" },
		"requestId": func(a *models.Action) { a.RequestID = "" },
		"actor":     func(a *models.Action) { a.Actor = "" },
		"amount":    func(a *models.Action) { a.Kind, a.Amount = models.ActRefund, new(int64(0)) },
		"recipient": func(a *models.Action) { a.Kind, a.Recipient = models.ActResend, "everybody" },
		"metadata":  func(a *models.Action) { a.Kind = models.ActFix; s.exec("DELETE FROM cart_items") },
	} {
		t.Run(field, func(t *testing.T) {
			a := models.Action{PaymentID: "pi_1", Kind: models.ActNote, Actor: "ada", Reason: "x", RequestID: fresh("req")}
			change(&a)
			_, err := s.Act(t.Context(), a)
			requireKind(t, err, models.Invalid, field)
		})
	}
	_, err := s.Act(t.Context(), models.Action{PaymentID: "pi_9", Kind: models.ActNote, Actor: "ada", RequestID: "r"})
	requireKind(t, err, models.NotFound, "")
	assert.Zero(t, ask[int64](s, "SELECT count(*) FROM actions"))
}

func TestClaimedActorsAreMarked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustOrder(paid("pi_1"))
	s.act(models.ActNote, func(a *models.Action) { a.Claimed = true })
	assert.True(t, last(s.detail("pi_1").Audit).Claimed)
}

func TestAnActionLeavesItsWorkflowInTheInbox(t *testing.T) {
	t.Parallel()
	start := func(a *models.Action) {
		a.Start = &models.PendingStart{WorkflowID: "support-" + a.RequestID, WorkflowType: "SupportAction", Input: []byte(`{}`)}
	}
	for kind, kept := range map[models.ActionKind]int64{models.ActCancel: 1, models.ActRefund: 1, models.ActNote: 0, models.ActHold: 0, models.ActAccept: 0} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			f := s.mustOrder(paid("pi_1"))
			require.NoError(t, s.ClearCart(t.Context(), f.OrderID))
			s.exec("UPDATE notifications SET status = 'recorded'")
			s.act(kind, start)
			assert.Equal(t, kept, ask[int64](s, "SELECT count(*) FROM inbox"))
			if kept == 1 {
				owner := ask[*string](s, "SELECT owner_workflow_id FROM payments")
				if kind == models.ActCancel {
					assert.Contains(t, *owner, "support-", "it waits, should the refund not go through")
				}
			}
		})
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	t.Run("makes an order that nobody has made", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.create(paid("pi_1", without))
		s.exec("UPDATE payments SET kind = 'order', metadata = $1", fmt.Sprintf(`{"customerId":%q,"storeId":%q,"deliveryType":"pickup"}`, customerID, storeID))
		s.exec("UPDATE payments SET amount_received = $1", subtotal)
		standing, err := s.Look(t.Context(), s.detail("pi_1").Payment.PaymentID, "case-1", false)
		require.NoError(t, err)
		assert.Equal(t, models.OrderCreated, standing.Outcome)
		assert.True(t, standing.Due.ClearCart)
		assert.True(t, standing.Due.Notify)
	})
	t.Run("waits for a person where nobody does, and where the one who did is gone", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.create(paid("pi_1", collected(1)))
		standing, err := s.Look(t.Context(), f.PaymentID, "case-1", false)
		require.NoError(t, err)
		assert.Equal(t, f.OwnerID, standing.OwnerID)
		standing, err = s.Look(t.Context(), f.PaymentID, "case-1", true)
		require.NoError(t, err)
		assert.Equal(t, "case-1", standing.OwnerID)
		assert.Equal(t, models.PaymentBlocked, standing.Outcome)
	})
}
