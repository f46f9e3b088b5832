package chaos

import (
	"context"
	"fmt"
	"slices"

	"go.temporal.io/api/workflowservice/v1"

	"twigz/models"
	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
	"twigz/workflows"
)

// look takes a picture of everything.
func (r *rig) look(ctx context.Context, plan []*sale) (w world, err error) {
	w = world{sales: plan, stripe: readStripe(r.stripe), mails: r.readMails(), undelivered: readUndelivered(r.stripe)}
	if w.temporal, err = r.readTemporal(ctx); err != nil {
		return w, err
	}
	w.tables, err = r.rows.read(ctx)
	return w, err
}

// readStripe is every payment as Stripe knows it, by its intent.
func readStripe(stripe *stripestandin.Server) map[string]charged {
	all := map[string]charged{}
	stripe.View(func(t *ledger.Tx) {
		for intent := range t.Every("payment_intent") {
			all[intent.ID()] = charged{
				Status: intent.Text("status"), Received: intent.Int("amount_received"), Currency: intent.Text("currency"),
			}
		}
		change := func(o wire.Object, add func(*charged)) {
			c := all[o.Text("payment_intent")]
			add(&c)
			all[o.Text("payment_intent")] = c
		}
		for o := range t.Every("charge") {
			change(o, func(c *charged) {
				c.Refunded += o.Int("amount_refunded")
				if o.Text("status") == "failed" {
					c.Failures++
				}
			})
		}
		for o := range t.Every("refund") {
			change(o, func(c *charged) {
				ours := o.Sub("metadata").Text(models.KeyRefundID)
				c.Refunds = append(c.Refunds, stripeRefund{o.ID(), ours, o.Text("status"), o.Int("amount")})
			})
		}
		for o := range t.Every("dispute") {
			change(o, func(c *charged) {
				c.Disputes = append(c.Disputes, stripeDispute{o.ID(), o.Text("status"), o.Int("amount")})
			})
		}
	})
	return all
}

func readUndelivered(stripe *stripestandin.Server) []string {
	var all []string
	for _, d := range stripe.Undelivered() {
		all = append(all, fmt.Sprintf("%s %s is %s after %d attempts", d.EventType, d.EventID, d.State, d.Attempts))
	}
	return all
}

func (r *rig) readMails() []delivered {
	messages := r.mails.Messages()
	all := make([]delivered, len(messages))
	for i, m := range messages {
		all[i] = delivered{m.MessageID, m.To}
	}
	return all
}

// readTemporal lists our workflows that are open, and those that ended in any way but well.
func (r *rig) readTemporal(ctx context.Context) (c cluster, err error) {
	queues := fmt.Sprintf("TaskQueue IN (%q, %q)", taskQueue, workflows.StripeQueue(taskQueue))
	if c.Open, err = r.list(ctx, queues+" AND ExecutionStatus = 'Running'"); err != nil {
		return c, err
	}
	c.Failed, err = r.list(ctx, queues+" AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut', 'Canceled')")
	return c, err
}

func (r *rig) list(ctx context.Context, query string) ([]workflow, error) {
	var all []workflow
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000}
	for {
		page, err := r.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list workflows: %w", err)
		}
		for _, e := range page.GetExecutions() {
			all = append(all, workflow{
				ID: e.GetExecution().GetWorkflowId(), Type: e.GetType().GetName(), Status: e.GetStatus().String(), Queue: e.GetTaskQueue(),
			})
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return all, nil
		}
	}
}

// busy says what still moves, in words; "" when nothing does. What waits for a person, or for a bank, is at rest.
func (w world) busy() string {
	pending := slices.ContainsFunc(w.tables.Notifications, func(n notificationRow) bool { return n.Status == "pending" })
	asked := slices.ContainsFunc(w.tables.Refunds, func(r refundRow) bool { return r.Status == "requested" })
	running := w.restless()
	switch {
	case len(w.undelivered) > 0:
		return fmt.Sprintf("%d events are on their way", len(w.undelivered))
	case len(w.tables.Inbox) > 0:
		return fmt.Sprintf("%d workflows are still to be started", len(w.tables.Inbox))
	case len(running) > 0:
		return fmt.Sprintf("%d workflows are under way, %s", len(running), running[0].ID)
	case asked:
		return "refunds are still to be made"
	case pending:
		return "mails are still to be sent"
	}
	return ""
}

// restless are the open workflows that wait neither for a person nor for a bank.
func (w world) restless() []workflow {
	waits := map[string]bool{}
	for _, p := range w.tables.Payments {
		if p.Blocked != "" {
			waits[p.Owner] = true
		}
	}
	for _, d := range w.tables.Disputes {
		if models.DisputeStatus(d.Status).Open() {
			waits[d.Owner] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(w.temporal.Open), func(wf workflow) bool { return waits[wf.ID] })
}
