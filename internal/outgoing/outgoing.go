// Package outgoing posts words of ours to another service, signed as Standard
// Webhooks says, so that whoever receives them can check that they are ours with a
// library of their choice.
//
//	webhook-id         the message's ID, the same with every attempt
//	webhook-timestamp  when this attempt was made, Unix seconds
//	webhook-signature  v1,<base64> for each secret, a blank between two
//
// Sending is one attempt. What to make of the answer is the caller's to decide.
//
// Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package outgoing

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// patience is how long one attempt may take, as the specification recommends.
	patience = 15 * time.Second
	// maxAnswer is how much of an answer's body is read, in bytes, and thrown away,
	// so that the connection can be used again.
	maxAnswer = 64 << 10
	// secretPrefix is what a secret begins with; the rest is base64 of 24 to 64 bytes.
	secretPrefix            = "whsec_"
	leastSecret, mostSecret = 24, 64
)

// What New refuses. The texts never quote a value: one is a secret, and the other
// may hold one.
var (
	errURL    = errors.New("the URL must start with https:// or http:// and name a host")
	errNone   = errors.New("there is no secret")
	errSecret = errors.New("each secret must be whsec_ and the base64 of 24 to 64 random bytes")
)

// Endpoint is where another service receives what we have to say.
type Endpoint struct {
	url     string
	signers []*standardwebhooks.Webhook
	client  *http.Client
}

// New is an endpoint at a URL. With several secrets each message has a signature by
// each: so a receiver can change from one to another at any moment.
func New(address string, secrets []string) (*Endpoint, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return nil, errURL
	}
	if len(secrets) == 0 {
		return nil, errNone
	}
	e := &Endpoint{url: address, client: &http.Client{
		Timeout: patience,
		// Followed, a POST becomes a GET, and is answered by whoever it is led to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, secret := range secrets {
		signer, err := signerOf(secret)
		if err != nil {
			return nil, err
		}
		e.signers = append(e.signers, signer)
	}
	return e, nil
}

func signerOf(secret string) (*standardwebhooks.Webhook, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < leastSecret || len(key) > mostSecret {
		return nil, errSecret
	}
	return standardwebhooks.NewWebhookRaw(key)
}

// Answer is what an endpoint said to one attempt.
type Answer struct {
	Status     int           // HTTP's
	RetryAfter time.Duration // for how long it wants to be left alone; 0: it does not say
}

// Send makes one attempt to deliver a message. Its error is that there was no
// answer, whatever the reason; it names neither the URL nor the message.
func (e *Endpoint) Send(ctx context.Context, id string, at time.Time, body []byte) (Answer, error) {
	request, err := e.request(ctx, id, at, body)
	if err != nil {
		return Answer{}, err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer response.Body.Close() //nolint:errcheck // nothing is left to lose
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return Answer{Status: response.StatusCode, RetryAfter: retryAfter(response.Header.Get("Retry-After"), at)}, nil
}

func (e *Endpoint) request(ctx context.Context, id string, at time.Time, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	signatures := make([]string, len(e.signers))
	for i, signer := range e.signers {
		if signatures[i], err = signer.Sign(id, at, body); err != nil {
			return nil, err
		}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Twigz")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}

// withoutURL is an error of net/http without the URL that it quotes, in which an
// operator may have put a token.
func withoutURL(err error) error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return failure.Err
	}
	return err
}

// retryAfter reads the header in either of its forms: seconds, or a date. What is
// none, or over already, is 0.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	until, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(until.Sub(now), 0)
}
