package main

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
	"twigz/workflows"
)

// knows does what a worker would: Stripe knows the customer as the rows do.
func (w whole) knows(customerID string) func(context.Context, string) (any, error) {
	return func(ctx context.Context, _ string) (any, error) {
		profile, err := w.db.Profile(ctx, customerID)
		if err != nil {
			return nil, err
		}
		profile.StripeCustomerID = "cus_1"
		_, err = w.db.KeepStripeCustomer(ctx, profile)
		return workflows.Result{Outcome: workflows.CustomerSynced}, err
	}
}

func (w whole) tell(body string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/customers", body, as(w.t, eve)...)
}

func TestPutCustomer(t *testing.T) {
	t.Parallel()
	const body = `{"email":"eve@example.com","name":"Eve Adams"}`
	const known = `{"customerId":"auth0|7","email":"eve@example.com","name":"Eve Adams","stripeCustomerId":"cus_1"}`

	t.Run("makes them at Stripe once, and keeps them in step", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(w.knows(eve))
		w.tell(body).is(http.StatusOK, known)
		started := w.temporal.started()
		require.Len(t, started, 1)
		assert.Equal(t, workflows.CustomerWorkflowID(eve), started[0].GetWorkflowId())
		assert.Equal(t, "SyncCustomer", started[0].GetWorkflowType().GetName())
		w.tell(body).is(http.StatusOK, known)
		assert.Len(t, w.temporal.started(), 1, "nothing has changed")
	})
	t.Run("looks again where a workflow had looked before the change", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		asked := 0
		w.temporal.works(func(ctx context.Context, id string) (any, error) {
			if asked++; asked < 3 {
				return workflows.Result{Outcome: workflows.CustomerSynced}, nil
			}
			return w.knows(eve)(ctx, id)
		})
		w.tell(body).is(http.StatusOK, known)
	})
	t.Run("says that Stripe does not take them", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(func(context.Context, string) (any, error) {
			return workflows.Result{Outcome: workflows.CustomerRefused}, nil
		})
		w.tell(body).is(http.StatusConflict, `{"error":"Stripe does not take this email or name"}`)
	})
	t.Run("loses nothing while Temporal or Stripe is away", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(func(ctx context.Context, _ string) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
		a := w.tell(body)
		a.is(http.StatusServiceUnavailable, `{"error":"Service temporarily unavailable","retryAfter":5}`)
		assert.Equal(t, "5", a.header.Get("Retry-After"))
		profile, err := w.db.Profile(t.Context(), eve)
		require.NoError(t, err)
		assert.Equal(t, models.CustomerProfile{CustomerID: eve, Email: "eve@example.com", Name: "Eve Adams"}, profile)
	})
	t.Run("refuses what cannot be", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		for body, field := range map[string]string{
			`{"email":"eve","name":"Eve"}`: "email", `{"name":"Eve"}`: "email", `{"email":"eve@example.com","name":" "}`: "name", `{"email":1}`: "email",
		} {
			a := w.tell(body)
			assert.Equal(t, http.StatusUnprocessableEntity, a.status, body)
			assert.Equal(t, field, a.object()["field"], body)
		}
		w.tell(`[`).is(http.StatusBadRequest, malformed)
		assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/customers", body).status)
	})
}

func TestForgetCustomer(t *testing.T) {
	t.Parallel()
	w := startWhole(t, nil)
	w.temporal.works(w.knows(eve))
	require.Equal(t, http.StatusOK, w.tell(`{"email":"eve@example.com","name":"Eve Adams"}`).status)
	for range 2 { // once more changes nothing
		w.call(http.MethodDelete, "/customers/me", "", as(t, eve)...).is(http.StatusOK, `{"forgotten":true}`)
		profile, err := w.db.Profile(t.Context(), eve)
		require.NoError(t, err)
		assert.Empty(t, profile.Email+profile.Name)
	}
	assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodDelete, "/customers/me", "").status)
}
