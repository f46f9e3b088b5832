package stripestandin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// Remote drives a stand-in that another process runs, through its control API: its buttons and its clock.
type Remote struct {
	// URL is the stand-in's base: http://host:port.
	URL string
	// HTTP makes the calls. Nil: http.DefaultClient.
	HTTP *http.Client
}

// Outcome is what an act has come to.
type Outcome struct {
	ID   string `json:"id"`   // of what it happened to, or of what was made where it needs nothing
	Made string `json:"made"` // the ID of what was made; empty: nothing was
	// Declined is why a card did not pay. Empty: none was declined.
	Declined string `json:"declined"`
	Events   []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"events"`
}

// Act does an act to an object ("" for one that makes something of nothing), with what is to be said about it; GET
// /_control/acts lists all there are. One that is refused is an error in Stripe's words; a card that is declined is none.
func (r Remote) Act(ctx context.Context, name, id string, said map[string]any) (Outcome, error) {
	body := map[string]any{"id": id}
	maps.Copy(body, said)
	var out Outcome
	if err := r.call(ctx, http.MethodPost, "/_control/acts/"+name, body, &out); err != nil {
		return out, fmt.Errorf("act %s on %q: %w", name, id, err)
	}
	return out, nil
}

// Forward sets the clock ahead and has all happen that was to happen meanwhile, each at its time. It returns the time that the
// clock shows then.
func (r Remote) Forward(ctx context.Context, by time.Duration) (time.Time, error) {
	var clock struct {
		Now int64 `json:"now"`
	}
	if err := r.call(ctx, http.MethodPost, "/_control/clock", map[string]any{"advance": by.String()}, &clock); err != nil {
		return time.Time{}, fmt.Errorf("set the clock ahead by %s: %w", by, err)
	}
	return time.Unix(clock.Now, 0), nil
}

func (r Remote) call(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	q, err := http.NewRequestWithContext(ctx, method, r.URL+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	q.Header.Set("Content-Type", "application/json")
	client := r.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(q)
	if err != nil {
		return fmt.Errorf("ask the stand-in: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	return decode(answer, into)
}

// decode reads an answer, or the refusal that it is.
func decode(answer *http.Response, into any) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		var no struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(text, &no) // else it is empty, and the status says it
		return errors.New(answer.Status + " " + no.Error)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
