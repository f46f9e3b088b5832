package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomessage "github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// hello is the mail that most tests send.
var hello = Message{
	ID: "ntf_1@twigz.example.test", To: "zoe.rivera@example.test",
	Subject: "Your order at Corner Bakery (ord_1)", Text: "Hello & goodbye\n", HTML: "<p>Hello &amp; goodbye</p>",
}

// sender is a Sender for url that trusts roots.
func sender(t *testing.T, url string, box *mailbox) *Sender {
	t.Helper()
	s, err := New(url, "Twigz <orders@twigz.example.test>")
	if err != nil {
		t.Fatal(err)
	}
	if box != nil {
		s.roots = box.roots
	}
	return s
}

func TestSendReachesEveryKindOfServer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		rules  rules
		scheme string
		login  string
		secure bool
	}{
		{name: "plain, where nothing else is offered", scheme: "smtp://"},
		{name: "STARTTLS where it is offered", rules: rules{starttls: true}, scheme: "smtp://", secure: true},
		{name: "TLS from the start", rules: rules{implicit: true}, scheme: "smtps://", secure: true},
		{name: "login on this machine", rules: rules{password: "p@ss/word"}, scheme: "smtp://", login: "ann"},
		{name: "login after STARTTLS", rules: rules{password: "p@ss/word", starttls: true}, scheme: "smtp://", login: "ann", secure: true},
		{name: "login inside TLS", rules: rules{password: "p@ss/word", implicit: true}, scheme: "smtps://", login: "ann", secure: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := startMailbox(t, c.rules)
			user := ""
			if c.login != "" {
				user = url.UserPassword(c.login, c.rules.password).String() + "@"
			}
			if err := sender(t, c.scheme+user+box.address, box).Send(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
			got := <-box.mails
			if got.from != "orders@twigz.example.test" || got.to != hello.To {
				t.Errorf("envelope: from %s to %s", got.from, got.to)
			}
			if got.user != c.login || got.secure != c.secure {
				t.Errorf("logged in as %q, TLS %v; want %q, %v", got.user, got.secure, c.login, c.secure)
			}
		})
	}
}

func TestSendWritesMIMEThatOthersRead(t *testing.T) {
	t.Parallel()
	box := startMailbox(t, rules{})
	m := hello
	m.Subject = "Your order at Bäckerei 🥐 مخبز " + strings.Repeat("lang ", 40) + "(ord_1)"
	m.Text = "2 × Brötchen — 9.00 USD\n.\n" + strings.Repeat("ä long line ", 200) + "\n"
	m.HTML = "<p>2 × Brötchen</p>" + strings.Repeat("<b>ä</b>", 300)
	before := time.Now().Add(-2 * time.Second) // Date has whole seconds
	if err := sender(t, "smtp://"+box.address, box).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	raw := (<-box.mails).data
	for line := range strings.SplitSeq(raw, "\r\n") {
		if len(line) > 78 || !ascii(line) {
			t.Errorf("line is longer than 78 characters or not ASCII: %q", line)
		}
	}
	mail := parse(t, raw)
	if mail.messageID != "ntf_1@twigz.example.test" || mail.subject != m.Subject {
		t.Errorf("Message-ID %q, Subject %q", mail.messageID, mail.subject)
	}
	if mail.date.Before(before) || mail.date.After(time.Now()) {
		t.Errorf("Date is %v", mail.date)
	}
	for name, want := range map[string]string{
		"From": `"Twigz" <orders@twigz.example.test>`, "To": "<zoe.rivera@example.test>",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "User-Agent": "", "X-Mailer": "",
	} {
		if got := mail.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if mail.mediaType != "multipart/alternative" {
		t.Errorf("Content-Type: %s", mail.mediaType)
	}
	if got, want := mail.parts, []part{{"text/plain", m.Text}, {"text/html", m.HTML}}; !equal(got, want) {
		t.Errorf("parts are %q", got)
	}
}

func TestSendLetsNothingIntoTheHeader(t *testing.T) {
	t.Parallel()
	box := startMailbox(t, rules{})
	m := hello
	m.ID = "ntf_1\r\nX-Evil: id@example.test"
	m.Subject = "Your order at Evil\r\nBcc: all@example.test\r\n\r\nBody\x00"
	if err := sender(t, "smtp://"+box.address, box).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mail := parse(t, (<-box.mails).data)
	if mail.header.Has("Bcc") || mail.header.Has("X-Evil") || len(mail.parts) != 2 {
		t.Errorf("header: %v", mail.header.Map())
	}
	if want := "Your order at Evil  Bcc: all@example.test    Body"; mail.subject != want {
		t.Errorf("Subject: %q", mail.subject)
	}
}

func TestSendAsksForUnicodeAddressesOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	box := startMailbox(t, rules{utf8: true})
	s := sender(t, "smtp://"+box.address, box)
	for to, want := range map[string]bool{"zoe@example.test": false, "zoë@example.test": true} {
		m := hello
		m.To = to
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := <-box.mails; got.utf8 != want || got.to != to {
			t.Errorf("%s: SMTPUTF8 %v, to %s", to, got.utf8, got.to)
		}
	}
}

// refusal quotes what a server knows of the mail, as servers do.
func refusal(code int) error {
	return &smtp.SMTPError{Code: code, Message: "<zoe.rivera@example.test> Zoe Rivera, 1 Main St: no"}
}

func TestSendSaysWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		rules    rules
		user     string
		rejected bool
		want     string // host stands for the server's address
	}{
		{name: "550 to RCPT", rules: rules{onRcpt: refusal(550)}, rejected: true, want: "mail rejected: smtp RCPT TO: 550"},
		{name: "553 to MAIL", rules: rules{onMail: refusal(553)}, rejected: true, want: "mail rejected: smtp MAIL FROM: 553"},
		{name: "554 to DATA", rules: rules{onData: refusal(554)}, rejected: true, want: "mail rejected: smtp DATA: 554"},
		{name: "450 to RCPT", rules: rules{onRcpt: refusal(450)}, want: "smtp RCPT TO: 450"},
		{name: "451 to MAIL", rules: rules{onMail: refusal(451)}, want: "smtp MAIL FROM: 451"},
		{name: "452 to DATA", rules: rules{onData: refusal(452)}, want: "smtp DATA: 452"},
		{name: "connection closed in DATA", rules: rules{hangUp: true}, want: "smtp DATA: no answer"},
		{name: "login needed", rules: rules{password: "secret"}, want: "smtp MAIL FROM: 530"},
		{name: "login wrong", rules: rules{password: "secret"}, user: "ann:wrong@", want: "smtp login at host: 535"},
		{name: "login not offered", user: "ann:secret@", want: "smtp connect to host: no common way to log in"},
		{
			name: "login that would show the password", rules: rules{password: "secret", host: "127.0.0.2"}, user: "ann:secret@",
			want: "smtp connect to host: login needs TLS, which is not offered",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := startMailbox(t, c.rules)
			err := sender(t, "smtp://"+c.user+box.address, box).Send(t.Context(), hello)
			check(t, err, c.rejected, strings.Replace(c.want, "host", box.address, 1))
		})
	}
}

func TestSendSurvivesServersThatMisbehave(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		converse func(net.Conn)
		scheme   string
		want     string
	}{
		{"421 at connect", say("421 zoe.rivera@example.test: too busy\r\n"), "smtp://", "smtp connect to host: 421"},
		{"554 at connect", say("554 zoe.rivera@example.test: go away\r\n"), "smtp://", "smtp connect to host: 554"},
		{"closed at once", say(""), "smtp://", "smtp connect to host: connection closed"},
		{"no SMTP", say("HTTP/1.1 400 zoe.rivera@example.test\r\n\r\n"), "smtp://", "smtp connect to host: no SMTP session"},
		{"no TLS", say("220 hello\r\n"), "smtps://", "smtp connect to host: answer is not TLS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := startScript(t, c.converse)
			err := sender(t, c.scheme+address, nil).Send(t.Context(), hello)
			check(t, err, false, strings.Replace(c.want, "host", address, 1))
		})
	}
}

// say sends a text as soon as a client comes, and hangs up.
func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		if text != "" {
			_, _ = bufio.NewReader(c).ReadString('\n')
		}
	}
}

func TestSendMistrustsUnknownCertificates(t *testing.T) {
	t.Parallel()
	for scheme, r := range map[string]rules{"smtp://": {starttls: true}, "smtps://": {implicit: true}} {
		box := startMailbox(t, r)
		err := sender(t, scheme+box.address, nil).Send(t.Context(), hello)
		check(t, err, false, "smtp connect to "+box.address+": certificate not trusted")
	}
}

func TestSendFindsNobody(t *testing.T) {
	t.Parallel()
	listener := listen(t, "")
	address := listener.Addr().String()
	_ = listener.Close()
	err := sender(t, "smtp://"+address, nil).Send(t.Context(), hello)
	check(t, err, false, "smtp connect to "+address+": connection refused")
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silences := map[string]func(net.Conn){
		"before the greeting": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"after RCPT":          silentAfter("RCPT"),
		"after the mail":      silentAfter("."),
	}
	for name, converse := range silences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			address := startScript(t, func(c net.Conn) { converse(c); close(closed) })
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begun := time.Now()
			err := sender(t, "smtp://"+address, nil).Send(ctx, hello)
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrRejected) {
				t.Errorf("error is %v", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			<-closed // the connection was given back, too
		})
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		address := startScript(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) })
		if err := sender(t, "smtp://"+address, nil).Send(ctx, hello); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestSendCountsAMailAsSentOnceItWasTaken(t *testing.T) {
	t.Parallel()
	address := startScript(t, silentAfter("QUIT"))
	begun := time.Now()
	if err := sender(t, "smtp://"+address, nil).Send(t.Context(), hello); err != nil {
		t.Errorf("a server that does not say goodbye: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("waited %v for a goodbye", took)
	}
}

// silentAfter is a server that answers as it should until a line begins with
// word, and nothing from then on.
func silentAfter(word string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = fmt.Fprint(c, "220 ready\r\n")
		lines := bufio.NewScanner(c)
		data := false
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, word):
				_, _ = io.Copy(io.Discard, c)
				return
			case line == "DATA":
				data = true
				_, _ = fmt.Fprint(c, "354 go on\r\n")
			case !data || line == ".":
				data = false
				_, _ = fmt.Fprint(c, "250 ok\r\n")
			}
		}
	}
}

func TestSendRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	s := sender(t, "smtp://127.0.0.1:1", nil) // never connected to
	for _, to := range []string{
		"", "zoe", "zoe@", "Zoe <zoe@example.test>", "zoe@example.test, max@example.test",
		"zoe@example.test\r\nRCPT TO:<max@example.test>", "zoe@example.test>\r\n",
	} {
		m := hello
		m.To = to
		check(t, s.Send(t.Context(), m), true, "mail rejected: not one mail address")
	}
}

// check compares an error, and makes sure that it names nobody.
func check(t *testing.T, err error, rejected bool, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Fatalf("error is %q, want %q", err, want)
	}
	if errors.Is(err, ErrRejected) != rejected {
		t.Errorf("%q is rejected: %v", err, !rejected)
	}
	// The same must hold however the error is printed, and of its causes.
	for _, text := range []string{fmt.Sprintf("%+v %#v", err, err), fmt.Sprint(errors.Unwrap(err))} {
		for _, secret := range []string{"zoe", "Zoe", "Rivera", "Main St", "secret"} {
			if strings.Contains(text, secret) {
				t.Errorf("error tells %q: %s", secret, text)
			}
		}
	}
}

// parsed is a mail as another library reads it.
type parsed struct {
	header             message.Header
	messageID, subject string
	date               time.Time
	mediaType          string
	parts              []part
}

type part struct{ mediaType, body string }

func parse(t *testing.T, raw string) parsed {
	t.Helper()
	reader, err := gomessage.CreateReader(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	mail := parsed{header: reader.Header.Header}
	var problems [4]error
	mail.messageID, problems[0] = reader.Header.MessageID()
	mail.subject, problems[1] = reader.Header.Subject()
	mail.date, problems[2] = reader.Header.Date()
	mail.mediaType, _, problems[3] = reader.Header.ContentType()
	if err := errors.Join(problems[:]...); err != nil {
		t.Log(err) // a damaged header is for the test to judge
	}
	for {
		next, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return mail
		}
		if err != nil {
			t.Fatal(err)
		}
		mail.parts = append(mail.parts, readPart(t, next))
	}
}

func readPart(t *testing.T, p *gomessage.Part) part {
	t.Helper()
	header := message.Header{}
	if inline, ok := p.Header.(*gomessage.InlineHeader); ok {
		header = inline.Header
	}
	mediaType, params, err := header.ContentType()
	if err != nil || !strings.EqualFold(params["charset"], "utf-8") || header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Errorf("part: %v, %v", header.Map(), err)
	}
	body, err := io.ReadAll(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	return part{mediaType, strings.ReplaceAll(string(body), "\r\n", "\n")}
}

func equal(a, b []part) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) }
