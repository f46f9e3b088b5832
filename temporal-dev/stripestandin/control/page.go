package control

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/ledger"
)

var (
	//go:embed *.html
	templates embed.FS
	//go:embed page.css
	css string

	pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(css) }, //nolint:gosec // a file of ours
	}).ParseFS(templates, "*.html"))
)

// pageLength is how many objects, events or attempts are on a page.
const pageLength = 25

// view is what every page has.
type view struct {
	Title    string
	Here     string // which of the navigation's entries it is; empty: none
	Query    string // what is searched for
	Sections []section
	Now      []condition
	Note     *note  // what has just been done; nil: nothing
	Problem  string // why something was not done
	Body     any
}

// pages are the pages, and where their forms go to.
func (k *control) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", k.overviewPage)
	mux.HandleFunc("GET /{section}", func(w http.ResponseWriter, r *http.Request) { k.sectionPage(w, r, r.PathValue("section"), nil) })
	mux.HandleFunc("GET /search", k.searchPage)
	mux.HandleFunc("GET /objects/{id}", func(w http.ResponseWriter, r *http.Request) { k.objectPage(w, r, r.PathValue("id"), nil) })
	mux.HandleFunc("POST /acts/{name}", k.actForm)
	mux.HandleFunc("GET /events", k.eventsPage)
	mux.HandleFunc("GET /attempts", k.attemptsPage)
	mux.HandleFunc("POST /events/{id}/resend", k.resendForm)
	mux.HandleFunc("POST /retry", k.retryForm)
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, r *http.Request) { k.clockPage(w, r, clockEntered{}) })
	mux.HandleFunc("POST /clock", k.clockForm)
	mux.HandleFunc("POST /faults", k.faultsForm)
	mux.HandleFunc("/", k.missing)
}

func (k *control) missing(w http.ResponseWriter, r *http.Request) {
	k.write(w, r, http.StatusNotFound, "missing", view{Title: "Not here"})
}

// write makes a page. It may load nothing, and send forms to itself only.
func (k *control) write(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Sections, v.Now, v.Note = sections, k.conditions(), k.note(r.URL.Query())
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, name+".html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	hash := sha256.Sum256([]byte(css))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // it changes with every button
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader has gone: nobody is left to tell
}

// condition is something about the stand-in as a whole that explains what one sees elsewhere.
type condition struct{ Says, Link, Tone string }

// conditions are what whoever wonders what goes on should know first.
func (k *control) conditions() (all []condition) {
	if ahead := time.Until(k.Ledger.Now()); ahead > time.Minute {
		all = append(all, condition{"The clock is " + span(ahead) + " ahead", "/clock", ""})
	}
	if n := len(k.Faults.Status().Rules); n > 0 {
		all = append(all, condition{"Things go wrong on purpose, by " + counted(n, "rule", "rules"), "/clock#faults", "wait"})
	}
	waiting, lost := 0, 0
	for _, d := range k.Courier.Undelivered() {
		switch d.State {
		case courier.Waiting:
			waiting++
		case courier.Dropped, courier.GivenUp, courier.Gone:
			lost++
		default: // on its way
		}
	}
	if waiting > 0 {
		all = append(all, condition{counted(waiting, "delivery", "deliveries") + " waiting to be tried again", "/events#undelivered", "wait"})
	}
	if lost > 0 {
		all = append(all, condition{counted(lost, "delivery", "deliveries") + " lost", "/events#undelivered", "bad"})
	}
	return all
}

// counted is a number of things; the plural is what there is more than one of.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

// span is a duration for people, in the largest unit of which it has two.
func span(d time.Duration) string {
	for _, unit := range []struct {
		length    time.Duration
		one, more string
	}{{day, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}} {
		if n := int(d.Round(unit.length) / unit.length); n >= 2 {
			return counted(n, unit.one, unit.more)
		}
	}
	return "a minute"
}

// note tells what has just been done.
type note struct {
	Says   string
	Events []made
}

// deeds are what can be done that is no act, as a note tells it: %d is how often.
var deeds = map[string]string{
	"resend": "Sent again to %d endpoints.",
	"retry":  "%d deliveries did not wait any longer.",
	"clock":  "The clock was set ahead.",
	"faults": "%d rules are in force.",
}

// done leads a browser back to a page, with what has been done.
func done(w http.ResponseWriter, r *http.Request, to, what string, n int, events ...made) {
	q := url.Values{"did": {what}}
	if n > 0 {
		q.Set("n", strconv.Itoa(n))
	}
	for _, e := range events[:min(pageLength, len(events))] {
		q.Add("event", e.ID)
	}
	http.Redirect(w, r, to+"?"+q.Encode(), http.StatusSeeOther)
}

// note reads what done has written. It repeats nothing that it does not know: anybody can make a link.
func (k *control) note(q url.Values) *note {
	if format := deeds[q.Get("did")]; format != "" {
		n, _ := strconv.Atoi(q.Get("n")) // none is 0
		if !strings.Contains(format, "%d") {
			return &note{Says: format}
		}
		return &note{Says: fmt.Sprintf(format, n)}
	}
	a := find(q.Get("did"))
	if a == nil {
		return nil
	}
	n := &note{Says: a.Says + ": done."}
	k.Ledger.View(func(t *ledger.Tx) {
		for _, id := range q["event"] {
			if e := t.Read(id); e.Kind() == "event" && len(n.Events) < pageLength {
				n.Events = append(n.Events, made{e.ID(), e.Text("type")})
			}
		}
	})
	return n
}
