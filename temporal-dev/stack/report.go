package stack

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
)

// printOrder prints the demo order as a receipt would have it, and how long it took.
func (s *stack) printOrder(sold sale) {
	o := sold.detail.Order
	s.say("Order %s, %s:", o.ID, o.Status)
	row := func(what string, amount int64) { s.say("  %-44s %8s", what, major(amount)) }
	for _, l := range o.Items {
		row(fmt.Sprintf("%d × %s at %s", l.Quantity, l.Name, major(l.UnitAmount)), l.Quantity*l.UnitAmount)
	}
	row("Delivery", o.DeliveryFee)
	row("Total in "+strings.ToUpper(o.Currency), o.Total)
	s.say("")
	s.say("Fulfilled %d ms after the payment.", sold.took.Milliseconds())
	for _, n := range sold.detail.Notifications {
		if n.Status != "sent" {
			s.say("The mail to the %s is %s.", n.Recipient, n.Status)
		}
	}
}

// printPlaces prints where to look at everything. A sale that was not made leaves its rows out.
func (s *stack) printPlaces(sold sale) {
	table := tabwriter.NewWriter(s.stdout, 0, 0, 3, ' ', 0)
	row := func(what, where string) {
		if where != "" {
			_, _ = fmt.Fprintf(table, "  %s\t%s\n", what, where)
		}
	}
	row("Shop", s.shopURL())
	row("API", s.plan.apiURL())
	row("Health", s.plan.apiURL()+"/health")
	row("Demo payment", sold.paymentIntentID)
	row("Its event", sold.eventID)
	row("Its workflow", s.workflowURL(sold.eventID))
	row("Temporal Web UI", s.plan.env["TEMPORAL_UI_URL"])
	row("Mail inbox", s.inboxURL())
	row("Stripe stand-in", s.stripe.URL())
	row("Metrics", "http://"+reachable(s.plan.addresses["METRICS_ADDR"])+"/metrics")
	row("Postgres", redacted(s.plan.env["DATABASE_URL"]))
	row("Settings and tokens", short(s.plan.envFile()))
	row("Logs", short(s.plan.dir)+"/logs")
	_ = table.Flush() // to a terminal: nobody is left to tell

	s.say("\nWhat went wrong, if anything:\n  grep -hE '\"level\":\"(WARN|ERROR)\"' %s/logs/*.log", short(s.plan.dir))
	if sold.paymentIntentID != "" {
		s.say("\nThe payment as support sees it:\n  . %s && curl -s -H \"Authorization: Bearer $DEMO_SUPPORT_TOKEN\" %s/support/api/payments/%s",
			sourced(s.plan.envFile()), s.plan.apiURL(), sold.paymentIntentID)
	}
}

// workflowURL is where the Web UI shows the workflow of an event. Empty without either.
func (s *stack) workflowURL(eventID string) string {
	if eventID == "" || s.plan.env["TEMPORAL_UI_URL"] == "" {
		return ""
	}
	return strings.TrimRight(s.plan.env["TEMPORAL_UI_URL"], "/") +
		"/namespaces/" + url.PathEscape(s.plan.env["TEMPORAL_NAMESPACE"]) + "/workflows/" + url.PathEscape(eventID)
}

// shopURL is where a person buys. Empty where the money would be real.
func (s *stack) shopURL() string {
	if !s.plan.hasShop() {
		return ""
	}
	return s.plan.apiURL() + "/shop"
}

func (s *stack) inboxURL() string {
	if s.inbox == nil {
		return ""
	}
	return s.inbox.UIURL()
}

// redacted hides the password that a caller's own URL may hold.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "as set in DATABASE_URL"
	}
	return u.Redacted()
}

// sourced is a path that a shell's . finds: without a slash it would look in PATH.
func sourced(path string) string {
	path = short(path)
	if !strings.HasPrefix(path, "/") {
		path = "./" + path
	}
	return quoteIfNeeded(path)
}

func quoteIfNeeded(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return quote(s)
}
