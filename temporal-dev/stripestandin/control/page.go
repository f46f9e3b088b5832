package control

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

var (
	//go:embed *.html
	templates embed.FS
	//go:embed page.css
	css string

	page = template.Must(template.New("").Funcs(template.FuncMap{
		"style":      func() template.CSS { return template.CSS(css) }, //nolint:gosec // a file of ours
		"act":        func(a act, id string) form { return form{Act: a, ID: id} },
		"actEntered": newForm,
	}).ParseFS(templates, "*.html"))
)

// form is an act's form for an object, with what had been entered when it was refused.
type form struct {
	Act     act
	ID      string
	Entered map[string]string
}

func newForm(a act, id string, entered map[string]string) form {
	if entered["act"] != a.Name {
		entered = nil
	}
	return form{a, id, entered}
}

// pageLength is how many objects or events are on a page.
const pageLength = 25

// section is one list of objects.
type section struct {
	Name, Title string
	Kinds       []string
	None        string // what is said where there are none
}

var sections = []section{
	{"payments", "Payments", []string{"payment_intent"}, "No payment yet. make dev makes one; so does POST /_control/pay."},
	{"checkout", "Checkout", []string{"checkout.session"}, "No Checkout Session yet."},
	{"customers", "Customers", []string{"customer"}, "No customer yet."},
	{"subscriptions", "Subscriptions", []string{"subscription", "invoice"}, "No subscription yet."},
	{"returns", "Refunds and disputes", []string{"refund", "dispute", "review"}, "Nothing has been given back or disputed yet."},
	{"catalog", "Products", []string{"product", "price"}, "Nothing is for sale yet."},
	{"endpoints", "Endpoints", []string{"webhook_endpoint"}, "Nobody is told of anything."},
}

// view is what every page has.
type view struct {
	Title    string
	Section  string // which of the navigation's entries it is
	Sections []section
	Query    string
	Done     string // what has just been done
	Problem  string // why something was not done
	Body     any
}

func (k *control) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", k.listPage)
	mux.HandleFunc("GET /objects/{id}", func(w http.ResponseWriter, r *http.Request) { k.objectPage(w, r, http.StatusOK, "", nil) })
	mux.HandleFunc("POST /acts/{name}", k.actForm)
	mux.HandleFunc("GET /events", k.eventsPage)
	mux.HandleFunc("POST /events/{id}/resend", k.resendForm)
	mux.HandleFunc("POST /retry", k.retryForm)
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, r *http.Request) { k.clockPage(w, r, http.StatusOK, "", "") })
	mux.HandleFunc("POST /clock", k.clockForm)
	mux.HandleFunc("POST /faults", k.faultsForm)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		k.write(w, r, http.StatusNotFound, "missing", view{Title: "Not here"})
	})
}

// write makes a page. It may load nothing, and send forms to itself only.
func (k *control) write(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Sections = sections
	if v.Done == "" {
		v.Done = r.URL.Query().Get("done")
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, name+".html", v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	hash := sha256.Sum256([]byte(css))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader has gone: nobody is left to tell
}

// row is an object as a list shows it.
type row struct {
	ID, Kind, Status, Amount, Who, When string
	Page                                string // of a session that can be paid
	Acts                                []act
}

func (k *control) listPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	shown := sections[0]
	for _, s := range sections {
		if s.Name == q.Get("show") {
			shown = s
		}
	}
	found, more := k.list(shown.Kinds, q.Get("q"), q.Get("after"), pageLength)
	body := struct {
		section
		Rows []row
		Next string
	}{section: shown}
	for _, o := range found {
		body.Rows = append(body.Rows, summarize(o))
	}
	if more {
		body.Next = "/?" + url.Values{"show": {shown.Name}, "q": {q.Get("q")}, "after": {found[len(found)-1].ID()}}.Encode()
	}
	k.write(w, r, http.StatusOK, "list", view{Title: shown.Title, Section: shown.Name, Query: q.Get("q"), Body: body})
}

// list finds objects of some kinds, the newest first, in which a text occurs: so many from behind the one named after ("" from
// the start).
func (k *control) list(kinds []string, query, after string, limit int) (found []wire.Object, more bool) {
	k.Ledger.View(func(t *ledger.Tx) {
		for _, kind := range kinds {
			found = append(found, search(t, kind, query, after, limit, len(kinds) == 1)...)
		}
	})
	if len(kinds) > 1 {
		newestFirst(found)
		found = behind(found, after)
	}
	return found[:min(limit, len(found))], len(found) > limit
}

// search finds objects of one kind; where it is the only one, no more than what is needed.
func search(t *ledger.Tx, kind, query, after string, limit int, only bool) (found []wire.Object) {
	query = strings.ToLower(strings.TrimSpace(query))
	reached := !only || after == "" || t.Read(after) == nil
	for o := range t.Every(kind) {
		switch {
		case !reached:
			reached = o.ID() == after
		case kind == ledger.Answer, query != "" && !strings.Contains(strings.ToLower(string(o.Public().Encode())), query):
		default:
			found = append(found, o)
		}
		if only && len(found) > limit {
			break
		}
	}
	return found
}

func behind(found []wire.Object, after string) []wire.Object {
	i := slices.IndexFunc(found, func(o wire.Object) bool { return o.ID() == after })
	return found[i+1:]
}

func summarize(o wire.Object) row {
	r := row{
		ID: o.ID(), Kind: kindName(o.Kind()), Status: status(o), Amount: amountOf(o), Who: who(o), When: clock(o.Int("created")), Acts: offers(o),
	}
	if o.Kind() == "checkout.session" && o.Text("status") == "open" {
		r.Page = o.Text("url")
	}
	return r
}

func kindName(kind string) string {
	return strings.ReplaceAll(strings.TrimPrefix(kind, "checkout."), "_", " ")
}

func status(o wire.Object) string {
	switch {
	case o.Kind() == "review" && o.Bool("open"):
		return "open"
	case o.Kind() == "review":
		return o.Text("closed_reason")
	case o.Text("status") == "complete":
		return "complete, " + o.Text("payment_status")
	case o.Has("active"):
		return map[bool]string{true: "active", false: "inactive"}[o.Bool("active")]
	}
	said := strings.ReplaceAll(o.Text("status"), "_", " ")
	if why := o.Sub("last_payment_error"); why != nil {
		said += ", " + cmp.Or(why.Text("decline_code"), why.Text("code"))
	}
	return said
}

// parties are the fields that tell who an object is about, the first that is there.
var parties = []string{"receipt_email", "email", "customer_email", "url", "name", "nickname", "customer", "product", "payment_intent"}

func who(o wire.Object) string {
	if email := o.Sub("customer_details").Text("email"); email != "" {
		return email
	}
	for _, field := range parties {
		if text := o.Text(field); text != "" && !strings.HasPrefix(text, "http") || field == "url" && o.Kind() == "webhook_endpoint" {
			return text
		}
	}
	return ""
}

// objectPage shows one object, with the refusal of an act that was not possible and what had been entered for it.
func (k *control) objectPage(w http.ResponseWriter, r *http.Request, code int, problem string, entered map[string]string) {
	id := cmpID(r)
	o := k.see(id)
	if o == nil {
		k.write(w, r, http.StatusNotFound, "missing", view{Title: "Not here"})
		return
	}
	if o.Kind() == "event" {
		k.eventPage(w, r, o)
		return
	}
	body := struct {
		row
		JSON    template.HTML
		Related []row
		Events  []eventRow
		Entered map[string]string
	}{row: summarize(o), JSON: linked(o), Entered: entered}
	for _, other := range k.related(o) {
		body.Related = append(body.Related, summarize(other))
	}
	body.Events = k.eventRows(k.eventsOf(id), false)
	k.write(w, r, code, "object", view{Title: kindName(o.Kind()) + " " + id, Problem: problem, Body: body})
}

func cmpID(r *http.Request) string {
	if id := r.PathValue("id"); id != "" {
		return id
	}
	return r.PostFormValue("id")
}

// relatedKinds are the objects that are worth a look beside one that they name.
var relatedKinds = []string{"payment_intent", "charge", "checkout.session", "refund", "dispute", "review", "customer", "subscription", "invoice", "price", "product"}

// relatedAmong is how many of each kind, the newest, are looked through.
const relatedAmong = 500

// related are the objects that name an object or that it names.
func (k *control) related(o wire.Object) (all []wire.Object) {
	named := string(o.Encode())
	for _, kind := range relatedKinds {
		found, _ := k.list([]string{kind}, "", "", relatedAmong)
		for _, other := range found {
			names := strings.Contains(named, `"`+other.ID()+`"`) || strings.Contains(string(other.Public().Encode()), `"`+o.ID()+`"`)
			if names && other.ID() != o.ID() && len(all) < pageLength {
				all = append(all, other)
			}
		}
	}
	return all
}

// ids are those in an object's JSON, as it is when it is escaped for a page.
var ids = regexp.MustCompile(`&#34;((?:pi|ch|cs_test|cs_live|cus|re|du|prv|evt|in|sub|price|prod|pm|we|txn)_[A-Za-z0-9]+)&#34;`)

// linked is an object's JSON in which every ID is a link.
func linked(o wire.Object) template.HTML {
	escaped := template.HTMLEscapeString(string(o.Encode()))
	return template.HTML(ids.ReplaceAllString(escaped, `&#34;<a href="/objects/$1">$1</a>&#34;`)) //nolint:gosec // escaped, but for links to IDs of a fixed form
}

// actForm does what a button says, and sends the browser back to the object. What is refused shows it again, with all that was
// entered.
func (k *control) actForm(w http.ResponseWriter, r *http.Request) {
	a := find(r.PathValue("name"))
	if a == nil || r.ParseForm() != nil {
		k.write(w, r, http.StatusNotFound, "missing", view{Title: "Not here"})
		return
	}
	said := map[string]string{}
	for name := range r.PostForm {
		if name != "id" {
			said[name] = r.PostForm.Get(name)
		}
	}
	id := r.PostForm.Get("id")
	events, refusal := k.run(a, id, said)
	if refusal != nil {
		said["act"] = a.Name
		k.objectPage(w, r, http.StatusUnprocessableEntity, refusal.Message, said)
		return
	}
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	done := a.Says + ": nothing to tell anybody."
	if len(types) > 0 {
		done = a.Says + ": " + strings.Join(types, ", ") + "."
	}
	http.Redirect(w, r, "/objects/"+url.PathEscape(id)+"?done="+url.QueryEscape(done), http.StatusSeeOther)
}

// clockPage shows the time and the faults, with what had been entered for them and why it cannot be.
func (k *control) clockPage(w http.ResponseWriter, r *http.Request, code int, problem, rules string) {
	status := k.Faults.Status()
	if rules == "" {
		plain := []faults.Rule{}
		for _, rule := range status.Rules {
			plain = append(plain, rule.Rule)
		}
		text, _ := json.MarshalIndent(plain, "", "  ") // rules hold nothing but words and numbers
		rules = string(text)
	}
	body := struct {
		Now, Rules string
		Status     faults.Status
		Kinds      []faults.Kind
	}{k.Ledger.Now().Format("Monday, 2 January 2006, 15:04:05 MST"), rules, status, faults.Kinds()}
	k.write(w, r, code, "clock", view{Title: "Clock and faults", Section: "clock", Problem: problem, Body: body})
}

func (k *control) clockForm(w http.ResponseWriter, r *http.Request) {
	days, err1 := strconv.Atoi("0" + r.PostFormValue("days"))
	hours, err2 := strconv.Atoi("0" + r.PostFormValue("hours"))
	by := time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour
	if err1 != nil || err2 != nil || by <= 0 || by > mostAdvance {
		k.clockPage(w, r, http.StatusUnprocessableEntity, "The clock goes forward only: say how many days or hours, ten years at most.", "")
		return
	}
	k.Ledger.Advance(by)
	http.Redirect(w, r, "/clock?done="+url.QueryEscape(fmt.Sprintf("%d days and %d hours have passed.", days, hours)), http.StatusSeeOther)
}

func (k *control) faultsForm(w http.ResponseWriter, r *http.Request) {
	text := r.PostFormValue("rules")
	seed, err := strconv.ParseUint(r.PostFormValue("seed"), 10, 64)
	var rules []faults.Rule
	if err == nil {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(&rules)
	}
	if err == nil {
		err = k.Faults.Set(seed, rules)
	}
	if err != nil {
		k.clockPage(w, r, http.StatusUnprocessableEntity, err.Error(), text)
		return
	}
	http.Redirect(w, r, "/clock?done="+url.QueryEscape(fmt.Sprintf("%d rules are in force.", len(rules))), http.StatusSeeOther)
}
