package workflows

import (
	"cmp"
	"strings"

	"go.temporal.io/sdk/temporal"

	"twigz/models"
)

// Search attributes, by which people find workflows. They are never encrypted:
// no mail address, name or street goes into them.
var (
	AttrEventType       = temporal.NewSearchAttributeKeyKeyword("StripeEventType")
	AttrPaymentIntentID = temporal.NewSearchAttributeKeyKeyword("PaymentIntentID")
	AttrCustomerID      = temporal.NewSearchAttributeKeyKeyword("CustomerID")
	AttrStoreID         = temporal.NewSearchAttributeKeyKeyword("StoreID")
	AttrLivemode        = temporal.NewSearchAttributeKeyBool("Livemode")
	AttrOrderID         = temporal.NewSearchAttributeKeyKeyword("OrderID")
	AttrBlockedReason   = temporal.NewSearchAttributeKeyKeyword("BlockedReason")
)

// SearchAttributes lists every search attribute a namespace must have, by name,
// with its type as Temporal's command line spells it.
func SearchAttributes() map[string]string {
	return map[string]string{
		AttrEventType.GetName():       AttrEventType.GetValueType().String(),
		AttrPaymentIntentID.GetName(): AttrPaymentIntentID.GetValueType().String(),
		AttrCustomerID.GetName():      AttrCustomerID.GetValueType().String(),
		AttrStoreID.GetName():         AttrStoreID.GetValueType().String(),
		AttrLivemode.GetName():        AttrLivemode.GetValueType().String(),
		AttrOrderID.GetName():         AttrOrderID.GetValueType().String(),
		AttrBlockedReason.GetName():   AttrBlockedReason.GetValueType().String(),
	}
}

// StartAttributes are an event workflow's search attributes from the start. The
// order's ID is a function of the payment's, so the workflow that is to make an
// order can be found by it without an upsert, which would cost an event of
// history and a sixth of the rate.
func StartAttributes(workflowType string, e models.Event) temporal.SearchAttributes {
	updates := []temporal.SearchAttributeUpdate{
		AttrEventType.ValueSet(e.Type),
		AttrLivemode.ValueSet(e.Livemode),
	}
	updates = append(updates, about(e.PaymentIntentID, e.Metadata[models.KeyCustomerID], e.Metadata[models.KeyStoreID])...)
	if workflowType == TypeFulfillOrder && e.Metadata != nil && e.PaymentIntentID+e.CheckoutSessionID != "" {
		updates = append(updates, AttrOrderID.ValueSet(models.OrderID(e.PaymentIntentID, e.CheckoutSessionID)))
	}
	return temporal.NewSearchAttributes(updates...)
}

// SupportAttributes are the search attributes from the start of a workflow that
// no event starts, such as SupportAction or Checkout. What is "" is left out.
func SupportAttributes(paymentIntentID, customerID, storeID string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(about(paymentIntentID, customerID, storeID)...)
}

func about(paymentIntentID, customerID, storeID string) []temporal.SearchAttributeUpdate {
	var updates []temporal.SearchAttributeUpdate
	set := func(key temporal.SearchAttributeKeyKeyword, value string) {
		if value != "" {
			updates = append(updates, key.ValueSet(value))
		}
	}
	set(AttrPaymentIntentID, paymentIntentID)
	set(AttrCustomerID, customerOrStore(customerID))
	set(AttrStoreID, customerOrStore(storeID))
	return updates
}

// customerOrStore lets only what can be an ID into a search attribute: metadata
// that a client filled wrongly may hold anything, a street for example.
func customerOrStore(id string) string {
	if !models.ValidID(id) {
		return ""
	}
	return id
}

// maxSummary is in bytes, as Temporal's limit for summaries is.
const maxSummary = 200

// Summary is the line that the Web UI shows for an event's workflow.
func Summary(e models.Event) string {
	text := models.Clean(strings.TrimSpace(e.Type+" "+object(e)), maxSummary)
	return strings.ToValidUTF8(text[:min(len(text), maxSummary)], "") // without the half of a character
}

// object is what an event is about. An invoice names its subscription and its
// payment as well, and each of those its customer.
func object(e models.Event) string {
	if strings.HasPrefix(e.Type, "invoice.") {
		return cmp.Or(e.InvoiceID, e.SubscriptionID, e.StripeCustomerID)
	}
	return cmp.Or(e.PaymentIntentID, e.CheckoutSessionID, e.ChargeID, e.SubscriptionID, e.StripeCustomerID)
}
