package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"twigz/models"
)

const (
	// patience bounds one attempt, from the first packet to the server's last
	// answer. Servers that look hard at a mail take ten seconds or so.
	patience = 30 * time.Second
	// farewell bounds the goodbye after the mail was taken: nothing depends
	// on it any more.
	farewell = time.Second
)

// logins are the ways to log in, the best first. The server's offer decides.
// The last two show it the password, and the library refuses them without TLS
// unless the server is this machine.
var logins = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256PLUS,
	gomail.SMTPAuthSCRAMSHA256,
	gomail.SMTPAuthSCRAMSHA1PLUS,
	gomail.SMTPAuthSCRAMSHA1,
	gomail.SMTPAuthCramMD5,
	gomail.SMTPAuthPlain,
	gomail.SMTPAuthLogin,
}

// Send makes one attempt to hand m to the server, in at most half a minute and
// not beyond ctx. nil means that the server took it. ErrRejected means that it
// never will; every other error is worth another attempt, also those about our
// login or certificates, which an operator can mend. No error names anybody.
func (s *Sender) Send(ctx context.Context, m Message) error {
	letter, err := s.write(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := s.client(ctx, m)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return s.notConnected(ctx, err)
	}
	if err := client.SendWithSMTPClient(session, letter); err != nil {
		return notSent(ctx, err)
	}
	goodbye(session)
	return nil
}

// write puts m into MIME: quoted-printable UTF-8, as text and as HTML.
func (s *Sender) write(m Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	letter.FromMailAddress(&s.from)
	if !models.ValidEmail(m.To) || letter.To(m.To) != nil {
		return nil, fmt.Errorf("%w: not one mail address", ErrRejected)
	}
	letter.Subject(oneLine(m.Subject))
	letter.SetMessageIDWithValue(m.ID)
	letter.SetDate()
	// Keeps holiday replies away, https://www.rfc-editor.org/rfc/rfc3834#section-5.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetBodyString(gomail.TypeTextPlain, m.Text)
	letter.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return letter, nil
}

// client is set up for one mail over one connection.
func (s *Sender) client(ctx context.Context, m Message) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithDialContextFunc(s.dialer(ctx)),
		gomail.WithTimeout(patience),
		gomail.WithTLSPolicy(gomail.TLSOpportunistic),
		gomail.WithTLSConfig(s.tls()),
		gomail.WithoutNoop(), // a fresh connection need not be probed
		gomail.WithoutRset(), // a reset that fails after the mail was taken would look as if it was not
	}
	if ascii(m.To) {
		// Asked for without need, SMTPUTF8 makes a mail undeliverable behind
		// any relay that lacks it.
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	if s.server.user != "" {
		options = append(options, gomail.WithUsername(s.server.user), gomail.WithPassword(s.server.password),
			gomail.WithOpportunisticSMTPAuth(logins...))
	}
	client, err := gomail.NewClient(s.server.host, options...)
	if err != nil {
		return nil, fmt.Errorf("smtp client for %s: %w", s.server.address(), err)
	}
	return client, nil
}

func (s *Sender) tls() *tls.Config {
	return &tls.Config{ServerName: s.server.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// dialer connects for the time of ctx: when that ends, so does the connection,
// whatever it is in the middle of. The library on its own gives itself new time
// at every step, and forgets connections that fail before the mail.
func (s *Sender) dialer(ctx context.Context) gomail.DialContextFunc {
	return func(context.Context, string, string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.server.address())
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if !s.server.implicit {
			return conn, nil
		}
		// The library must get the *tls.Conn itself: it is how it knows that
		// the password is safe.
		secure := tls.Client(conn, s.tls())
		return secure, secure.HandshakeContext(ctx)
	}
}

// goodbye ends a conversation in which the mail was taken.
func goodbye(session *smtp.Client) {
	if session.UpdateDeadline(farewell) == nil {
		_ = session.Quit()
	}
}
