package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"twigz/temporal-dev/stripestandin"
)

// demoCustomer is who buys; the ID looks like an identity provider's.
const demoCustomer = "user_demo"

// demoMail is where the customer's receipt goes. The domain is reserved for examples: no mail can reach anyone.
const demoMail = "customer@example.com"

// store is a shop in the support API's shape. Amounts are in minor units.
type store struct {
	ID          string    `json:"-"`
	Name        string    `json:"name"`
	Email       string    `json:"email"`
	Currency    string    `json:"currency"`
	DeliveryFee int64     `json:"deliveryFee"`
	Products    []product `json:"-"`
}

type product struct {
	ID         string `json:"-"`
	Name       string `json:"name"`
	UnitAmount int64  `json:"unitAmount"`
	Stock      int    `json:"stock"`
}

var demoStore = store{
	ID: "store_demo", Name: "Demo Bakery", Email: "bakery@example.com", Currency: "usd", DeliveryFee: 399,
	Products: []product{
		{ID: "sourdough", Name: "Sourdough loaf", UnitAmount: 650, Stock: 40},
		{ID: "croissant", Name: "Butter croissant", UnitAmount: 325, Stock: 120},
		{ID: "cinnamon-roll", Name: "Cinnamon roll", UnitAmount: 375, Stock: 60},
		{ID: "coffee-beans", Name: "Coffee beans, 250 g", UnitAmount: 1150, Stock: 25},
	},
}

// demoOrder is what the customer puts in the cart: quantities by product.
var demoOrder = []struct {
	product  string
	quantity int
}{{"sourdough", 2}, {"croissant", 3}}

// cart is a customer's cart in the API's shape.
type cart struct {
	Currency string `json:"currency"`
	Items    []line `json:"items"`
	Subtotal int64  `json:"subtotal"`
}

type line struct {
	ProductID  string `json:"productId"`
	Name       string `json:"name"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unitAmount"`
}

// detail is a payment in the support API's shape, as far as it is looked at here.
type detail struct {
	Payment struct {
		Status        string `json:"status"`
		BlockedReason string `json:"blockedReason"`
	} `json:"payment"`
	Order         *order `json:"order"`
	Notifications []struct {
		Recipient string `json:"recipient"`
		Status    string `json:"status"`
	} `json:"notifications"`
	Events []struct {
		EventID string `json:"eventId"`
	} `json:"events"`
}

type order struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	Items       []line `json:"items"`
	Subtotal    int64  `json:"subtotal"`
	DeliveryFee int64  `json:"deliveryFee"`
	Total       int64  `json:"total"`
	Currency    string `json:"currency"`
}

// sale is one demo order, from payment to fulfillment.
type sale struct {
	eventID         string
	paymentIntentID string
	amount          int64 // collected, in minor units
	took            time.Duration
	detail          detail
}

// sell seeds the demo store, has the demo customer fill a cart and pay it, and waits until the order is fulfilled.
func (s *stack) sell(ctx context.Context) (sale, error) {
	token, err := s.plan.customerToken()
	if err != nil {
		return sale{}, err
	}
	if err := s.seed(ctx); err != nil {
		return sale{}, err
	}
	filled, err := s.fillCart(ctx, token)
	if err != nil {
		return sale{}, err
	}
	sold, err := s.pay(ctx, filled)
	if err != nil {
		return sold, err
	}
	return sold, s.checkCartIsEmpty(ctx, token)
}

// seed makes the store and its products, or puts them back to what they were.
func (s *stack) seed(ctx context.Context) error {
	path := "/support/api/stores/" + demoStore.ID
	if err := s.call(ctx, http.MethodPut, path, s.plan.supportToken(), demoStore, nil); err != nil {
		return fmt.Errorf("seed store %s: %w", demoStore.ID, err)
	}
	for _, p := range demoStore.Products {
		if err := s.call(ctx, http.MethodPut, path+"/products/"+p.ID, s.plan.supportToken(), p, nil); err != nil {
			return fmt.Errorf("seed product %s: %w", p.ID, err)
		}
	}
	return nil
}

func cartPath() string { return "/cart?storeId=" + url.QueryEscape(demoStore.ID) }

// fillCart leaves exactly the demo order in the cart: what an earlier run may have left there is not paid for again.
func (s *stack) fillCart(ctx context.Context, token string) (cart, error) {
	var c cart
	if err := s.call(ctx, http.MethodDelete, cartPath(), token, nil, nil); err != nil {
		return c, fmt.Errorf("empty the demo customer's cart: %w", err)
	}
	for _, item := range demoOrder {
		body := map[string]any{"storeId": demoStore.ID, "quantity": item.quantity}
		if err := s.call(ctx, http.MethodPut, "/cart/items/"+item.product, token, body, &c); err != nil {
			return c, fmt.Errorf("put %s into the cart: %w", item.product, err)
		}
	}
	return c, nil
}

// pay collects what the cart and the delivery cost, and measures from there to the fulfilled order.
func (s *stack) pay(ctx context.Context, c cart) (sale, error) {
	params, err := payment(c)
	if err != nil {
		return sale{}, err
	}
	began := time.Now()
	event, intent, err := s.stripe.Pay(params)
	if err != nil {
		return sale{}, err
	}
	sold := sale{eventID: event, paymentIntentID: intent, amount: params.Amount}
	sold.detail, err = s.awaitOrder(ctx, event, intent)
	sold.took = time.Since(began)
	return sold, err
}

func payment(c cart) (stripestandin.PaymentParams, error) {
	address, err := json.Marshal(map[string]string{
		"line1": "1 Example Street", "city": "Springfield", "state": "IL", "postalCode": "62701", "country": "US",
	})
	return stripestandin.PaymentParams{
		Amount:       c.Subtotal + demoStore.DeliveryFee,
		Currency:     c.Currency,
		Description:  "Demo order",
		ReceiptEmail: demoMail,
		Metadata: map[string]string{
			"customerId":      demoCustomer,
			"storeId":         demoStore.ID,
			"deliveryType":    "delivery",
			"deliveryAddress": string(address),
			"deliveryFee":     major(demoStore.DeliveryFee),
		},
		BillingDetails: stripestandin.BillingDetails{
			Name: "Demo Customer", Email: demoMail, Line1: "1 Example Street", City: "Springfield", State: "IL", PostalCode: "62701", Country: "US",
		},
	}, err
}

// orderTime is how long an order may take. It takes well under a second; the rest is for a busy machine.
const orderTime = 60 * time.Second

// awaitOrder returns the payment as support sees it once it is fulfilled: paid, with its order, everyone told.
func (s *stack) awaitOrder(ctx context.Context, eventID, paymentIntentID string) (detail, error) {
	var d detail
	err := poll(ctx, 10*time.Millisecond, orderTime, func(ctx context.Context) error {
		if err := s.refused(eventID); err != nil {
			return err
		}
		d = detail{}
		if err := s.call(ctx, http.MethodGet, "/support/api/payments/"+paymentIntentID, s.plan.supportToken(), nil, &d); err != nil {
			return err
		}
		return d.unfulfilled()
	})
	if err != nil {
		return d, fmt.Errorf("wait for the order of %s: %w", paymentIntentID, err)
	}
	return d, nil
}

// refused tells of a webhook that the API does not want, as it does not when secrets differ.
func (s *stack) refused(eventID string) error {
	for _, a := range s.stripe.Deliveries() {
		if a.EventID == eventID && a.Status >= 400 && a.Status < 500 {
			return &finalError{fmt.Errorf("the webhook answered %d %s", a.Status, a.Answer)}
		}
	}
	return nil
}

// unfulfilled says what is still missing; nil when nothing is.
func (d detail) unfulfilled() error {
	status := d.Payment.Status
	if status == "needs_attention" {
		return &finalError{fmt.Errorf("the payment is blocked: %s", d.Payment.BlockedReason)}
	}
	if status != "paid" || d.Order == nil || len(d.Events) == 0 || len(d.Notifications) == 0 {
		return fmt.Errorf("the payment is %s, with %d events and %d notifications", status, len(d.Events), len(d.Notifications))
	}
	for _, n := range d.Notifications {
		if n.Status == "pending" {
			return fmt.Errorf("the %s is not told yet", n.Recipient)
		}
	}
	return nil
}

func (s *stack) checkCartIsEmpty(ctx context.Context, token string) error {
	var c cart
	if err := s.call(ctx, http.MethodGet, cartPath(), token, nil, &c); err != nil {
		return fmt.Errorf("look into the cart: %w", err)
	}
	if len(c.Items) > 0 {
		return fmt.Errorf("the cart still holds %d items that were bought", len(c.Items))
	}
	return nil
}

// major writes US cents as dollars, as Stripe's metadata and people have them.
func major(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
