package e2e_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/wire"
)

// withShop has the world's API serve the shop page, signed in as its customer,
// at an address that is known beforehand: Stripe's page leads back to it.
func withShop(w *world) {
	port, err := freePort()
	require.NoError(w, err)
	addr := "127.0.0.1:" + port
	w.more = []string{
		"API_ADDR=" + addr, "PUBLIC_URL=http://" + addr,
		"DEMO_STORE_ID=" + storeID, "DEMO_CUSTOMER_TOKEN=" + customerToken(w.T),
	}
}

// The world's customer has two loaves and a jam in the cart, 12.00 together, and
// adds another jam.
func TestACustomerWalksThroughTheShop(t *testing.T) {
	t.Parallel()
	path := chromium(t)
	w := newWorld(t, withShop)
	w.connectStripe()
	b := openBrowser(w, path, 1200, 900)

	b.open(w.api + "/shop")
	b.reads("Fresh loaf", "$4.50", "$12.00")
	b.picture("cart")
	b.click(`button[aria-label="Add Fresh jam"]`)
	b.sees("both jams", `document.querySelector("#subtotal").innerText === "$15.00"`)
	b.fill("#line1", street)
	b.fill("#postalCode", "BA1 1AA")
	b.fill("#city", "Bath")
	b.picture("address")
	b.click("#pay")

	b.sees("Stripe's page", `document.querySelector("[name=act][value=pay]")`)
	b.reads("Stand-in for Stripe", "Fresh loaf", "18.99")
	b.fill("#email", customerEmail)
	b.fill("#name", "Eve Customer")
	b.do("choose the card", chromedp.SetValue(chromedp.CSS("#card"), "4242424242424242"))
	b.picture("stripe")
	b.click("[name=act][value=pay]")

	b.sees("the order confirmed", `document.querySelector("#payment").dataset.look === "good"`)
	b.reads("Order confirmed", "2 × Fresh loaf", "2 × Fresh jam", "$18.99", street)
	b.sees("this order among all", `document.querySelectorAll("#orders li[aria-current]").length === 1`)
	b.picture("confirmed")
	assert.Empty(t, b.text("location.search"), "the payment's ID is not in the address bar")
	t.Logf("confirmed on the page %s ms after Pay in the shop, %s ms after coming back from Stripe's page",
		b.text(`document.querySelector("#payment").dataset.msFromPay`), b.text(`document.querySelector("#payment").dataset.msFromArrival`))

	orders := w.orders()
	require.Len(t, orders, 1)
	orderID := orders[0].(map[string]any)["id"].(string)
	assert.Equal(t, orderID, b.text(`document.querySelector("#order-id").innerText`))
	assert.Empty(t, w.cart(), "what was bought is not in the cart any more")
	paymentID := b.text(`JSON.parse(sessionStorage.getItem("shop.payment"))`)
	b.do("reload", chromedp.Reload())
	b.sees("the same order after a reload", `document.querySelector("#order-id")?.innerText === "`+orderID+`"`)

	b.open(w.mails.UIURL())
	b.sees("two mails", `document.querySelectorAll("li a").length === 2`)
	b.reads(customerEmail, storeEmail)
	b.picture("inbox")
	for _, to := range []string{customerEmail, storeEmail} {
		b.open(w.mails.UIURL())
		b.do("open the mail to "+to, chromedp.Click(chromedp.Search(`//li/a[contains(., "`+to+`")]`)))
		b.reads(to, orderID, "Fresh loaf")
		b.loaded()
		b.picture("mail")
	}

	b.open(w.fulfillment(paymentID))
	b.reads("FulfillOrder", "Completed")
	b.picture("workflow")
}

// fulfillment is where Temporal's Web UI shows the workflow that made a
// payment's order, once nothing is left to do.
func (w *world) fulfillment(paymentID string) string {
	w.Helper()
	for _, event := range w.detail(paymentID)["events"].([]any) {
		entry := event.(map[string]any)
		if entry["type"] == "payment_intent.succeeded" || entry["type"] == "checkout.session.completed" {
			w.closed(entry["workflowId"].(string))
			return entry["workflowUrl"].(string)
		}
	}
	w.Fatalf("no event of %s made the order", paymentID)
	return ""
}

// On the smallest phone, without a mouse, with second thoughts, and while Stripe
// takes its time to tell of the payment.
func TestACustomerTurnsBackOnStripesPage(t *testing.T) {
	t.Parallel()
	path := chromium(t)
	w := newWorld(t, withShop)
	w.connectStripe(faults.Rule{Fault: faults.Delay, DelayMS: 4000})
	b := openBrowser(w, path, 320, 640)
	b.do("become a phone", chromedp.EmulateViewport(320, 640))
	narrow := func() {
		t.Helper()
		assert.Equal(t, "true", b.text("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out to the right")
	}

	b.open(w.api + "/shop")
	b.reads("Fresh loaf")
	b.tabTo(`button[aria-label="One Fresh loaf less"]`)
	b.types(kb.Enter)
	b.sees("a loaf less", `document.querySelector("#subtotal").innerText === "$7.50"`)
	b.sees("it is said aloud", `document.querySelector("#said").innerText.includes("1 × Fresh loaf in the cart")`)

	b.tabTo("#pay")
	b.types(kb.Enter)
	b.sees("what is missing, and the way there", `document.activeElement.id === "line1" && document.activeElement.getAttribute("aria-invalid") === "true"`)
	b.reads("Street and number is missing")
	b.picture("missing")
	narrow()
	b.types(street)
	b.tabTo("#pay")
	b.types(kb.Enter)

	b.sees("Stripe's page", `document.querySelector("[name=act][value=pay]")`)
	b.picture("stripe")
	b.tabTo("a.back")
	b.types(kb.Enter)
	b.sees("the cart as it was", `location.pathname === "/shop" && document.querySelector("#subtotal")?.innerText === "$7.50"`)
	b.sees("the address as it was", `document.querySelector("#line1").value === "`+street+`"`)
	b.picture("back")
	narrow()
	assert.Len(t, w.cart(), 2)

	b.tabTo("#pay")
	b.types(kb.Enter)
	b.sees("Stripe's page again", `document.querySelector("[name=act][value=pay]")`)
	b.tabTo("#email")
	b.types(customerEmail)
	b.tabTo("#name")
	b.types("Eve Customer" + kb.Enter)
	b.reads("Processing your payment", "$11.49")
	b.picture("processing")
	b.reads("Order confirmed", street)
	b.picture("confirmed")
	narrow()
	assert.Len(t, w.orders(), 1)
	payments := w.must(http.MethodGet, "/support/api/payments", supportToken, nil)["payments"]
	assert.Len(t, payments, 1, "turning back and paying after all is one payment")
}

// The world's customer subscribes, sees it turn active without a reload, and later
// that it is to end, in the same tab.
func TestACustomerSubscribesInTheShop(t *testing.T) {
	t.Parallel()
	path := chromium(t)
	w := newWorld(t, withShop, withPlan)
	w.connectStripe()
	w.offers()
	w.called()
	b := openBrowser(w, path, 1200, 900)

	b.open(w.api + "/shop")
	b.reads("Crumb Club, 9.00 USD a month", "Fresh loaf")
	b.sees("a way to subscribe", `!document.querySelector("#subscribe").hidden`)
	b.picture("plan")
	b.tabTo("#subscribe")
	b.types(kb.Enter)
	b.sees("Stripe's page", `document.querySelector("[name=act][value=pay]")`)
	b.fill("#name", "Eve Customer")
	b.do("choose the card", chromedp.SetValue(chromedp.CSS("#card"), "4242424242424242"))
	b.picture("stripe")
	b.click("[name=act][value=pay]")

	b.sees("the shop again", `location.pathname === "/shop" && document.querySelector("#plan-status")`)
	b.picture("back")
	b.sees("it is active", `document.querySelector("#plan").dataset.status === "active"`)
	b.reads("Subscribed", "It renews on", "1 × Crumb club", "Visa ending in 4242", "$9.00, paid")
	b.sees("no way to subscribe twice", `document.querySelector("#subscribe").hidden && !document.querySelector("#manage").hidden`)
	b.picture("active")
	assert.Empty(t, b.text("location.search"), "a reload is no purchase")
	assert.Len(t, w.cart(), 2, "the cart is as it was")

	b.text("window.stayed = true")
	w.asks("POST /v1/subscriptions/{subscription_exposed_id}", w.only("subscription").ID(), wire.Object{"cancel_at_period_end": true})
	b.reads("Subscribed, and it ends", "Nothing more is charged")
	assert.Equal(t, "true", b.text("window.stayed"), "the page was not loaded anew")
	b.do("become a phone", chromedp.EmulateViewport(320, 640))
	assert.Equal(t, "true", b.text("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out to the right")
	b.picture("ending")

	b.tabTo("#manage")
	b.types(kb.Enter)
	b.sees("Stripe's billing portal", `location.origin === "`+w.stripe.URL()+`"`)
	b.loaded()
	b.picture("portal")
}

func TestTheShopsPages(t *testing.T) {
	t.Parallel()
	path := chromium(t)
	w := newWorld(t, withShop)
	b := openBrowser(w, path, 390, 844)

	b.open(w.api + "/shop/success")
	b.reads("Your orders", "None yet.")
	b.open(w.api + "/shop/success?paymentId=pay_of_somebody_else")
	b.reads("There is no such payment")
	assert.Equal(t, "¥400, KWD 0.500, ISK 5, $1,234.50", b.text(
		`import("/shop/page.js").then(({ money }) => [[400, "jpy"], [500, "kwd"], [500, "isk"], [123450, "usd"]].map(([a, c]) => money(a, c, "en").replace(/\u00a0/g, " ")).join(", "))`))
}
