// Command worker plugs things together: Temporal on one side; Postgres, the
// mail server and Stripe on the other; workflows and activities in between.
//
// It brings the database to its version when it starts; several workers may
// start at once. `worker migrate` does only that and ends.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/internal/mail"
	"twigz/internal/outgoing"
	"twigz/internal/reconcile"
	"twigz/internal/settings"
	"twigz/internal/temporalclient"
	"twigz/models"
	"twigz/models/migrations"
	"twigz/workflows"
)

// garbage is how much may be allocated before it is looked for what is no longer
// used, in percent of what is (Go's GOGC). A worker keeps little and every order
// leaves much behind: Go's own 100 costs a twelfth of a worker's CPU time more.
const garbage = 400

func main() {
	if os.Getenv("GOGC") == "" { // who sets it knows better
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

const (
	// databasePool bounds connections. Workflow tasks run local activities, one
	// connection each, beside the activities; more would only wait in Postgres.
	databasePool = 40
	// stripeRate is requests a second to Stripe, of all workers together. Stripe
	// allows a hundred in live mode; the rest is for the shop's other programs.
	stripeRate = 50
	// syncRate is looks a second at Stripe's customers, of all workers together. A
	// look is mostly three to five requests: with stripeRate that stays within
	// Stripe's hundred.
	syncRate = 10
	// graceDays is for how long access is kept after a payment failed, unless
	// SUBSCRIPTION_GRACE_DAYS says otherwise.
	graceDays, mostGraceDays = 7, 365
)

// config is what the worker is told from outside.
type config struct {
	databaseURL  string
	temporal     temporalclient.Config
	stripeKey    string
	livemode     bool   // events of the other mode are not looked for
	stripeBase   string // "": Stripe's own address
	smtpURL      string // "": no mail server
	mailFrom     string
	supportEmail string             // "": none
	grace        time.Duration      // for how long access is kept after a payment failed; 0: not at all
	endpoint     *outgoing.Endpoint // nil: no other service is told
	logLevel     slog.Level
}

func readConfig(getenv func(string) string) (config, error) {
	r := settings.From(getenv)
	key, live := r.StripeKey()
	c := config{
		databaseURL:  r.DatabaseURL(),
		temporal:     temporalclient.ReadConfig(r, getenv),
		stripeKey:    key,
		livemode:     r.Bool("STRIPE_LIVEMODE", live),
		stripeBase:   r.URL("STRIPE_API_BASE", "", "http", "https"),
		smtpURL:      r.Text("SMTP_URL", ""),
		supportEmail: r.Text("SUPPORT_EMAIL", ""),
		grace:        time.Duration(r.Int("SUBSCRIPTION_GRACE_DAYS", graceDays, 0, mostGraceDays)) * 24 * time.Hour,
		endpoint:     readEndpoint(r),
		logLevel:     r.LogLevel(),
	}
	if c.supportEmail != "" && !models.ValidEmail(c.supportEmail) {
		r.Fault("SUPPORT_EMAIL", "must be one bare mail address, such as support@bakery.example")
	}
	if c.smtpURL != "" {
		c.mailFrom = r.Required("MAIL_FROM", `set it to the sender, such as "Corner Bakery <orders@bakery.example>"`)
		checked := c
		checked.mailFrom = cmp.Or(c.mailFrom, "nobody@example.com") // that it is missing has been told
		if _, err := checked.mailer(); err != nil {
			r.Fault("SMTP_URL, MAIL_FROM", "cannot be used: "+err.Error())
		}
	}
	return c, r.Err()
}

// readEndpoint is nil where no other service is to be told.
func readEndpoint(r *settings.Reader) *outgoing.Endpoint {
	const urlName, secretName = "OUTGOING_WEBHOOK_URL", "OUTGOING_WEBHOOK_SECRET"
	url, secrets := r.Text(urlName, ""), r.List(secretName)
	if url == "" && r.Text(secretName, "") == "" {
		return nil
	}
	endpoint, err := outgoing.New(url, secrets)
	if err != nil {
		r.Fault(urlName+", "+secretName, "must both be set, or neither: "+err.Error())
	}
	return endpoint
}

// announce is how other services are told of what a customer's subscriptions
// grant; nil where none is.
func (c config) announce() *models.Announce {
	if c.endpoint == nil {
		return nil
	}
	return &models.Announce{WorkflowType: workflows.TypeDeliverWebhook, WorkflowID: workflows.DeliveryWorkflowID}
}

// mailer is nil without a mail server.
func (c config) mailer() (activities.Mailer, error) {
	if c.smtpURL == "" {
		return nil, nil
	}
	sender, err := mail.New(c.smtpURL, c.mailFrom)
	if err != nil {
		return nil, err
	}
	return sender, nil
}

// run works until ctx ends, then lets what is in flight finish.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) > 0 {
		return command(ctx, args, getenv)
	}
	c, err := readConfig(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: c.logLevel}))
	db, err := models.Open(c.databaseURL, databasePool)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is left to lose
	if err := migrate(ctx, db, log); err != nil {
		return stopped(ctx, err)
	}
	temporal, err := connect(ctx, c, log)
	if err != nil {
		return stopped(ctx, err)
	}
	defer temporal.Close()
	return work(ctx, c, log, db, temporal)
}

// command runs what is not the worker itself.
func command(ctx context.Context, args []string, getenv func(string) string) error {
	if len(args) != 1 || args[0] != "migrate" {
		return errors.New("usage: worker [migrate]")
	}
	r := settings.From(getenv)
	url := r.DatabaseURL()
	if err := r.Err(); err != nil {
		return err
	}
	db, err := models.Open(url, 2)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is left to lose
	return migrations.Up(ctx, db.SQL())
}

// migrate waits for the database if need be: processes may start in any order.
func migrate(ctx context.Context, db *models.DB, log *slog.Logger) error {
	return persist(ctx, log, "database", models.Unavailable, func() error {
		return migrations.Up(ctx, db.SQL())
	})
}

// connect waits for Temporal if need be, and refuses a namespace without the
// search attributes.
func connect(ctx context.Context, c config, log *slog.Logger) (client.Client, error) {
	temporal, err := c.temporal.New(log)
	if err != nil {
		return nil, err
	}
	var missing *temporalclient.MissingAttributesError
	passing := func(err error) bool { return !errors.As(err, &missing) }
	err = persist(ctx, log, "temporal", passing, func() error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return temporalclient.CheckAttributes(ctx, temporal, c.temporal.Options.Namespace, workflows.SearchAttributes())
	})
	return temporal, err
}

// persist does something until it succeeds, fails for good, or ctx ends.
func persist(ctx context.Context, log *slog.Logger, what string, passing func(error) bool, do func() error) error {
	for {
		err := do()
		if err == nil || !passing(err) {
			return err
		}
		log.WarnContext(ctx, "cannot be reached yet", "what", what, "error", models.Describe(err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// stopped makes being told to stop no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // err is only how the stop showed
	}
	return err
}

// work polls the task queues.
func work(ctx context.Context, c config, log *slog.Logger, db *models.DB, temporal client.Client) error {
	mailer, err := c.mailer()
	if err != nil {
		return err
	}
	stop := make(chan any)
	go func() { <-ctx.Done(); close(stop) }()

	stripe := activities.NewStripe(c.stripeKey, c.stripeBase)
	for _, polled := range []worker.Worker{callStripe(c, log, db, temporal, stripe), syncCustomers(c, log, db, temporal, stripe)} {
		if err := polled.Start(); err != nil {
			return fmt.Errorf("poll for calls to stripe: %w", err)
		}
		defer polled.Stop()
	}
	main := worker.New(temporal, c.temporal.TaskQueue, temporalclient.WorkerOptions())
	for name, function := range workflows.Types() {
		main.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
	}
	main.RegisterActivity(&activities.Activities{DB: db, Mailer: mailer, SupportEmail: c.supportEmail, Log: log})
	main.RegisterActivity(&activities.Messenger{DB: db, Endpoint: c.endpoint, Log: log})
	go schedule(ctx, c, log, temporal)
	log.InfoContext(ctx, "working", "task_queue", c.temporal.TaskQueue)
	return main.Run(stop)
}

// limited polls a queue of nothing but activities, of which no more are begun a
// second than rate, by all workers together.
func limited(temporal client.Client, queue string, rate float64) worker.Worker {
	return worker.New(temporal, queue, worker.Options{
		TaskQueueActivitiesPerSecond: rate,
		DisableWorkflowWorker:        true,
		WorkerStopTimeout:            temporalclient.StopTime,
	})
}

// callStripe is the worker of single calls to Stripe, and of reconciliation.
func callStripe(c config, log *slog.Logger, db *models.DB, temporal client.Client, stripe *activities.Stripe) worker.Worker {
	w := limited(temporal, workflows.StripeQueue(c.temporal.TaskQueue), stripeRate)
	w.RegisterActivity(stripe)
	w.RegisterActivity(&activities.Reconciler{
		Stripe: stripe, DB: db, Livemode: c.livemode, Log: log, Grace: c.grace, Announce: c.announce(),
		Start:    reconcile.Start(temporal, c.temporal.TaskQueue),
		OpenCase: reconcile.OpenCase(temporal, c.temporal.TaskQueue),
		Running:  reconcile.Running(temporal),
	})
	return w
}

// syncCustomers is the worker of looks at Stripe's customers.
func syncCustomers(c config, log *slog.Logger, db *models.DB, temporal client.Client, stripe *activities.Stripe) worker.Worker {
	w := limited(temporal, workflows.SyncQueue(c.temporal.TaskQueue), syncRate)
	w.RegisterActivity(&activities.Billing{Stripe: stripe, DB: db, Grace: c.grace, Announce: c.announce(), Log: log})
	return w
}

// schedule sees to it that reconciliation is scheduled, beside the work: payments
// do not wait for it. A Temporal that will not have a schedule, because it is too
// old or this client may not make one, is told of and not asked again.
func schedule(ctx context.Context, c config, log *slog.Logger, temporal client.Client) {
	err := persist(ctx, log, "schedule", unavailable, func() error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return reconcile.Schedule(ctx, temporal, c.temporal.TaskQueue)
	})
	if stopped(ctx, err) != nil {
		log.ErrorContext(ctx, "reconciliation cannot be scheduled", "schedule_id", reconcile.ScheduleID(c.temporal.TaskQueue), "error", err)
	}
}

// unavailable says whether Temporal may answer otherwise later.
func unavailable(err error) bool {
	var (
		refused   *serviceerror.PermissionDenied
		invalid   *serviceerror.InvalidArgument
		unknowing *serviceerror.Unimplemented
	)
	return !errors.As(err, &refused) && !errors.As(err, &invalid) && !errors.As(err, &unknowing)
}
