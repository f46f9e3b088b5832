package main

import (
	"log/slog"
	"net/url"
	"strings"

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
	demo           demoShop          // who buys in the shop page
	liveKey        bool              // a key is for real money, whatever livemode says
	logLevel       slog.Level
}

func readConfig(getenv func(string) string) (config, error) {
	r := settings.From(getenv)
	c := config{
		addr:         r.Addr("API_ADDR", "127.0.0.1:3000"),
		metricsAddr:  r.Addr("METRICS_ADDR", ""),
		databaseURL:  r.DatabaseURL(),
		databasePool: 20,
		temporal:     temporalclient.ReadConfig(r, getenv),
	}
	_, live := r.StripeKey()
	c.publishableKey = r.StripePublishableKey()
	c.liveKey = live || strings.HasPrefix(c.publishableKey, "pk_live_")
	if r.Required("STRIPE_WEBHOOK_SECRET", "set it to the endpoint's signing secret, whsec_…") != "" {
		c.webhookSecrets = r.List("STRIPE_WEBHOOK_SECRET")
	}
	c.livemode = r.Bool("STRIPE_LIVEMODE", live)
	c.corsOrigins = origins(r)
	c.jwtSecret = r.Required("AUTH_JWT_SECRET", "set it to the secret that customers' tokens are signed with (HS256)")
	c.jwtIssuer = r.Text("AUTH_ISSUER", "")
	c.jwtAudience = r.Text("AUTH_AUDIENCE", "")
	c.supportTokens = r.Tokens("SUPPORT_TOKENS")
	c.demo = readDemoShop(r)
	c.logLevel = r.LogLevel()
	return c, r.Err()
}

// origins reads CORS_ORIGINS.
func origins(r *settings.Reader) []string {
	list := r.List("CORS_ORIGINS")
	if len(list) == 0 {
		return []string{"*"}
	}
	for i, origin := range list {
		list[i] = strings.ToLower(origin) // as browsers send it
		parsed, err := url.Parse(list[i])
		if origin != "*" && (err != nil || parsed.Host == "" || parsed.Scheme+"://"+parsed.Host != list[i]) {
			r.Fault("CORS_ORIGINS", "must be * or origins such as https://shop.example, between commas, without a path or a slash at the end")
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
	if c.demo.CustomerToken != "" && (c.livemode || c.liveKey) {
		log.Warn("DEMO_CUSTOMER_TOKEN is set and stripe is live: there is no shop page, and the token had better not be here")
	}
}
