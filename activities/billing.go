package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/temporal"

	"twigz/models"
)

// Billing are the activities that look at Stripe's customers and keep what they
// see: what Stripe says never passes through Temporal, which would keep it.
type Billing struct {
	Stripe   *Stripe
	DB       *models.DB
	Grace    time.Duration    // for how long access is kept after a payment failed; 0: not at all
	Announce *models.Announce // nil: other services are not told
	Log      *slog.Logger
}

// waitMore is for how long beyond what Stripe says a customer is nobody else's to
// look at: the attempt that waited has to begin first.
const waitMore = time.Minute

// SyncBilling looks at one of Stripe's customers and keeps what Stripe says, if it
// is still the holder's turn to look; else the result is Lost. While Stripe says to
// wait, nobody else looks either.
func (b *Billing) SyncBilling(ctx context.Context, in models.SyncLook) (models.SyncResult, error) {
	generation, mine, err := b.DB.BeginSync(ctx, in)
	if err != nil || !mine {
		return models.SyncResult{Lost: !mine && err == nil}, edge(err)
	}
	facts, err := b.Stripe.billingFacts(ctx, in)
	if err != nil {
		b.hold(ctx, in, err)
		return models.SyncResult{}, err
	}
	result, err := b.DB.KeepSync(ctx, models.KeptSync{
		SyncLook: in, Generation: generation, Facts: facts, Grace: b.Grace, Announce: b.Announce,
	})
	return result, edge(err)
}

// hold keeps the turn for as long as Stripe says to wait, if it says so. That it
// cannot be kept is told: then another may look sooner, and be told to wait as well.
func (b *Billing) hold(ctx context.Context, in models.SyncLook, err error) {
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	if !ok || failure.NextRetryDelay() == 0 {
		return
	}
	if err := b.DB.HoldSync(ctx, in, failure.NextRetryDelay()+waitMore); err != nil {
		b.Log.WarnContext(ctx, "turn to look cannot be kept", "stripe_customer_id", in.StripeCustomerID, "workflow_id", in.Holder, "error", models.Describe(err))
	}
}
