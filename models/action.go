package models

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// MaxRequestID is how long a request's ID may be, in characters.
const MaxRequestID = 200

// ActionKinds lists what people may ask for.
func ActionKinds() []ActionKind {
	return []ActionKind{ActRetry, ActFix, ActAccept, ActRefund, ActCancel, ActHold, ActRelease, ActResend, ActNote}
}

// acts is what each kind of action does. A Conflict or Invalid says why it may
// not be done now; nothing has changed then.
var acts = map[ActionKind]func(*gorm.DB, *Payment, Action) error{
	ActRetry:   retry,
	ActFix:     fix,
	ActAccept:  accept,
	ActRefund:  refund,
	ActCancel:  cancel,
	ActHold:    holdOrder,
	ActRelease: releaseHold,
	ActResend:  resend,
	ActNote:    func(*gorm.DB, *Payment, Action) error { return nil },
}

// actionRow is an action as it was asked for, and what came of it.
type actionRow struct {
	RequestID string `gorm:"primaryKey"`
	PaymentID string `gorm:"default:null"` // "" when it is about no payment
	Customer  string // whom it is about then, as they were named
	Action    ActionKind
	Actor     string
	Claimed   bool
	Input     jsonDocument
	Refusal   string
}

func (actionRow) TableName() string { return "actions" }

// jsonDocument is JSON text on its way into a jsonb column.
type jsonDocument string

// GormDataType tells gorm that it is no text.
func (jsonDocument) GormDataType() string { return "jsonb" }

func (a Action) cause() Cause { return Cause{Actor: a.Actor, Claimed: a.Claimed, Reason: a.Reason} }

// turn of an action: who waits, should a person be needed again, is the workflow
// that carries it out.
func (a Action) turn() turn { return turn{workflow: a.Workflow, by: a.cause()} }

// key is the stem of the idempotency keys of what the action asks Stripe for.
func (a Action) key() string { return "request:" + a.RequestID }

// Act does what a person asks for, once for each request ID, with an audit entry
// in the same transaction; a refusal is audited too and is no error. Its errors:
// NotFound for an unknown payment, Invalid for a request that cannot be.
func (db *DB) Act(ctx context.Context, a Action) (ActionResult, error) {
	if err := a.check(); err != nil {
		return ActionResult{}, err
	}
	if a.Start != nil {
		a.Workflow = a.Start.WorkflowID
	}
	var result ActionResult
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, err := lockNamed(tx, a.PaymentID)
		if err != nil {
			return err
		}
		row := actionRow{
			RequestID: a.RequestID, PaymentID: p.ID, Action: a.Kind, Actor: a.Actor, Claimed: a.Claimed, Input: jsonDocument(asText(a)),
		}
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil {
			return made.Error
		}
		if made.RowsAffected == 0 {
			result, err = p.actedBefore(tx, a)
			return err
		}
		result, err = p.act(tx, a)
		return err
	})
	if known, ok := errors.AsType[*Error](err); ok {
		return ActionResult{}, known
	}
	if err != nil {
		return ActionResult{}, fmt.Errorf("%s by request %s: %w", a.Kind, a.RequestID, err)
	}
	return result, nil
}

func (a Action) check() error {
	switch {
	case acts[a.Kind] == nil:
		return invalid("action", "Must be one of retry, fix, accept, refund, cancel, hold, release, resend, note")
	case a.RequestID == "" || a.RequestID != Clean(a.RequestID, MaxRequestID) || strings.ContainsFunc(a.RequestID, control):
		return invalid("requestId", "Must be 1 to 200 characters without control characters")
	case a.Actor == "":
		return invalid("actor", "Is missing")
	}
	return nil
}

// lockNamed finds a payment by our ID, its payment intent or its session, and
// keeps it to this transaction.
func lockNamed(tx *gorm.DB, id string) (Payment, error) {
	var p Payment
	err := tx.Clauses(forUpdate).Take(&p, "id = ? OR payment_intent_id = ? OR checkout_session_id = ?", id, id, id).Error
	return p, orNotFound(err, "Payment")
}

// actedBefore answers a request ID that came before: what came of it then.
func (p *Payment) actedBefore(tx *gorm.DB, a Action) (ActionResult, error) {
	var before actionRow
	if err := tx.Take(&before, "request_id = ?", a.RequestID).Error; err != nil {
		return ActionResult{}, err
	}
	result := ActionResult{Refusal: before.Refusal, Duplicate: true}
	if before.PaymentID != p.ID || before.Action != a.Kind {
		result.Refusal = "This requestId was used for another request"
	}
	var err error
	result.Standing, err = p.standing(tx, "")
	return result, err
}

// act does a new action, or takes note of why it may not be done.
func (p *Payment) act(tx *gorm.DB, a Action) (ActionResult, error) {
	before, err := p.shown(tx)
	if err != nil {
		return ActionResult{}, err
	}
	acting := *p // what a refusal leaves behind is thrown away with it
	err = tx.Transaction(func(tx *gorm.DB) error { return acts[a.Kind](tx, &acting, a) })
	if refused, ok := errors.AsType[*Error](err); ok && refused.Kind == Conflict {
		return p.refuse(tx, a, refused.Message)
	}
	if err != nil {
		return ActionResult{}, err
	}
	*p = acting
	result, err := p.follow(tx, a)
	if err != nil {
		return result, err
	}
	after, err := p.shown(tx)
	if err != nil {
		return result, err
	}
	return result, audit(tx, a.cause(), p.change("action_"+string(a.Kind), before, after))
}

// follow brings the payment to where the action leaves it, tries again to make an
// order where one may be made, and leaves what is to be done in the world to a
// workflow.
func (p *Payment) follow(tx *gorm.DB, a Action) (ActionResult, error) {
	s, err := p.settle(tx, a.turn())
	if err != nil {
		return ActionResult{}, err
	}
	if a.places() {
		if s, err = p.place(tx, a.turn()); err != nil {
			return ActionResult{}, err
		}
	}
	if a.Start == nil || !s.Due.any() && (p.OwnerWorkflowID == nil || !a.matters()) {
		return ActionResult{Standing: s}, nil
	}
	start := *a.Start
	start.Input = []byte(asText(FollowUp{
		PaymentID: p.ID, RequestID: a.RequestID,
		PaymentIntentID: value(p.PaymentIntentID), CustomerID: p.CustomerID, StoreID: p.StoreID,
	}))
	_, err = keepStart(tx, start)
	return ActionResult{Standing: s}, err
}

// matters says whether a workflow that waits about the payment has to hear of the
// action.
func (a Action) matters() bool { return a.places() || a.Kind == ActRefund || a.Kind == ActCancel }

// places says whether the action is a reason to try again to make the order.
func (a Action) places() bool { return a.Kind == ActRetry || a.Kind == ActFix || a.Kind == ActAccept }

func (d Due) any() bool { return d.ClearCart || d.Notify || len(d.Refunds) > 0 || d.WakeID != "" }

// refuse takes note of an action that may not be done.
func (p *Payment) refuse(tx *gorm.DB, a Action, why string) (ActionResult, error) {
	if err := tx.Model(&actionRow{}).Where("request_id = ?", a.RequestID).Update("refusal", why).Error; err != nil {
		return ActionResult{}, err
	}
	if err := audit(tx, a.cause(), p.change("action_"+string(a.Kind)+"_refused", "", why)); err != nil {
		return ActionResult{}, err
	}
	s, err := p.standing(tx, "")
	return ActionResult{Refusal: why, Standing: s}, err
}

// shown is the word that people are shown for the payment now.
func (p *Payment) shown(tx *gorm.DB) (string, error) {
	var status []string
	err := tx.Model(&Payment{}).Where("id = ?", p.ID).Pluck("status", &status).Error
	return strings.Join(status, ""), err
}

// place tries again to make the order of a payment that has none.
func (p *Payment) place(tx *gorm.DB, t turn) (Standing, error) {
	order, err := p.order(tx)
	if err != nil {
		return Standing{}, err
	}
	if !p.placeable(order) {
		return p.settle(tx, t)
	}
	f, err := fulfill(tx, p, true, t)
	if err != nil {
		return Standing{}, err
	}
	s, err := p.standing(tx, f.WakeID)
	s.Outcome = f.Outcome
	return s, err
}

// Look tries again to make the order of a payment that was collected and has
// none, and says where it stands. Should a person be needed and nobody waits for
// them, workflow does from now on; with takeOver also if another one does, which
// is known to be gone, and nobody watches its disputes then. The payment may be
// named as Act takes it.
func (db *DB) Look(ctx context.Context, payment, workflow string, takeOver bool) (Standing, error) {
	var s Standing
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, err := lockNamed(tx, payment)
		if err != nil {
			return err
		}
		t := turn{workflow: workflow, by: Cause{Actor: "twigz", Reason: workflow}}
		if takeOver {
			if err := p.takeOver(tx, workflow); err != nil {
				return err
			}
		}
		s, err = p.place(tx, t)
		return err
	})
	if err != nil {
		return Standing{}, fmt.Errorf("look at %s: %w", payment, err)
	}
	return s, nil
}

// takeOver makes workflow the one that answers for the payment if any does, and
// leaves its open disputes to whoever looks next.
func (p *Payment) takeOver(tx *gorm.DB, workflow string) error {
	if p.OwnerWorkflowID != nil {
		p.OwnerWorkflowID = &workflow
		if err := p.save(tx); err != nil {
			return err
		}
	}
	return tx.Model(&Dispute{}).Where("payment_id = ? AND owner_workflow_id IS NOT NULL", p.ID).Update("owner_workflow_id", nil).Error
}
