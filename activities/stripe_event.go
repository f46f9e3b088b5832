package activities

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/stripe/stripe-go/v79"

	"twigz/internal/webhook"
)

// eventsSince lists Stripe's events from a time on, page by page, the newest
// first. It ends with the first error, which is stripe-go's or fit for Temporal.
func (s *Stripe) eventsSince(ctx context.Context, from time.Time) iter.Seq2[[]*stripe.Event, error] {
	params := &stripe.EventListParams{
		ListParams:   stripe.ListParams{Context: ctx, Limit: new(int64(pageSize)), Single: true},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()},
	}
	return func(yield func([]*stripe.Event, error) bool) {
		for more := true; more; {
			pages := s.api.Events.List(params)
			page, err := pages.EventList(), pages.Err()
			if err == nil && !isEventList(page) {
				err = errOddAnswer("list events")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page.Data, nil) {
				return
			}
			if more = page.HasMore; more {
				params.StartingAfter = &page.Data[len(page.Data)-1].ID
			}
		}
	}
}

// isEventList says whether an answer is a page of events, and can be gone on from
// when it says that there are more.
func isEventList(page *stripe.EventList) bool {
	for _, event := range page.Data {
		if event == nil || event.ID == "" {
			return false
		}
	}
	return page.URL != "" && (!page.HasMore || len(page.Data) > 0)
}

// readEvent reads a listed event exactly as one that is delivered.
func readEvent(event *stripe.Event) (webhook.Delivery, error) {
	envelope := map[string]any{
		"id": event.ID, "type": event.Type, "created": event.Created, "livemode": event.Livemode, "api_version": event.APIVersion,
	}
	if event.Account != "" {
		envelope["account"] = event.Account
	}
	if event.Data != nil {
		envelope["data"] = map[string]any{"object": event.Data.Raw}
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		return webhook.Delivery{}, err // unreachable: what is raw has just been parsed
	}
	return webhook.Decode(body)
}
