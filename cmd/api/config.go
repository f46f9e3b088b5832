package main

import (
	"log/slog"
	"net"
	"net/url"
	"strings"

	"twigz/internal/settings"
	"twigz/internal/temporalclient"
)

// config is what the API is told from outside.
type config struct {
	addr           string
	publicURL      string // where customers' browsers find the API, without a trailing slash
	metricsAddr    string // "": no metrics
	databaseURL    string
	databasePool   int
	temporal       temporalclient.Config
	publishableKey string
	webhookSecrets []string          // at least one, none empty; several while one is being rolled
	livemode       bool              // events of the other mode are ignored
	corsOrigins    []string          // ["*"]: any
	jwtSecret      string            // of HS256; "": there is jwksURL
	jwksURL        string            // of RS256's and ES256's keys; "": there is jwtSecret
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
	c.publicURL = r.URL("PUBLIC_URL", "http://"+reachable(c.addr), "http", "https")
	_, live := r.StripeKey()
	c.publishableKey = r.StripePublishableKey()
	c.liveKey = live || strings.HasPrefix(c.publishableKey, "pk_live_")
	if r.Required("STRIPE_WEBHOOK_SECRET", "set it to the endpoint's signing secret, whsec_…") != "" {
		c.webhookSecrets = r.List("STRIPE_WEBHOOK_SECRET")
	}
	c.livemode = r.Bool("STRIPE_LIVEMODE", live)
	c.corsOrigins = origins(r)
	c.jwtSecret, c.jwksURL = tokenKeys(r)
	c.jwtIssuer = r.Text("AUTH_ISSUER", "")
	c.jwtAudience = r.Text("AUTH_AUDIENCE", "")
	c.supportTokens = r.Tokens("SUPPORT_TOKENS")
	c.demo = readDemoShop(r)
	c.logLevel = r.LogLevel()
	return c, r.Err()
}

// tokenKeys reads what customers' tokens are checked with: a secret, or where keys
// are published, or both.
func tokenKeys(r *settings.Reader) (secret, jwksURL string) {
	secret, jwksURL = r.Text("AUTH_JWT_SECRET", ""), r.Text("AUTH_JWKS_URL", "")
	if secret == "" && jwksURL == "" {
		r.Fault("AUTH_JWT_SECRET", "is not set: set it to the secret that customers' tokens are signed with (HS256), "+
			"or AUTH_JWKS_URL to where their issuer publishes its keys (RS256, ES256)")
	}
	return secret, r.URL("AUTH_JWKS_URL", "", "https", "http")
}

// reachable is an address to connect to for one to listen on, which may be all of
// the machine's.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "127.0.0.1" // a bad one, which has been told
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
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
	if c.jwtSecret != "" && len(c.jwtSecret) < 32 {
		log.Warn("AUTH_JWT_SECRET is shorter than 32 bytes and may be guessed")
	}
	if c.jwksURL != "" && c.jwtIssuer == "" && c.jwtAudience == "" {
		log.Warn("neither AUTH_ISSUER nor AUTH_AUDIENCE is set: tokens that the keys of AUTH_JWKS_URL made for anybody are good here")
	}
	if len(c.supportTokens) == 0 {
		log.Warn("SUPPORT_TOKENS is not set: support calls are refused")
	}
	if c.demo.CustomerToken != "" && (c.livemode || c.liveKey) {
		log.Warn("DEMO_CUSTOMER_TOKEN is set and stripe is live: there is no shop page, and the token had better not be here")
	}
}
