package main

import (
	"context"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"twigz/models"
	"twigz/workflows"
)

// errCustomerRefused is about an address, mostly: Stripe is stricter than we are.
var errCustomerRefused = &models.Error{Kind: models.Conflict, Message: "Stripe does not take this email or name"}

// customerBody replaces a customer's email and name: what is absent is none.
type customerBody struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// putCustomer keeps a customer's email and name, and waits until Stripe has them.
func (s *server) putCustomer(c *gin.Context) (any, error) {
	var body customerBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	profile, err := s.db.PutCustomer(c.Request.Context(), c.GetString(customerKey), body.Email, body.Name)
	if err == nil {
		profile, err = s.synced(c.Request.Context(), profile)
	}
	if err != nil {
		return nil, err
	}
	return gin.H{
		"customerId": profile.CustomerID, "email": profile.Email, "name": profile.Name, "stripeCustomerId": profile.StripeCustomerID,
	}, nil
}

// synced is the profile when Stripe has what it says. A workflow that was open
// before may have looked before the change, so what counts is in the rows.
func (s *server) synced(ctx context.Context, profile models.CustomerProfile) (models.CustomerProfile, error) {
	ctx, cancel := context.WithTimeout(ctx, stripePatience)
	defer cancel()
	for !profile.Synced || profile.StripeCustomerID == "" {
		outcome, err := s.syncCustomer(ctx, profile.CustomerID)
		if err != nil {
			return profile, s.notYet(ctx, err)
		}
		before := profile
		if profile, err = s.db.Profile(ctx, profile.CustomerID); err != nil {
			return profile, err
		}
		if outcome == workflows.CustomerRefused && profile == before {
			return profile, errCustomerRefused
		}
	}
	return profile, nil
}

// syncCustomer has Stripe told of a customer, by the workflow that is at it or by
// a new one, and waits for what comes of it.
func (s *server) syncCustomer(ctx context.Context, customerID string) (models.Outcome, error) {
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       workflows.CustomerWorkflowID(customerID),
		TaskQueue:                s.config.temporal.TaskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "Tell Stripe of a customer",
	}, workflows.TypeSyncCustomer, workflows.CustomerInput{CustomerID: customerID})
	var result workflows.Result
	if err == nil {
		err = run.Get(ctx, &result)
	}
	return result.Outcome, err
}

// forgetCustomer scrubs what is personal here. Orders keep their money, and Stripe
// its own records.
func (s *server) forgetCustomer(c *gin.Context) (any, error) {
	if err := s.db.ForgetCustomer(c.Request.Context(), c.GetString(customerKey)); err != nil {
		return nil, err
	}
	return gin.H{"forgotten": true}, nil
}
