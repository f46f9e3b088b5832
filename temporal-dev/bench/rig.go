package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"

	"twigz/internal/pgserver"
	"twigz/models"
	"twigz/temporal-dev/inbox"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/programs"
)

// rig is what runs while something is measured. What was not started is nil.
type rig struct {
	options  Options
	dir      string
	stdout   io.Writer
	fail     context.CancelCauseFunc // ends the run, because a part has ended
	postgres *pgserver.Server
	mails    *inbox.Inbox
	shops    []*shop
	children []*process.Process // in the order in which they were started
}

// The names of the two shops, and of the task queues that fulfill their orders.
const (
	newShop = "new"
	oldShop = "old"
)

// shop is Twigz's tables, with or without a past.
type shop struct {
	name string
	url  string
	db   *models.DB
}

// startData starts what everything else writes to, and fills the tables of the second shop.
func (r *rig) startData(ctx context.Context) error {
	var err error
	if r.mails, err = inbox.Start(inbox.Options{CountOnly: true}); err != nil { //nolint:contextcheck // it runs until Close
		return err
	}
	r.postgres, err = pgserver.Start(ctx, pgserver.Options{Dir: filepath.Join(r.dir, "postgres"), Durable: true, Progress: r.stdout})
	if err != nil {
		return err
	}
	if err := r.openShop(ctx, newShop, "twigz"); err != nil {
		return err
	}
	if _, err := r.shops[0].db.SQL().ExecContext(ctx, "CREATE DATABASE old"); err != nil {
		return err
	}
	if err := r.openShop(ctx, oldShop, "old"); err != nil {
		return err
	}
	r.say("writing %d old orders into the tables of the second shop", r.options.Old)
	return seedOld(ctx, r.shops[1].db.SQL(), r.options.Old)
}

func (r *rig) openShop(ctx context.Context, name, database string) error {
	s := &shop{name: name, url: r.postgres.URL(database)}
	r.shops = append(r.shops, s)
	var err error
	s.db, err = openShop(ctx, s.url)
	return err
}

// stop stops everything that was started, the last first.
func (r *rig) stop() error {
	err := r.stopChildren()
	for _, s := range r.shops {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
	}
	if r.postgres != nil {
		err = errors.Join(err, r.postgres.Stop())
	}
	if r.mails != nil {
		err = errors.Join(err, r.mails.Close())
	}
	return err
}

func (r *rig) stopChildren() error {
	var err error
	for _, p := range slices.Backward(r.children) {
		err = errors.Join(err, p.Stop(programs.Grace))
	}
	r.children = nil
	return err
}

// wasTold is how a program ends that was asked to.
const wasTold = "exited with status 0"

// start starts a program with these settings and no others: nothing of the caller's environment changes what is measured.
func (r *rig) start(name, path string, args []string, env map[string]string) (*process.Process, error) {
	p, err := process.Start(process.Options{
		Name: name, Path: path, Args: args, Env: programs.Environment(env), Log: filepath.Join(r.dir, name+".log"),
	})
	if err != nil {
		return nil, err
	}
	r.children = append(r.children, p)
	go func() {
		<-p.Done()
		if p.Ended() == wasTold {
			return
		}
		r.fail(fmt.Errorf("%s %s:\n  %s", name, p.Ended(), strings.Join(p.Tail(10), "\n  ")))
	}()
	return p, nil
}

// cluster is a Temporal server and our connection to it.
type cluster struct {
	process *process.Process
	client  client.Client
	env     map[string]string // for programs that are to use it
}

// startTemporal starts one in memory: where the server costs least, ours shows most.
func (r *rig) startTemporal(ctx context.Context, name string) (*cluster, error) {
	p, err := r.start(name, r.options.Self, programs.TemporalArgs(0), nil)
	if err != nil {
		return nil, err
	}
	address, err := programs.AwaitTemporal(ctx, p)
	if err != nil {
		return nil, err
	}
	t := &cluster{process: p, env: programs.TemporalEnv(address)}
	t.client, err = programs.Connect(address)
	return t, err
}

// program is one of ours, running.
type program struct {
	*process.Process
	address string // host:port, "" for a worker
}

func (r *rig) startAPI(ctx context.Context, s *shop, t *cluster, taskQueue string) (program, error) {
	p, err := r.start(taskQueue+"-api", r.options.API, nil, r.env(s, t, taskQueue))
	if err != nil {
		return program{}, err
	}
	address, err := programs.AwaitAPI(ctx, p)
	return program{p, address}, err
}

func (r *rig) startWorker(ctx context.Context, s *shop, t *cluster, taskQueue string) (program, error) {
	p, err := r.start(taskQueue+"-worker", r.options.Worker, nil, r.env(s, t, taskQueue))
	if err != nil {
		return program{}, err
	}
	return program{Process: p}, programs.AwaitWorker(ctx, p)
}

// startEmptyWorker starts the worker whose steps do nothing.
func (r *rig) startEmptyWorker(ctx context.Context, t *cluster, taskQueue string) (program, error) {
	env := map[string]string{"TEMPORAL_TASK_QUEUE": taskQueue}
	maps.Copy(env, t.env)
	p, err := r.start(taskQueue+"-worker", r.options.Self, []string{"bench", emptyWorker}, env)
	if err != nil {
		return program{}, err
	}
	return program{Process: p}, programs.AwaitWorker(ctx, p)
}

// env is what a real installation would set.
func (r *rig) env(s *shop, t *cluster, taskQueue string) map[string]string {
	env := map[string]string{ //nolint:gosec // secrets of a few minutes
		"API_ADDR": "127.0.0.1:0", "DATABASE_URL": s.url, "TEMPORAL_TASK_QUEUE": taskQueue,
		"STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_PUBLISHABLE_KEY": "pk_test_bench", "STRIPE_WEBHOOK_SECRET": webhookSecret,
		"STRIPE_API_BASE": "http://127.0.0.1:1", // nobody listens: nothing here asks Stripe
		"SMTP_URL":        r.mails.SMTPURL(), "MAIL_FROM": "Bakery <orders@bakery.example>",
		"AUTH_JWT_SECRET": strings.Repeat("bench", 8),
	}
	maps.Copy(env, t.env)
	return env
}

func (r *rig) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.stdout, format+"\n", args...) // nobody is left to tell
}
