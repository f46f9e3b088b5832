package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"twigz/internal/pgserver"
	"twigz/temporal-dev/apiclient"
	"twigz/temporal-dev/inbox"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/programs"
	"twigz/temporal-dev/stripestandin"
)

const (
	taskQueue     = "chaos"
	webhookSecret = "whsec_chaos"
	supportToken  = "chaos-support-token"
	callTime      = 10 * time.Second         // of one look into the database
	restartTime   = 60 * time.Second         // of one attempt to start Postgres, which recovers first
	supportEmail  = "support@stores.example" // where staff read mail
)

// rig is everything that runs. The stand-in and the inbox are in this process and are never killed: they are the outside world.
type rig struct {
	options Options
	dir     string
	stdout  io.Writer
	fail    context.CancelCauseFunc // ends the run

	mails    *inbox.Inbox
	stripe   *stripestandin.Server
	parts    map[string]*part
	order    []*part  // as they were started
	log      *os.File // of Postgres, over all its lives
	rows     *rows
	temporal client.Client
	apiURL   string
}

// start starts everything, with the carts of the plan filled.
func (r *rig) start(ctx context.Context, plan []*sale) error {
	ports, err := choosePorts(ctx, 3)
	if err != nil {
		return err
	}
	apiAddr, temporalPort, postgresPort := "127.0.0.1:"+strconv.Itoa(ports[0]), ports[1], ports[2]
	r.apiURL = "http://" + apiAddr
	if err := r.startWorld(); err != nil { //nolint:contextcheck // the world runs until stop
		return err
	}
	if err := r.startPart(ctx, postgres, r.postgres(postgresPort)); err != nil {
		return err
	}
	url := fmt.Sprintf("postgres://twigz@127.0.0.1:%d/twigz?sslmode=disable", postgresPort)
	if r.rows, err = openRows(ctx, url, plan); err != nil {
		return err
	}
	if err := r.startTemporal(ctx, temporalPort); err != nil {
		return err
	}
	env := r.env(apiAddr, url, temporalPort)
	if err := r.startPart(ctx, worker, r.program(worker, r.options.Worker, nil, env)); err != nil {
		return err
	}
	if err := programs.AwaitWorker(ctx, r.parts[worker].process()); err != nil {
		return err
	}
	if err := r.startPart(ctx, api, r.program(api, r.options.API, nil, env)); err != nil {
		return err
	}
	return r.awaitReady(ctx)
}

// startWorld starts what is outside: Stripe, and the mail server.
func (r *rig) startWorld() (err error) {
	if r.mails, err = inbox.Start(inbox.Options{}); err != nil {
		return err
	}
	r.stripe, err = stripestandin.New(stripestandin.Config{
		WebhookURL: r.apiURL + "/stripe/webhook", WebhookSecrets: []string{webhookSecret}, SecretKey: "sk_test_chaos",
		RetryMost: 4 * time.Second, Seed: r.options.Seed, Faults: faultRules,
	})
	if err != nil {
		return err
	}
	return r.stripe.Start("127.0.0.1:0")
}

func (r *rig) startTemporal(ctx context.Context, port int) error {
	args := programs.TemporalArgs(port, "--db-filename", filepath.Join(r.dir, "temporal.db"))
	if err := r.startPart(ctx, temporal, r.program(temporal, r.options.Self, args, programs.Environment(nil))); err != nil {
		return err
	}
	address, err := programs.AwaitTemporal(ctx, r.parts[temporal].process())
	if err != nil {
		return err
	}
	r.temporal, err = programs.Connect(address)
	return err
}

// env is what a real installation would set.
func (r *rig) env(apiAddr, databaseURL string, temporalPort int) []string {
	env := programs.TemporalEnv("127.0.0.1:" + strconv.Itoa(temporalPort))
	maps.Copy(env, map[string]string{
		"API_ADDR": apiAddr, "DATABASE_URL": databaseURL, "TEMPORAL_TASK_QUEUE": taskQueue,
		"STRIPE_SECRET_KEY": "sk_test_chaos", "STRIPE_PUBLISHABLE_KEY": "pk_test_chaos", "STRIPE_WEBHOOK_SECRET": webhookSecret,
		"STRIPE_API_BASE": r.stripe.URL(), "SMTP_URL": r.mails.SMTPURL(), "MAIL_FROM": "Twigz <orders@stores.example>",
		"SUPPORT_EMAIL": supportEmail, "SUPPORT_TOKENS": "chaos:" + supportToken, "AUTH_JWT_SECRET": strings.Repeat("chaos", 8),
		"PUBLIC_URL": r.apiURL,
	})
	return programs.Environment(env)
}

// program starts one of the programs, with a log for each of its lives.
func (r *rig) program(name, path string, args, env []string) func(context.Context) (running, error) {
	lives := 0
	return func(context.Context) (running, error) {
		lives++
		return process.Start(process.Options{
			Name: name, Path: path, Args: args, Env: env, Log: filepath.Join(r.dir, fmt.Sprintf("%s-%03d.log", name, lives)),
		})
	}
}

// postgres starts the database, in the same directory and on the same port each time.
func (r *rig) postgres(port int) func(context.Context) (running, error) {
	return func(ctx context.Context) (running, error) {
		ctx, cancel := context.WithTimeout(ctx, restartTime)
		defer cancel()
		if r.log == nil {
			var err error
			if r.log, err = os.Create(filepath.Join(r.dir, "postgres.log")); err != nil {
				return nil, err
			}
		}
		server, err := pgserver.Start(ctx, pgserver.Options{
			Dir: filepath.Join(r.dir, "postgres"), Port: port, Durable: true, Log: r.log,
		})
		if err != nil {
			return nil, err
		}
		return database{server}, nil
	}
}

// awaitReady returns when the API says that it is ready.
func (r *rig) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, programs.ReadyTime, fmt.Errorf("not within %s", programs.ReadyTime))
	defer cancel()
	for {
		err := apiclient.Client(r.apiURL).Call(ctx, http.MethodGet, "/ready", "", nil, nil)
		if err == nil {
			return nil
		}
		if !pause(ctx, look) {
			return fmt.Errorf("wait for the API: %w: %w", context.Cause(ctx), err)
		}
	}
}

// stop stops everything, the last first.
func (r *rig) stop() error {
	var err error
	if r.temporal != nil {
		r.temporal.Close()
	}
	for _, p := range slices.Backward(r.order) {
		if p.name == postgres && r.rows != nil {
			err = errors.Join(err, r.rows.db.Close())
		}
		err = errors.Join(err, p.stop())
	}
	if r.log != nil {
		err = errors.Join(err, r.log.Close())
	}
	if r.stripe != nil {
		err = errors.Join(err, r.stripe.Close())
	}
	if r.mails != nil {
		err = errors.Join(err, r.mails.Close())
	}
	return err
}

func (r *rig) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.stdout, format+"\n", args...) // nobody is left to tell
}

// choosePorts finds ports that are free, and below those that the kernel gives to outgoing connections: while a part is down,
// a client that tries to reach it might be given its very port, and it could not come back.
func choosePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		defer l.Close() //nolint:errcheck // nothing was accepted on it; held until all are found, so that no two are the same
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no free ports between 10000 and 30000")
}
