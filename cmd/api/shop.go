package main

import (
	"embed"
	"net/http"
	"path"

	"github.com/gin-gonic/gin"

	"twigz/internal/settings"
)

//go:embed shop
var shopFiles embed.FS

// shopPolicy lets the pages have their own files and call the API beside them,
// nothing else. Stripe's page is gone to by location, which no policy holds back.
const shopPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// demoShop is who buys in the shop page, and where. Its zero value is no shop:
// whoever reaches it is the demo customer, so it is for developers' machines.
type demoShop struct {
	CustomerToken string    `json:"token"`
	StoreID       string    `json:"storeId"`
	Plan          *demoPlan `json:"plan,omitempty"` // nil: there is nothing to subscribe to
}

// demoPlan is what can be subscribed to in the shop page.
type demoPlan struct {
	PriceID string `json:"priceId"` // price_…, a recurring one
	Label   string `json:"label"`   // for people: what it is, and what it costs
}

func readDemoShop(r *settings.Reader) demoShop {
	shop := demoShop{CustomerToken: r.Text("DEMO_CUSTOMER_TOKEN", ""), StoreID: r.Text("DEMO_STORE_ID", "")}
	label := r.Text("DEMO_PRICE_LABEL", "A subscription")
	if price := r.Text("DEMO_PRICE_ID", ""); price != "" {
		shop.Plan = &demoPlan{PriceID: price, Label: label}
	}
	return shop
}

// hasShop says whether the shop page is served: in development, with test keys.
func (c config) hasShop() bool {
	return c.demo.CustomerToken != "" && c.demo.StoreID != "" && !c.livemode && !c.liveKey
}

// shopRoutes serves the shop: a page to buy and subscribe on, and the one that Stripe's page
// leads back to. It calls the API as any client would.
func (s *server) shopRoutes(r *gin.Engine) {
	shop := r.Group("/shop", shopHeaders)
	shop.GET("", shopFile("index.html"))
	shop.GET("/success", shopFile("success.html"))
	for _, name := range []string{"shop.css", "icon.svg", "page.js", "api.js", "shop.js", "plan.js", "success.js"} {
		shop.GET("/"+name, shopFile(name))
	}
	shop.GET("/config.json", func(c *gin.Context) {
		c.Header("Cache-Control", "no-store") // it holds a token
		c.JSON(http.StatusOK, struct {
			demoShop
			PublishableKey string `json:"publishableKey"`
		}{s.config.demo, s.config.publishableKey})
	})
}

// shopHeaders keeps the shop to itself. CORS is taken back, because any page in
// the developer's browser could read the token else.
func shopHeaders(c *gin.Context) {
	c.Writer.Header().Del("Access-Control-Allow-Origin")
	c.Header("Content-Security-Policy", shopPolicy)
	c.Header("Cross-Origin-Resource-Policy", "same-origin")
	c.Header("Referrer-Policy", "no-referrer") // addresses hold payment IDs for a moment
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-cache") // the next build has other files under the same names
}

// shopTypes does not leave it to the machine's own table what a script is.
var shopTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func shopFile(name string) gin.HandlerFunc {
	content, err := shopFiles.ReadFile(path.Join("shop", name))
	if err != nil {
		panic(err) // unreachable: it is compiled in
	}
	kind := shopTypes[path.Ext(name)]
	return func(c *gin.Context) { c.Data(http.StatusOK, kind, content) }
}
