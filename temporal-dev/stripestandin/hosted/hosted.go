// Package hosted is the page on which a customer pays a Checkout Session, in the place of checkout.stripe.com.
//
//	GET  /pay/{session}  the page: what is bought, who pays, with which card
//	POST /pay/{session}  its forms; the button that was pressed is the field act
//
// The page plays two parts: the customer's, and that of the customer's bank where one must answer (a payment that takes days,
// a card whose holder must authenticate). It needs no script, and asks for nothing that is not in it.
package hosted

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed missing.html
	missingHTML string

	pageTemplate    = template.Must(template.New("page").Parse(pageHTML))
	missingTemplate = template.Must(template.New("missing").Parse(missingHTML))
)

// formLimit is more than any form of the page has, in bytes.
const formLimit = 64 << 10

type pages struct{ ledger *ledger.Ledger }

// Handler serves the pages of a ledger's sessions, below the base URL that Ledger.SetBaseURL was told. Forms are taken from
// the page itself only, not from other sites.
func Handler(l *ledger.Ledger) http.Handler {
	p := pages{ledger: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pay/{session}", p.show)
	mux.HandleFunc("POST /pay/{session}", p.submit)
	return http.NewCrossOriginProtection().Handler(mux)
}

func (p pages) show(w http.ResponseWriter, r *http.Request) {
	p.write(w, http.StatusOK, r.PathValue("session"), form{Card: r.URL.Query().Get("card")}, nil)
}

// submit does what a button says and sends the browser on, so that loading again does not do it twice. What is refused shows
// the page again, with all that was entered.
func (p pages) submit(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("session")
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	entered := readForm(r.PostForm)
	act := acts[r.PostForm.Get("act")]
	if act == nil {
		http.Error(w, "there is no such button", http.StatusBadRequest)
		return
	}
	var next string
	refusal := p.ledger.Do(ledger.Cause{}, func(t *ledger.Tx) (refusal *wire.Error) {
		if _, refusal := t.Find("checkout.session", id, ""); refusal != nil {
			return refusal
		}
		next, refusal = act(t, id, entered)
		return refusal
	})
	if refusal != nil {
		p.write(w, refusal.Status, id, entered, refusal)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// write shows the page of a session as it is now.
func (p pages) write(w http.ResponseWriter, status int, id string, entered form, refusal *wire.Error) {
	var shown *view
	p.ledger.View(func(t *ledger.Tx) { shown = newView(t, id, entered, refusal) })
	if shown == nil {
		render(w, http.StatusNotFound, missingTemplate, &view{})
		return
	}
	render(w, status, pageTemplate, shown)
}

func render(w http.ResponseWriter, status int, page *template.Template, shown *view) {
	shown.Style = template.CSS(pageCSS) //nolint:gosec // a file of ours
	var b bytes.Buffer
	if err := page.Execute(&b, shown); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(shown))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // it changes with every button
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader has gone: nobody is left to tell
}

// policy lets a page have its own style and nothing else, and lets its forms end here or where the shop wants to have its
// customers back (browsers look at where a form's answer redirects to as well).
func policy(shown *view) string {
	sum := sha256.Sum256([]byte(pageCSS))
	forms := []string{"'self'"}
	for _, address := range []string{shown.SuccessURL, shown.CancelURL} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			forms = append(forms, u.Scheme+"://"+u.Host)
		}
	}
	return "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action " + strings.Join(forms, " ")
}
