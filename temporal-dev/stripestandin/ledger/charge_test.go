package ledger_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChargesNotesCanBeChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	charge := w.chargeOf(w.paid("pm_card_visa"))
	const change = "POST /v1/charges/{charge}"
	changed := w.call(change, charge.ID(), "description", "two cakes", "metadata[a]", "b", "fraud_details[user_report]", "safe", "shipping[name]", "Ada", "shipping[address][line1]", "1 Main St")
	assert.Equal(t, "safe", changed.Sub("fraud_details").Text("user_report"))
	events := w.events()
	require.Len(t, events, 1)
	assert.Equal(t, "charge.updated", events[0].Text("type"))
	assert.Equal(t, []string{"description", "fraud_details", "metadata", "shipping"}, events[0].Sub("data").Sub("previous_attributes").Keys())

	assert.Equal(t, "email_invalid", w.refused(change, charge.ID(), "receipt_email", "ada").Code)
	assert.Equal(t, "customer", w.refused(change, charge.ID(), "customer", "cus_none").Param)
	missing := w.refused("GET /v1/charges/{charge}", "ch_none")
	assert.Equal(t, http.StatusNotFound, missing.Status)
	assert.Equal(t, "id", missing.Param)
	assert.Equal(t, http.StatusNotFound, w.refused("GET /v1/charges/{charge}/refunds", "ch_none").Status)
}
