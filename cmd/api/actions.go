package main

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"twigz/models"
	"twigz/workflows"
)

const (
	maxRequestID = 200  // characters
	maxReason    = 2000 // characters
)

// actionKinds are the words that an action may be.
var actionKinds = []models.ActionKind{
	models.ActHold, models.ActRelease, models.ActRetry, models.ActFix, models.ActAccept,
	models.ActRefund, models.ActCancel, models.ActResend, models.ActNote, resync,
}

// resync is about the customer whose payment it is, and not for the payment to take.
const resync = models.ActionKind(models.ActResync)

// actionBody is what a person asks for. What the action does not use is ignored.
type actionBody struct {
	Action    models.ActionKind  `json:"action"`
	Reason    string             `json:"reason"`
	RequestID string             `json:"requestId"` // chosen by the caller; the same one acts once
	Amount    *int64             `json:"amount"`    // of a refund, minor units; null or absent: all that is left
	Metadata  map[string]*string `json:"metadata"`  // of a fix; a pointer tells a null from an empty text
	Recipient models.Recipient   `json:"recipient"` // of a resend
	HoldID    string             `json:"holdId"`    // of a release; absent: every hold of staff
}

// postAction does what a person asks for about a payment. What is left to be done
// at Stripe or by mail is in the inbox with the action itself, so it is not waited
// for here.
func (s *server) postAction(c *gin.Context) (any, error) {
	id, err := known(c, "id", "Payment")
	if err != nil {
		return nil, err
	}
	var body actionBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	if body.Action == resync {
		return s.resyncPayment(c, id, body)
	}
	action := body.of(id)
	action.Actor = c.GetString(supportKey)
	action.Start = startOf(action)
	result, err := s.db.Act(c.Request.Context(), action)
	if err != nil {
		return nil, err
	}
	if result.Refusal != "" {
		return nil, &models.Error{Kind: models.Conflict, Message: result.Refusal}
	}
	s.inbox.Kick()
	return s.db.PaymentDetail(c.Request.Context(), id, s.config.temporal.WorkflowURL)
}

// check finds the first value that cannot be, whatever the payment's state.
func (b *actionBody) check() error {
	if !slices.Contains(actionKinds, b.Action) {
		return invalidValue("action", "Must be one of hold, release, retry, fix, accept, refund, cancel, resend, note, resync")
	}
	if err := checkRequest(b.Reason, b.RequestID); err != nil {
		return err
	}
	switch {
	case b.Amount != nil && *b.Amount <= 0:
		return invalidValue("amount", "Must be a positive whole number of minor units")
	case b.Action == models.ActResend && b.Recipient != models.ToCustomer && b.Recipient != models.ToStore:
		return invalidValue("recipient", "Must be customer or store")
	case b.HoldID != "" && !models.ValidID(b.HoldID):
		return invalidValue("holdId", "Must be 1 to 64 characters without control characters")
	case b.Action != models.ActFix:
		return nil
	case len(b.Metadata) == 0:
		return invalidValue("metadata", "Is missing")
	case !validFix(b.Metadata):
		return invalidValue("metadata", "Must have texts of at most 500 characters under "+strings.Join(models.MetadataKeys(), ", "))
	}
	return nil
}

func invalidValue(field, why string) error {
	return &models.Error{Kind: models.Invalid, Field: field, Message: why}
}

// checkRequest finds what cannot be of what every action has.
func checkRequest(reason, requestID string) error {
	switch {
	case trimmed(reason) == "":
		return invalidValue("reason", "Is missing")
	case utf8.RuneCountInString(reason) > maxReason:
		return invalidValue("reason", "Must be at most 2000 characters")
	case requestID == "":
		return invalidValue("requestId", "Is missing")
	case !validRequestID(requestID):
		return invalidValue("requestId", "Must be 1 to 200 printable ASCII characters")
	}
	return nil
}

// trimmed is a reason as it is kept.
func trimmed(reason string) string { return models.Clean(strings.TrimSpace(reason), maxReason) }

// validRequestID says whether id can be part of a workflow's ID. Temporal's client
// sends that in a header too, which takes nothing but printable ASCII.
func validRequestID(id string) bool {
	return strings.TrimSpace(id) != "" && isPrintable(id, maxRequestID)
}

// validFix says whether metadata is such as Stripe could have carried for us.
func validFix(metadata map[string]*string) bool {
	for key, text := range metadata {
		if text == nil || !slices.Contains(models.MetadataKeys(), key) ||
			utf8.RuneCountInString(*text) > models.MaxMetadataValue || strings.ContainsRune(*text, 0) {
			return false
		}
	}
	return true
}

// of is the action about a payment, with what its kind uses.
func (b *actionBody) of(paymentID string) models.Action {
	a := models.Action{
		PaymentID: paymentID, Kind: b.Action,
		Reason: trimmed(b.Reason), RequestID: b.RequestID,
	}
	switch b.Action {
	case models.ActRefund:
		a.Amount = b.Amount
	case models.ActFix:
		a.Metadata = models.Metadata{}
		for key, text := range b.Metadata {
			a.Metadata[key] = *text
		}
	case models.ActResend:
		a.Recipient = b.Recipient
	case models.ActRelease:
		a.HoldID = b.HoldID
	default: // the others are told by their kind alone
	}
	return a
}

// startOf is the workflow that does what the action leaves to be done.
func startOf(a models.Action) *models.PendingStart {
	return &models.PendingStart{WorkflowID: workflows.SupportWorkflowID(a.RequestID), WorkflowType: workflows.TypeSupportAction}
}
