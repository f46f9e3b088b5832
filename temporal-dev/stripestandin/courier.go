package stripestandin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v79/webhook"
)

const (
	// answerTime is how long one attempt waits for an answer.
	answerTime = 20 * time.Second
	// answerKept is how many bytes of an answer are kept, to be looked at.
	answerKept = 2 << 10
	// connections is how many attempts go out at once: a receiver that was down is not met by everything it missed.
	connections = 32
)

// Attempt is one try at delivering an event.
type Attempt struct {
	EventID   string    `json:"eventId"` // empty when the payload has none
	EventType string    `json:"eventType"`
	Number    int       `json:"number"` // counts from 1 for each payload sent
	At        time.Time `json:"at"`
	// Status is the answer's HTTP status; 0 when no answer came, and then Error says why.
	Status     int     `json:"status"`
	Answer     string  `json:"answer"`
	Error      string  `json:"error"`
	DurationMS float64 `json:"durationMs"`
}

// Delivered tells whether the receiver took the event.
func (a Attempt) Delivered() bool { return a.Status >= 200 && a.Status < 300 }

// courier delivers payloads, each by a goroutine of its own that tries until the answer is 2xx, and keeps the record.
type courier struct {
	config Config
	client *http.Client
	stop   context.CancelFunc
	ctx    context.Context // ends all deliveries; they outlive whatever call asked for them
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	payloads []payload
	attempts []Attempt
}

// payload is the bytes of an event and what can be read of them.
type payload struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	raw  []byte
}

func newCourier(c Config) *courier {
	ctx, stop := context.WithCancel(context.Background())
	return &courier{config: c, ctx: ctx, stop: stop, client: &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections},
		Timeout:   answerTime,
		// Stripe follows no redirect: it is an answer that is not 2xx.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send records a payload and, where there is somebody to send it to, starts to deliver it.
func (c *courier) send(raw []byte) {
	p := payload{raw: bytes.Clone(raw)}
	_ = json.Unmarshal(raw, &p) // best effort: what cannot be read is sent all the same
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.payloads = append(c.payloads, p)
	if c.config.WebhookURL != "" {
		c.wg.Go(func() { c.deliver(p) })
	}
}

func (c *courier) deliver(p payload) {
	wait := c.config.RetryFirst
	for n := 1; ; n++ {
		a := c.attempt(p, n)
		c.record(a)
		if a.Delivered() {
			return
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(jitter(wait)):
		}
		wait = min(2*wait, c.config.RetryMost)
	}
}

// attempt posts the payload once, signed for this very second.
func (c *courier) attempt(p payload, n int) Attempt {
	a := Attempt{EventID: p.ID, EventType: p.Type, Number: n, At: time.Now()}
	status, answer, err := c.post(p.raw)
	a.DurationMS = float64(time.Since(a.At).Microseconds()) / 1000
	a.Status, a.Answer = status, answer
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func (c *courier) post(raw []byte) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.config.WebhookURL, bytes.NewReader(raw))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Stripe-Signature", Sign(raw, c.config.WebhookSecret, time.Now()))
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	res, err := c.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(res.Body, answerKept))
	return res.StatusCode, string(body), err
}

// Sign makes the Stripe-Signature header for a payload: t=…,v1=….
func Sign(payload []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
		Payload: payload, Secret: secret, Timestamp: at,
	}).Header
}

// jitter spreads a wait by a fifth either way, so that what failed together is not tried together for ever.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func (c *courier) record(a Attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, a)
}

func (c *courier) list() []Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.attempts)
}

func (c *courier) sent() []payload {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.payloads)
}

// close gives up what is undelivered and returns when no attempt is under way.
func (c *courier) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wg.Wait()
	c.client.CloseIdleConnections()
}
