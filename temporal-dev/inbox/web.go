package inbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"join": strings.Join}).ParseFS(pageFiles, "pages/*.html"))

const (
	// pagePolicy lets our pages use their own style and show the mail's frame, nothing else.
	pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// mailPolicy is for a mail's own HTML, which is a stranger's: no script, no request to anywhere (remote images too:
	// they tell the sender who reads), links only into a new window.
	mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
	// linksElsewhere has a mail's links open a window of their own; in the frame they would be blocked.
	linksElsewhere = `<base target="_blank">`
)

func (b *Inbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.list)
	mux.HandleFunc("GET /messages/{id}", b.show(page))
	mux.HandleFunc("GET /messages/{id}/html", b.show(html))
	mux.HandleFunc("GET /messages/{id}/raw", b.show(raw))
	mux.HandleFunc("GET /api/messages", b.apiMessages)
	return mux
}

// list asks for itself again every few seconds; a browser keeps its place then.
func (b *Inbox) list(w http.ResponseWriter, _ *http.Request) {
	newest := b.Messages()
	slices.Reverse(newest)
	render(w, "list.html", newest)
}

// show makes a handler of what is to be seen of one message.
func (b *Inbox) show(part func(http.ResponseWriter, Message)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m, ok := b.find(r.PathValue("id"))
		if !ok {
			http.Error(w, "no such message", http.StatusNotFound)
			return
		}
		part(w, m)
	}
}

func page(w http.ResponseWriter, m Message) { render(w, "message.html", m) }

func html(w http.ResponseWriter, m Message) {
	const head = "<head>"
	body := strings.Replace(m.HTML, head, head+linksElsewhere, 1)
	if body == m.HTML {
		body = linksElsewhere + body
	}
	answer(w, "text/html", mailPolicy, []byte(body))
}

func raw(w http.ResponseWriter, m Message) { answer(w, "text/plain", mailPolicy, m.Raw) }

func (b *Inbox) apiMessages(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	all := append([]Message{}, b.Messages()...)                          // an empty list, never null
	_ = json.NewEncoder(w).Encode(map[string][]Message{"messages": all}) // the caller has gone: nobody is left to tell
}

func render(w http.ResponseWriter, page string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, "text/html", pagePolicy, out.Bytes())
}

func answer(w http.ResponseWriter, kind, policy string, body []byte) {
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // the reader has gone: nobody is left to tell
}
