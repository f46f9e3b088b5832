package mail

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailbox is a real SMTP server for one test, with what it received.
type mailbox struct {
	address string
	roots   *x509.CertPool
	mails   chan received // a test expects few; the server blocks when full
}

// received is one mail as the server saw it.
type received struct {
	from, to string
	user     string // "": not logged in
	secure   bool
	utf8     bool // the client asked for SMTPUTF8
	data     string
}

// rules says how a mailbox behaves. The zero value takes everything, without TLS.
type rules struct {
	host     string // where it listens; "" is 127.0.0.1
	starttls bool
	implicit bool
	password string // "": no login needed
	utf8     bool   // offers SMTPUTF8

	onMail, onRcpt, onData error
	hangUp                 bool // in the middle of DATA
}

func startMailbox(t *testing.T, r rules) *mailbox {
	t.Helper()
	certificate, roots := selfSigned()
	box := &mailbox{roots: roots, mails: make(chan received, 8)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{rules: r, conn: c, box: box}, nil
	}))
	server.Domain = "mail.example.test"
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = r.utf8
	server.ErrorLog = log.New(io.Discard, "", 0)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if r.starttls {
		server.TLSConfig = config
	}
	listener := listen(t, r.host)
	box.address = listener.Addr().String()
	if r.implicit {
		listener = tls.NewListener(listener, config)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return box
}

func listen(t *testing.T, host string) net.Listener {
	t.Helper()
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("listen on %s: %v", host, err)
	}
	return listener
}

// selfSigned borrows httptest's certificate for 127.0.0.1, which no system
// trusts.
func selfSigned() (tls.Certificate, *x509.CertPool) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	return lender.TLS.Certificates[0], roots
}

// session is one client's visit.
type session struct {
	rules
	conn *smtp.Conn
	box  *mailbox
	mail received
}

func (s *session) AuthMechanisms() []string {
	if s.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != s.password {
			return smtp.ErrAuthFailed
		}
		s.mail.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	if s.password != "" && s.mail.user == "" {
		return &smtp.SMTPError{Code: 530, Message: "Authentication required"}
	}
	_, s.mail.secure = s.conn.TLSConnectionState()
	s.mail.from, s.mail.utf8 = from, options.UTF8
	return s.onMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return s.onRcpt
}

func (s *session) Data(r io.Reader) error {
	if s.hangUp {
		return s.conn.Close()
	}
	data, err := io.ReadAll(r)
	if err != nil || s.onData != nil {
		return s.onData
	}
	s.mail.data = string(data)
	s.box.mails <- s.mail
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// startScript is a server that does with each connection what a test says, for
// manners that no library has. It returns its address.
func startScript(t *testing.T, converse func(net.Conn)) string {
	t.Helper()
	listener := listen(t, "")
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				converse(conn)
			}()
		}
	}()
	return listener.Addr().String()
}
