package main

import (
	"log/slog"
	"net/url"

	"twigz/internal/settings"
	"twigz/internal/temporalclient"
)

// config is what the API is told from outside.
type config struct {
	addr           string
	metricsAddr    string // "": no metrics
	databaseURL    string
	databasePool   int
	temporal       temporalclient.Config
	publishableKey string
	webhookSecrets []string // at least one, none empty; several while one is being rolled
	livemode       bool     // events of the other mode are ignored
	corsOrigins    []string // ["*"]: any
	jwtSecret      string
	jwtIssuer      string            // "": not checked
	jwtAudience    string            // "": not checked
	supportTokens  map[string]string // token → name; empty: nobody is support
	logLevel       slog.Level
}

func readConfig(getenv func(string) string) (config, error) {
	r := settings.From(getenv)
	_, live := r.StripeKey()
	c := config{
		addr:           r.Addr("API_ADDR", "127.0.0.1:3000"),
		metricsAddr:    r.Addr("METRICS_ADDR", ""),
		databaseURL:    r.DatabaseURL(),
		databasePool:   20,
		temporal:       temporalclient.ReadConfig(r, getenv),
		publishableKey: r.StripePublishableKey(),
		livemode:       r.Bool("STRIPE_LIVEMODE", live),
		corsOrigins:    origins(r),
		jwtSecret:      r.Required("AUTH_JWT_SECRET", "set it to the secret that customers' tokens are signed with (HS256)"),
		jwtIssuer:      r.Text("AUTH_ISSUER", ""),
		jwtAudience:    r.Text("AUTH_AUDIENCE", ""),
		supportTokens:  r.Tokens("SUPPORT_TOKENS"),
		logLevel:       r.LogLevel(),
	}
	if r.Required("STRIPE_WEBHOOK_SECRET", "set it to the endpoint's signing secret, whsec_…") != "" {
		c.webhookSecrets = r.List("STRIPE_WEBHOOK_SECRET")
	}
	return c, r.Err()
}

// origins reads CORS_ORIGINS.
func origins(r *settings.Reader) []string {
	list := r.List("CORS_ORIGINS")
	if len(list) == 0 {
		return []string{"*"}
	}
	for _, origin := range list {
		parsed, err := url.Parse(origin)
		if origin != "*" && (err != nil || parsed.Scheme == "" || parsed.Host == "" || parsed.Path != "") {
			r.Fault("CORS_ORIGINS", "must be * or origins such as https://shop.example, between commas")
			return nil
		}
	}
	return list
}

// warn tells of settings that are allowed and unwise.
func (c config) warn(log *slog.Logger) {
	if len(c.jwtSecret) < 32 {
		log.Warn("AUTH_JWT_SECRET is shorter than 32 bytes and may be guessed")
	}
	if len(c.supportTokens) == 0 {
		log.Warn("SUPPORT_TOKENS is not set: support calls are refused")
	}
}
