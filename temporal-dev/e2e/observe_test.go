package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's driver
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"twigz/workflows"
)

// closed waits until a workflow has completed, and returns its history.
func (w *world) closed(workflowID string) []*history.HistoryEvent {
	w.Helper()
	var status enums.WorkflowExecutionStatus
	w.until(workflowID+" is closed", func() bool {
		description, err := built.temporal.Client().DescribeWorkflowExecution(context.Background(), workflowID, "")
		status = description.GetWorkflowExecutionInfo().GetStatus()
		return err == nil && status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
	require.Equal(w, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, status)
	return w.history(workflowID).Events
}

func (w *world) history(workflowID string) *history.History {
	w.Helper()
	all := &history.History{}
	events := built.temporal.Client().GetWorkflowHistory(context.Background(), workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(w, err)
		all.Events = append(all.Events, event)
	}
	return all
}

// record saves a workflow's history for the replay tests, when RECORD_HISTORIES
// says where to and there is none of that name: histories are never replaced.
func (w *world) record(workflowID, name string) {
	w.Helper()
	dir := os.Getenv("RECORD_HISTORIES")
	if dir == "" {
		return
	}
	text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(w.history(workflowID))
	require.NoError(w, err)
	file, err := os.OpenFile(filepath.Join(dir, name+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return
	}
	require.NoError(w, err)
	_, err = file.Write(anonymous(text))
	require.NoError(w, errors.Join(err, file.Close()))
}

var identity = regexp.MustCompile(`\b\d+@[^"]*`)

// anonymous takes out which process on which machine took part.
func anonymous(text []byte) []byte {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return bytes.ReplaceAll(identity.ReplaceAll(text, []byte("worker")), []byte(host), []byte("host"))
}

// pendingActivity names the activity that a workflow is waiting for and that
// has failed before, "" when there is none.
func (w *world) pendingActivity(workflowID string) string {
	w.Helper()
	description, err := built.temporal.Client().DescribeWorkflowExecution(context.Background(), workflowID, "")
	require.NoError(w, err)
	for _, activity := range description.GetPendingActivities() {
		return activity.GetActivityType().GetName()
	}
	return ""
}

// found says whether a search finds any workflow.
func (w *world) found(query string) bool {
	w.Helper()
	answer, err := built.temporal.Client().CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	require.NoError(w, err)
	return answer.GetCount() > 0
}

func (w *world) state(workflowID string) workflows.State {
	w.Helper()
	answer, err := built.temporal.Client().QueryWorkflow(context.Background(), workflowID, "", workflows.QueryState)
	require.NoError(w, err)
	var state workflows.State
	require.NoError(w, answer.Get(&state))
	return state
}

func (w *world) retry(workflowID string) {
	w.Helper()
	request := workflows.Request{Actor: "ada", Reason: "mended"}
	require.NoError(w, built.temporal.Client().SignalWorkflow(context.Background(), workflowID, "", workflows.SignalRetry, request))
}

// fulfilledOnce asserts everything that one fulfilled payment is.
func (w *world) fulfilledOnce(paymentIntentID string) {
	w.Helper()
	assert.Len(w, w.orders(), 1)
	assert.Empty(w, w.cart())
	assert.Equal(w, "paid", w.status(paymentIntentID))
	w.mailed(map[string]string{customerEmail: "order", storeEmail: "order"})
}

// mailed asserts that each address got one mail, by Message-ID, with a word in
// its subject, and that nobody else got any.
func (w *world) mailed(subjects map[string]string) {
	w.Helper()
	var got map[string]map[string]string // address → Message-ID → subject
	w.until("mails are out", func() bool {
		got = map[string]map[string]string{}
		for _, m := range w.mails.Messages() {
			for _, to := range m.To {
				if got[to] == nil {
					got[to] = map[string]string{}
				}
				got[to][m.MessageID] = m.Subject
			}
		}
		return len(got) >= len(subjects)
	})
	for address, word := range subjects {
		require.Len(w, got[address], 1, address)
		for _, subject := range got[address] {
			assert.Contains(w, subject, word)
		}
	}
	assert.Len(w, got, len(subjects))
}

// sql runs a statement as the database's owner would.
func (w *world) sql(url, statement string, args ...any) {
	w.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(w, err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(context.Background(), statement, args...)
	require.NoError(w, err, statement)
}

// holdClearCart makes every removal from a cart wait until the returned
// function is called.
func (w *world) holdClearCart() (release func()) {
	w.Helper()
	w.sql(w.database, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN OLD; END $$`)
	w.sql(w.database, `CREATE TRIGGER hold BEFORE DELETE ON cart_items FOR EACH ROW EXECUTE FUNCTION hold()`)
	db, err := sql.Open("pgx", w.database)
	require.NoError(w, err)
	holder, err := db.Conn(context.Background())
	require.NoError(w, err)
	_, err = holder.ExecContext(context.Background(), "SELECT pg_advisory_lock(4711)")
	require.NoError(w, err)
	return func() {
		_ = holder.Close()
		require.NoError(w, db.Close())
	}
}

// cutDatabase ends every connection to the world's database and lets no new one
// in, until the returned function is called.
func (w *world) cutDatabase() (restore func()) {
	w.Helper()
	slash := strings.LastIndex(w.database, "/")
	name, query, _ := strings.Cut(w.database[slash+1:], "?")
	maintenance := w.database[:slash+1] + "postgres?" + query
	w.sql(maintenance, `ALTER DATABASE "`+name+`" ALLOW_CONNECTIONS false`)
	w.sql(maintenance, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	return func() { w.sql(maintenance, `ALTER DATABASE "`+name+`" ALLOW_CONNECTIONS true`) }
}

// rejecting is a mail server that knows no such address.
func rejecting(address string) func(string) *smtp.SMTPError {
	return func(to string) *smtp.SMTPError {
		if to != address {
			return nil
		}
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user: " + to}
	}
}

// stall is a mail server that hesitates at its first recipient.
type stall struct {
	met, released chan struct{}
	once          sync.Once
}

func newStall() *stall { return &stall{met: make(chan struct{}), released: make(chan struct{})} }

func (s *stall) reject(string) *smtp.SMTPError {
	s.once.Do(func() {
		close(s.met)
		<-s.released
	})
	return nil
}

func (s *stall) wait(t *testing.T) {
	t.Helper()
	select {
	case <-s.met:
	case <-time.After(patience):
		t.Fatal("no mail was tried")
	}
}

func (s *stall) release() { close(s.released) }

// What people filter, search and read outside the database names nobody: it is
// never encrypted, and many may see it.
func TestNothingPersonalLeavesTheDatabase(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t, func(w *world) { w.reject = rejecting(customerEmail) }), ids(t)
	w.accept(id("evt_1"), "payment_intent.succeeded", intent(id("pi_1"), nil))
	w.accept(id("evt_2"), "payment_intent.succeeded", intent(id("pi_2"), func(o map[string]any) {
		o["metadata"].(map[string]any)["deliveryAddress"] = `{"line1":"` + street
	}))
	w.closed(id("evt_1"))
	w.until("the second one waits", func() bool { return w.status(id("pi_2")) == "needs_attention" })
	w.send(id("evt_3"), "customer.created", map[string]any{"id": "cus_1", "object": "customer", "email": customerEmail})

	response, err := http.Get(w.metrics + "/metrics")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(metrics), "twigz_webhook_requests_total")
	outside := map[string]string{"metrics": string(metrics), "logs": w.logs()}
	for _, event := range []string{id("evt_1"), id("evt_2")} {
		description, err := built.temporal.Client().DescribeWorkflowExecution(t.Context(), event, "")
		require.NoError(t, err)
		info := description.GetWorkflowExecutionInfo()
		outside["search attributes of "+event] = info.GetSearchAttributes().String()
		outside["memo of "+event] = info.GetMemo().String()
		outside["ID of "+event] = info.GetExecution().String()
		outside["summary of "+event] = description.GetExecutionConfig().GetUserMetadata().String()
		for _, e := range w.history(event).Events {
			if failure := e.GetActivityTaskStartedEventAttributes().GetLastFailure(); failure != nil {
				outside["failure in "+event] += failure.String()
			}
		}
	}
	secrets := []string{customerEmail, "eve.customer", storeEmail, street, "Hidden", "BA1 1AA", webhookSecret, jwtSecret, supportToken, "sk_test_e2e"}
	for where, text := range outside {
		for _, secret := range secrets {
			assert.NotContains(t, text, secret, where)
		}
	}
	assert.Contains(t, outside["logs"], id("evt_1"), "the logs were really read")
}
