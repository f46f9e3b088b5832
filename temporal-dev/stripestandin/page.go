package stripestandin

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"twigz/models"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// pageView is what the page shows, newest first.
type pageView struct {
	WebhookURL string
	Events     []eventView
	Objects    []objectView
}

type eventView struct {
	ID, Type  string
	Delivered bool
	Attempts  []attemptView
}

type attemptView struct {
	Attempt
	Clock string
}

type objectView struct{ ID, Kind, Status, Amount, Note, Created string }

// page lists events with their delivery attempts, and objects. It asks for itself again every few seconds; a browser
// keeps its place then.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	view := pageView{WebhookURL: s.config.WebhookURL, Events: s.eventViews(), Objects: s.objectViews()}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		writeError(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = b.WriteTo(w) // the reader has gone: nobody is left to tell
}

func (s *Server) eventViews() []eventView {
	tried := map[string][]attemptView{}
	for _, a := range s.Deliveries() {
		tried[a.EventID] = append(tried[a.EventID], attemptView{a, a.At.Format(time.TimeOnly)})
	}
	var views []eventView
	for _, p := range slices.Backward(s.courier.sent()) {
		attempts := tried[p.ID]
		views = append(views, eventView{
			ID: p.ID, Type: p.Type, Attempts: attempts,
			Delivered: slices.ContainsFunc(attempts, func(a attemptView) bool { return a.Delivered() }),
		})
	}
	return views
}

func (s *Server) objectViews() []objectView {
	var views []objectView
	for _, o := range s.objects.newest() {
		created, _ := o["created"].(int64)
		views = append(views, objectView{
			ID: o.id(), Kind: o.kind(), Status: o.text("status"), Note: o.text("receipt_email"),
			Amount: amountText(o), Created: time.Unix(created, 0).Format(time.TimeOnly),
		})
	}
	return views
}

// amountText shows an amount as people read it. An object that was put in by hand may have one of another type, or none.
func amountText(o object) string {
	switch minor := o["amount"].(type) {
	case int64:
		return models.Currency(o.text("currency")).Format(minor)
	case float64:
		return models.Currency(o.text("currency")).Format(int64(minor))
	default:
		return ""
	}
}
