package inbox_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/inbox"
)

// receipt is a mail as programs write it: two parts, an encoded subject, quoted-printable, Latin-1 in one part.
const receipt = "From: Bakery <bakery@example.com>\r\n" +
	"To: Somebody Else <else@example.com>\r\n" +
	"Subject: =?utf-8?q?Your_order:_2_=C3=97_bread?=\r\n" +
	"Date: Mon, 02 Jan 2006 15:04:05 +0100\r\n" +
	"Message-ID: <row-1@twigz>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncr=E8me\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head></head><body><script>alert(1)</script><a href=\"https://example.com/\">order</a></body></html>\r\n" +
	"--b--\r\n"

func mustStart(t *testing.T, o inbox.Options) *inbox.Inbox {
	t.Helper()
	b, err := inbox.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func send(b *inbox.Inbox, mail string, to ...string) error {
	return smtp.SendMail(strings.TrimPrefix(b.SMTPURL(), "smtp://"), nil, "bounce@example.com", to, []byte(mail))
}

func TestMailsMayBeCountedOnly(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{CountOnly: true})
	require.NoError(t, send(b, receipt, "customer@example.com"))
	require.NoError(t, send(b, receipt, "store@example.com"))
	require.EqualValues(t, 2, b.Count())
	require.Empty(t, b.Messages())
}

func TestAMailIsRead(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{})
	require.NoError(t, send(b, receipt, "customer@example.com", "store@example.com"))
	all := b.Messages()
	require.Len(t, all, 1)
	require.EqualValues(t, 1, b.Count())
	m := all[0]
	require.Equal(t, "bakery@example.com", m.From)
	require.Equal(t, []string{"customer@example.com", "store@example.com"}, m.To, "where it went, not what it says")
	require.Equal(t, "Your order: 2 × bread", m.Subject)
	require.Equal(t, "row-1@twigz", m.MessageID)
	require.Equal(t, "crème", strings.TrimSpace(m.Text))
	require.Contains(t, m.HTML, "<script>")
	require.Equal(t, "2006-01-02T14:04:05Z", m.Date.UTC().Format(time.RFC3339))
	require.True(t, strings.HasSuffix(string(m.Raw), receipt), "as it came, below the envelope")
}

func TestAMalformedMailIsKeptAllTheSame(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{})
	require.NoError(t, send(b, "no header at all\r\n\r\nbody", "customer@example.com"))
	require.NoError(t, send(b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\ncut", "customer@example.com"))
	require.NoError(t, send(b, "Subject: plain\r\n\r\nhello\r\n", "customer@example.com"))
	all := b.Messages()
	require.Len(t, all, 3)
	require.Contains(t, all[0].Text, "no header at all")
	require.Equal(t, "bounce@example.com", all[2].From, "the envelope's, where the header has none")
	require.Equal(t, "hello\r\n", all[2].Text)
}

func TestMessagesOutliveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := mustStart(t, inbox.Options{Dir: dir})
	for i := range 3 {
		require.NoError(t, send(first, fmt.Sprintf("Subject: %d\r\n\r\n", i), "customer@example.com"))
	}
	before := first.Messages()
	require.NoError(t, first.Close())
	require.Equal(t, before, mustStart(t, inbox.Options{Dir: dir}).Messages())
}

func TestWaitForComesBackWithTheMessages(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{})
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() { _ = send(b, receipt, "customer@example.com") })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	all, err := b.WaitFor(ctx, 8)
	require.NoError(t, err)
	require.Len(t, all, 8)
	senders.Wait()

	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = b.WaitFor(ctx, 9)
	require.ErrorContains(t, err, "wait for 9 messages, 8 came")
}

func TestARecipientCanBeRefused(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{Reject: func(to string) *gosmtp.SMTPError {
		if to == "nobody@example.com" {
			return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
		}
		return nil
	}})
	require.ErrorContains(t, send(b, receipt, "nobody@example.com"), "550")
	require.NoError(t, send(b, receipt, "customer@example.com"))
	require.Len(t, b.Messages(), 1)
}

func TestThePages(t *testing.T) {
	t.Parallel()
	b := mustStart(t, inbox.Options{})
	require.NoError(t, send(b, receipt, "customer@example.com"))
	require.NoError(t, send(b, "Subject: <b>second</b>\r\n\r\n", "store@example.com"))
	id := b.Messages()[0].ID

	t.Run("list the newest first", func(t *testing.T) {
		body, _ := mustGet(t, b.UIURL()+"/")
		second, first := strings.Index(body, "&lt;b&gt;second"), strings.Index(body, "Your order")
		require.Positive(t, second)
		require.Less(t, second, first)
	})
	t.Run("show a message with its HTML locked in a frame", func(t *testing.T) {
		body, _ := mustGet(t, b.UIURL()+"/messages/"+id)
		require.Contains(t, body, "crème")
		require.Contains(t, body, `<iframe sandbox="allow-popups`)
		require.NotContains(t, body, "<script>")
	})
	t.Run("serve that HTML so that nothing in it runs, framed or not", func(t *testing.T) {
		body, header := mustGet(t, b.UIURL()+"/messages/"+id+"/html")
		require.Contains(t, body, "<head><base target")
		require.Contains(t, header.Get("Content-Security-Policy"), "sandbox")
		require.NotContains(t, header.Get("Content-Security-Policy"), "allow-scripts")
	})
	t.Run("serve the source as text", func(t *testing.T) {
		body, header := mustGet(t, b.UIURL()+"/messages/"+id+"/raw")
		require.Contains(t, body, "Return-Path: <bounce@example.com>")
		require.Contains(t, header.Get("Content-Type"), "text/plain")
	})
	t.Run("give all of them as JSON", func(t *testing.T) {
		body, _ := mustGet(t, b.UIURL()+"/api/messages")
		require.Contains(t, body, `"messageId":"row-1@twigz"`)
		require.Contains(t, body, `"to":["store@example.com"]`)
	})
}

func TestAnEmptyInboxIsAnEmptyList(t *testing.T) {
	t.Parallel()
	body, _ := mustGet(t, mustStart(t, inbox.Options{}).UIURL()+"/api/messages")
	require.JSONEq(t, `{"messages":[]}`, body)
}

func mustGet(t *testing.T, url string) (string, http.Header) {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // only read
	require.Equal(t, http.StatusOK, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body), res.Header
}
