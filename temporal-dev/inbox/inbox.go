// Package inbox is a mail server that delivers to a web page: whatever is sent to it, to any address, a person can read in
// a browser and a test can read as JSON.
//
//	SMTP (no TLS, no sign-in) ──▶ messages, in memory and as .eml files ──▶ pages and /api/messages
//
// A message is kept as it came, under the two lines that a mail server adds on delivery: Return-Path and Delivered-To, the
// addresses it was really sent from and to, whatever its own headers claim.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// Options says where to listen and what to keep.
type Options struct {
	// SMTPAddr and UIAddr are host:port. Empty: a free port on 127.0.0.1.
	SMTPAddr, UIAddr string
	// Dir keeps each message as an .eml file, made if absent. Empty: messages are gone with the process.
	Dir string
	// CountOnly takes every message and keeps none, for measurements: only Count knows of them.
	CountOnly bool
	// Reject is asked about each recipient; what it returns is the answer. Nil, or returning nil: welcome.
	Reject func(recipient string) *smtp.SMTPError
}

// Inbox is a running mail server and its pages.
type Inbox struct {
	options  Options
	smtp     *smtp.Server
	ui       *http.Server
	smtpAddr string
	uiAddr   string

	count    atomic.Int64 // messages that came since Start
	mu       sync.Mutex
	messages []Message     // oldest first
	arrived  chan struct{} // closed, and replaced, at each arrival
}

// Start listens, with the messages that Dir holds already. It serves until Close.
func Start(o Options) (*Inbox, error) {
	b := &Inbox{options: o, arrived: make(chan struct{})}
	if err := b.load(); err != nil {
		return nil, err
	}
	mail, err := listen(o.SMTPAddr)
	if err != nil {
		return nil, err
	}
	web, err := listen(o.UIAddr)
	if err != nil {
		return nil, errors.Join(err, mail.Close())
	}
	b.smtpAddr, b.uiAddr = mail.Addr().String(), web.Addr().String()
	b.smtp = newSMTPServer(b)
	b.ui = &http.Server{Handler: b.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.smtp.Serve(mail) }() // both end at Close, with an error that says so
	go func() { _ = b.ui.Serve(web) }()
	return b, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// SMTPURL is where to send mail to, as the project's SMTP_URL has it.
func (b *Inbox) SMTPURL() string { return "smtp://" + b.smtpAddr }

// UIURL is where to read it.
func (b *Inbox) UIURL() string { return "http://" + b.uiAddr }

// Count is how many messages have come since Start.
func (b *Inbox) Count() int64 { return b.count.Load() }

// Messages are all that came, oldest first.
func (b *Inbox) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// WaitFor returns the messages as soon as there are n. When ctx ends before that, it returns those there are, and the
// error says how many.
func (b *Inbox) WaitFor(ctx context.Context, n int) ([]Message, error) {
	for {
		b.mu.Lock()
		messages, arrived := slices.Clone(b.messages), b.arrived
		b.mu.Unlock()
		if len(messages) >= n {
			return messages, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return messages, fmt.Errorf("wait for %d messages, %d came: %w", n, len(messages), ctx.Err())
		}
	}
}

// Close stops both servers. Files stay.
func (b *Inbox) Close() error { return errors.Join(b.smtp.Close(), b.ui.Close()) }

// add takes a message.
func (b *Inbox) add(raw []byte) error {
	if !b.options.CountOnly {
		if err := b.keep(raw); err != nil {
			return err
		}
	}
	b.count.Add(1)
	return nil
}

// keep keeps a message: on disk first, because its sender is told that it is safe here.
func (b *Inbox) keep(raw []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := parse(b.nextID(), raw)
	if err := b.save(m); err != nil {
		return err
	}
	b.messages = append(b.messages, m)
	close(b.arrived)
	b.arrived = make(chan struct{})
	return nil
}

// nextID is the time of arrival, or a nanosecond after the last message where the clock is not that fine.
func (b *Inbox) nextID() string {
	id := time.Now().UTC()
	if n := len(b.messages); n > 0 {
		if last, err := time.Parse(idForm, b.messages[n-1].ID); err == nil && !id.After(last) {
			id = last.Add(time.Nanosecond)
		}
	}
	return id.Format(idForm)
}

// find is the message with that ID.
func (b *Inbox) find(id string) (Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return Message{}, false
	}
	return b.messages[i], true
}
