package activities

import (
	"context"
	"time"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// listSubscriptions asks for all subscriptions of a customer, in every status.
// Those of one who is deleted Stripe may list or not.
func (s *Stripe) listSubscriptions(ctx context.Context, in models.SyncLook, facts *models.BillingFacts) error {
	params := &stripe.SubscriptionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: new(int64(pageSize)), Single: true},
		Customer:   &in.StripeCustomerID,
		Status:     new("all"),
	}
	params.AddExpand("data.default_payment_method")
	known := catalog{s: s, products: map[string]product{}}
	for more := true; more; {
		pages := s.api.Subscriptions.List(params)
		page, err := pages.SubscriptionList(), pages.Err()
		if lacksCustomer(err) {
			facts.Customer = models.StripeCustomerFacts{ID: in.StripeCustomerID, Gone: true}
			return nil
		}
		if err != nil {
			return err
		}
		if !areSubscriptionsOf(in.StripeCustomerID, page) {
			return errOddAnswer("list subscriptions")
		}
		for _, each := range page.Data {
			subscription, err := known.subscription(ctx, each)
			if err != nil {
				return err
			}
			facts.Subscriptions = append(facts.Subscriptions, subscription)
		}
		if more = page.HasMore; more {
			params.StartingAfter = &page.Data[len(page.Data)-1].ID
		}
	}
	facts.Subscriptions = listed(facts.Subscriptions)
	return nil
}

// listed is a list that was asked for, which is not nil even when nothing is in it.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// areSubscriptionsOf says whether an answer is a page of subscriptions of a
// customer, with what no subscription lacks.
func areSubscriptionsOf(customerID string, page *stripe.SubscriptionList) bool {
	ids := make([]string, len(page.Data))
	for i, each := range page.Data {
		if each == nil || each.Customer == nil || each.Customer.ID != customerID || each.Status == "" || startOf(each) == nil {
			return false
		}
		ids[i] = each.ID
	}
	return isList(page.ListMeta, ids)
}

// startOf is when a subscription began: before it was made, when it was backdated.
func startOf(subscription *stripe.Subscription) *time.Time {
	if began := moment(subscription.StartDate); began != nil {
		return began
	}
	return moment(subscription.Created)
}

// catalog is what one look has learned of products.
type catalog struct {
	s        *Stripe
	products map[string]product // by ID; each is asked for once
}

// product is what a subscription shows of a product. One that is deleted shows nothing.
type product struct{ name, tier string }

func (c *catalog) subscription(ctx context.Context, of *stripe.Subscription) (models.SubscriptionFacts, error) {
	items, err := c.items(ctx, of)
	if err != nil {
		return models.SubscriptionFacts{}, err
	}
	facts := models.SubscriptionFacts{
		ID:                models.Clean(of.ID, maxID),
		CustomerID:        models.Clean(of.Metadata[models.KeyCustomerID], models.MaxMetadataValue),
		Status:            models.Clean(string(of.Status), maxWord),
		Currency:          models.Clean(string(of.Currency), maxCurrency),
		Items:             items,
		PeriodStart:       moment(of.CurrentPeriodStart),
		PeriodEnd:         moment(of.CurrentPeriodEnd),
		CancelAtPeriodEnd: of.CancelAtPeriodEnd,
		CancelAt:          moment(of.CancelAt),
		CanceledAt:        moment(of.CanceledAt),
		EndedAt:           moment(of.EndedAt),
		TrialStart:        moment(of.TrialStart),
		TrialEnd:          moment(of.TrialEnd),
		Card:              cardOf(of.DefaultPaymentMethod),
		Livemode:          of.Livemode,
		StartedAt:         *startOf(of),
	}
	if pause := of.PauseCollection; pause != nil {
		facts.PauseBehavior, facts.PauseResumesAt = models.Clean(string(pause.Behavior), maxWord), moment(pause.ResumesAt)
	}
	if pending := of.PendingUpdate; pending != nil {
		facts.PendingUntil = moment(pending.ExpiresAt)
	}
	if latest := of.LatestInvoice; latest != nil {
		facts.LatestInvoiceID = models.Clean(latest.ID, maxID)
	}
	return facts, nil
}

// items are all items of a subscription: it carries the first, and names the rest.
func (c *catalog) items(ctx context.Context, of *stripe.Subscription) ([]models.SubscriptionItem, error) {
	if of.Items == nil {
		return []models.SubscriptionItem{}, nil
	}
	all := of.Items.Data
	if of.Items.HasMore { // at most twenty can be
		params := &stripe.SubscriptionItemListParams{
			ListParams:   stripe.ListParams{Context: ctx, Limit: new(int64(pageSize)), Single: true},
			Subscription: &of.ID,
		}
		pages := c.s.api.SubscriptionItems.List(params)
		page, err := pages.SubscriptionItemList(), pages.Err()
		switch {
		case isMissing(err): // it is gone, and what it carried was true
		case err != nil:
			return nil, err
		case page.URL == "":
			return nil, errOddAnswer("list subscription items")
		default:
			all = page.Data
		}
	}
	items := make([]models.SubscriptionItem, 0, len(all))
	for _, each := range all {
		if each == nil || each.Price == nil {
			return nil, errOddAnswer("list subscription items")
		}
		item, err := c.item(ctx, each)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (c *catalog) item(ctx context.Context, of *stripe.SubscriptionItem) (models.SubscriptionItem, error) {
	price := of.Price
	item := models.SubscriptionItem{
		ID:         models.Clean(of.ID, maxID),
		PriceID:    models.Clean(price.ID, maxID),
		Tier:       models.Clean(price.Metadata[models.KeyTier], models.MaxMetadataValue),
		Quantity:   of.Quantity,
		UnitAmount: perUnit(price),
		Currency:   models.Clean(string(price.Currency), maxCurrency),
	}
	if every := price.Recurring; every != nil {
		item.Interval, item.IntervalCount = models.Clean(string(every.Interval), maxWord), every.IntervalCount
	}
	if price.Product == nil {
		return item, nil
	}
	item.ProductID = models.Clean(price.Product.ID, maxID)
	sold, err := c.product(ctx, item.ProductID)
	item.ProductName = sold.name
	if item.Tier == "" {
		item.Tier = sold.tier
	}
	return item, err
}

// product asks for a product, unless this look has done so already.
func (c *catalog) product(ctx context.Context, id string) (product, error) {
	if known, ok := c.products[id]; ok || id == "" {
		return known, nil
	}
	found, err := c.s.api.Products.Get(id, &stripe.ProductParams{Params: stripe.Params{Context: ctx}})
	switch {
	case isMissing(err):
		c.products[id] = product{}
		return product{}, nil
	case err != nil:
		return product{}, err
	case found.ID != id:
		return product{}, errOddAnswer("view product")
	}
	c.products[id] = product{
		name: models.Clean(found.Name, maxText),
		tier: models.Clean(found.Metadata[models.KeyTier], models.MaxMetadataValue),
	}
	return c.products[id], nil
}
