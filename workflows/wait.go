package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// changeSupportActions is what divides workflows that know requests and daily
// reminders from older ones, which know "retry" only. It is asked for where they
// part and nowhere else: it costs two events of history.
const changeSupportActions = "support-actions"

func takesRequests(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, changeSupportActions, workflow.DefaultVersion, 1) >= 1
}

// aDay is how often support is reminded of a payment that waits for a person.
const aDay = 24 * time.Hour

const remindTomorrow = "Remind support tomorrow" // summary of the timer

// hint follows the reason of a block in the Web UI.
const hint = "Mend the cause and send the signal `retry`, or decide: `fix`, `accept`, `refund`, `cancel`."

// mine says whether this workflow is the one that waits for a person about a
// blocked payment.
func mine(ctx workflow.Context, s models.Standing) bool {
	return s.BlockedReason != "" && s.OwnerID == workflow.GetInfo(ctx).WorkflowExecution.ID
}

// settle stays with a payment until nothing is due for it, nobody is waited for
// here, and no request is left. look tells where the payment stands, and is done
// again after whatever may have changed that: a refund that Stripe refuses blocks
// a payment, for whoever looks next.
func (d *desk) settle(ctx workflow.Context, s models.Standing, look func(workflow.Context) (models.Standing, error)) (models.Standing, error) {
	for {
		waits, err := d.stand(ctx, s)
		if err != nil {
			return s, err
		}
		again := waits || len(s.Due.Refunds) > 0
		switch {
		case waits:
			err = d.awaitPerson(ctx)
		case !again:
			again, err = d.attend(ctx)
		}
		if err != nil || !again {
			return s, err
		}
		if s, err = look(ctx); err != nil {
			return s, err
		}
	}
}

// look finds where a payment stands, blocked for this workflow if it is blocked
// and nobody waits about it yet.
func (d *desk) look(ctx workflow.Context, paymentID string) (models.Standing, error) {
	in := activities.LookInput{PaymentID: paymentID, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID}
	return onRows[models.Standing](ctx, d, "Look where the payment stands", rowsAndMails.Look, in)
}

// end settles a payment by looking at its rows, and ends the workflow. about is
// for the log.
func (d *desk) end(ctx workflow.Context, s models.Standing, about []any) (Result, error) {
	again := func(ctx workflow.Context) (models.Standing, error) { return d.look(ctx, s.PaymentID) }
	s, err := d.settle(ctx, s, again)
	if err != nil {
		return Result{}, err
	}
	workflow.GetLogger(ctx).Info("payment handled", append(about, "outcome", s.Outcome, "order_id", s.OrderID)...)
	return result(s), nil
}

// stand carries out what is due where a payment stands, and says whether this
// workflow has to wait for a person about it.
func (d *desk) stand(ctx workflow.Context, s models.Standing) (waits bool, err error) {
	d.PaymentID, d.OrderID = s.PaymentID, s.OrderID
	if !mine(ctx, s) {
		d.told = ""
		if err := d.clear(ctx); err != nil {
			return false, err
		}
		if err := d.nameOrder(ctx); err != nil {
			return false, err
		}
		return false, d.carryOut(ctx, s.Due)
	}
	modern := takesRequests(ctx)
	if err := d.block(ctx, string(s.BlockedReason), s.BlockedDetail, hint); err != nil || !modern {
		return true, err
	}
	if err := d.softly(ctx, func() error { return d.carryOut(ctx, s.Due) }); err != nil {
		return true, err
	}
	return true, d.tellSupport(ctx, string(s.BlockedReason))
}

// nameOrder makes the workflow findable by its order where the event alone did
// not say that there would be one.
func (d *desk) nameOrder(ctx workflow.Context) error {
	known, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttrOrderID)
	if d.OrderID == "" || d.OrderID == known {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, AttrOrderID.ValueSet(d.OrderID))
}

// awaitPerson leaves the payment to a person for a day at most: until then
// support is reminded, and what could not be done may have become possible.
func (d *desk) awaitPerson(ctx workflow.Context) error {
	if !takesRequests(ctx) {
		return d.awaitRetry(ctx)
	}
	d.waitFor(ctx, "a person")
	asked, err := d.pause(ctx, aDay, remindTomorrow)
	if err != nil {
		return err
	}
	if !asked {
		return d.remindDaily(ctx)
	}
	_, err = d.attend(ctx)
	return err
}

// awaitRetry leaves the workflow to a person until they send "retry". Other
// requests are attended to meanwhile, where that can be, and support is reminded.
func (d *desk) awaitRetry(ctx workflow.Context) error {
	for {
		d.waitFor(ctx, "a person")
		asked, err := d.awaitRequest(ctx)
		d.WaitingFor = ""
		switch {
		case err != nil || d.useUp(models.ActRetry):
			return err
		case asked:
			_, err = d.attend(ctx)
		default:
			err = d.remindDaily(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// awaitRequest waits for a request that can be attended to, a day at most where
// there is a payment to remind of.
func (d *desk) awaitRequest(ctx workflow.Context) (asked bool, err error) {
	comes := func() bool { return d.has(models.ActRetry) || len(d.queue) > 0 && d.PaymentID != "" }
	if d.PaymentID == "" || comes() || !takesRequests(ctx) {
		return true, workflow.Await(ctx, comes)
	}
	options := workflow.AwaitOptions{Timeout: aDay, TimerOptions: workflow.TimerOptions{Summary: remindTomorrow}}
	return workflow.AwaitWithOptions(ctx, options, comes)
}

// sleep waits, whatever comes. The summary is the timer's.
func sleep(ctx workflow.Context, most time.Duration, summary string) error {
	return workflow.NewTimerWithOptions(ctx, most, workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}

// pause waits for a request, for a while. The summary is the timer's.
func (d *desk) pause(ctx workflow.Context, most time.Duration, summary string) (asked bool, err error) {
	defer func() { d.WaitingFor = "" }()
	if len(d.queue) > 0 { // or a timer would be started for nothing
		return true, nil
	}
	options := workflow.AwaitOptions{Timeout: most, TimerOptions: workflow.TimerOptions{Summary: summary}}
	asked, err = workflow.AwaitWithOptions(ctx, options, func() bool { return len(d.queue) > 0 })
	return asked, err
}
