package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestSyncSubscription(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeSyncSubscription, syncStories())
}

func TestResync(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeResync, resyncStories())
}

// renewed is an invoice paid, as it comes of somebody whose subscription says who
// they are.
func renewed() models.Event {
	return models.Event{
		ID: "evt_renewed", Type: "invoice.paid", Created: 1_700_000_000, APIVersion: "2025-06-30.basil",
		InvoiceID: "in_1", SubscriptionID: "sub_1", StripeCustomerID: "cus_1",
		Metadata: models.Metadata{models.KeyCustomerID: "auth0|7"},
	}
}

// Answers to whoever asks whose turn it is.
var (
	myTurn      = models.SyncTurn{StripeCustomerID: "cus_1", Generation: 7, Mine: true}
	anothers    = models.SyncTurn{StripeCustomerID: "cus_1", Generation: 7}
	covered     = models.SyncTurn{StripeCustomerID: "cus_1", Generation: 7, Covered: true}
	nobodysTurn = models.SyncTurn{}
)

var (
	kept   = models.SyncResult{Subscriptions: 1, Invoices: 2, Changed: true}
	lost   = models.SyncResult{Lost: true}
	billed = models.Billed{Outcome: models.SubscriptionSynced, StripeCustomerID: "cus_1", CustomerID: "auth0|7"}
	// errBusy is Stripe's wish to be left alone for a while.
	errBusy = temporal.NewApplicationErrorWithOptions("Stripe answered 429", "StripeAnswered", temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
)

// down is a Stripe that is away until an activity is given up.
var down = slices.Repeat([]any{errPassing}, 10)

// Pieces of a look.
var (
	turn     = []string{"local activity WantSync"}
	look     = []string{"activity SyncBilling"}
	mineDone = seq(turn, look, turn)
	noteIt   = []string{"local activity FinishSync"}
	mailed   = []string{"activity SendNotifications"}
)

func syncStories() []story {
	synced := workflows.Result{Outcome: models.SubscriptionSynced}
	telling := billed
	telling.Tell = true
	stray := renewed()
	stray.Metadata = nil
	return []story{
		{
			name: "whoever has the turn looks, and asks again whether that was late enough", file: "sync_mine", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", myTurn, covered)
				s.answer("SyncBilling", kept)
				s.answer("FinishSync", billed)
			},
			did: seq(mineDone, noteIt), want: synced,
		},
		{
			name: "the others wait for that one, ever longer", file: "sync_covered_by_another", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", anothers, anothers, anothers, covered)
				s.answer("FinishSync", billed)
				s.after(500*time.Millisecond, func() {
					assert.Equal(s.t, "the workflow that looks at the customer", s.state().WaitingFor)
				})
			},
			did: seq(turn, "timer 1s", turn, "timer 2s", turn, "timer 4s", turn, noteIt), want: synced,
		},
		{
			name: "one whose turn went to another waits as well", file: "sync_lost", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", myTurn, anothers, myTurn, covered)
				s.answer("SyncBilling", lost, kept)
				s.answer("FinishSync", billed)
			},
			did: seq(turn, look, "timer 1s", turn, "timer 2s", mineDone, noteIt), want: synced,
		},
		{
			name: "a customer whom Stripe has deleted is looked at as any other", file: "sync_gone",
			event: models.Event{ID: "evt_gone", Type: "customer.deleted", Created: 1_700_000_000, StripeCustomerID: "cus_1"},
			script: func(s *stage) {
				s.answer("WantSync", myTurn, covered)
				s.answer("SyncBilling", models.SyncResult{Gone: true, Changed: true})
				s.answer("FinishSync", models.Billed{Outcome: models.SubscriptionUnowned, StripeCustomerID: "cus_1"})
			},
			did: seq(mineDone, noteIt), want: workflows.Result{Outcome: models.SubscriptionUnowned},
		},
		{
			name: "a Stripe that is away is waited for, and the turn is asked for anew each time", file: "sync_stripe_down", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", myTurn, myTurn, covered)
				s.answer("SyncBilling", down...)
				s.answer("SyncBilling", kept)
				s.answer("FinishSync", billed)
				s.after(304*time.Second, func() {
					assert.Equal(s.t, "Stripe", s.state().WaitingFor)
					assert.Equal(s.t, "connection refused", s.state().Detail)
				})
			},
			did: seq(turn, look, "timer 1s", mineDone, noteIt), want: synced,
		},
		{
			name: "a key that Stripe refuses is no failure, and one that was mended is tried at once when somebody says so", file: "sync_key_refused", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", myTurn, myTurn, myTurn, covered)
				s.answer("SyncBilling", errKey, errKey, kept)
				s.answer("FinishSync", billed)
				s.after(2*time.Second, func() {
					assert.Equal(s.t, "Stripe", s.state().WaitingFor)
					assert.Equal(s.t, "Stripe answered 401", s.state().Detail)
				})
				s.retryAfter(2500 * time.Millisecond)
				s.after(time.Minute, func() { assert.Empty(s.t, s.state().Detail) })
			},
			did: seq(turn, look, "timer 1s", turn, look, "timer 2s", mineDone, noteIt), want: synced,
		},
		{
			name: "a Stripe that wants to be left alone is", file: "sync_stripe_busy", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", myTurn, myTurn, covered)
				s.answer("SyncBilling", errBusy, kept)
				s.answer("FinishSync", billed)
			},
			did: seq(turn, look, "timer 1h0m0s", mineDone, noteIt), want: synced,
		},
		{
			name: "an event that names nobody is noteIt, and nobody is looked at", file: "sync_unknown",
			event: models.Event{ID: "evt_odd", Type: "invoice.upcoming", Created: 1_700_000_000},
			script: func(s *stage) {
				s.answer("WantSync", nobodysTurn)
				s.answer("FinishSync", models.Billed{Outcome: models.SubscriptionUnknown})
			},
			did: seq(turn, noteIt), want: workflows.Result{Outcome: models.SubscriptionUnknown},
		},
		{
			name: "what is nobody's is for support to see", file: "sync_unowned", event: stray,
			script: func(s *stage) {
				s.answer("WantSync", covered)
				s.answer("FinishSync", models.Billed{Outcome: models.SubscriptionUnowned, StripeCustomerID: "cus_1"})
			},
			did: seq(turn, noteIt), want: workflows.Result{Outcome: models.SubscriptionUnowned},
		},
		{
			name: "a customer who is found in the rows alone is one to find the workflow by", file: "sync_named", event: stray,
			script: func(s *stage) {
				s.answer("WantSync", covered)
				s.answer("FinishSync", billed)
			},
			did: seq(turn, noteIt, "set CustomerID"), want: synced,
		},
		{
			name: "a mail that is due is sent", file: "sync_mailed", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", covered)
				s.answer("FinishSync", telling)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: seq(turn, noteIt, mailed), want: synced,
		},
		{
			name: "a mail that no server takes for three days is given up", file: "sync_mail_given_up", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", covered)
				s.answer("FinishSync", telling)
				s.answerAlways("SendNotifications", errPassing)
				s.answer("FailNotifications", done{})
			},
			did: seq(turn, noteIt, mailed, "local activity FailNotifications"), want: synced,
		},
		{
			name: "rows that refuse the event wait for a person", file: "sync_broken", event: renewed(),
			script: func(s *stage) {
				s.answer("WantSync", covered)
				s.answer("FinishSync", errPermanent, billed)
				s.retryAfter(time.Hour)
			},
			did: seq(turn, noteIt, "set BlockedReason", noteIt, "unset BlockedReason"), want: synced,
		},
	}
}

func resyncStories() []story {
	asked := workflows.Result{Outcome: workflows.Resynced}
	return []story{
		{
			name: "customers are looked at one after the other, one of whom another workflow looks at", file: "resync_two",
			start: workflows.ResyncInput{RequestID: "r1", CustomerID: "auth0|7", StripeCustomerIDs: []string{"cus_1", "cus_2"}},
			script: func(s *stage) {
				second := models.SyncTurn{StripeCustomerID: "cus_2", Generation: 3}
				s.answer("WantSync", myTurn, covered, second, models.SyncTurn{StripeCustomerID: "cus_2", Generation: 3, Covered: true})
				s.answer("SyncBilling", kept)
			},
			did: seq(mineDone, turn, "timer 1s", turn), want: asked,
		},
		{
			name: "whom nobody knows is not looked at", file: "resync_unknown", start: workflows.ResyncInput{RequestID: "r1", StripeCustomerIDs: []string{"cus_9"}},
			script: func(s *stage) { s.answer("WantSync", nobodysTurn) },
			did:    turn, want: asked,
		},
		{
			name: "nobody is soon looked at", file: "resync_nobody", start: workflows.ResyncInput{RequestID: "r1", CustomerID: "auth0|7"},
			script: func(*stage) {}, did: []string{}, want: asked,
		},
	}
}

func TestPausesBetweenLooksGrowToAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("WantSync", slices.Repeat([]any{anothers}, 13)...)
	s.answer("WantSync", covered)
	s.answer("FinishSync", billed)
	_, err := s.play(workflows.TypeSyncSubscription, renewed())
	require.NoError(t, err)
	var pauses []string
	for _, r := range s.asked {
		if r.Do == "timer" {
			pauses = append(pauses, r.Name)
		}
	}
	assert.Equal(t, []string{"1s", "2s", "4s", "8s", "16s", "32s", "1m4s", "2m8s", "4m16s", "8m32s", "15m0s", "15m0s", "15m0s"}, pauses)
}

func TestALongWaitGoesOnInAnotherRunWithTheLookThatWasWanted(t *testing.T) {
	t.Parallel()
	next := func(t *testing.T, workflowType string, err error, input any) {
		t.Helper()
		var again *workflow.ContinueAsNewError
		require.ErrorAs(t, err, &again)
		assert.Equal(t, workflowType, again.WorkflowType.Name)
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, input))
	}

	t.Run("of an event", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.SetContinueAsNewSuggested(true)
		s.answer("WantSync", anothers)
		_, err := s.play(workflows.TypeSyncSubscription, renewed())
		var input workflows.SyncInput
		next(t, workflows.TypeSyncSubscription, err, &input)
		assert.Equal(t, workflows.SyncInput{Event: renewed(), Generation: 7}, input)

		s = newStage(t)
		s.answer("WantSync", covered)
		s.answer("FinishSync", billed)
		_, err = s.start("evt_renewed", workflows.TypeSyncSubscription, ofCustomer, input)
		require.NoError(t, err)
		assert.Equal(t, int64(7), s.asked[0].Input.(models.SyncWant).Generation)
		assert.Equal(t, renewed(), s.asked[1].Input, "the event is as it came")
	})

	t.Run("of support", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.SetContinueAsNewSuggested(true)
		s.answer("WantSync", covered, models.SyncTurn{StripeCustomerID: "cus_2", Generation: 3})
		_, err := s.start("support-r1", workflows.TypeResync, ofCustomer, workflows.ResyncInput{RequestID: "r1", StripeCustomerIDs: []string{"cus_1", "cus_2"}})
		var input workflows.ResyncInput
		next(t, workflows.TypeResync, err, &input)
		assert.Equal(t, workflows.ResyncInput{RequestID: "r1", StripeCustomerIDs: []string{"cus_2"}, Generation: 3}, input)
	})

	t.Run("but not while somebody asks for a look at once", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answer("WantSync", anothers, anothers, anothers)
		s.after(500*time.Millisecond, func() {
			s.SetContinueAsNewSuggested(true)
			s.SignalWorkflow(workflows.SignalRetry, mended)
			s.SignalWorkflow(workflows.SignalRetry, mended) // comes while the first is attended to
		})
		_, err := s.play(workflows.TypeSyncSubscription, renewed())
		var input workflows.SyncInput
		next(t, workflows.TypeSyncSubscription, err, &input)
		assert.Equal(t, seq(turn, "timer 1s", turn, turn), s.did())
	})
}

func TestACanceledLookEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("WantSync", anothers)
	s.after(500*time.Millisecond, s.CancelWorkflow)
	_, err := s.play(workflows.TypeSyncSubscription, renewed())
	assert.True(t, temporal.IsCanceledError(err))
}
