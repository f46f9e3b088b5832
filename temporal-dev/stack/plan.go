package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// plan is what will run: where, with which settings, and which parts are ours to start.
type plan struct {
	dir       string            // DEV_DIR, absolute: holds all state
	addresses map[string]string // host:port, by the variable that sets it
	env       map[string]string // the settings that API and worker start with, by name

	clubPrice string // ID of the price that the demo customer can subscribe to; "": none, Stripe is a real one

	// ours are the parts that the caller has not set up.
	ours struct{ postgres, temporal, stripe, mail bool }
}

// settingNames are the settings that API and worker know, in the order in which the env file lists them.
var settingNames = []string{
	"API_ADDR", "PUBLIC_URL", "CORS_ORIGINS", "DATABASE_URL",
	"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_TASK_QUEUE", "TEMPORAL_UI_URL", "TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE",
	"TEMPORAL_API_KEY", "TEMPORAL_TLS", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_DATA",
	"TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_TLS_CLIENT_KEY_DATA", "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
	"TEMPORAL_TLS_SERVER_CA_CERT_DATA", "TEMPORAL_TLS_SERVER_NAME", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION",
	"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_LIVEMODE", "STRIPE_API_BASE",
	"SMTP_URL", "MAIL_FROM", "SUPPORT_EMAIL", "AUTH_JWT_SECRET", "AUTH_JWKS_URL", "AUTH_ISSUER", "AUTH_AUDIENCE", "SUPPORT_TOKENS",
	"METRICS_ADDR", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL",
}

// newPlan decides everything that can be decided before anything starts. Every port that is not free is an error, all of
// them in one.
func newPlan(ctx context.Context, getenv func(string) string) (*plan, error) {
	p := &plan{env: map[string]string{}}
	for _, name := range settingNames {
		if value := strings.TrimSpace(getenv(name)); value != "" {
			p.env[name] = value
		}
	}
	p.ours.postgres = p.env["DATABASE_URL"] == ""
	p.ours.temporal = p.env["TEMPORAL_ADDRESS"] == ""
	p.ours.stripe = p.env["STRIPE_SECRET_KEY"] == ""
	p.ours.mail = p.env["SMTP_URL"] == ""

	var err error
	if p.addresses, err = reserve(ctx, p.wanted(getenv)); err != nil {
		return nil, err
	}
	if err := p.makeDir(getenv("DEV_DIR")); err != nil {
		return nil, err
	}
	secrets, err := keepSecrets(filepath.Join(p.dir, "secrets.json"))
	if err != nil {
		return nil, err
	}
	p.fill(secrets)
	return p, nil
}

// wanted lists the addresses that will be listened on.
func (p *plan) wanted(getenv func(string) string) []address {
	var all []address
	want := func(needed bool, variable, fallback string) {
		if needed {
			all = append(all, address{variable: variable, value: strings.TrimSpace(getenv(variable)), fallback: fallback})
		}
	}
	want(true, "API_ADDR", "127.0.0.1:3000")
	want(p.ours.temporal, "TEMPORAL_PORT", "7233")
	want(p.ours.temporal, "TEMPORAL_UI_PORT", "8233")
	want(p.ours.postgres, "POSTGRES_PORT", "5433")
	want(p.ours.stripe, "STRIPE_PORT", "12111")
	want(p.ours.mail, "MAIL_UI_PORT", "8025")
	want(true, "METRICS_ADDR", "127.0.0.1:9090")
	want(p.ours.mail, "SMTP_PORT", "0") // any: nobody has to know it beforehand
	return all
}

// fill supplies what the caller has not set.
func (p *plan) fill(secrets map[string]string) {
	p.env["API_ADDR"] = p.addresses["API_ADDR"] // as resolved: a port of 0 has become a real one
	p.env["METRICS_ADDR"] = p.addresses["METRICS_ADDR"]
	for name, value := range secrets {
		p.supply(name, value)
	}
	p.supply("PUBLIC_URL", p.apiURL())
	p.supply("MAIL_FROM", "Twigz <orders@twigz.example>")
	p.supply("LOG_LEVEL", "info")
	p.supply("TEMPORAL_NAMESPACE", "default")
	if p.ours.temporal {
		p.forgetTemporalProfile()
		p.env["TEMPORAL_ADDRESS"] = p.addresses["TEMPORAL_PORT"]
		p.supply("TEMPORAL_UI_URL", "http://"+p.addresses["TEMPORAL_UI_PORT"])
	}
	if p.ours.stripe {
		p.supply("STRIPE_API_BASE", "http://"+p.addresses["STRIPE_PORT"])
	}
	if p.ours.mail {
		p.env["SMTP_URL"] = "smtp://" + p.addresses["SMTP_PORT"]
		p.supply("SUPPORT_EMAIL", "support@twigz.example") // with a real mail server, that would be somebody
	}
}

func (p *plan) supply(name, value string) {
	if p.env[name] == "" {
		p.env[name] = value
	}
}

// forgetTemporalProfile drops what would make a client of our own server ask for TLS or send a key: variables for another
// cluster, and the profile that a developer may have in their home directory.
func (p *plan) forgetTemporalProfile() {
	for _, name := range settingNames {
		if strings.HasPrefix(name, "TEMPORAL_TLS") || name == "TEMPORAL_API_KEY" || name == "TEMPORAL_PROFILE" {
			delete(p.env, name)
		}
	}
	p.env["TEMPORAL_CONFIG_FILE"] = os.DevNull
}

// apiURL is where the API is reached from this machine.
func (p *plan) apiURL() string { return "http://" + reachable(p.addresses["API_ADDR"]) }

// reachable is an address to dial for one to listen on.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (p *plan) makeDir(dir string) error {
	if dir == "" {
		dir = ".dev"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("DEV_DIR %s: %w", dir, err)
	}
	// Searchable by others, because root runs Postgres as another user. Whatever else is in it is closed to them.
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // see above
		return fmt.Errorf("DEV_DIR: %w", err)
	}
	for _, closed := range []string{"logs", "temporal"} {
		if err := os.MkdirAll(filepath.Join(dir, closed), 0o700); err != nil {
			return fmt.Errorf("DEV_DIR: %w", err)
		}
	}
	p.dir = dir
	return nil
}

// lock keeps a second stack with other ports out of the same directory, until the function it returns is called or this
// process ends.
func (p *plan) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("DEV_DIR: %w", err)
	}
	unlock = func() { _ = f.Close() }
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("DEV_DIR %s is in use by another make dev: stop that one, or set DEV_DIR to another directory", short(p.dir))
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (p *plan) log(name string) string { return filepath.Join(p.dir, "logs", name+".log") }
