package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// billingCalls looks at customers of Stripe's; its methods are only referred to.
var billingCalls *activities.Billing

// SyncInput is an event about subscriptions. Nobody but the workflow itself, where
// it goes on in a new run, says more than the event.
type SyncInput struct {
	models.Event
	Generation int64 `json:"generation,omitempty"` // of the look that was wanted before; 0: none was
}

// ResyncInput names customers of Stripe's to be looked at anew. Its workflow's ID
// is that of a request of support, support-<requestId>.
type ResyncInput struct {
	RequestID         string   `json:"requestId"`
	CustomerID        string   `json:"customerId,omitempty"` // for finding it
	StripeCustomerIDs []string `json:"stripeCustomerIds"`
	Generation        int64    `json:"generation,omitempty"` // of the look at the first that was wanted before; 0: none was. The workflow's own, as SyncInput's
}

// Resynced is what a resync comes to when its customers have been looked at.
const Resynced models.Outcome = "resynced"

// Pauses before somebody asks again whether a customer has been looked at.
const (
	firstPause   = time.Second
	longestPause = 15 * time.Minute
)

// errLongHistory is about a wait so long that it goes on in another run.
var errLongHistory = errors.New("the history has grown too long")

// SyncSubscription sees to it that a customer of Stripe's is looked at after an
// event about them came, whatever the event itself says, and tells them what it is
// about.
func SyncSubscription(ctx workflow.Context, in SyncInput) (Result, error) {
	var d desk
	if err := d.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	want := models.SyncWant{
		StripeCustomerID: in.StripeCustomerID, SubscriptionID: in.SubscriptionID, InvoiceID: in.InvoiceID,
		Generation: in.Generation,
	}
	err := d.sync(ctx, &want)
	if errors.Is(err, errLongHistory) {
		in.Generation = want.Generation
		return Result{}, workflow.NewContinueAsNewError(ctx, TypeSyncSubscription, in)
	}
	if err != nil {
		return Result{}, err
	}
	return d.finishSync(ctx, in.Event)
}

// Resync sees to it that customers of Stripe's are looked at anew, because support
// asked for it.
func Resync(ctx workflow.Context, in ResyncInput) (Result, error) {
	var d desk
	if err := d.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	for len(in.StripeCustomerIDs) > 0 {
		want := models.SyncWant{StripeCustomerID: in.StripeCustomerIDs[0], Generation: in.Generation}
		err := d.sync(ctx, &want)
		if errors.Is(err, errLongHistory) {
			in.Generation = want.Generation
			return Result{}, workflow.NewContinueAsNewError(ctx, TypeResync, in)
		}
		if err != nil {
			return Result{}, err
		}
		in.StripeCustomerIDs, in.Generation = in.StripeCustomerIDs[1:], 0
	}
	return Result{Outcome: Resynced}, nil
}

// sync returns when a customer of Stripe's has been looked at since that was wanted,
// by whomever: the rows give one workflow the turn, and the others wait for it. A
// Stripe that does not answer is waited for, however long. want keeps which look it
// is about, for going on in another run after errLongHistory.
func (d *desk) sync(ctx workflow.Context, want *models.SyncWant) error {
	want.Holder = workflow.GetInfo(ctx).WorkflowExecution.ID
	for pause := firstPause; ; {
		turn, err := onRows[models.SyncTurn](ctx, d, "Ask whose turn it is to look", rowsAndMails.WantSync, *want)
		if err != nil || turn.Covered || turn.StripeCustomerID == "" {
			d.Detail = ""
			return err
		}
		want.StripeCustomerID, want.Generation = turn.StripeCustomerID, turn.Generation
		whom := "the workflow that looks at the customer"
		if turn.Mine {
			kept, atLeast, err := d.fetch(ctx, *want)
			if err != nil {
				return err
			}
			if kept {
				continue // the rows know best whether it was looked at late enough
			}
			whom, pause = "Stripe", max(pause, atLeast)
		}
		if pause, err = d.rest(ctx, whom, pause); err != nil {
			return err
		}
	}
}

// fetch looks at the customer at Stripe and keeps what there is. That it did not
// come to that is no failure: the turn went to another, or Stripe is away, or wants
// to be left alone for a while (atLeast), or refuses because its key is wrong. An
// error means that the workflow was canceled.
func (d *desk) fetch(ctx workflow.Context, want models.SyncWant) (kept bool, atLeast time.Duration, err error) {
	d.begin(ctx, "Look at the customer at Stripe")
	in := models.SyncLook{StripeCustomerID: want.StripeCustomerID, Holder: want.Holder, InvoiceID: want.InvoiceID}
	var result models.SyncResult
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, looking(ctx, d.Step)), billingCalls.SyncBilling, in).Get(ctx, &result)
	d.Detail = ""
	switch {
	case ctx.Err() != nil:
		return false, 0, ctx.Err()
	case err == nil:
		return !result.Lost, 0, nil
	}
	workflow.GetLogger(ctx).Warn("customer not looked at yet", "error", err)
	d.Detail = models.Clean(inWords(err), maxDetail)
	var failure *temporal.ApplicationError
	if asError(err, &failure) {
		atLeast = failure.NextRetryDelay()
	}
	return false, atLeast, nil
}

// rest waits before it is asked again, unless somebody sends "retry", and says how
// long to wait the next time.
func (d *desk) rest(ctx workflow.Context, whom string, pause time.Duration) (next time.Duration, err error) {
	if workflow.GetInfo(ctx).GetContinueAsNewSuggested() && !d.asked(ctx) {
		return 0, errLongHistory
	}
	d.waitFor(ctx, whom)
	asked, err := d.pause(ctx, pause, "Before it is asked again whose turn it is")
	if asked {
		d.useUp(models.ActRetry)
		return firstPause, err
	}
	return min(2*pause, longestPause), err
}

// finishSync notes what became of an event whose customer has been looked at, and
// tells them.
func (d *desk) finishSync(ctx workflow.Context, e models.Event) (Result, error) {
	billed, err := onRows[models.Billed](ctx, d, "Record the event", rowsAndMails.FinishSync, e)
	if err == nil {
		err = nameCustomer(ctx, billed.CustomerID)
	}
	if err == nil && billed.Tell {
		err = d.notify(ctx, "Notify the customer", "")
	}
	if err != nil {
		return Result{}, err
	}
	workflow.GetLogger(ctx).Info("event about a subscription handled",
		"event_id", e.ID, "event_type", e.Type, "customer_id", billed.CustomerID, "outcome", billed.Outcome)
	return Result{Outcome: billed.Outcome}, nil
}

// nameCustomer makes the workflow findable by its customer where the event alone
// did not say who that is.
func nameCustomer(ctx workflow.Context, customerID string) error {
	known, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttrCustomerID)
	if known != "" || customerOrStore(customerID) == "" {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, AttrCustomerID.ValueSet(customerID))
}
