package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// act asks for an action about a payment, as sam.
func (p *program) act(paymentID string, body fields) answer {
	p.t.Helper()
	return p.call(http.MethodPost, "/support/api/payments/"+paymentID+"/actions", body.text(), bearerOf(supportToken)...)
}

// note is an action that every payment's state allows.
func note(requestID string) fields {
	return fields{"action": "note", "reason": "the customer called", "requestId": requestID}
}

// resend is an action that leaves something to be done.
func resend(requestID string) fields {
	return fields{"action": "resend", "reason": "lost the mail", "requestId": requestID, "recipient": "customer"}
}

// told settles the notifications of a payment, as a worker does that sent them.
func (w whole) told(paymentID string) {
	w.t.Helper()
	letters, err := w.db.ClaimNotifications(w.t.Context(), paymentID, "evt_teller")
	require.NoError(w.t, err)
	for _, letter := range letters {
		require.NoError(w.t, w.db.SettleNotification(w.t.Context(), letter.Notification, models.NotificationSent, ""))
	}
}

// entriesOf counts the audit entries of one person in a payment's detail.
func (a answer) entriesOf(name string) int {
	a.t.Helper()
	count := 0
	audit, _ := a.object()["audit"].([]any)
	for _, entry := range audit {
		if entry.(map[string]any)["actor"] == name {
			count++
		}
	}
	return count
}

func TestActions(t *testing.T) {
	t.Parallel()

	t.Run("are answered with the payment's detail, the action in it under its actor's name", func(t *testing.T) {
		t.Parallel()
		p := startShop(t)
		f := p.buy(eve, "pi_1", 2)
		for i, id := range []string{f.PaymentID, "pi_1"} {
			a := p.act(id, note("r-"+id))
			detail := p.call(http.MethodGet, "/support/api/payments/"+id, "", bearerOf(supportToken)...)
			require.Equal(t, http.StatusOK, detail.status)
			a.is(http.StatusOK, detail.body)
			assert.Equal(t, i+1, a.entriesOf("sam"))
			assert.Contains(t, a.body, "the customer called")
		}
	})

	t.Run("act once for a request ID, and answer the same again", func(t *testing.T) {
		t.Parallel()
		p := startShop(t)
		p.buy(eve, "pi_1", 2)
		first := p.act("pi_1", note("r1"))
		require.Equal(t, http.StatusOK, first.status, first.body)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { p.act("pi_1", note("r1")).is(http.StatusOK, first.body) })
		}
		wg.Wait()
		again := p.act("pi_1", note("r1").with(fields{"action": "hold"}))
		assert.Equal(t, http.StatusConflict, again.status, "it is another request")
	})

	t.Run("that the state does not allow are a conflict, with why, each time", func(t *testing.T) {
		t.Parallel()
		p := startShop(t)
		p.buy(eve, "pi_1", 2)
		accept := fields{"action": "accept", "reason": "it is fine", "requestId": "r1"}
		first := p.act("pi_1", accept)
		require.Equal(t, http.StatusConflict, first.status, first.body)
		assert.NotEmpty(t, first.object()["error"])
		p.act("pi_1", accept).is(http.StatusConflict, first.body)
		assert.Zero(t, p.waiting(), "nothing is to be done")
		assert.Empty(t, p.temporal.started())
	})

	t.Run("start a workflow for what they leave to be done, at once", func(t *testing.T) {
		t.Parallel()
		p := startShop(t)
		f := p.buy(eve, "pi_1", 2)
		p.told(f.PaymentID)
		a := p.act(f.PaymentID, resend("r/1 (b)~"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Eventually(t, func() bool { return len(p.temporal.started()) == 1 }, 10*time.Second, 5*time.Millisecond)
		r := p.temporal.started()[0]
		assert.Equal(t, "support-r/1 (b)~", r.GetWorkflowId())
		assert.Equal(t, "SupportAction", r.GetWorkflowType().GetName())
		require.Len(t, r.GetInput().GetPayloads(), 1)
		assert.JSONEq(t, fields{
			"paymentId": f.PaymentID, "requestId": "r/1 (b)~", "paymentIntentId": "pi_1", "customerId": eve, "storeId": "bakery",
		}.text(), string(r.GetInput().GetPayloads()[0].GetData()))
		assert.Contains(t, r.GetSearchAttributes().GetIndexedFields(), "PaymentIntentID", "it can be found by its payment")
		p.drained()
	})

	t.Run("are done while Temporal is away, and what they leave follows", func(t *testing.T) {
		t.Parallel()
		p := startShop(t)
		f := p.buy(eve, "pi_1", 2)
		p.told(f.PaymentID)
		p.temporal.hang()
		began := time.Now()
		a := p.act("pi_1", resend("r1"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Less(t, time.Since(began), 2*time.Second, "Temporal is not waited for")
		assert.EqualValues(t, 1, p.waiting())
		p.temporal.refuse(nil)
		p.drained()
		assert.NotEmpty(t, p.temporal.run("support-r1"))
	})
}

func TestActionErrors(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	p.buy(eve, "pi_1", 2)
	with := func(changes fields) string { return note("r").with(changes).text() }
	fix := func(metadata any) string { return with(fields{"action": "fix", "metadata": metadata}) }
	const (
		pi1       = "pi_1"
		kinds     = "Must be one of hold, release, retry, fix, accept, refund, cancel, resend, note, resync"
		requestID = "Must be 1 to 200 printable ASCII characters"
		amount    = "Must be a positive whole number of minor units"
		recipient = "Must be customer or store"
		metadata  = "Must have texts of at most 500 characters under paymentId, customerId, storeId, deliveryAddress, deliveryType, deliveryFee"
		none      = `{"error":"Payment not found"}`
	)
	for _, test := range []struct {
		name, payment, body string
		status              int
		want                string
	}{
		{"no body", pi1, "", 400, malformed},
		{"no JSON", pi1, "action=note", 400, malformed},
		{"a body too large", pi1, with(fields{"reason": strings.Repeat("a", 64<<10)}), 413, tooLarge},
		{"a payment that is not there", "pi_none", note("r").text(), 404, none},
		{"a payment that cannot be", "%00", note("r").text(), 404, none},
		{"a payment of bytes that are no text", "%FF", note("r").text(), 404, none},

		{"no action", pi1, with(fields{"action": nil}), 422, unfit("action", kinds)},
		{"an action that nobody knows", pi1, with(fields{"action": "ship"}), 422, unfit("action", kinds)},
		{"an action in capitals", pi1, with(fields{"action": "NOTE"}), 422, unfit("action", kinds)},
		{"an action that is a number", pi1, with(fields{"action": 1}), 422, unfit("action", wrongType)},

		{"no reason", pi1, with(fields{"reason": nil}), 422, unfit("reason", missing)},
		{"a blank reason", pi1, with(fields{"reason": " \n\t"}), 422, unfit("reason", missing)},
		{"a reason that is a list", pi1, with(fields{"reason": []string{"x"}}), 422, unfit("reason", wrongType)},
		{"a reason too long", pi1, with(fields{"reason": strings.Repeat("ä", 2001)}), 422, unfit("reason", "Must be at most 2000 characters")},

		{"no request ID", pi1, with(fields{"requestId": nil}), 422, unfit("requestId", missing)},
		{"an empty request ID", pi1, with(fields{"requestId": ""}), 422, unfit("requestId", missing)},
		{"a blank request ID", pi1, with(fields{"requestId": " "}), 422, unfit("requestId", requestID)},
		{"a request ID too long", pi1, with(fields{"requestId": strings.Repeat("r", 201)}), 422, unfit("requestId", requestID)},
		{"a request ID of two lines", pi1, with(fields{"requestId": "a\nb"}), 422, unfit("requestId", requestID)},
		{"a request ID with a NUL", pi1, with(fields{"requestId": "a\x00"}), 422, unfit("requestId", requestID)},
		{"a request ID that Temporal would not take", pi1, with(fields{"requestId": "ä"}), 422, unfit("requestId", requestID)},
		{"a request ID that is a number", pi1, with(fields{"requestId": 7}), 422, unfit("requestId", wrongType)},

		{"a refund of nothing", pi1, with(fields{"action": "refund", "amount": 0}), 422, unfit("amount", amount)},
		{"a refund of less", pi1, with(fields{"action": "refund", "amount": -1}), 422, unfit("amount", amount)},
		{"a refund with decimals", pi1, with(fields{"action": "refund", "amount": 1.5}), 422, unfit("amount", wrongType)},
		{"a refund in text", pi1, with(fields{"action": "refund", "amount": "100"}), 422, unfit("amount", wrongType)},
		{"a refund of more than there is in the world", pi1, `{"action":"refund","reason":"x","requestId":"r","amount":99999999999999999999}`, 422, unfit("amount", wrongType)},

		{"a mail to nobody", pi1, with(fields{"action": "resend"}), 422, unfit("recipient", recipient)},
		{"a mail to support", pi1, with(fields{"action": "resend", "recipient": "support"}), 422, unfit("recipient", recipient)},
		{"a mail to a number", pi1, with(fields{"action": "resend", "recipient": 1}), 422, unfit("recipient", wrongType)},
		{"a hold that cannot be", pi1, with(fields{"action": "release", "holdId": "a\x00"}), 422, unfit("holdId", badID)},
		{"a hold that is a number", pi1, with(fields{"action": "release", "holdId": 1}), 422, unfit("holdId", wrongType)},

		{"a fix of nothing", pi1, fix(nil), 422, unfit("metadata", missing)},
		{"an empty fix", pi1, fix(fields{}), 422, unfit("metadata", missing)},
		{"a fix in text", pi1, fix("storeId"), 422, unfit("metadata", wrongType)},
		{"a fix that is a list", pi1, fix([]string{"storeId"}), 422, unfit("metadata", wrongType)},
		{"a fix of numbers", pi1, fix(fields{"storeId": 7}), 422, unfit("metadata", wrongType)},
		{"a fix of objects", pi1, fix(fields{"deliveryAddress": fields{"line1": "1 Mill Lane"}}), 422, unfit("metadata", wrongType)},
		{"a fix of null", pi1, fix(fields{"storeId": nil}), 422, unfit("metadata", metadata)},
		{"a fix of another's key", pi1, fix(fields{"storeId": "bakery", "colour": "red"}), 422, unfit("metadata", metadata)},
		{"a fix with a NUL", pi1, fix(fields{"storeId": "a\x00"}), 422, unfit("metadata", metadata)},
		{"a fix longer than Stripe would carry", pi1, fix(fields{"deliveryAddress": strings.Repeat("ä", 501)}), 422, unfit("metadata", metadata)},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.call(http.MethodPost, "/support/api/payments/"+test.payment+"/actions", test.body, bearerOf(supportToken)...).is(test.status, test.want)
		})
	}
	detail := p.call(http.MethodGet, "/support/api/payments/pi_1", "", bearerOf(supportToken)...)
	assert.Zero(t, detail.entriesOf("sam"), "nothing was done")

	t.Run("a request ID may be as long as 200 characters", func(t *testing.T) {
		a := p.act(pi1, note(strings.Repeat("r", 200)))
		assert.Equal(t, http.StatusOK, a.status, a.body)
	})
	t.Run("null is as good as absent where a value may be", func(t *testing.T) {
		a := p.act(pi1, note("r-null").with(fields{"amount": nil, "metadata": nil, "recipient": nil, "holdId": nil}))
		assert.Equal(t, http.StatusOK, a.status, a.body)
	})
	t.Run("nobody but support asks", func(t *testing.T) {
		for _, headers := range [][]string{nil, as(t, eve), bearerOf("wrong")} {
			p.call(http.MethodPost, "/support/api/payments/pi_1/actions", note("r").text(), headers...).
				is(http.StatusUnauthorized, `{"error":"Unauthorized"}`)
		}
	})
}

func TestActionCarriesWhatItsKindUses(t *testing.T) {
	t.Parallel()
	everything := `{"action":"KIND","reason":" lost \u0000 ","requestId":"r1","amount":250,"metadata":{"storeId":"bakery"},"recipient":"store","holdId":"hold_1"}`
	of := func(kind models.ActionKind) models.Action {
		var body actionBody
		require.NoError(t, json.Unmarshal([]byte(strings.Replace(everything, "KIND", string(kind), 1)), &body))
		require.NoError(t, body.check())
		return body.of("pi_1")
	}
	bare := func(kind models.ActionKind) models.Action {
		return models.Action{PaymentID: "pi_1", Kind: kind, Reason: "lost \uFFFD", RequestID: "r1"}
	}
	refund, fix, again, release := bare(models.ActRefund), bare(models.ActFix), bare(models.ActResend), bare(models.ActRelease)
	refund.Amount = new(int64(250))
	fix.Metadata = models.Metadata{"storeId": "bakery"}
	again.Recipient = models.ToStore
	release.HoldID = "hold_1"
	for _, want := range []models.Action{
		refund, fix, again, release, bare(models.ActHold), bare(models.ActRetry), bare(models.ActAccept), bare(models.ActCancel), bare(models.ActNote),
	} {
		assert.Equal(t, want, of(want.Kind))
	}
}
