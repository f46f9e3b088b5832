package inbox

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	_ "github.com/emersion/go-message/charset" // mails in other character sets than UTF-8
	"github.com/emersion/go-message/mail"
)

// Message is a mail as it was delivered. What a malformed one lacks is empty.
type Message struct {
	// ID is the inbox's own, in order of arrival.
	ID string `json:"id"`
	// From is the address in the From header, else the envelope's.
	From string `json:"from"`
	// To are the envelope's recipients: where the mail went, whatever its header says.
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	// Date is the Date header's, else the time of arrival.
	Date time.Time `json:"date"`
	// MessageID is without its angle brackets.
	MessageID string `json:"messageId"`
	Text      string `json:"text"`
	HTML      string `json:"html"`
	// Raw is the whole source, with the envelope's lines on top.
	Raw []byte `json:"-"`
}

// idForm is an arrival's time to the nanosecond: IDs sort as they came.
const idForm = "20060102T150405.000000000"

// parse reads what can be read of a message. It never fails: an inbox that lost a mail for being malformed would hide the
// very thing one looks for.
func parse(id string, raw []byte) Message {
	m := Message{ID: id, Raw: raw, To: []string{}}
	m.Date, _ = time.Parse(idForm, id)
	r, _ := mail.CreateReader(bytes.NewReader(raw)) // an unknown character set is an error with a reader
	if r == nil {
		m.Text = string(raw)
		return m
	}
	m.readHeader(r.Header)
	m.readParts(r)
	return m
}

func (m *Message) readHeader(h mail.Header) {
	m.From = strings.Trim(h.Get("Return-Path"), "<>")
	if from, err := h.AddressList("From"); err == nil && len(from) > 0 {
		m.From = from[0].Address
	}
	for to := h.FieldsByKey("Delivered-To"); to.Next(); {
		m.To = append(m.To, to.Value())
	}
	m.Subject, _ = h.Subject()
	m.MessageID, _ = h.MessageID()
	if date, err := h.Date(); err == nil && !date.IsZero() {
		m.Date = date
	}
}

// readParts takes the first plain text and the first HTML.
func (m *Message) readParts(r *mail.Reader) {
	for {
		part, err := r.NextPart()
		if part == nil || errors.Is(err, io.EOF) {
			return
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		body, _ := io.ReadAll(part.Body) // what a broken encoding leaves readable is worth showing
		switch kind, _, _ := inline.ContentType(); kind {
		case "text/html":
			m.HTML = cmp.Or(m.HTML, string(body))
		case "text/plain":
			m.Text = cmp.Or(m.Text, string(body))
		}
	}
}
