package courier

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
)

// answerKept is how many bytes of an answer are kept, to be looked at.
const answerKept = 2 << 10

// Attempt is one try at delivering an event.
type Attempt struct {
	ID         int       `json:"id"`       // counts from 1 over all attempts, in the order in which they ended
	Delivery   int       `json:"delivery"` // which delivery it belongs to
	EventID    string    `json:"eventId"`  // empty when the payload has none
	EventType  string    `json:"eventType"`
	EndpointID string    `json:"endpointId"`
	Number     int       `json:"number"` // counts from 1 for each delivery
	At         time.Time `json:"at"`
	Signature  string    `json:"signature"` // the Stripe-Signature header
	// Status is the answer's HTTP status; 0 when no answer came, and then Error says why.
	Status     int     `json:"status"`
	Answer     string  `json:"answer"` // its first 2 KiB
	Error      string  `json:"error"`
	DurationMS float64 `json:"durationMs"`
	// Fault was at work: it held the delivery back, made it, or signed this attempt. Set on a delivery's first attempt only,
	// for those that follow are the answer's doing. Empty: none.
	Fault faults.Kind `json:"fault,omitzero"`
}

// Delivered tells whether the receiver took the event.
func (a Attempt) Delivered() bool { return a.Status >= 200 && a.Status < 300 }

// newClient makes a client that posts as Stripe does: it follows no redirect, which is an answer that is not 2xx.
func newClient(answerWithin time.Duration) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: connections},
		Timeout:       answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// attempt posts the payload once. It makes none where the endpoint or the event is no more.
func (c *Courier) attempt(d *delivery) (a Attempt, made bool) {
	to, known := c.config.Endpoint(d.endpointID)
	if !known {
		return Attempt{}, false
	}
	payload, known := c.payload(d, to.APIVersion)
	if !known {
		return Attempt{}, false
	}
	a = Attempt{
		Delivery: d.id, EventID: d.eventID, EventType: d.eventType, EndpointID: d.endpointID,
		Number: d.attempts + 1, At: d.started,
	}
	if d.attempts == 0 {
		a.Fault = d.fault
	}
	a.Signature = Sign(payload, time.Now(), signers(to, a.Fault)...)
	c.post(&a, to.URL, payload)
	a.DurationMS = float64(time.Since(a.At).Microseconds()) / 1000
	return a, true
}

func (c *Courier) payload(d *delivery, apiVersion string) ([]byte, bool) {
	if d.raw != nil {
		return d.raw, true
	}
	return c.config.Payload(d.eventID, apiVersion)
}

// signers are the secrets to sign with: the endpoint's, or one that nobody has.
func signers(to Endpoint, fault faults.Kind) []string {
	if fault == faults.BadSignature {
		return []string{"whsec_" + rand.Text()}
	}
	return to.Secrets
}

// post sends the attempt and notes its answer.
func (c *Courier) post(a *Attempt, url string, payload []byte) {
	res, err := c.request(url, a.Signature, payload)
	if err != nil {
		a.Error = err.Error()
		return
	}
	defer res.Body.Close() //nolint:errcheck // only read
	a.Status = res.StatusCode
	answer, err := io.ReadAll(io.LimitReader(res.Body, answerKept))
	a.Answer = string(answer)
	if err != nil {
		a.Error = err.Error() // the status came all the same, and it is what counts
	}
}

func (c *Courier) request(url, signature string, payload []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Stripe-Signature", signature)
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	return c.client.Do(req)
}
