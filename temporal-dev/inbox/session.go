package inbox

import (
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// messageLimit is the size of the largest message that is taken: far over any receipt, far under what would hurt.
const messageLimit = 10 << 20

func newSMTPServer(b *Inbox) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{inbox: b}, nil }))
	s.Domain = "localhost"
	s.MaxMessageBytes = messageLimit
	s.ReadTimeout = time.Minute
	s.WriteTimeout = time.Minute
	s.EnableSMTPUTF8 = true
	s.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is nobody's concern here
	return s
}

// session is one client's connection: it takes messages one after the other.
type session struct {
	inbox *Inbox
	from  string
	to    []string
}

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt adds a recipient, unless the test that runs the inbox wants them refused.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.inbox.options.Reject != nil {
		if refusal := s.inbox.options.Reject(to); refusal != nil {
			return refusal
		}
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes the message itself.
func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	raw := append([]byte(s.envelope()), body...)
	return s.inbox.add(raw)
}

// envelope is the lines that a mail server puts above a message on delivery.
func (s *session) envelope() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Return-Path: <%s>\r\n", s.from)
	for _, to := range s.to {
		fmt.Fprintf(&b, "Delivered-To: %s\r\n", to)
	}
	return b.String()
}

// Reset forgets a message that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to let go of.
func (s *session) Logout() error { return nil }
