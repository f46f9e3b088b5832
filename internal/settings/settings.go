// Package settings reads a program's settings from the environment and collects
// every fault, so that a person who starts it wrongly is told once and whole.
package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reader reads settings by name. Its methods return a zero value for a bad one
// and remember the fault for Err.
type Reader struct {
	getenv func(string) string
	faults []string
}

// From reads from getenv, which is os.Getenv but for tests.
func From(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Err tells every fault so far, a line each, or is nil.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return errors.New("some settings are missing or wrong:\n  " + strings.Join(r.faults, "\n  ") + "\nThe README lists them all.")
}

// Fault notes that a setting is bad and what it should be. Values are not
// quoted: many are secrets.
func (r *Reader) Fault(name, shouldBe string) { r.faults = append(r.faults, name+" "+shouldBe) }

// Text reads a setting that may be absent.
func (r *Reader) Text(name, fallback string) string {
	if value := strings.TrimSpace(r.getenv(name)); value != "" {
		return value
	}
	return fallback
}

// Required reads a setting that must be there; example tells what to set.
func (r *Reader) Required(name, example string) string {
	value := r.Text(name, "")
	if value == "" {
		r.Fault(name, "is not set: "+example)
	}
	return value
}

// Addr reads a host:port to listen on. With no fallback, absent means "".
func (r *Reader) Addr(name, fallback string) string {
	value := r.Text(name, fallback)
	if value == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(value)
	if number, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || number > 65535 {
		r.Fault(name, "must be host:port, such as "+orElse(fallback, "127.0.0.1:9090"))
		return ""
	}
	return value
}

// URL reads an absolute URL with one of the schemes, without a trailing slash.
func (r *Reader) URL(name, fallback string, schemes ...string) string {
	value := r.Text(name, fallback)
	if value == "" {
		return ""
	}
	parsed, err := url.Parse(value)
	if err != nil || parsed.Host == "" || !slices.Contains(schemes, parsed.Scheme) {
		r.Fault(name, "must be a URL starting with "+strings.Join(schemes, ":// or ")+"://")
		return ""
	}
	return strings.TrimSuffix(value, "/")
}

// Bool reads true or false.
func (r *Reader) Bool(name string, fallback bool) bool {
	switch r.Text(name, "") {
	case "":
		return fallback
	case "true":
		return true
	case "false":
		return false
	default:
		r.Fault(name, "must be true or false")
		return fallback
	}
}

// Int reads a whole number from least to most.
func (r *Reader) Int(name string, fallback, least, most int) int {
	text := r.Text(name, "")
	if text == "" {
		return fallback
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		r.Fault(name, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		return fallback
	}
	return value
}

// List reads values between commas, each trimmed. An empty one is a fault: it
// is a slip, and an empty secret would be a hole.
func (r *Reader) List(name string) []string {
	text := r.Text(name, "")
	if text == "" {
		return nil
	}
	values := strings.Split(text, ",")
	for i, value := range values {
		values[i] = strings.TrimSpace(value)
		if values[i] == "" {
			r.Fault(name, "has an empty value between its commas")
			return nil
		}
	}
	return values
}

// LogLevel reads LOG_LEVEL: debug, info (the default), warn or error.
func (r *Reader) LogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(r.Text("LOG_LEVEL", "info"))); err != nil {
		r.Fault("LOG_LEVEL", "must be debug, info, warn or error")
	}
	return level
}

// DatabaseURL reads DATABASE_URL.
func (r *Reader) DatabaseURL() string {
	const example = "postgres://user:password@host:5432/database" //nolint:gosec // nobody's
	value := r.Required("DATABASE_URL", "set it to "+example)
	if value == "" {
		return ""
	}
	isURL := strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://")
	// The driver's own reading, so that what it would refuse later is told now.
	// Its error is dropped: it quotes the URL, and with a slip in it the password.
	if _, err := pgconn.ParseConfig(value); err != nil || !isURL {
		r.Fault("DATABASE_URL", "must be a Postgres URL, such as "+example+", with special characters percent-encoded")
		return ""
	}
	return value
}

// StripeKey reads STRIPE_SECRET_KEY, of which only the prefix is checked, and
// says whether it is a live one.
func (r *Reader) StripeKey() (key string, live bool) {
	key = r.Required("STRIPE_SECRET_KEY", "set it to the key from Stripe's dashboard, sk_… or rk_…")
	if key == "" {
		return "", false
	}
	mode, ok := mode(key, "sk_", "rk_")
	if !ok {
		r.Fault("STRIPE_SECRET_KEY", "must start with sk_test_, sk_live_, rk_test_ or rk_live_")
	}
	return key, mode == "live"
}

// StripePublishableKey reads STRIPE_PUBLISHABLE_KEY.
func (r *Reader) StripePublishableKey() string {
	key := r.Required("STRIPE_PUBLISHABLE_KEY", "set it to the key from Stripe's dashboard, pk_…")
	if _, ok := mode(key, "pk_"); key != "" && !ok {
		r.Fault("STRIPE_PUBLISHABLE_KEY", "must start with pk_test_ or pk_live_")
	}
	return key
}

// mode is "test" or "live" by the key's prefix.
func mode(key string, kinds ...string) (string, bool) {
	for _, kind := range kinds {
		for _, mode := range []string{"test", "live"} {
			if strings.HasPrefix(key, kind+mode+"_") {
				return mode, true
			}
		}
	}
	return "", false
}

// Tokens reads name:token pairs between commas into a map by token. Names are
// for the audit trail; several tokens may bear one name.
func (r *Reader) Tokens(name string) map[string]string {
	tokens := map[string]string{}
	for _, pair := range r.List(name) {
		who, token, ok := strings.Cut(pair, ":")
		who, token = strings.TrimSpace(who), strings.TrimSpace(token)
		if !ok || who == "" || token == "" {
			r.Fault(name, "must be name:token, several of them between commas")
			return nil
		}
		if _, twice := tokens[token]; twice {
			r.Fault(name, "gives one token twice: each person needs their own")
			return nil
		}
		tokens[token] = who
	}
	return tokens
}

func orElse(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}
