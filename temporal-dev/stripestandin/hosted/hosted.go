// Package hosted is the pages on which customers pay and see to what they pay for, in the place of Stripe's own.
//
//	/pay/{session}      a Checkout Session: what is bought, who pays, with which card   (checkout.stripe.com)
//	/invoice/{invoice}  an invoice, to be paid while it is open; /pdf under it, as a PDF (invoice.stripe.com)
//	/portal/{session}   a customer's subscriptions, card and invoices                   (billing.stripe.com)
//
// GET shows, POST takes the page's forms; the button that was pressed is the field act. The pages play two parts: the customer's,
// and that of the customer's bank where one must answer (a payment that takes days, a card whose holder must authenticate). They
// need no script, and ask for nothing that is not in them.
package hosted

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

var (
	//go:embed *.html
	files embed.FS
	//go:embed page.css
	pageCSS string

	templates = template.Must(template.ParseFS(files, "*.html"))
)

// formLimit is more than any form of the pages has, in bytes.
const formLimit = 64 << 10

type pages struct{ ledger *ledger.Ledger }

// Handler serves the pages of a ledger's sessions and invoices, below the base URL that Ledger.SetBaseURL was told. Forms are
// taken from the pages themselves only, not from other sites.
func Handler(l *ledger.Ledger) http.Handler {
	p := pages{ledger: l}
	mux := http.NewServeMux()
	for room, show := range map[string]shower{"pay": showSession, "invoice": showInvoice, "portal": showPortal} {
		mux.HandleFunc("GET /"+room+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			p.write(w, http.StatusOK, show, r.PathValue("id"), r.URL.Query(), nil)
		})
		mux.HandleFunc("POST /"+room+"/{id}", func(w http.ResponseWriter, r *http.Request) { p.submit(w, r, room, show) })
	}
	mux.HandleFunc("GET /invoice/{id}/pdf", p.pdf)
	return http.NewCrossOriginProtection().Handler(mux)
}

// shower makes the page of an ID, with what has been entered and why it was refused (nil: it was not). Nil: there is no such page.
type shower func(t *ledger.Tx, id string, entered url.Values, refusal *wire.Error) shown

// shown is a page: the name of its template, and what every page has.
type shown interface {
	template() string
	around() *frame
}

// frame is what every page has.
type frame struct {
	Style template.CSS
	Title string
	leads []string // addresses elsewhere that its forms may lead to
}

func (f *frame) around() *frame { return f }

// act is a button. It says where the browser goes then.
type act = func(t *ledger.Tx, id string, entered url.Values) (next string, refusal *wire.Error)

// rooms are the buttons of each page, by the value that they send.
var rooms = map[string]map[string]act{"pay": sessionActs, "invoice": invoiceActs, "portal": portalActs}

// submit does what a button says and sends the browser on, so that loading again does not do it twice. What is refused shows
// the page again, with all that was entered.
func (p pages) submit(w http.ResponseWriter, r *http.Request, room string, show shower) {
	id := r.PathValue("id")
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	act := rooms[room][r.PostForm.Get("act")]
	if act == nil {
		http.Error(w, "there is no such button", http.StatusBadRequest)
		return
	}
	var next string
	refusal := p.ledger.Do(ledger.Cause{}, func(t *ledger.Tx) (refusal *wire.Error) {
		if show(t, id, r.PostForm, nil) == nil {
			return wire.Missing(room, id, "")
		}
		next, refusal = act(t, id, r.PostForm)
		return refusal
	})
	if refusal != nil {
		p.write(w, refusal.Status, show, id, r.PostForm, refusal)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// write shows the page of an ID as it is now.
func (p pages) write(w http.ResponseWriter, status int, show shower, id string, entered url.Values, refusal *wire.Error) {
	var page shown
	p.ledger.View(func(t *ledger.Tx) { page = show(t, id, entered, refusal) })
	if page == nil {
		status, page = http.StatusNotFound, missingOf(id)
	}
	render(w, status, page)
}

// missing is the page for what is not there.
type missing struct {
	frame
	What, Why string
}

func (*missing) template() string { return "missing.html" }

// missingOf says what an ID that leads nowhere was to lead to.
func missingOf(id string) shown {
	m := missing{What: "checkout", Why: "The link may be cut short, or what this stand-in kept has been deleted since. Begin a new checkout in the shop."}
	switch {
	case strings.HasPrefix(id, "in_"):
		m.What, m.Why = "invoice", "The link may be cut short, or what this stand-in kept has been deleted since. A draft has no page yet."
	case strings.HasPrefix(id, "bps_"):
		m.What, m.Why = "portal session", "A link to the billing portal is good for an hour. Ask for a new one in the shop."
	}
	m.Title = "No such " + m.What
	return &m
}

func render(w http.ResponseWriter, status int, page shown) {
	frame := page.around()
	frame.Style = template.CSS(pageCSS) //nolint:gosec // a file of ours
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, page.template(), page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(frame.leads))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // it changes with every button
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader has gone: nobody is left to tell
}

// policy lets a page have its own style and nothing else, and lets its forms end here or where the shop wants to have its
// customers back (browsers look at where a form's answer redirects to as well).
func policy(leads []string) string {
	sum := sha256.Sum256([]byte(pageCSS))
	forms := []string{"'self'"}
	for _, address := range leads {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			forms = append(forms, u.Scheme+"://"+u.Host)
		}
	}
	return "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action " + strings.Join(forms, " ")
}
