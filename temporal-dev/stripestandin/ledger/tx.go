package ledger

import (
	"crypto/rand"
	"iter"
	"maps"
	"slices"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// Tx is one change of the ledger, seen by nobody until it is done.
type Tx struct {
	ledger  *Ledger
	cause   Cause
	now     time.Time
	changed map[string]wire.Object // what has been made or edited, by ID; nil: taken away
	made    []string               // IDs of changed, in the order of their making
	emitted []wire.Object          // events, in their order
	shown   map[string]wire.Object // objects as the change's events have told of them, by ID
}

// Now is the ledger's time in seconds since 1970. It stands still during a change.
func (t *Tx) Now() int64 { return t.now.Unix() }

// Time is the same with parts of seconds.
func (t *Tx) Time() time.Time { return t.now }

// ID makes an ID that looks like Stripe's: a prefix, then 24 letters and digits.
func (t *Tx) ID(prefix string) string { return NewID(prefix) }

// NewID makes an ID that looks like Stripe's: a prefix, then 24 letters and digits.
func NewID(prefix string) string { return prefix + "_3" + rand.Text()[:23] }

// Read finds an object, not to be changed. Nil: there is none.
func (t *Tx) Read(id string) wire.Object {
	if o, changed := t.changed[id]; changed {
		return o
	}
	return t.ledger.objects[id]
}

// Find finds an object of a kind, not to be changed. param names the parameter that asked for it ("" where the path did): the
// error says so, see wire.Missing.
func (t *Tx) Find(kind, id, param string) (wire.Object, *wire.Error) {
	o := t.Read(id)
	if o == nil || o.Kind() != kind || o.Bool("deleted") {
		refusal := wire.Missing(spoken(kind), id, param)
		if name := pathParams[kind]; param == "" && name != "" {
			refusal.Param = name
		}
		return nil, refusal
	}
	return o, nil
}

// pathParams are what Stripe's errors call the ID in the path, where that is not id.
var pathParams = map[string]string{"dispute": "dispute", "payment_intent": "intent", "refund": "refund"}

// Edit finds an object of a kind, to be changed: what is done to it is part of this change.
func (t *Tx) Edit(kind, id, param string) (wire.Object, *wire.Error) {
	if _, refusal := t.Find(kind, id, param); refusal != nil {
		return nil, refusal
	}
	return t.edit(id), nil
}

// edit is Edit for an object that is known to be there.
func (t *Tx) edit(id string) wire.Object {
	if o := t.changed[id]; o != nil {
		return o
	}
	o := t.ledger.objects[id].Clone()
	t.changed[id] = o
	t.made = append(t.made, id)
	return o
}

// Make makes an object with every key that Stripe has for its kind, an ID, and the time and mode it was made in.
func (t *Tx) Make(kind, prefix string) wire.Object { return t.makeAs(kind, t.ID(prefix)) }

// makeAs is Make with an ID that somebody has chosen.
func (t *Tx) makeAs(kind, id string) wire.Object {
	o := wire.Blank(kind)
	o["id"], o["object"] = id, kind
	set := func(field string, value any) {
		if o.Has(field) {
			o[field] = value
		}
	}
	set("created", t.Now())
	set("livemode", t.ledger.config.Livemode)
	set("metadata", wire.Object{})
	return t.Put(o)
}

// Put adds an object as it is, or replaces the one that has its ID.
func (t *Tx) Put(o wire.Object) wire.Object {
	if _, known := t.changed[o.ID()]; !known {
		t.made = append(t.made, o.ID())
	}
	t.changed[o.ID()] = o
	return o
}

// remove takes an object away. Stripe knows it no more.
func (t *Tx) remove(id string) {
	t.edit(id)
	t.changed[id] = nil
}

// Every runs through the objects of a kind, the newest first. They are not to be changed. What is left of deleted customers is
// not among them.
func (t *Tx) Every(kind string) iter.Seq[wire.Object] {
	return func(yield func(wire.Object) bool) {
		for _, id := range slices.Backward(t.made) {
			o := t.changed[id]
			if o != nil && o.Kind() == kind && t.ledger.objects[id] == nil && !yield(o) {
				return
			}
		}
		for _, id := range slices.Backward(t.ledger.order[kind]) {
			if o := t.Read(id); o != nil && !o.Bool("deleted") && !yield(o) {
				return
			}
		}
	}
}

// First is the newest object of a kind whose field is that. Nil: there is none.
func (t *Tx) First(kind, field string, value any) wire.Object {
	for o := range t.Every(kind) {
		if o[field] == value {
			return o
		}
	}
	return nil
}

// commit makes the change the ledger's. Objects are written down before anybody is told of them.
func (t *Tx) commit() {
	deliveries := t.address()
	for _, id := range t.made {
		o := t.changed[id]
		if o != nil {
			o = wire.Normalize(o)
		}
		t.changed[id] = o
		t.ledger.replace(id, o)
	}
	t.ledger.journal.write(t.ledger.offset, t.made, t.changed)
	for _, d := range deliveries {
		t.ledger.config.Deliver(d.eventID, d.eventType, d.endpointID)
	}
}

// spoken is what Stripe calls a kind in its messages.
func spoken(kind string) string {
	if word, ok := map[string]string{"payment_method": "PaymentMethod", "review": "review"}[kind]; ok {
		return word
	}
	return kind
}

// assign sets the named fields to the parameters of the same name, where they are given. An empty string, which is how
// Stripe is told to unset a field, makes it null; metadata is merged, and an empty value takes a key away.
func assign(o, params wire.Object, fields ...string) {
	for _, field := range fields {
		value, given := params[field]
		switch {
		case !given:
		case field == "metadata":
			mergeMetadata(o, value)
		case value == "":
			o[field] = nil
		default:
			o[field] = value
		}
	}
}

func mergeMetadata(o wire.Object, value any) {
	merged := wire.Object{}
	if given, ok := value.(wire.Object); ok {
		maps.Copy(merged, o.Sub("metadata"))
		maps.Copy(merged, given)
		maps.DeleteFunc(merged, func(_ string, v any) bool { return v == "" })
	}
	o["metadata"] = merged
}

// nullable is null for nothing and the string itself for others.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// filled is a part of an object that a parameter of the same form gives, such as an address, with every key that Stripe has for
// it. Nil: the parameter unsets it.
func filled(given any, kind string, path ...string) any {
	fields, isObject := given.(wire.Object)
	if !isObject {
		return nil
	}
	part := wire.Part(kind, path...)
	for name, value := range fields {
		switch value.(type) {
		case wire.Object:
			part[name] = filled(value, kind, append(slices.Clone(path), name)...)
		default:
			assign(part, fields, name)
		}
	}
	return part
}
