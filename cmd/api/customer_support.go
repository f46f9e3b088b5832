package main

import (
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"twigz/models"
	"twigz/workflows"
)

// listSubscriptions lists subscriptions, newest first; with ?unowned=true those that
// are nobody's here yet.
func (s *server) listSubscriptions(c *gin.Context) (any, error) {
	limit, err := pageLimit(c)
	if err != nil {
		return nil, err
	}
	unowned := false
	if text := c.Query("unowned"); text != "" {
		if unowned, err = strconv.ParseBool(text); err != nil {
			return nil, &models.Error{Kind: models.Invalid, Field: "unowned", Message: "Must be true or false"}
		}
	}
	page, next, err := s.db.SearchSubscriptions(c.Request.Context(), models.SubscriptionQuery{
		Text: c.Query("q"), Status: c.Query("status"), Unowned: unowned, After: c.Query("after"), Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	answer := gin.H{"subscriptions": page}
	if next != "" {
		answer["next"] = next
	}
	return answer, nil
}

// getCustomer is everything about a customer, by our ID or Stripe's.
func (s *server) getCustomer(c *gin.Context) (any, error) {
	id, err := known(c, "id", "Customer")
	if err != nil {
		return nil, err
	}
	return s.db.CustomerDetail(c.Request.Context(), id, s.config.temporal.WorkflowURL)
}

// customerActionKinds are the words that an action about a customer may be.
var customerActionKinds = []models.CustomerActionKind{models.ActResync, models.ActAssign}

// customerActionBody is what a person asks for about a customer.
type customerActionBody struct {
	Action     models.CustomerActionKind `json:"action"`
	Reason     string                    `json:"reason"`
	RequestID  string                    `json:"requestId"`  // chosen by the caller; the same one acts once
	CustomerID string                    `json:"customerId"` // ours, whose one of Stripe's is from now on; of an assign
}

// postCustomerAction does what a person asks for about a customer. Stripe is looked
// at by a workflow that the inbox starts, so it is not waited for here.
func (s *server) postCustomerAction(c *gin.Context) (any, error) {
	id, err := known(c, "id", "Customer")
	if err != nil {
		return nil, err
	}
	var body customerActionBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	if err := s.actOnCustomer(c, body.of(id)); err != nil {
		return nil, err
	}
	return s.db.CustomerDetail(c.Request.Context(), id, s.config.temporal.WorkflowURL)
}

// check finds the first value that cannot be.
func (b *customerActionBody) check() error {
	switch {
	case !slices.Contains(customerActionKinds, b.Action):
		return invalidValue("action", "Must be resync or assign")
	case b.Action == models.ActAssign && !models.ValidID(b.CustomerID):
		return invalidValue("customerId", "Must be 1 to 64 characters without control characters")
	}
	return checkRequest(b.Reason, b.RequestID)
}

// of is the action about a customer.
func (b *customerActionBody) of(customer string) models.CustomerAction {
	a := models.CustomerAction{Customer: customer, Kind: b.Action, Reason: trimmed(b.Reason), RequestID: b.RequestID}
	if b.Action == models.ActAssign {
		a.To = b.CustomerID
	}
	return a
}

// actOnCustomer acts in the name of the one who calls. A refusal is an error.
func (s *server) actOnCustomer(c *gin.Context, a models.CustomerAction) error {
	a.Actor = c.GetString(supportKey)
	a.Start = &models.PendingStart{WorkflowID: workflows.SupportWorkflowID(a.RequestID), WorkflowType: workflows.TypeResync}
	acted, err := s.db.ActOnCustomer(c.Request.Context(), a)
	if err != nil {
		return err
	}
	if acted.Refusal != "" {
		return &models.Error{Kind: models.Conflict, Message: acted.Refusal}
	}
	s.inbox.Kick()
	return nil
}

// resyncPayment has Stripe looked at anew for the customer whose payment it is.
func (s *server) resyncPayment(c *gin.Context, id string, body actionBody) (any, error) {
	customer, err := s.db.PayerOf(c.Request.Context(), id)
	if err != nil {
		return nil, err
	}
	if customer == "" {
		return nil, &models.Error{Kind: models.Conflict, Message: "Nobody knows which customer of Stripe's has paid this"}
	}
	err = s.actOnCustomer(c, models.CustomerAction{Customer: customer, Kind: models.ActResync, Reason: trimmed(body.Reason), RequestID: body.RequestID})
	if err != nil {
		return nil, err
	}
	return s.db.PaymentDetail(c.Request.Context(), id, s.config.temporal.WorkflowURL)
}
