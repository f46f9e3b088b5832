package ledger

import (
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// Render is an object as a version shows it ("" for the account's own), without what is the ledger's own.
func (t *Tx) Render(o wire.Object, version string) wire.Object {
	if o.Kind() != "event" {
		return shortened(o.Public().Clone()).In(version)
	}
	if version == "" {
		version = t.ledger.config.APIVersion
	}
	event := o.Public().Clone()
	event["api_version"] = version
	data := event.Sub("data")
	if previous := data.Sub("previous_attributes"); previous != nil {
		data["previous_attributes"] = data.Sub("object").PreviousIn(version, previous)
	}
	data["object"] = shortened(data.Sub("object")).In(version)
	return event
}

// linesShown is how many lines an invoice itself shows. The others are had from its list of lines.
const linesShown = 10

// shortened leaves an invoice the first of its lines.
func shortened(o wire.Object) wire.Object {
	if lines := o.List("lines"); o.Kind() == "invoice" && len(lines) > linesShown {
		o["lines"] = wire.List(o.Sub("lines").Text("url"), true, lines[:linesShown])
	}
	return o
}

// RenderAll renders an object, or each object of a list, and puts whole objects in the place of the IDs that the paths name:
// latest_charge, or data.payment_intent.customer in a list. https://docs.stripe.com/api/expanding_objects
func (t *Tx) RenderAll(o wire.Object, version string, paths []string) (wire.Object, *wire.Error) {
	var made wire.Object
	if o.Kind() == "list" {
		made = t.renderList(o, version)
	} else {
		made = t.Render(o, version)
	}
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if len(steps) > 5 {
			return nil, wire.Invalid("", "expand", "You cannot expand more than 4 levels of a property. Property: %s", path)
		}
		if refusal := t.expand(made, version, steps, path); refusal != nil {
			return nil, refusal
		}
	}
	return made, nil
}

func (t *Tx) renderList(list wire.Object, version string) wire.Object {
	data := list.List("data")
	rendered := make([]wire.Object, 0, len(data))
	for _, o := range data {
		rendered = append(rendered, t.renderListed(o, version))
	}
	return wire.List(list.Text("url"), list.Bool("has_more"), rendered)
}

// renderListed renders one of a list's objects. Events in a list are in the account's version, whatever the request's.
func (t *Tx) renderListed(o wire.Object, version string) wire.Object {
	if o.Kind() == "event" {
		return t.Render(o, "")
	}
	return t.Render(o, version)
}

func (t *Tx) expand(o wire.Object, version string, steps []string, path string) *wire.Error {
	if o.Kind() == "list" && steps[0] == "data" && len(steps) > 1 {
		for _, each := range o.List("data") {
			if refusal := t.expand(each, version, steps[1:], path); refusal != nil {
				return refusal
			}
		}
		return nil
	}
	if o.Bool("deleted") {
		return nil // what is left of a deleted customer has nothing to expand, which is no mistake of whoever asks
	}
	field := steps[0]
	value, ok := t.expanded(o, field, version)
	if !ok {
		return wire.Invalid("", "expand[0]", "This property cannot be expanded (%s).", path)
	}
	o[field] = value
	if sub := o.Sub(field); sub != nil && len(steps) > 1 {
		return t.expand(sub, version, steps[1:], path)
	}
	return nil
}

// expanded is what stands in a field once it is expanded: the object whose ID was there, a list that is only there when it is
// asked for, or what was there already.
func (t *Tx) expanded(o wire.Object, field, version string) (value any, ok bool) {
	if include := includes[o.Kind()+"."+field]; include != nil {
		return t.renderList(include(t, o), version), true
	}
	switch value := o[field].(type) {
	case string:
		found := t.Read(value)
		if found == nil {
			return nil, false
		}
		return t.Render(found, version), true
	case wire.Object, nil:
		return value, o.Has(field)
	}
	return nil, false
}
