package control

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// section is one list of objects.
type section struct {
	Name, Title string
	Kinds       []string
	Makes       string // the act that makes one of them; empty: there is none
	None        string // what is said where there are none
}

var sections = []section{
	{"payments", "Payments", []string{"payment_intent"}, "new_payment", "No payment yet."},
	{"checkout", "Checkout", []string{"checkout.session"}, "", "No Checkout Session yet: a shop makes them."},
	{"customers", "Customers", []string{"customer"}, "new_customer", "No customer yet: a shop makes them, and so does the button above."},
	{"subscriptions", "Subscriptions", []string{"subscription", "invoice"}, "", "No subscription yet: a customer begins one by paying a Checkout Session for it. A customer has a button for it, too."},
	{"returns", "Refunds & disputes", []string{"refund", "dispute", "review"}, "", "Nothing was given back, disputed or put into review yet. A payment that was collected has buttons for it."},
	{"catalog", "Products", []string{"product", "price"}, "new_price", "Nothing is for sale yet."},
	{"endpoints", "Endpoints", []string{"webhook_endpoint"}, "new_endpoint", "Nobody is told of anything."},
}

// sectionOf is the section that a kind is in; "" where it is in none.
func sectionOf(kind string) string {
	for _, s := range sections {
		if slices.Contains(s.Kinds, kind) {
			return s.Name
		}
	}
	return ""
}

// row is an object as a list shows it.
type row struct {
	ID, Kind, Amount, Who, What, When string
	Status                            chip
	Remarks                           []chip
	Page, PageSays                    string // where its customer sees it, and what the link there says; empty: nowhere
	Forms                             []form
}

func newRow(t *ledger.Tx, o wire.Object, left *entered) row {
	r := row{
		ID: o.ID(), Kind: noun(o.Kind()), Amount: amountOf(o), Who: who(t, o), What: what(o), When: clock(o.Int("created")),
		Status: status(o), Remarks: remarks(t, o), Forms: forms(t, o, left),
	}
	r.Page, r.PageSays = pageOf(o)
	return r
}

// pageOf is where the customer sees an object, and what a link there says.
func pageOf(o wire.Object) (address, says string) {
	switch kind := o.Kind(); {
	case kind == "checkout.session" && o.Text("status") == "open":
		return o.Text("url"), "Pay on the hosted page"
	case kind == "billing_portal.session":
		return o.Text("url"), "Open the billing portal"
	case kind == "invoice" && o.Text("status") == "open":
		return o.Text("hosted_invoice_url"), "Pay on the hosted page"
	case kind == "invoice":
		return o.Text("hosted_invoice_url"), "As its customer sees it"
	}
	return "", ""
}

func rows(t *ledger.Tx, objects []wire.Object) []row {
	all := make([]row, 0, len(objects))
	for _, o := range objects {
		all = append(all, newRow(t, o, nil))
	}
	return all
}

// listing is a list of objects.
type listing struct {
	None  string // what is said where there are none
	Rows  []row
	Makes []form // what makes another
	Next  string // where the next page is; empty: this is the last
}

func newListing(t *ledger.Tx, s section, q url.Values, left *entered) listing {
	found, more := list(t, s.Kinds, q.Get("q"), q.Get("after"), pageLength)
	l := listing{None: s.None, Rows: rows(t, found)}
	if s.Makes != "" {
		l.Makes = []form{newForm(t, *find(s.Makes), "", left)}
	}
	if left == nil && q.Get("q") != "" {
		l.None = "Nothing like that was found."
	}
	if more {
		l.Next = "/" + s.Name + "?" + url.Values{"q": {q.Get("q")}, "after": {found[len(found)-1].ID()}}.Encode()
	}
	return l
}

// sectionPage lists a section's objects, with the form that was refused (nil: none was).
func (k *control) sectionPage(w http.ResponseWriter, r *http.Request, name string, left *entered) {
	for _, s := range sections {
		if s.Name != name {
			continue
		}
		var body listing
		k.Ledger.View(func(t *ledger.Tx) { body = newListing(t, s, r.URL.Query(), left) })
		k.write(w, r, statusOf(left), "list", view{Title: s.Title, Here: s.Name, Query: r.URL.Query().Get("q"), Body: body})
		return
	}
	k.missing(w, r)
}

// overviewLength is how many payments and events the first page shows.
const overviewLength = 8

// overviewPage shows what happened lately.
func (k *control) overviewPage(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Payments, Others []row
		Events           []eventRow
		Makes            []form
	}
	k.Ledger.View(func(t *ledger.Tx) {
		payments, _ := list(t, []string{"payment_intent"}, "", "", overviewLength)
		others, _ := list(t, []string{"checkout.session", "subscription", "refund", "dispute", "review"}, "", "", overviewLength)
		events, _ := list(t, []string{"event"}, "", "", overviewLength)
		body.Payments, body.Others, body.Events = rows(t, payments), rows(t, others), k.eventRows(t, events)
		body.Makes = []form{newForm(t, *find("new_payment"), "", nil)}
	})
	k.write(w, r, http.StatusOK, "overview", view{Title: "Overview", Here: "overview", Body: body})
}

// searchPage finds objects of all kinds. One that has just that ID is shown at once.
func (k *control) searchPage(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	if query != "" && k.see(query) != nil {
		http.Redirect(w, r, "/objects/"+url.PathEscape(query), http.StatusSeeOther)
		return
	}
	var body listing
	k.Ledger.View(func(t *ledger.Tx) {
		body = newListing(t, section{Name: "search", Kinds: searched, None: "Say what to look for."}, r.URL.Query(), nil)
	})
	k.write(w, r, http.StatusOK, "list", view{Title: "Found", Query: query, Body: body})
}

// searched are the kinds of objects that have a section.
var searched = func() (all []string) {
	for _, s := range sections {
		all = append(all, s.Kinds...)
	}
	return all
}()
