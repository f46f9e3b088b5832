package stack

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// output is what a run prints, readable while it runs.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) await(t *testing.T, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(o.String(), what) }, 20*time.Second, 5*time.Millisecond,
		"%q in what is printed", what)
}

// run is one make dev with the test's own API and worker, on free ports, without Temporal and Postgres.
type run struct {
	output
	dir    string
	cancel context.CancelFunc
	ended  chan error
}

func mustRun(t *testing.T, set map[string]string) *run {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "api")))
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "worker")))
	r := &run{dir: filepath.Join(t.TempDir(), "dev"), ended: make(chan error, 1)}
	getenv := func(name string) string {
		if value, ok := set[name]; ok {
			return value
		}
		switch name {
		case "DATABASE_URL":
			return "postgres://user:password@db.example/twigz"
		case "TEMPORAL_ADDRESS":
			return "temporal.example:7233"
		}
		return smokeEnv(r.dir)(name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	files := programs{self: "/nowhere", api: filepath.Join(bin, "api"), worker: filepath.Join(bin, "worker")}
	go func() { r.ended <- dev(ctx, files, getenv, r) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-r.ended:
			r.ended <- err
		case <-time.After(20 * time.Second):
			t.Error("make dev does not stop")
		}
	})
	return r
}

// end tells the run to stop and returns what it makes of that.
func (r *run) end() error {
	r.cancel()
	err := <-r.ended
	r.ended <- err // for the clean-up
	return err
}

// mustWorkerPID reads what the test's worker says of itself in its log.
func (r *run) mustWorkerPID(t *testing.T) int {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(r.dir, "logs", "worker.log"))
	require.NoError(t, err)
	said := regexp.MustCompile(`pid (\d+)`).FindStringSubmatch(string(log))
	require.Len(t, said, 2)
	pid, err := strconv.Atoi(said[1])
	require.NoError(t, err)
	return pid
}

func TestDevPaysAnOrderAndStaysUntilItIsToldToStop(t *testing.T) {
	t.Parallel()
	r := mustRun(t, nil)
	r.await(t, "Ctrl-C stops everything.")
	text := r.String()
	require.Regexp(t, `(?m)^ready: http://127\.0\.0\.1:\d+$`, text)
	require.Contains(t, text, "Order ord_1, confirmed:")
	require.Regexp(t, `3 × Butter croissant at 3\.25 +9\.75`, text)
	require.Regexp(t, `Total in USD +26\.74`, text)
	require.Regexp(t, `Fulfilled \d+ ms after the payment`, text)
	require.Contains(t, text, "postgres://user:xxxxx@db.example/twigz")
	require.NotContains(t, text, "password")
	require.NotContains(t, text, "\x1b", "no colours in a file")
	require.NoError(t, r.end())
	require.True(t, strings.HasSuffix(r.String(), "stopping\n"))

	require.Error(t, syscall.Kill(r.mustWorkerPID(t), 0), "the worker has gone")
}

func TestTheEnvFileIsForAShell(t *testing.T) {
	t.Parallel()
	r := mustRun(t, map[string]string{
		"MAIL_FROM": `O'Neil "the baker" <orders@example.com> $(touch x)`, "AUTH_ISSUER": "https://issuer.example", "AUTH_AUDIENCE": "shop",
	})
	r.await(t, "Ctrl-C")
	require.NoError(t, r.end())
	file := filepath.Join(r.dir, "env")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	sourced := func(name string) string {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", `. "$0"; exec printenv "$1"`, file, name)
		out, err := cmd.Output()
		require.NoError(t, err, name)
		return strings.TrimSuffix(string(out), "\n")
	}
	require.Equal(t, `O'Neil "the baker" <orders@example.com> $(touch x)`, sourced("MAIL_FROM"))
	require.Equal(t, "store_demo", sourced("DEMO_STORE_ID"))
	require.Equal(t, "user_demo", sourced("DEMO_CUSTOMER_ID"))
	require.Contains(t, sourced("SMTP_URL"), "smtp://127.0.0.1:")
	require.Contains(t, r.String(), sourced("STRIPE_API_BASE"))
	require.Equal(t, "dev:"+sourced("DEMO_SUPPORT_TOKEN"), sourced("SUPPORT_TOKENS"))

	claims := &jwt.RegisteredClaims{}
	_, err = jwt.ParseWithClaims(sourced("DEMO_CUSTOMER_TOKEN"), claims, func(*jwt.Token) (any, error) {
		return []byte(sourced("AUTH_JWT_SECRET")), nil
	}, jwt.WithIssuer("https://issuer.example"), jwt.WithAudience("shop"), jwt.WithExpirationRequired())
	require.NoError(t, err)
	require.Equal(t, "user_demo", claims.Subject)
}

// mustShop is what a run's API has been told of the shop, nothing where there is none.
func (r *run) mustShop(t *testing.T) (told []string) {
	t.Helper()
	r.await(t, "Ctrl-C")
	found := regexp.MustCompile(`(?m)^  Shop +(http://\S+/shop)$`).FindStringSubmatch(r.String())
	if found == nil {
		return nil
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, found[1]+"/config.json", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // read
	require.NoError(t, json.NewDecoder(response.Body).Decode(&told))
	return told
}

func (r *run) mustEnvFile(t *testing.T) string {
	t.Helper()
	env, err := os.ReadFile(filepath.Join(r.dir, "env"))
	require.NoError(t, err)
	return string(env)
}

func TestTheAPIIsToldWhoBuysInTheShop(t *testing.T) {
	t.Parallel()
	t.Run("on a developer's machine", func(t *testing.T) {
		t.Parallel()
		r := mustRun(t, nil)
		told := r.mustShop(t)
		require.Equal(t, "store_demo", told[0])
		require.Contains(t, r.mustEnvFile(t), "export DEMO_CUSTOMER_TOKEN='"+told[1]+"'")
		require.NoError(t, r.end())
	})
	t.Run("but not where the money is real", func(t *testing.T) {
		t.Parallel()
		r := mustRun(t, map[string]string{"STRIPE_SECRET_KEY": "sk_live_own", "STRIPE_LIVEMODE": "false", "STRIPE_WEBHOOK_SECRET": "whsec_own"})
		require.Nil(t, r.mustShop(t))
		require.NoError(t, r.end())
	})
}

func TestTheAPIIsToldWhatThereIsToSubscribeTo(t *testing.T) {
	t.Parallel()
	t.Run("which is made once, however often the stack starts", func(t *testing.T) {
		t.Parallel()
		first := mustRun(t, nil)
		told := first.mustShop(t)
		require.Regexp(t, `^price_\w+$`, told[2])
		require.Equal(t, "Crumb Club, 9.00 USD a month", told[3])
		require.Contains(t, first.mustEnvFile(t), "export DEMO_PRICE_ID='"+told[2]+"'\nexport DEMO_PRICE_LABEL='"+told[3]+"'\n")
		require.NoError(t, first.end())

		second := mustRun(t, map[string]string{"DEV_DIR": first.dir})
		require.Equal(t, told[2], second.mustShop(t)[2])
		require.NoError(t, second.end())
		ledger, err := os.ReadFile(filepath.Join(first.dir, "stripe.jsonl"))
		require.NoError(t, err)
		products := map[string]bool{}
		for _, found := range regexp.MustCompile(`"prod_\w+"`).FindAllString(string(ledger), -1) {
			products[found] = true
		}
		require.Len(t, products, 1)
	})
	t.Run("but nothing where Stripe is a real one", func(t *testing.T) {
		t.Parallel()
		r := mustRun(t, map[string]string{"STRIPE_SECRET_KEY": "sk_test_own", "STRIPE_WEBHOOK_SECRET": "whsec_own"})
		require.Equal(t, []string{"", ""}, r.mustShop(t)[2:])
		require.NotContains(t, r.mustEnvFile(t), "DEMO_PRICE")
		require.NoError(t, r.end())
	})
}

func TestAPartThatDiesEndsTheRunAndIsNamed(t *testing.T) {
	t.Parallel()
	r := mustRun(t, nil)
	r.await(t, "Ctrl-C")
	require.NoError(t, syscall.Kill(r.mustWorkerPID(t), syscall.SIGKILL))
	err := <-r.ended
	r.ended <- nil
	require.ErrorContains(t, err, "worker was ended by signal: killed")
	require.ErrorContains(t, err, "worker of the test")
}

func TestAnOrderThatDoesNotGoThroughIsSaidAndTheStackStays(t *testing.T) {
	t.Parallel()
	r := mustRun(t, map[string]string{"MAIL_FROM": "refuse"})
	r.await(t, "Ctrl-C")
	require.Contains(t, r.String(), `The demo order did not go through: wait for the order of pi_`)
	require.Contains(t, r.String(), "the webhook answered 400")
	require.NoError(t, r.end())
}

func TestWithoutTheStandInTheEventIsSignedHereWithTheFirstSecret(t *testing.T) {
	t.Parallel()
	r := mustRun(t, map[string]string{"STRIPE_SECRET_KEY": "sk_test_own", "STRIPE_WEBHOOK_SECRET": "whsec_own"})
	r.await(t, "Ctrl-C")
	require.Contains(t, r.String(), "Order ord_1, confirmed")
	require.NotContains(t, r.String(), "Stripe stand-in")
	require.NoError(t, r.end())
}

func TestASecondRunInTheSameDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	r := mustRun(t, nil)
	r.await(t, "ready:")
	second := mustRun(t, map[string]string{"DEV_DIR": r.dir})
	err := <-second.ended
	second.ended <- nil
	require.ErrorContains(t, err, "is in use by another make dev")
}

func TestTakenPortsAreAllNamedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "dev")
	set := map[string]string{
		"API_ADDR": taken.Addr().String(), "MAIL_UI_PORT": port, "STRIPE_PORT": "nonsense", "METRICS_ADDR": "9090",
	}
	_, err = newPlan(t.Context(), func(name string) string {
		if value, ok := set[name]; ok {
			return value
		}
		return smokeEnv(dir)(name)
	})
	require.ErrorContains(t, err, "API_ADDR: 127.0.0.1:"+port+" is taken")
	require.ErrorContains(t, err, "MAIL_UI_PORT: 127.0.0.1:"+port+" is taken")
	require.ErrorContains(t, err, `STRIPE_PORT: "nonsense" is not a port`)
	require.ErrorContains(t, err, `METRICS_ADDR: "9090" is not host:port`)
	require.NoDirExists(t, dir)
}

func TestThePlan(t *testing.T) {
	t.Parallel()
	mustPlan := func(t *testing.T, dir string, set map[string]string) *plan {
		t.Helper()
		p, err := newPlan(t.Context(), func(name string) string {
			if value, ok := set[name]; ok {
				return value
			}
			return smokeEnv(dir)(name)
		})
		require.NoError(t, err)
		return p
	}
	t.Run("keeps its secrets from run to run", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		first, second := mustPlan(t, dir, nil), mustPlan(t, dir, nil)
		require.Equal(t, first.env["AUTH_JWT_SECRET"], second.env["AUTH_JWT_SECRET"])
		one, err := first.customerToken()
		require.NoError(t, err)
		two, err := second.customerToken()
		require.NoError(t, err)
		require.Equal(t, one, two)
		require.GreaterOrEqual(t, len(first.env["AUTH_JWT_SECRET"]), 32)
	})
	t.Run("lets what is set win", func(t *testing.T) {
		t.Parallel()
		p := mustPlan(t, t.TempDir(), map[string]string{"AUTH_JWT_SECRET": "set", "PUBLIC_URL": "https://shop.example", "SUPPORT_TOKENS": "a:1,b:2"})
		require.Equal(t, "set", p.env["AUTH_JWT_SECRET"])
		require.Equal(t, "https://shop.example", p.env["PUBLIC_URL"])
		require.Equal(t, "1", p.supportToken())
	})
	t.Run("keeps a developer's Temporal Cloud profile away from its own server", func(t *testing.T) {
		t.Parallel()
		p := mustPlan(t, t.TempDir(), map[string]string{"TEMPORAL_API_KEY": "key", "TEMPORAL_PROFILE": "prod", "TEMPORAL_TLS": "true"})
		require.Empty(t, p.env["TEMPORAL_API_KEY"])
		require.Empty(t, p.env["TEMPORAL_PROFILE"])
		require.Empty(t, p.env["TEMPORAL_TLS"])
		require.Equal(t, os.DevNull, p.env["TEMPORAL_CONFIG_FILE"])
	})
	t.Run("follows a live key into live mode", func(t *testing.T) {
		t.Parallel()
		require.True(t, mustPlan(t, t.TempDir(), map[string]string{"STRIPE_SECRET_KEY": "sk_live_1"}).livemode())
		require.False(t, mustPlan(t, t.TempDir(), map[string]string{"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_LIVEMODE": "false"}).livemode())
		require.False(t, mustPlan(t, t.TempDir(), nil).livemode())
	})
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for listened, dialed := range map[string]string{
		":3000": "127.0.0.1:3000", "0.0.0.0:3000": "127.0.0.1:3000", "[::]:3000": "127.0.0.1:3000",
		"localhost:3000": "localhost:3000", "127.0.0.2:1": "127.0.0.2:1",
	} {
		require.Equal(t, dialed, reachable(listened))
	}
}
