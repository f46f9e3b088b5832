package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

const (
	badStatus = "Must be one of needs_attention, disputed, charged_back, refunded, partially_refunded, " +
		"paid, processing, canceled, failed, pending, unmatched, subscription"
	badCursor = "Must be the next value of an earlier answer"
	badLimit  = "Must be between 1 and 100"
)

// search is one page of payments by their payment intents, and where the next begins.
func (p *program) search(query url.Values) (intents []string, next string) {
	p.t.Helper()
	a := p.call(http.MethodGet, "/support/api/payments?"+query.Encode(), "", bearerOf(supportToken)...)
	require.Equal(p.t, http.StatusOK, a.status, a.body)
	body := a.object()
	intents = []string{}
	for _, payment := range body["payments"].([]any) {
		intents = append(intents, payment.(map[string]any)["paymentIntentId"].(string))
	}
	next, _ = body["next"].(string)
	return intents, next
}

func TestSearch(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	f := p.buy(eve, "pi_eves", 2)
	p.buy("mallory", "pi_other", 1)
	_, err := p.db.RecordPaymentState(t.Context(), models.Event{
		ID: "evt_lone", Type: "payment_intent.payment_failed", PaymentIntentID: "pi_lone", CheckoutSessionID: "cs_lone", Email: "lone+1@example.com",
	}, models.PaymentFailed)
	require.NoError(t, err)
	for i, query := range []string{
		"INSERT INTO refunds (id, payment_id, stripe_refund_id, source, status, amount) VALUES ('rfd_1', $1, 're_1', 'staff', 'pending', 5)",
		"INSERT INTO disputes (id, payment_id, status) VALUES ('dp_1', $1, 'lost')",
		"UPDATE payments SET charge_id = 'ch_eves' WHERE id = $1",
	} {
		_, err := p.db.SQL().ExecContext(t.Context(), query, f.PaymentID)
		require.NoError(t, err, i)
	}

	for q, want := range map[string][]string{
		eve: {"pi_eves"}, f.PaymentID: {"pi_eves"}, f.OrderID: {"pi_eves"}, "pi_eves": {"pi_eves"}, "evt_pi_eves": {"pi_eves"},
		"ch_eves": {"pi_eves"}, "re_1": {"pi_eves"}, "dp_1": {"pi_eves"},
		"cs_lone": {"pi_lone"}, "evt_lone": {"pi_lone"}, "Lone+1@Example.com": {"pi_lone"}, " \tpi_lone\n": {"pi_lone"},
		"EVE@example.com": {"pi_other", "pi_eves"}, "": {"pi_lone", "pi_other", "pi_eves"}, "  ": {"pi_lone", "pi_other", "pi_eves"},
		"nobody": {}, "pi_\x00": {}, "pi_\xff": {}, "pi_%": {}, "';--": {}, strings.Repeat("a", 3000): {},
	} {
		t.Run(fmt.Sprintf("for %.20q", q), func(t *testing.T) {
			intents, next := p.search(url.Values{"q": {q}})
			assert.Equal(t, want, intents)
			assert.Empty(t, next)
		})
	}
	t.Run("by status", func(t *testing.T) {
		for status, want := range map[string][]string{"paid": {"pi_other", "pi_eves"}, "unmatched": {"pi_lone"}, "needs_attention": {}, "": {"pi_lone", "pi_other", "pi_eves"}} {
			intents, _ := p.search(url.Values{"status": {status}})
			assert.Equal(t, want, intents, status)
		}
		intents, _ := p.search(url.Values{"q": {eve}, "status": {"paid"}})
		assert.Equal(t, []string{"pi_eves"}, intents)
	})
	t.Run("pages follow one another without a gap while payments come", func(t *testing.T) {
		first, next := p.search(url.Values{"q": {"eve@example.com"}, "limit": {"1"}})
		p.buy("newcomer", "pi_newest", 1)
		second, end := p.search(url.Values{"q": {"eve@example.com"}, "limit": {"1"}, "after": {next}})
		assert.Equal(t, [][]string{{"pi_other"}, {"pi_eves"}}, [][]string{first, second})
		assert.Empty(t, end)
	})
	t.Run("each payment is as its own page shows it", func(t *testing.T) {
		headers := bearerOf(supportToken)
		detail := p.call(http.MethodGet, "/support/api/payments/pi_eves", "", headers...).object()["payment"]
		found := p.call(http.MethodGet, "/support/api/payments?q=pi_eves", "", headers...).object()
		assert.Equal(t, map[string]any{"payments": []any{detail}}, found)
	})
	t.Run("nothing found is an empty list", func(t *testing.T) {
		p.call(http.MethodGet, "/support/api/payments?q=nobody", "", bearerOf(supportToken)...).is(http.StatusOK, `{"payments":[]}`)
	})
	t.Run("what cannot be is refused", func(t *testing.T) {
		for query, want := range map[string]string{
			"limit=0": unfit("limit", badLimit), "limit=101": unfit("limit", badLimit), "limit=-1": unfit("limit", badLimit),
			"limit=x": unfit("limit", badLimit), "limit=1.5": unfit("limit", badLimit),
			"after=x": unfit("after", badCursor), "after=%00": unfit("after", badCursor), "after=pi_eves": unfit("after", badCursor),
			"status=lost": unfit("status", badStatus), "status=PAID": unfit("status", badStatus), "status=%00": unfit("status", badStatus),
			"status=lost&after=x": unfit("status", badStatus), "q=nobody&after=x": unfit("after", badCursor), "q=%00&status=x": unfit("status", badStatus),
		} {
			p.call(http.MethodGet, "/support/api/payments?"+query, "", bearerOf(supportToken)...).is(http.StatusUnprocessableEntity, want)
		}
		for _, limit := range []string{"1", "100", ""} {
			_, _ = p.search(url.Values{"limit": {limit}})
		}
	})
	t.Run("nobody else may search", func(t *testing.T) {
		for _, headers := range [][]string{nil, as(t, eve), bearerOf("guess")} {
			p.call(http.MethodGet, "/support/api/payments?q=pi_eves", "", headers...).is(http.StatusUnauthorized, unauthorizedBody)
		}
	})
}
