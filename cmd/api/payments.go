package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"twigz/internal/paymentfeed"
	"twigz/models"
)

// streamTimes bound a stream of events.
type streamTimes struct {
	heartbeat time.Duration // between two signs of life, so that nobody on the way takes the stream for dead
	write     time.Duration // that a client may take to receive one event
	again     time.Duration // until something is read again that could not be read
	longest   time.Duration // after which the client is to ask again, with a token that is still good
}

var usualStreamTimes = streamTimes{heartbeat: 15 * time.Second, write: 10 * time.Second, again: time.Second, longest: time.Hour}

// paymentOf is a customer's payment.
func (s *server) paymentOf(c *gin.Context) (any, error) {
	paymentID, err := known(c, "paymentId", "Payment")
	if err != nil {
		return nil, err
	}
	return s.db.CustomerPayment(c.Request.Context(), c.GetString(customerKey), paymentID)
}

// told is something that a stream tells of: an answer as JSON.
type told interface {
	Final() bool // nothing more is expected of it
}

// followed is what a stream follows.
type followed struct {
	kind string // the events' name
	key  string // by which changes of it are told of
	read func(*gin.Context) (told, error)
}

// paymentEvents sends what paymentOf answers, at once and at each change, until
// nothing more is expected.
func (s *server) paymentEvents(c *gin.Context) {
	paymentID, err := known(c, "paymentId", "Payment")
	if err != nil {
		s.answerError(c, err)
		return
	}
	s.stream(c, followed{
		kind: "payment", key: paymentfeed.PaymentKey(paymentID),
		read: func(c *gin.Context) (told, error) { return s.readPayment(c, paymentID) },
	})
}

// stream is not behind answer: it takes as long as what is followed does.
func (s *server) stream(c *gin.Context, f followed) {
	stream, err := s.payments.Open(c.GetString(customerKey), f.key)
	if err != nil {
		s.answerError(c, streamErrors[err])
		return
	}
	defer stream.Close()
	// Read only now that changes are told: one that comes in between is told again.
	now, err := f.read(c)
	if err != nil {
		s.answerError(c, err)
		return
	}
	events := newEventStream(c, f.kind, s.streams.write)
	if now.Final() && events.has(now) {
		c.Status(http.StatusNoContent) // it has come back for more, and there is none
		return
	}
	events.begin()
	s.follow(c, stream, events, now, f)
}

// streamErrors are the answers where there is no room for a stream.
var streamErrors = map[error]error{
	paymentfeed.ErrTooMany: &httpError{status: http.StatusTooManyRequests, message: "Too many open streams", retryAfter: soon},
	paymentfeed.ErrFull:    errSoon,
	paymentfeed.ErrEnded:   errSoon,
}

// follow sends events until nothing more is expected, or until somebody leaves:
// the client, or we. The client then asks again.
func (s *server) follow(c *gin.Context, stream *paymentfeed.Stream, events *eventStream, now told, f followed) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.streams.longest)
	defer cancel()
	heartbeat := time.NewTicker(s.streams.heartbeat)
	defer heartbeat.Stop()
	var again <-chan time.Time // set while a change could not be read; nil: never
	err := events.send(now)
	for err == nil && !now.Final() {
		select {
		case <-ctx.Done():
			return
		case <-stream.Ended():
			return
		case <-heartbeat.C:
			err = events.comment()
			continue
		case <-stream.Changed():
		case <-again:
		}
		read, failed := f.read(c)
		switch {
		case failed == nil:
			now, again, err = read, nil, events.send(read)
		case away(failed):
			again = time.After(s.streams.again)
		default:
			err = failed
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errClientGone) {
		s.log.WarnContext(c, "stream ends, what it follows cannot be read", "kind", f.kind, "request_id", c.GetString(requestIDKey), "error", models.Describe(err))
	}
}

// readPayment is the payment of the customer who is calling, as it is now.
func (s *server) readPayment(c *gin.Context, paymentID string) (models.PaymentView, error) {
	ctx, cancel := requestContext(c)
	defer cancel()
	return s.db.CustomerPayment(ctx, c.GetString(customerKey), paymentID)
}
