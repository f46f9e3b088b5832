package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// errClientGone is that nobody takes events any more.
var errClientGone = errors.New("the client has gone")

// eventStream writes server-sent events of one thing to one client.
type eventStream struct {
	kind    string // the events' name
	to      gin.ResponseWriter
	control *http.ResponseController
	patient time.Duration // how long one write may take
	last    string        // the ID of the event that the client has; "": none
}

// newEventStream takes up where the client was cut off, if it says where, by the
// header or by ?after= for those who would need a preflight for the header.
func newEventStream(c *gin.Context, kind string, patient time.Duration) *eventStream {
	return &eventStream{
		kind: kind, to: c.Writer, control: http.NewResponseController(c.Writer), patient: patient,
		last: cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("after")),
	}
}

// begin opens the stream. The server's limits are for requests and answers that
// end soon; here each write has its own, and nothing more is to be read.
func (e *eventStream) begin() {
	_ = e.control.SetReadDeadline(time.Time{}) // fails on what is no connection, which has no limits either
	header := e.to.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	e.to.WriteHeader(http.StatusOK)
}

// has says whether the client has it as it is.
func (e *eventStream) has(now told) bool {
	id, _, err := eventOf(now)
	return err == nil && id == e.last
}

// send sends how it is now, or a mere sign of life where the client has it so.
func (e *eventStream) send(now told) error {
	id, data, err := eventOf(now)
	if err != nil {
		return err
	}
	if id == e.last {
		return e.comment()
	}
	e.last = id
	return e.write("event: " + e.kind + "\nid: " + id + "\ndata: " + data + "\n\n")
}

// comment sends what readers skip.
func (e *eventStream) comment() error { return e.write(":\n\n") }

func (e *eventStream) write(text string) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.patient))
	if _, err := e.to.WriteString(text); err != nil {
		return errClientGone
	}
	if err := e.control.Flush(); err != nil {
		return errClientGone
	}
	return nil
}

// eventOf is something as the data of an event, a line of JSON, and the event's ID,
// which is the same as long as the data are.
func eventOf(now told) (id, data string, err error) {
	text, err := json.Marshal(now)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12]), string(text), nil
}
