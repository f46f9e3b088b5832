package mail

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"twigz/models"
)

// fact is something about a payment by which people find more of it.
type fact struct{ Name, Value string }

// way is something that a person can do about a blocked payment.
type way struct {
	Name  models.ActionKind
	Means string
	fits  []models.BlockedReason // what it helps against; nil: anything
}

var ways = []way{
	{models.ActRetry, "Looks again at once: mend the cause first.", nil},
	{models.ActFix, "Looks again, with corrected metadata.", []models.BlockedReason{
		models.BlockedMetadata, models.BlockedUnknownStore, models.BlockedUnknownCheckout, models.BlockedFee,
	}},
	{models.ActAccept, "Makes the order for what was collected, in spite of the mismatch.", []models.BlockedReason{
		models.BlockedAmount, models.BlockedCurrency, models.BlockedFee,
	}},
	{models.ActAccept, "The money was given to the customer by other means: the case is closed.", []models.BlockedReason{
		models.BlockedCompensation, models.BlockedRefundFailed,
	}},
	{models.ActRefund, "Gives the money back, all of it or a part.", nil},
	{models.ActCancel, "Makes sure that there is no order, and gives all the money back.", nil},
}

// showBlocked names nobody's address: the mail goes to whoever is on duty.
func (v *view) showBlocked(l models.Letter) {
	p := l.Payment
	v.showCollected(p)
	v.Again = l.Repeats()
	v.Detail = oneLine(cmp.Or(p.BlockedDetail, l.Detail))
	if p.BlockedReason != nil {
		v.Blocked = oneLine(string(*p.BlockedReason))
		for _, w := range ways {
			if w.fits == nil || slices.Contains(w.fits, *p.BlockedReason) {
				v.Ways = append(v.Ways, w)
			}
		}
	}
	if p.BlockedReason == nil && l.Detail != "" {
		// A step broke down in a way that the rows cannot tell of.
		v.Blocked, v.Ways = "internal_error", ways[:1]
	}
	v.know("Collected", cmp.Or(v.Amount, "not known"))
	v.lookUp(l)
	v.know("Customer", p.CustomerID)
	if p.OwnerWorkflowID != nil {
		v.know("Workflow", *p.OwnerWorkflowID)
	}
}

func (v *view) showDeadline(l models.Letter) {
	d := l.Dispute
	v.DisputeID = oneLine(cmp.Or(d.ID, l.Detail))
	v.Inquiry = d.Status == models.InquiryNeedsResponse || d.Status == models.InquiryUnderReview
	if d.ID != "" {
		v.Amount = amount(&d.Amount, models.Currency(d.Currency))
	}
	if d.DueBy != 0 {
		v.Due = inUTC(time.Unix(d.DueBy, 0))
	}
	v.know("Dispute", v.DisputeID)
	v.know("Amount", v.Amount)
	v.know("Reason", inWords(d.Reason))
	v.lookUp(l)
}

// lookUp shows what payment it is, and whose.
func (v *view) lookUp(l models.Letter) {
	v.know("Payment", l.Payment.ID)
	v.know("At Stripe", v.PaymentIntentID)
	if v.OrderID = l.Order.ID; v.OrderID == "" && l.OrderID != nil {
		v.OrderID = *l.OrderID
	}
	v.know("Order", v.OrderID)
	store := l.Payment.StoreID
	if l.Store.ID != "" {
		store = fmt.Sprintf("%s (%s)", l.Store.Name, l.Store.ID)
	}
	v.know("Store", store)
}

// know leaves out what is not known.
func (v *view) know(name, value string) {
	if value = oneLine(value); value != "" {
		v.Facts = append(v.Facts, fact{name, value})
	}
}

// Needs says that a payment waits for a person, and whether that is news.
func (v view) Needs() string {
	if v.Again {
		return "still needs a person"
	}
	return "needs a person"
}

// BankWants says what the bank does about a payment.
func (v view) BankWants() string {
	if v.Inquiry {
		return "asks about a payment"
	}
	return "disputes a payment"
}

// Otherwise says what becomes of a dispute that nobody answers.
func (v view) Otherwise() string {
	if v.Inquiry {
		return "Without evidence it may become a dispute, which takes the money back."
	}
	return "Without evidence the bank decides for its customer."
}

// inWords writes a fixed word of ours or Stripe's for people.
func inWords(fixed string) string { return strings.ReplaceAll(oneLine(fixed), "_", " ") }
