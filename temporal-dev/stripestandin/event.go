package stripestandin

import (
	"encoding/json"
	"time"
)

// emit makes the event that tells of an object's change, as the object is now, and hands it to the courier.
func (s *Server) emit(kind string, o object) (eventID string) {
	event := object{
		"id":               newID("evt"),
		"object":           "event",
		"api_version":      APIVersion,
		"created":          time.Now().Unix(),
		"data":             object{"object": o},
		"livemode":         s.config.Livemode,
		"pending_webhooks": 1,
		"request":          object{"id": newID("req"), "idempotency_key": newID("key")},
		"type":             kind,
	}
	s.courier.send(encode(event))
	return event.id()
}

// encode writes JSON as Stripe does, indented: a receiver that signs anything but the bytes as sent fails on it.
func encode(o object) []byte {
	b, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		panic("stripestandin: " + err.Error()) // only values that JSON can hold are ever put into an object
	}
	return b
}
