package ledger

import (
	"cmp"
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// listParams are the parameters of every list that choose a page rather than what is on it.
var listParams = []string{"limit", "starting_after", "ending_before", "expand"}

// list is one page of the objects of a kind that fit, the newest first. What a deleted customer had is listed still; a customer
// that never was is an error, and not an empty list.
func (t *Tx) list(kind string, in Input, url string, fits func(wire.Object) bool) (wire.Object, *wire.Error) {
	if id := in.Params.Text("customer"); id != "" && t.Read(id).Kind() != "customer" {
		return nil, wire.Missing("customer", id, "customer")
	}
	var all []wire.Object
	for o := range t.Every(kind) {
		if fits(o) {
			all = append(all, o)
		}
	}
	return paged(all, kind, in, url)
}

// paged is one page of objects of a kind, in their order. https://docs.stripe.com/api/pagination
func paged(all []wire.Object, kind string, in Input, url string) (wire.Object, *wire.Error) {
	limit := int64(10)
	if in.Params.Has("limit") {
		limit = in.Params.Int("limit")
	}
	if limit < 1 || limit > 100 {
		return nil, wire.Invalid("", "limit", "Invalid integer: %d; must be between 1 and 100", limit)
	}
	page, more, refusal := cut(all, int(limit), kind, in.Params)
	if refusal != nil {
		return nil, refusal
	}
	return wire.List(url, more, page), nil
}

// cut takes the page that the cursors name.
func cut(all []wire.Object, limit int, kind string, params wire.Object) (page []wire.Object, more bool, refusal *wire.Error) {
	after, before := params.Text("starting_after"), params.Text("ending_before")
	switch {
	case after != "" && before != "":
		return nil, false, wire.Invalid("parameters_exclusive", "", "You may only specify one of these parameters: starting_after, ending_before.")
	case after != "":
		i := position(all, after)
		if i < 0 {
			return nil, false, missingCursor(kind, after, "starting_after")
		}
		all = all[i+1:]
	case before != "":
		i := position(all, before)
		if i < 0 {
			return nil, false, missingCursor(kind, before, "ending_before")
		}
		from := max(0, i-limit)
		return all[from:i], from > 0, nil
	}
	return all[:min(limit, len(all))], len(all) > limit, nil
}

func position(all []wire.Object, id string) int {
	return slices.IndexFunc(all, func(o wire.Object) bool { return o.ID() == id })
}

func missingCursor(kind, id, param string) *wire.Error {
	return wire.Invalid("resource_missing", param, "No such %s: '%s'", spoken(kind), id)
}

// filtered is the list of a kind that leaves only those whose fields are what the parameters of the same name say.
func filtered(kind, url string) Call {
	return func(t *Tx, in Input) (wire.Object, *wire.Error) {
		return t.list(kind, in, url, func(o wire.Object) bool { return fits(o, in.Params) })
	}
}

// several are the filters that name some values of a field, any of which will do.
var several = map[string]string{"ids": "id", "lookup_keys": "lookup_key"}

func fits(o, params wire.Object) bool {
	for name, wanted := range params {
		field := cmp.Or(several[name], name)
		if !slices.Contains(listParams, name) && !fitsOne(o[field], wanted) {
			return false
		}
	}
	return true
}

// fitsOne compares a field with a filter: a value, an object of filters, or a range such as created[gte].
func fitsOne(value, wanted any) bool {
	if values, isList := wanted.([]any); isList {
		return slices.Contains(values, value)
	}
	filter, isObject := wanted.(wire.Object)
	if !isObject {
		return value == wanted
	}
	if nested, ok := value.(wire.Object); ok {
		return fits(nested, filter)
	}
	n, isNumber := value.(int64)
	return isNumber && within(n, filter)
}

func within(n int64, bounds wire.Object) bool {
	for bound := range bounds {
		limit := bounds.Int(bound)
		if bound == "gt" && n <= limit || bound == "gte" && n < limit || bound == "lt" && n >= limit || bound == "lte" && n > limit {
			return false
		}
	}
	return true
}
