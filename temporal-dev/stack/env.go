package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// childEnv is the environment for API or worker: this process's own, with the plan's settings but those left out, and
// without what an env file of an earlier run may have left in it of a demo.
func (p *plan) childEnv(leaveOut ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(settingNames, name) || strings.HasPrefix(name, "DEMO_")
	})
	for name, value := range p.env {
		if !slices.Contains(leaveOut, name) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// apiEnv is the API's. It is told of the demo customer, which has it serve the shop page,
// and of what they can subscribe to there.
func (p *plan) apiEnv() ([]string, error) {
	env := p.childEnv()
	if !p.hasShop() {
		return env, nil
	}
	token, err := p.customerToken()
	if err != nil {
		return nil, err
	}
	env = append(env, "DEMO_STORE_ID="+demoStore.ID, "DEMO_CUSTOMER_TOKEN="+token)
	if p.clubPrice != "" {
		env = append(env, "DEMO_PRICE_ID="+p.clubPrice, "DEMO_PRICE_LABEL="+demoClub.label)
	}
	return env, nil
}

// hasShop says whether the shop page is there: never where the money may be real. The API has the last word.
func (p *plan) hasShop() bool {
	return !p.livemode() && !liveKey(p.env["STRIPE_SECRET_KEY"]) && !strings.HasPrefix(p.env["STRIPE_PUBLISHABLE_KEY"], "pk_live_")
}

func (p *plan) envFile() string { return filepath.Join(p.dir, "env") }

// writeEnv writes what API and worker start with, and what else a person needs to call them, for a shell to source.
func (p *plan) writeEnv() error {
	var b strings.Builder
	b.WriteString("# What the last make dev used. In a shell: . " + quote(short(p.envFile())) + "\n")
	for _, name := range settingNames {
		if p.env[name] != "" {
			fmt.Fprintf(&b, "export %s=%s\n", name, quote(p.env[name]))
		}
	}
	token, err := p.customerToken()
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "export DEMO_STORE_ID=%s\n", quote(demoStore.ID))
	fmt.Fprintf(&b, "export DEMO_CUSTOMER_ID=%s\n", quote(demoCustomer))
	fmt.Fprintf(&b, "export DEMO_CUSTOMER_TOKEN=%s\n", quote(token))
	fmt.Fprintf(&b, "export DEMO_SUPPORT_TOKEN=%s\n", quote(p.supportToken()))
	if p.clubPrice != "" {
		fmt.Fprintf(&b, "export DEMO_PRICE_ID=%s\n", quote(p.clubPrice))
		fmt.Fprintf(&b, "export DEMO_PRICE_LABEL=%s\n", quote(demoClub.label))
	}
	if err := replaceFile(p.envFile(), []byte(b.String())); err != nil {
		return fmt.Errorf("write the env file: %w", err)
	}
	return nil
}

// quote makes one word of any text for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// forever is when demo tokens expire. It is a date and not a span, so that the same secret gives the same token each time.
var forever = time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC)

// customerToken signs in the demo customer.
func (p *plan) customerToken() (string, error) {
	claims := jwt.RegisteredClaims{
		Subject: demoCustomer, Issuer: p.env["AUTH_ISSUER"], ExpiresAt: jwt.NewNumericDate(forever),
	}
	if audience := p.env["AUTH_AUDIENCE"]; audience != "" {
		claims.Audience = jwt.ClaimStrings{audience}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(p.env["AUTH_JWT_SECRET"]))
	if err != nil {
		return "", fmt.Errorf("sign the demo customer's token: %w", err)
	}
	return token, nil
}

// supportToken is the first of SUPPORT_TOKENS, which are name:token,name:token.
func (p *plan) supportToken() string {
	first, _, _ := strings.Cut(p.env["SUPPORT_TOKENS"], ",")
	_, token, _ := strings.Cut(first, ":")
	return strings.TrimSpace(token)
}

// webhookSecret is the first of STRIPE_WEBHOOK_SECRET, which may be several while secrets are rolled.
func (p *plan) webhookSecret() string {
	first, _, _ := strings.Cut(p.env["STRIPE_WEBHOOK_SECRET"], ",")
	return strings.TrimSpace(first)
}

// livemode is what the API will take events for: as set, else as the key says.
func (p *plan) livemode() bool {
	if set := p.env["STRIPE_LIVEMODE"]; set != "" {
		return set == "true"
	}
	return liveKey(p.env["STRIPE_SECRET_KEY"])
}

func liveKey(key string) bool {
	return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
}
