package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"twigz/internal/pgserver"
	"twigz/temporal-dev/inbox"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/stripestandin"
)

const (
	// grace is how long a child may take to stop before it is killed: more than the API gives requests in flight, and the
	// worker its activities.
	grace = 30 * time.Second
	// readyTime is how long Temporal, and then the API, may take to be ready on a slow machine.
	readyTime = 90 * time.Second
)

// searchAttributes are what the project's workflows are found by; a start that sets one that is not registered fails.
var searchAttributes = []string{
	"StripeEventType=Keyword", "PaymentIntentID=Keyword", "CustomerID=Keyword", "StoreID=Keyword",
	"Livemode=Bool", "OrderID=Keyword", "BlockedReason=Keyword",
}

// stack is the parts that run. Those that were not started, or are not ours, are nil.
type stack struct {
	plan   *plan
	files  programs
	stdout io.Writer
	fail   context.CancelCauseFunc

	temporal, worker, api *process.Process
	postgres              *pgserver.Server
	postgresLog           io.Closer
	inbox                 *inbox.Inbox
	stripe                *stripestandin.Server
}

func newStack(p *plan, files programs, stdout io.Writer) *stack {
	return &stack{plan: p, files: files, stdout: stdout}
}

// up starts every part that is ours and returns when the API says that it is ready.
func (s *stack) up(ctx context.Context) error {
	for _, start := range []func(context.Context) error{
		s.startTemporal, // first, and waited for last: it takes longest
		s.startPostgres,
		s.startInbox,
		s.startStripe,
		s.awaitTemporal,
		s.startPrograms,
		s.awaitAPI,
	} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stop stops what was started: first those who ask, then those who answer.
func (s *stack) stop() error {
	return errors.Join(
		stopChild(s.api),
		stopChild(s.worker),
		s.stopStripe(),
		s.stopInbox(),
		stopChild(s.temporal),
		s.stopPostgres(),
	)
}

func (s *stack) startTemporal(context.Context) error {
	if !s.plan.ours.temporal {
		return nil
	}
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn",
		"--port", strconv.Itoa(portOf(s.plan.addresses["TEMPORAL_PORT"])),
		"--ui-port", strconv.Itoa(portOf(s.plan.addresses["TEMPORAL_UI_PORT"])),
		"--namespace", s.plan.env["TEMPORAL_NAMESPACE"],
		"--db-filename", filepath.Join(s.plan.dir, "temporal", "temporal.db"),
	}
	for _, attribute := range searchAttributes {
		args = append(args, "--search-attribute", attribute)
	}
	s.say("starting Temporal and its Web UI")
	var err error
	s.temporal, err = s.startChild("temporal", s.files.self, args, os.Environ())
	return err
}

func (s *stack) startPostgres(ctx context.Context) error {
	if !s.plan.ours.postgres {
		return nil
	}
	s.say("starting Postgres")
	log, err := os.Create(s.plan.log("postgres"))
	if err != nil {
		return fmt.Errorf("log of postgres: %w", err)
	}
	s.postgresLog = log
	s.postgres, err = pgserver.Start(ctx, pgserver.Options{
		Dir: filepath.Join(s.plan.dir, "postgres"), Port: portOf(s.plan.addresses["POSTGRES_PORT"]),
		Durable: true, Log: log, Progress: s.stdout,
	})
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.plan.env["DATABASE_URL"] = s.postgres.URL("twigz")
	go s.watch(s.postgres.Done())
	return nil
}

func (s *stack) startInbox(context.Context) (err error) {
	if !s.plan.ours.mail {
		return nil
	}
	s.say("starting the mail inbox")
	s.inbox, err = inbox.Start(inbox.Options{ //nolint:contextcheck // it runs until Close
		SMTPAddr: s.plan.addresses["SMTP_PORT"], UIAddr: s.plan.addresses["MAIL_UI_PORT"], Dir: filepath.Join(s.plan.dir, "mail"),
	})
	return err
}

// startStripe makes the stand-in. Where a real Stripe is used nobody can reach it, and it only signs and sends the demo's
// event.
func (s *stack) startStripe(context.Context) (err error) {
	config := stripestandin.Config{
		WebhookURL:     s.plan.apiURL() + "/stripe/webhook",
		WebhookSecrets: []string{s.plan.webhookSecret()},
		SecretKey:      s.plan.env["STRIPE_SECRET_KEY"],
		Livemode:       s.plan.livemode(),
	}
	if !s.plan.ours.stripe {
		s.stripe, err = stripestandin.New(config) //nolint:contextcheck // it runs until Close
		return err
	}
	s.say("starting the Stripe stand-in")
	config.File = filepath.Join(s.plan.dir, "stripe.jsonl")
	config.Stock = s.stockClub
	if s.stripe, err = stripestandin.New(config); err != nil { //nolint:contextcheck // it runs until Close
		return err
	}
	return s.stripe.Start(s.plan.addresses["STRIPE_PORT"]) //nolint:contextcheck // it runs until Close
}

// startPrograms starts what all this is for. Both begin at once: the API waits for the tables that the worker makes.
func (s *stack) startPrograms(context.Context) (err error) {
	if err := s.plan.writeEnv(); err != nil {
		return err
	}
	s.say("starting the worker, which migrates the database, and the API")
	env := s.plan.childEnv("METRICS_ADDR") // that one is the API's
	apiEnv, err := s.plan.apiEnv()
	if err != nil {
		return err
	}
	if s.worker, err = s.startChild("worker", s.files.worker, nil, env); err != nil {
		return err
	}
	s.api, err = s.startChild("api", s.files.api, nil, apiEnv)
	return err
}

func (s *stack) startChild(name, path string, args, env []string) (*process.Process, error) {
	p, err := process.Start(process.Options{Name: name, Path: path, Args: args, Env: env, Log: s.plan.log(name)})
	if err != nil {
		return nil, err
	}
	go s.watch(p.Done())
	return p, nil
}

// errPartEnded is why a run ends when one of its parts does so by itself.
var errPartEnded = errors.New("a part ended by itself")

// watch ends the run when a part ends. During an orderly stop the run has ended already, and this does nothing.
func (s *stack) watch(ended <-chan struct{}) {
	<-ended
	s.fail(errPartEnded)
}

// lastWords is how long the others are given to end for the same reason, such as a setting that is wrong for all, so that
// the person hears all of it at once.
const lastWords = 300 * time.Millisecond

// ended names the parts that have ended, how, and with which last words.
func (s *stack) ended() error {
	time.Sleep(lastWords)
	var all []error
	for _, p := range []*process.Process{s.temporal, s.worker, s.api} {
		if p != nil && p.Ended() != "" {
			all = append(all, s.endOf(p.Name(), p.Ended()))
		}
	}
	if s.postgres != nil {
		select {
		case <-s.postgres.Done():
			all = append(all, s.endOf("postgres", "stopped"))
		default:
		}
	}
	return errors.Join(all...)
}

func (s *stack) endOf(part, how string) error {
	log := s.plan.log(part)
	text := fmt.Sprintf("%s %s; its log is %s", part, how, short(log))
	if tail := process.Tail(log, 10); len(tail) > 0 {
		text += " and ends with\n  " + strings.Join(tail, "\n  ")
	}
	return errors.New(text)
}

func stopChild(p *process.Process) error {
	if p == nil {
		return nil
	}
	return p.Stop(grace)
}

func (s *stack) stopStripe() error {
	if s.stripe == nil {
		return nil
	}
	return s.stripe.Close()
}

func (s *stack) stopInbox() error {
	if s.inbox == nil {
		return nil
	}
	return s.inbox.Close()
}

func (s *stack) stopPostgres() error {
	var err error
	if s.postgres != nil {
		err = s.postgres.Stop()
	}
	if s.postgresLog != nil {
		err = errors.Join(err, s.postgresLog.Close())
	}
	return err
}
