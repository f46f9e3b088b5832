// Package mail puts notifications into words and hands them to a mail server.
//
// Composing and sending are apart. Compose needs no server and always makes the
// same mail from the same letter, Message-ID included, so that a second attempt
// after a lost answer is recognised by mail programs as the mail they have.
// Send makes one attempt over a fresh connection: mails are few, a kept
// connection would have to be probed and revived, and an attempt that shares
// nothing with the one before can simply be made again.
//
// Whether that is worth doing is all that the caller has to know of an error:
// ErrRejected says no. Errors end up in logs and in workflow histories, so they
// are built from the stage of the conversation and the server's three-digit
// code alone. The server's own words are dropped, because servers like to quote
// the address they refuse, and so are the SMTP library's, which add it.
package mail

import (
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Message is one mail, ready to go.
type Message struct {
	ID      string // Message-ID without <>
	To      string // one bare address; a personal datum
	Subject string
	Text    string
	HTML    string
}

// Sender composes and sends mails from one address through one server. It is
// safe for concurrent use.
type Sender struct {
	server server
	from   netmail.Address
	domain string         // of from: what every Message-ID ends in
	roots  *x509.CertPool // who may vouch for the server; nil: those the system trusts
}

// server is where mails are handed in.
type server struct {
	host     string
	port     string
	implicit bool   // TLS from the first byte; false: STARTTLS when offered
	user     string // "": no login
	password string
}

func (s server) address() string { return net.JoinHostPort(s.host, s.port) }

// New reads the settings SMTP_URL and MAIL_FROM: smtp://[user:pass@]host:port
// for STARTTLS when the server offers it, smtps:// for TLS from the start; and
// "Name <address>" or a bare address. It does not connect. The error names
// every setting at fault and quotes neither, as the URL holds a password.
func New(smtpURL, from string) (*Sender, error) {
	server, badURL := parseURL(smtpURL)
	sender, badFrom := parseFrom(from)
	if err := errors.Join(badURL, badFrom); err != nil {
		return nil, err
	}
	at := strings.LastIndex(sender.Address, "@") // the last: a quoted local part may hold one
	return &Sender{server: server, from: *sender, domain: sender.Address[at+1:]}, nil
}

func parseURL(text string) (server, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// url.Parse quotes its input, or what it took for the port: possibly
		// a part of a password with a / in it.
		return server{}, errors.New("SMTP_URL is not a URL: want smtp://user:password@host:port, special characters percent-encoded")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return server{}, errors.New("SMTP_URL must begin with smtp:// or smtps://")
	case u.Hostname() == "" || !validPort(u.Port()):
		return server{}, errors.New("SMTP_URL must name host and port, as in smtp://host:587")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return server{}, errors.New("SMTP_URL must end after the port; percent-encode / ? # in a password")
	}
	password, has := u.User.Password()
	if user := u.User.Username(); (user == "") == has {
		return server{}, errors.New("SMTP_URL must have both user and password, or neither")
	}
	return server{
		host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps",
		user: u.User.Username(), password: password,
	}, nil
}

func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// parseFrom takes addresses in ASCII only: any server can carry those, and the
// domain goes into the Message-ID, which knows nothing else.
func parseFrom(text string) (*netmail.Address, error) {
	from, err := netmail.ParseAddress(text)
	if err != nil || !ascii(from.Address) {
		return nil, errors.New("MAIL_FROM must be one mail address in ASCII, bare or as Name <address>")
	}
	return from, nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
