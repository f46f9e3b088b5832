package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"twigz/models"
)

// scenario is what can become of a payment.
type scenario struct {
	name     string
	weight   int                                 // how often it is drawn, against the others
	policy   models.WhenUnfulfillable            // of the store; "": any
	checkout bool                                // a frozen copy of the cart is paid for
	scarce   bool                                // there is not enough of one of the products
	restocks bool                                // until somebody sees to it
	mismatch int64                               // collected above what is owed (below 0: under), minor units
	play     func(*stage, context.Context) error // what customers, banks, Stripe and staff do
	want     func(*sale) want
}

const (
	refunds = models.RefundWhenUnfulfillable
	holds   = models.HoldWhenUnfulfillable
)

// scenarios are all there are.
var scenarios = []*scenario{
	{name: "paid", weight: 22, play: then((*stage).pay), want: ordered},
	{name: "paid_told_twice", weight: 4, play: then((*stage).pay, (*stage).tellTwice), want: ordered},
	{name: "session", weight: 14, play: then(session(true, true)), want: ordered},
	{name: "session_metadata_on_session", weight: 4, play: then(session(true, false)), want: ordered},
	{name: "session_metadata_on_intent", weight: 4, play: then(session(false, true)), want: ordered},
	{name: "checkout", weight: 6, checkout: true, play: then(session(true, true)), want: ordered},
	{name: "checkout_intent", weight: 4, checkout: true, play: then((*stage).decline, (*stage).pay), want: orderedAfterFailure},
	{name: "declined_then_paid", weight: 6, play: then((*stage).decline, (*stage).pay), want: orderedAfterFailure},
	{name: "declined", weight: 4, play: then((*stage).decline), want: failed},
	{name: "canceled", weight: 3, play: then((*stage).cancel), want: canceled},

	{name: "out_of_stock", weight: 8, policy: refunds, scarce: true, play: then((*stage).pay), want: compensated},
	{name: "out_of_stock_session", weight: 4, policy: refunds, scarce: true, play: then(session(true, true)), want: compensated},
	{name: "out_of_stock_waits", weight: 2, policy: holds, scarce: true, play: then((*stage).pay), want: waiting},
	{
		name: "out_of_stock_refunded", weight: 3, policy: holds, scarce: true,
		play: then((*stage).pay, (*stage).blocked, staff(models.ActRefund)), want: refundedByStaff,
	},
	{
		name: "out_of_stock_restocked", weight: 3, policy: holds, scarce: true, restocks: true,
		play: then((*stage).pay, (*stage).blocked, (*stage).restock, staff(models.ActRetry)), want: ordered,
	},
	{name: "mismatch_waits", weight: 2, mismatch: -100, play: then((*stage).pay), want: waiting},
	{
		name: "mismatch_accepted", weight: 3, mismatch: -100,
		play: then((*stage).pay, (*stage).blocked, staff(models.ActAccept)), want: ordered,
	},
	{
		name: "mismatch_refunded", weight: 3, mismatch: 100,
		play: then((*stage).pay, (*stage).blocked, staff(models.ActRefund)), want: refundedByStaff,
	},

	{name: "refunded", weight: 4, play: then((*stage).pay, (*stage).ordered, (*stage).refundAll), want: refunded},
	{name: "refunded_in_part", weight: 4, play: then((*stage).pay, (*stage).ordered, (*stage).refundPart), want: refundedInPart},
	{name: "refunded_first", weight: 4, play: then((*stage).payAndRefund), want: refundedFirst},
	{name: "refund_bounced", weight: 2, play: then((*stage).pay, (*stage).ordered, (*stage).refundPart, (*stage).bounce), want: refundBounced},

	{name: "dispute_open", weight: 2, play: then((*stage).pay, (*stage).ordered, (*stage).disputeIt), want: disputed},
	{name: "dispute_won", weight: 3, play: then((*stage).pay, (*stage).ordered, (*stage).disputeIt, decided("won")), want: ordered},
	{name: "dispute_lost", weight: 3, play: then((*stage).pay, (*stage).ordered, (*stage).disputeIt, decided("lost")), want: chargedBack},
	{name: "disputed_first_won", weight: 2, play: then((*stage).payAndDispute, decided("won")), want: orderedSoon},
	{name: "disputed_first_lost", weight: 2, play: then((*stage).payAndDispute, decided("lost")), want: chargedBackFirst},
	{name: "review_approved", weight: 3, play: then((*stage).pay, (*stage).ordered, (*stage).reviewIt, reviewed("approved")), want: ordered},
	{
		name: "review_rejected", weight: 3,
		play: then((*stage).pay, (*stage).ordered, (*stage).reviewIt, reviewed("refunded_as_fraud")), want: takenBack,
	},

	{
		name: "held_and_released", weight: 3,
		play: then((*stage).pay, (*stage).ordered, staff(models.ActHold), staff(models.ActRelease)), want: ordered,
	},
	{name: "canceled_by_staff", weight: 3, play: then((*stage).pay, (*stage).ordered, staff(models.ActCancel)), want: takenBack},
}

// then plays steps one after the other, with the sale's pauses in between.
func then(steps ...func(*stage, context.Context) error) func(*stage, context.Context) error {
	return func(s *stage, ctx context.Context) error {
		for i, step := range steps {
			if i > 0 && !pause(ctx, s.sale.Pauses[(i-1)%len(s.sale.Pauses)]) {
				return context.Cause(ctx)
			}
			if err := step(s, ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// chosen are the scenarios named; all where none is.
func chosen(only []string) ([]*scenario, error) {
	if len(only) == 0 {
		return scenarios, nil
	}
	var deck []*scenario
	for _, name := range only {
		i := slices.IndexFunc(scenarios, func(s *scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario is called %q; there are %s", name, strings.Join(scenarioNames(), ", "))
		}
		deck = append(deck, scenarios[i])
	}
	return deck, nil
}

func scenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}
