package workflows

import "twigz/models"

// PageKind is which page of Stripe's a customer wants to be led to.
type PageKind string

// The pages.
const (
	PageSubscribe PageKind = "subscribe" // Checkout for a subscription
	PagePortal    PageKind = "portal"    // the billing portal
)

// PageInput is a page that Stripe is to make for a customer.
type PageInput struct {
	Kind       PageKind `json:"kind"`
	CustomerID string   `json:"customerId"`
	PriceID    string   `json:"priceId,omitempty"`    // to subscribe to
	Quantity   int64    `json:"quantity,omitempty"`   // of it
	SuccessURL string   `json:"successUrl,omitempty"` // of a subscription's page
	CancelURL  string   `json:"cancelUrl,omitempty"`
	ReturnURL  string   `json:"returnUrl,omitempty"` // of the portal
	ExpiresAt  int64    `json:"expiresAt"`           // until when it is tried, Unix seconds
}

// Page is what Stripe made.
type Page struct {
	URL   string    `json:"url"`
	Asked PageInput `json:"asked"` // by the first who asked under this workflow's ID: another's wish with the same key is another's
}

// PageWorkflowID is the ID of the workflow that has Stripe make a page. key is
// whatever makes a customer's wish the same wish.
func PageWorkflowID(customerID, key string) string {
	return "page-" + hashOf(customerID) + "-" + hashOf(key)
}

// The update UpdatePrepare of an OpenPage workflow answers with a Page, or fails
// with one of these types. None of them is an error of ours.
const (
	PageRefused     models.Outcome = "page_refused"     // Stripe does not make such a page
	PageExpired     models.Outcome = "page_expired"     // its time was over before Stripe could be reached
	PageNoPrice     models.Outcome = "page_no_price"    // there is no such price, or none to subscribe to
	PageSubscribed  models.Outcome = "page_subscribed"  // they have a subscription of that product already
	PageOpened      models.Outcome = "page_opened"      // Stripe made it
	ResyncRequested models.Outcome = "resync_requested" // what a resync comes to when its customer has been looked at
)

// ResyncInput names customers of Stripe's to be looked at anew. Its workflow's ID
// is that of a request of support, support-<requestId>.
type ResyncInput struct {
	RequestID         string   `json:"requestId"`
	CustomerID        string   `json:"customerId,omitempty"` // for finding it
	StripeCustomerIDs []string `json:"stripeCustomerIds"`
}

// DeliverInput names a message of ours to another service. Its workflow's ID is
// webhook-<message ID>.
type DeliverInput struct {
	MessageID  string `json:"messageId"`
	CustomerID string `json:"customerId,omitempty"` // for finding it
}

// DeliveryWorkflowID is the ID of the workflow that delivers a message of ours.
func DeliveryWorkflowID(messageID string) string { return "webhook-" + messageID }

// SyncQueue is where customers of Stripe's are looked at, beside the queue of the
// other calls to Stripe: a look is several calls, so fewer are begun a second.
func SyncQueue(taskQueue string) string { return StripeQueue(taskQueue) + "-sync" }
