package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"twigz/activities"
	"twigz/internal/mail"
	"twigz/internal/pgtest"
	"twigz/models"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// shop is a store with one product, and the activities on its rows.
type shop struct {
	*activities.Activities
	t    *testing.T
	url  string // of its database
	post *post
	logs *bytes.Buffer
}

// Who and where must never be read in a log or an error.
const (
	customerEmail = "eve@example.com"
	storeEmail    = "orders@bakery.example"
	street        = "1 Mill Lane"
)

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, url: pgtest.NewURL(t), post: newPost(t), logs: new(bytes.Buffer)}
	s.Activities = &activities.Activities{
		DB: open(t, s.url), Mailer: s.post,
		Log: slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	staff := models.Cause{Actor: "ada", Reason: "test"}
	_, err := s.DB.PutStore(t.Context(), models.Store{
		ID: "bakery", Name: "Corner Bakery", Email: storeEmail, Currency: "usd", Active: true,
		OnUnfulfillable: models.RefundWhenUnfulfillable,
	}, staff)
	require.NoError(t, err)
	_, err = s.DB.PutProduct(t.Context(), models.Product{
		StoreID: "bakery", ID: "loaf", Name: "Fresh loaf", UnitAmount: 450, Active: true,
	}, staff)
	require.NoError(t, err)
	return s
}

func open(t *testing.T, url string) *models.DB {
	t.Helper()
	db, err := models.Open(url, 4)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // some tests close it themselves
	return db
}

// paid is a payment for one loaf.
func paid() models.Event {
	return models.Event{
		ID: "evt_1", Type: "payment_intent.succeeded", Created: 1_700_000_000, PaymentIntentID: "pi_1", ChargeID: "ch_1",
		Amount: new(int64(450)), AmountReceived: new(int64(450)), Currency: "usd", Email: customerEmail,
		Metadata: models.Metadata{
			models.KeyCustomerID: "auth0|7", models.KeyStoreID: "bakery", models.KeyDeliveryType: "delivery",
			models.KeyDeliveryAddress: `{"line1":"` + street + `","city":"Bath"}`,
		},
	}
}

// order puts a loaf into the cart and pays for it.
func (s *shop) order(e models.Event) models.Fulfillment {
	s.t.Helper()
	_, err := s.DB.SetCartItem(s.t.Context(), "auth0|7", "bakery", "loaf", 1)
	require.NoError(s.t, err)
	made, err := s.CreateOrder(s.t.Context(), e)
	require.NoError(s.t, err)
	require.Equal(s.t, models.OrderCreated, made.Outcome, made.BlockedDetail)
	return made
}

// send runs SendNotifications as Temporal does, for the workflow of evt_1.
func (s *shop) send(paymentID string) (activities.NotifyResult, error) {
	s.t.Helper()
	return s.sendUntil(s.t.Context(), paymentID)
}

// sendUntil is send on a worker that ends with ctx.
func (s *shop) sendUntil(ctx context.Context, paymentID string) (activities.NotifyResult, error) {
	s.t.Helper()
	return runUntil[activities.NotifyResult](ctx, s.t, s.Activities, s.SendNotifications,
		activities.NotifyInput{PaymentID: paymentID, WorkflowID: "evt_1"})
}

// run executes an activity in Temporal's test environment: what it returns has
// been through Temporal's converters.
func run[Out any](t *testing.T, set, activity, input any) (Out, error) {
	t.Helper()
	return runUntil[Out](t.Context(), t, set, activity, input)
}

func runUntil[Out any](ctx context.Context, t *testing.T, set, activity, input any) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(set)
	var inputs []any
	if input != nil { // nil: it takes none
		inputs = append(inputs, input)
	}
	var out Out
	answer, err := env.ExecuteActivity(activity, inputs...)
	if err != nil {
		return out, err
	}
	if answer.HasValue() {
		require.NoError(t, answer.Get(&out))
	}
	return out, nil
}

// application is what Temporal knows of an activity's error.
func application(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	return failure
}

// notice is a notification's row.
type notice struct {
	Recipient, Status, Address, Error string
	Attempts                          int
	Sent                              bool
}

func (s *shop) notices() []notice {
	s.t.Helper()
	rows, err := open(s.t, s.url).SQL().QueryContext(s.t.Context(),
		"SELECT recipient, status, address, error, attempts, sent_at IS NOT NULL FROM notifications ORDER BY recipient, id")
	require.NoError(s.t, err)
	defer rows.Close() //nolint:errcheck // read to the end below
	var all []notice
	for rows.Next() {
		var n notice
		require.NoError(s.t, rows.Scan(&n.Recipient, &n.Status, &n.Address, &n.Error, &n.Attempts, &n.Sent))
		all = append(all, n)
	}
	require.NoError(s.t, rows.Err())
	return all
}

// logged is every log line.
func (s *shop) logged() []map[string]any {
	s.t.Helper()
	var lines []map[string]any
	decoder := json.NewDecoder(bytes.NewReader(s.logs.Bytes()))
	for decoder.More() {
		var line map[string]any
		require.NoError(s.t, decoder.Decode(&line))
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

// post is a mail server's end of the wire. Mails are composed as they really are.
type post struct {
	*mail.Sender
	refuse map[string]error // by address; takes what it does not name
	unwell error            // why nothing can be composed, nil when it can
	onTake func()           // after a mail was taken; nil: nothing
	mu     sync.Mutex
	taken  []mail.Message
}

func newPost(t *testing.T) *post {
	t.Helper()
	sender, err := mail.New("smtp://127.0.0.1:1", "Corner Bakery <shop@bakery.example>")
	require.NoError(t, err)
	return &post{Sender: sender, refuse: map[string]error{}}
}

func (p *post) Compose(l models.Letter) (mail.Message, error) {
	if p.unwell != nil {
		return mail.Message{}, p.unwell
	}
	return p.Sender.Compose(l)
}

func (p *post) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refuse[m.To]; err != nil {
		return err
	}
	p.taken = append(p.taken, m)
	if p.onTake != nil {
		p.onTake()
	}
	return nil
}

// to lists the addresses that mails went to, in order.
func (p *post) to() []string {
	addresses := []string{}
	for _, m := range p.taken {
		addresses = append(addresses, m.To)
	}
	return addresses
}
