package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"syscall"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// ErrRejected says that no later attempt will do better: the address cannot be
// one, or the server refused it, the sender or the mail for good.
var ErrRejected = errors.New("mail rejected")

// refusesUs are the answers that are about our login or our manners and not
// about the mail, though they begin with 5: an operator can mend them.
// https://www.rfc-editor.org/rfc/rfc4954#section-6
var refusesUs = map[int]bool{
	502: true, // command not implemented; some servers: log in first
	503: true, // bad sequence; some servers: log in first
	504: true, // mechanism not known
	530: true, // log in first, or use TLS first
	534: true, // mechanism too weak
	535: true, // wrong user or password
	538: true, // mechanism needs TLS
}

// stages names the points at which a mail can fail once we are connected.
var stages = map[gomail.SendErrReason]string{
	gomail.ErrSMTPMailFrom:  "MAIL FROM",
	gomail.ErrSMTPRcptTo:    "RCPT TO",
	gomail.ErrSMTPData:      "DATA",
	gomail.ErrWriteContent:  "DATA",
	gomail.ErrSMTPDataClose: "DATA",
}

// notConnected describes why there was no session to send in. None of these is
// about the mail, so none is ErrRejected.
func (s *Sender) notConnected(ctx context.Context, err error) error {
	stage := "connect to " + s.server.address()
	if ctx.Err() != nil {
		return fmt.Errorf("smtp %s: %w", stage, ctx.Err())
	}
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("smtp %s: %s", stage, s.cause(err))
	}
	if refusesUs[answer.Code] {
		stage = "login at " + s.server.address()
	}
	return fmt.Errorf("smtp %s: %d", stage, answer.Code)
}

// cause is the reason for a failed connection in our words.
func (s *Sender) cause(err error) string {
	var (
		lookup      *net.DNSError
		certificate *tls.CertificateVerificationError
		plaintext   tls.RecordHeaderError
		remote      *net.OpError
		slow        net.Error
	)
	switch {
	case errors.As(err, &lookup):
		return "host not found"
	case errors.As(err, &certificate):
		return "certificate not trusted"
	case errors.As(err, &plaintext):
		return "answer is not TLS"
	case errors.As(err, &remote) && remote.Op == "remote error": // how crypto/tls marks the other side's alert
		return "TLS refused"
	case errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "connection closed"
	case errors.Is(err, smtp.ErrUnencrypted):
		return "login needs TLS, which is not offered"
	case s.server.user != "":
		return "no common way to log in"
	default:
		return "no SMTP session"
	}
}

// notSent describes what became of a mail in a session.
func notSent(ctx context.Context, err error) error {
	stage, code := "session", 0
	if failed, ok := errors.AsType[*gomail.SendError](err); ok {
		code = failed.ErrorCode()
		if name, ok := stages[failed.Reason]; ok {
			stage = name
		}
	}
	switch {
	case code >= 500 && !refusesUs[code]:
		return fmt.Errorf("%w: smtp %s: %d", ErrRejected, stage, code)
	case code != 0:
		return fmt.Errorf("smtp %s: %d", stage, code)
	case ctx.Err() != nil:
		return fmt.Errorf("smtp %s: %w", stage, ctx.Err())
	default:
		return fmt.Errorf("smtp %s: no answer", stage)
	}
}
