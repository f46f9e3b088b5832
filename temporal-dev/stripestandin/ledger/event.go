package ledger

import (
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// Emit makes the event that tells of an object's change, as the object is now. One of a type that ends in updated also says
// what the fields that have changed were before.
func (t *Tx) Emit(eventType string, o wire.Object) wire.Object {
	data := wire.Object{"object": o.Public().Clone()}
	if strings.HasSuffix(eventType, ".updated") {
		data["previous_attributes"] = t.previous(o)
	}
	if strings.HasSuffix(eventType, ".created") || strings.HasSuffix(eventType, ".updated") {
		t.shown[o.ID()] = data.Sub("object")
	}
	event := t.emit(eventType, data)
	if twin := t.ledger.config.Twin; twin != nil && twin(eventType) {
		t.emit(eventType, data.Clone())
	}
	return event
}

func (t *Tx) emit(eventType string, data wire.Object) wire.Object {
	event := t.Make("event", "evt")
	event["api_version"] = t.ledger.config.APIVersion
	event["data"] = data
	event["type"] = eventType
	event["request"] = wire.Object{"id": nullable(t.cause.RequestID), "idempotency_key": nullable(t.cause.IdempotencyKey)}
	event["_due"] = t.Now() + eventLife
	t.emitted = append(t.emitted, event)
	return event
}

// Events are those that the change has made so far.
func (t *Tx) Events() []wire.Object { return t.emitted }

// eventLife is how long Stripe lists an event, in seconds: 30 days.
const eventLife = 30 * 24 * 60 * 60

// previous are the fields that differ from what they were before this change, or when it last told of them.
func (t *Tx) previous(o wire.Object) wire.Object {
	before := t.shown[o.ID()]
	if before == nil {
		before = t.ledger.objects[o.ID()].Public()
	}
	changed := wire.Object{}
	for field, value := range before {
		if !same(value, o[field]) {
			changed[field] = value
		}
	}
	return changed
}

func same(a, b any) bool {
	return string(wire.Normalize(wire.Object{"v": a}).Encode()) == string(wire.Normalize(wire.Object{"v": b}).Encode())
}

type delivery struct{ eventID, eventType, endpointID string }

// address finds the endpoints that want the change's events, and writes into each event how many are to get it.
func (t *Tx) address() []delivery {
	var all []delivery
	for _, event := range t.emitted {
		var waiting []string
		for endpoint := range t.Every("webhook_endpoint") {
			if t.ledger.config.Deliver != nil && wants(endpoint, event.Text("type")) {
				waiting = append(waiting, endpoint.ID())
				all = append(all, delivery{event.ID(), event.Text("type"), endpoint.ID()})
			}
		}
		event["pending_webhooks"], event["_waiting"] = len(waiting), waiting
	}
	return all
}

func wants(endpoint wire.Object, eventType string) bool {
	types := endpoint.Texts("enabled_events")
	return endpoint.Text("status") == "enabled" && (slices.Contains(types, "*") || slices.Contains(types, eventType))
}

// Delivered takes note that an endpoint has taken an event.
func (l *Ledger) Delivered(eventID, endpointID string) {
	_ = l.Do(Cause{}, func(t *Tx) *wire.Error {
		event, refusal := t.Edit("event", eventID, "")
		if refusal != nil {
			return refusal // more than 30 days old: nobody asks for it any more
		}
		waiting := slices.DeleteFunc(event.Texts("_waiting"), func(id string) bool { return id == endpointID })
		event["pending_webhooks"], event["_waiting"] = len(waiting), waiting
		return nil
	})
}

// Payload is an event as it is sent to an endpoint of a version ("" for the account's own). False: there is no such event.
func (l *Ledger) Payload(eventID, version string) (payload []byte, found bool) {
	l.View(func(t *Tx) {
		event, refusal := t.Find("event", eventID, "")
		if refusal == nil {
			payload, found = t.Render(event, version).Encode(), true
		}
	})
	return payload, found
}

// Redeliver asks again for what had not been delivered when the ledger was closed.
func (l *Ledger) Redeliver() {
	l.View(func(t *Tx) {
		for _, id := range l.order["event"] {
			event := t.Read(id)
			for _, endpointID := range event.Texts("_waiting") {
				l.config.Deliver(id, event.Text("type"), endpointID)
			}
		}
	})
}

// listEvents is GET /v1/events, which has filters of its own. https://docs.stripe.com/api/events/list
func listEvents(t *Tx, in Input) (wire.Object, *wire.Error) {
	types := in.Params.Texts("types")
	if one := in.Params.Text("type"); one != "" {
		if len(types) > 0 {
			return nil, wire.Invalid("parameters_exclusive", "types", "You may only specify one of these parameters: type, types.")
		}
		types = []string{one}
	}
	return t.list("event", in, "/v1/events", func(event wire.Object) bool {
		if len(types) > 0 && !slices.ContainsFunc(types, func(pattern string) bool { return matches(pattern, event.Text("type")) }) {
			return false
		}
		if created, given := in.Params["created"]; given && !fitsOne(event["created"], created) {
			return false
		}
		delivered, given := in.Params["delivery_success"].(bool)
		return !given || delivered == (event.Int("pending_webhooks") == 0)
	})
}

// matches tells whether a type is the one named, or of the group that invoice.* names.
func matches(pattern, eventType string) bool {
	group, isGroup := strings.CutSuffix(pattern, "*")
	return pattern == eventType || isGroup && strings.HasPrefix(eventType, group)
}
