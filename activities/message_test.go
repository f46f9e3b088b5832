package activities_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/internal/outgoing"
	"twigz/internal/pgtest"
	"twigz/models"
)

// office is what tells other services, with one message to deliver and the endpoint
// that is told.
type office struct {
	*activities.Messenger
	t      *testing.T
	status int    // what the endpoint answers
	after  string // and when it wants to be asked again
	told   []string
	logs   *bytes.Buffer
}

const messageBody = `{"type":"subscription.changed","data":{"customerId":"auth0|7"}}`

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, status: http.StatusOK, logs: new(bytes.Buffer)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		o.told = append(o.told, r.Header.Get("Webhook-Id")+" "+body.String())
		w.Header().Set("Retry-After", o.after)
		w.WriteHeader(o.status)
		_, _ = fmt.Fprint(w, customerEmail)
	}))
	t.Cleanup(server.Close)
	endpoint, err := outgoing.New(server.URL, []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))})
	require.NoError(t, err)
	o.Messenger = &activities.Messenger{DB: open(t, pgtest.NewURL(t)), Endpoint: endpoint, Log: slog.New(slog.NewJSONHandler(o.logs, nil))}
	_, err = o.DB.SQL().ExecContext(t.Context(), `INSERT INTO customers (id) VALUES ('auth0|7')`)
	require.NoError(t, err)
	_, err = o.DB.SQL().ExecContext(t.Context(), `INSERT INTO outgoing_messages (id, customer_id, type, body) VALUES ('msg_1', 'auth0|7', 'subscription.changed', $1)`, messageBody)
	require.NoError(t, err)
	return o
}

func (o *office) deliver() (activities.MessageResult, error) {
	o.t.Helper()
	return run[activities.MessageResult](o.t, o.Messenger, o.DeliverMessage, activities.MessageInput{MessageID: "msg_1"})
}

// row is the message's status and what its endpoint said.
func (o *office) row() string {
	o.t.Helper()
	var status, answer string
	require.NoError(o.t, o.DB.SQL().QueryRowContext(o.t.Context(), "SELECT status, answer FROM outgoing_messages WHERE id = 'msg_1'").Scan(&status, &answer))
	return status + ": " + answer
}

func TestMessagesThatAreSettled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		want   models.MessageStatus
		row    string
	}{
		{"one that the endpoint takes", 200, models.MessageDelivered, "delivered: 200 OK"},
		{"one that the endpoint takes and says nothing to", 204, models.MessageDelivered, "delivered: 204 No Content"},
		{"one that the endpoint never wants", 410, models.MessageRefused, "refused: 410 Gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.status = c.status
			got, err := o.deliver()
			require.NoError(t, err)
			assert.Equal(t, activities.MessageResult{Status: c.want}, got)
			assert.Equal(t, c.row, o.row())
			assert.Equal(t, []string{"msg_1 " + messageBody}, o.told)
			assert.NotContains(t, o.logs.String(), customerEmail)
		})
	}
	t.Run("one that was delivered already is not sent again", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		for range 2 {
			got, err := o.deliver()
			require.NoError(t, err)
			assert.Equal(t, models.MessageDelivered, got.Status)
		}
		assert.Len(t, o.told, 1)
	})
	t.Run("one that the endpoint did not want is not sent again", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.status = http.StatusGone
		for range 2 {
			got, err := o.deliver()
			require.NoError(t, err)
			assert.Equal(t, models.MessageRefused, got.Status)
		}
		assert.Len(t, o.told, 1)
	})
	t.Run("one that nobody is to be told is recorded", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.Endpoint = nil
		got, err := o.deliver()
		require.NoError(t, err)
		assert.Equal(t, models.MessageRecorded, got.Status)
		assert.Equal(t, "recorded: no endpoint is configured", o.row())
	})
	t.Run("one that there is not", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		_, err := run[activities.MessageResult](t, o.Messenger, o.DeliverMessage, activities.MessageInput{MessageID: "msg_2"})
		assert.True(t, application(t, err).NonRetryable())
	})
}

func TestMessagesThatAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		after  string
		wait   time.Duration
	}{
		{302, "", 0},
		{400, "", 0},
		{401, "", 0},
		{404, "", 0},
		{429, "90", 90 * time.Second},
		{500, "", 0},
		{503, "999999", time.Hour},
	} {
		t.Run(fmt.Sprintf("after %d", c.status), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.status, o.after = c.status, c.after
			_, err := o.deliver()
			failure := application(t, err)
			assert.False(t, failure.NonRetryable())
			assert.Equal(t, c.wait, failure.NextRetryDelay())
			assert.Contains(t, failure.Message(), fmt.Sprintf("the endpoint answered %d", c.status))
			assert.NotContains(t, err.Error(), customerEmail)
			assert.Contains(t, o.row(), fmt.Sprintf("pending: the endpoint answered %d", c.status))

			o.status = http.StatusOK
			got, err := o.deliver()
			require.NoError(t, err)
			assert.Equal(t, models.MessageDelivered, got.Status)
		})
	}
	t.Run("after no answer", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		endpoint, err := outgoing.New("http://127.0.0.1:1/?token=hunter2", []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))})
		require.NoError(t, err)
		o.Endpoint = endpoint
		_, err = o.deliver()
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.NotContains(t, err.Error(), "hunter2")
		assert.Contains(t, o.row(), "pending: the endpoint cannot be reached")
	})
}
