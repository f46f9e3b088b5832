package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// FuzzWebhook looks for a body and a signature header that get another answer
// out of the handler than those of its table. Headers are templates, in which
// $t and $sig stand for now and a good signature, to get past the HMAC. Run it
// with -fuzzminimizetime=10x, or it spends its time on making inputs shorter.
func FuzzWebhook(f *testing.F) {
	for _, body := range []string{
		"", "null", "{}", "[]", succeeded().text(), event("checkout.session.completed", session).text(),
		event("customer.created", fields{}).text(), succeeded().with(fields{"livemode": true}).text(), succeeded().with(fields{"account": "acct_1"}).text(),
		event("payment_intent.payment_failed", intent.with(fields{"last_payment_error": fields{"message": "no\x00"}})).text(),
		event("payment_intent.succeeded", intent.with(fields{"metadata": []int{1}})).text(), succeeded().with(fields{"data": nil}).text(),
		zipped(succeeded().text()), strings.Replace(succeeded().text(), "bakery", `\ud800`, 1),
	} {
		f.Add([]byte(body), "t=$t,v1=$sig")
	}
	for _, header := range []string{"", "t=$t", "v1=$sig", "t=1,v1=$sig", "t=$t,v1=00,v1=$sig", "t=$t,v0=$sig", "t=$t, v1=$sig", "t=$t,t=$t,v1=$sig"} {
		f.Add([]byte(succeeded().text()), header)
	}
	s := inProcess(f, newFrontend(f), nil)
	noon := time.Unix(1_750_000_000, 0)
	s.verifier.Now = func() time.Time { return noon } // one input, one way through
	routes := s.routes()
	f.Fuzz(func(t *testing.T, body []byte, template string) {
		mac := hex.EncodeToString(stripewebhook.ComputeSignature(noon, body, webhookSecret))
		header := strings.NewReplacer("$t", fmt.Sprint(noon.Unix()), "$sig", mac).Replace(template)
		temporal := &starter{runs: map[string]string{}}
		s.temporal = temporal
		for range 2 { // a duplicate is told from a start
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/stripe/webhook", bytes.NewReader(body))
			request.Header["Stripe-Signature"] = []string{header}
			answer, before := httptest.NewRecorder(), len(temporal.runs)
			routes.ServeHTTP(answer, request)
			if answer.Header().Get("X-Request-Id") == "" {
				t.Error("no X-Request-Id")
			}
			checkTable(t, answer.Code, answer.Body.String(), len(temporal.runs)-before)
		}
	})
}

// starter is a Temporal within the process. A connection's own goroutines would
// look to the fuzzer as if the same input took another way each time.
type starter struct {
	client.Client
	client.WorkflowRun
	runs map[string]string // by workflow ID
}

func (s *starter) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	if run, ok := s.runs[options.ID]; ok {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "another", run)
	}
	s.runs[options.ID] = "run of " + options.ID
	return s, nil
}

func (s *starter) GetRunID() string { return "run" }

// checkTable checks that an answer is one of the table's, and that a workflow
// was started if and only if it says so.
func checkTable(t *testing.T, status int, body string, started int) {
	t.Helper()
	var told struct {
		Received            bool
		Ignored, Message    string
		EventID, WorkflowID string
		RunID, EventType    string
		Duplicate           *bool
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	starts := 0
	switch {
	case status == http.StatusBadRequest && (body == invalidSignature || body == invalidPayload):
	case status == http.StatusRequestEntityTooLarge && body == tooLarge:
	case status == http.StatusOK && told.Message == "Event type not supported" && told.EventType != "":
	case status == http.StatusOK && told.Received && (told.Ignored == "account" || told.Ignored == "livemode"):
	case status == http.StatusOK && told.Received && told.Duplicate != nil && told.RunID != "" &&
		strings.HasPrefix(told.EventID, "evt_") && told.WorkflowID == told.EventID:
		if !*told.Duplicate {
			starts = 1
		}
	default:
		t.Errorf("%d %s is no answer of the table", status, body)
	}
	if started != starts {
		t.Errorf("%d %s, but %d workflows were started", status, body, started)
	}
}
