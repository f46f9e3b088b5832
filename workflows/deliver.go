package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// messages are delivered by these activities; their methods are only referred to.
var messenger *activities.Messenger

// DeliverInput names a message of ours to another service. Its workflow's ID is
// webhook-<message ID>.
type DeliverInput struct {
	MessageID  string `json:"messageId"`
	CustomerID string `json:"customerId,omitempty"` // for finding it
}

// DeliveryWorkflowID is the ID of the workflow that delivers a message of ours.
func DeliveryWorkflowID(messageID string) string { return "webhook-" + messageID }

// What the delivery of a message comes to.
const (
	DeliveryDone     models.Outcome = "message_delivered" // the service has it
	DeliveryRefused  models.Outcome = "message_refused"   // the service does not want it, now or ever
	DeliveryRecorded models.Outcome = "message_recorded"  // there is no service to deliver it to any more
)

// DeliverWebhook delivers a message of ours to another service, however long that
// is away.
func DeliverWebhook(ctx workflow.Context, in DeliverInput) (Result, error) {
	var d desk
	if err := d.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	status, err := d.deliver(ctx, in.MessageID)
	if err != nil {
		return Result{}, err
	}
	outcome := DeliveryDone
	switch status {
	case models.MessageRefused:
		outcome = DeliveryRefused
	case models.MessageRecorded:
		outcome = DeliveryRecorded
	default:
	}
	workflow.GetLogger(ctx).Info("message handled", "message_id", in.MessageID, "outcome", outcome)
	return Result{Outcome: outcome}, nil
}

// deliver insists until the message's fate is known.
func (d *desk) deliver(ctx workflow.Context, messageID string) (models.MessageStatus, error) {
	for {
		status, answered, err := d.attempt(ctx, messageID)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case !answered: // somebody asked for it at once
			d.useUp(models.ActRetry)
		case err == nil:
			return status, d.mended(ctx)
		default:
			if err := d.breakDown(ctx, err); err != nil {
				return "", err
			}
		}
	}
}

// attempt delivers the message unless somebody sends "retry" meanwhile: then what
// is left of the pause until the next try is not waited for. Should the service be
// getting the message at that moment, it gets it twice under the same ID.
func (d *desk) attempt(ctx workflow.Context, messageID string) (status models.MessageStatus, answered bool, err error) {
	d.begin(ctx, "Deliver the message")
	d.waitFor(ctx, "the service that is told")
	defer func() { d.WaitingFor = "" }()
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	delivering := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, delivery(d.Step)), messenger.DeliverMessage, activities.MessageInput{MessageID: messageID})
	if err := workflow.Await(ctx, func() bool { return delivering.IsReady() || d.has(models.ActRetry) }); err != nil || !delivering.IsReady() {
		return "", false, err
	}
	var result activities.MessageResult
	err = delivering.Get(ctx, &result)
	return result.Status, true, err
}
