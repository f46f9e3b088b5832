package control

import (
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// objectBody is the page of an object.
type objectBody struct {
	row
	Facts    []said
	Metadata []said
	Secrets  []string // of an endpoint
	Lines    []line
	Related  []row
	Events   []eventRow
	JSON     template.HTML
	Private  template.HTML // what the ledger keeps to itself; empty: nothing
}

// line is one thing that a session or an invoice is about.
type line struct {
	What, Amount string
	Quantity     int64
}

// objectPage shows one object, with the form that was refused (nil: none was).
func (k *control) objectPage(w http.ResponseWriter, r *http.Request, id string, left *entered) {
	var o wire.Object
	var body objectBody
	k.Ledger.View(func(t *ledger.Tx) {
		if o = t.Read(id); o != nil && o.Kind() != ledger.Answer && o.Kind() != "event" {
			body = k.newObjectBody(t, o, left)
		}
	})
	switch {
	case o == nil, o.Kind() == ledger.Answer:
		k.missing(w, r)
	case o.Kind() == "event":
		k.eventPage(w, r, o)
	default:
		k.write(w, r, statusOf(left), "object", view{Title: body.Kind + " " + id, Here: sectionOf(o.Kind()), Body: body})
	}
}

func (k *control) newObjectBody(t *ledger.Tx, o wire.Object, left *entered) objectBody {
	private := wire.Object{}
	for name, value := range o {
		if strings.HasPrefix(name, "_") {
			private[name] = value
		}
	}
	body := objectBody{
		row: newRow(t, o, left), Facts: tell(t, o), Metadata: metadata(o), Secrets: secrets(t, o), Lines: lines(o),
		Related: rows(t, related(t, o)), Events: k.eventRows(t, eventsAbout(t, o.ID())), JSON: linked(t, t.Render(o, "")),
	}
	if len(private) > 0 {
		body.Private = linked(t, private)
	}
	return body
}

// lines are what a session or an invoice is about.
func lines(o wire.Object) (all []line) {
	for _, l := range append(o.List("_lines"), o.List("lines")...) {
		amount := l.Int("amount")
		if l.Has("amount_total") {
			amount = l.Int("amount_total")
		}
		all = append(all, line{l.Text("description"), money(amount, l), l.Int("quantity")})
	}
	return all
}

// ids are what may be an ID in JSON that is escaped for a page.
var ids = regexp.MustCompile(`&#34;[a-z]+_[A-Za-z0-9_]+&#34;`)

// linked is JSON in which the ID of every object that there is leads to it.
func linked(t *ledger.Tx, o wire.Object) template.HTML {
	const quote = "&#34;"
	escaped := template.HTMLEscapeString(string(o.Encode()))
	return template.HTML(ids.ReplaceAllStringFunc(escaped, func(quoted string) string { //nolint:gosec // escaped, but for links to IDs of a plain form
		id := strings.TrimSuffix(strings.TrimPrefix(quoted, quote), quote)
		if found := t.Read(id); found == nil || found.Kind() == ledger.Answer {
			return quoted
		}
		return quote + `<a href="/objects/` + id + `">` + id + `</a>` + quote
	}))
}
