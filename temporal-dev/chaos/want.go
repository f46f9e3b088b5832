package chaos

import "twigz/models"

// want is what has to have come of a payment in the end, whatever happened on the way.
type want struct {
	statuses []string // of the payment, any of them
	orders   []string // of the order, any of them; none: there is no order
	refunded int64    // at Stripe, minor units
	held     bool     // a hold is open
	mails    []mail   // have come
	may      []mail   // may have come as well: what happened first is left to chance
}

// none is the status of an order that was never made.
const none = "none"

// mail is what somebody is told, once for each payment (or, of failures, for each failed attempt).
type mail struct {
	kind models.NotificationKind
	to   models.Recipient
}

// The mails of each occasion.
var (
	orderMails        = []mail{{models.TellConfirmed, models.ToCustomer}, {models.TellReceived, models.ToStore}}
	compensationMails = []mail{{models.TellUnfulfillable, models.ToCustomer}, {models.TellUnfulfillable, models.ToStore}}
	cancelMails       = []mail{{models.TellCanceled, models.ToCustomer}, {models.TellCanceled, models.ToStore}}
	failureMails      = []mail{{models.TellFailed, models.ToCustomer}}
)

func ordered(*sale) want {
	return want{statuses: []string{"paid"}, orders: []string{"confirmed"}, mails: orderMails}
}

func orderedAfterFailure(s *sale) want {
	w := ordered(s)
	w.may = failureMails // a success that overtakes the failure leaves nothing to tell of
	return w
}

// orderedSoon is for what a dispute came before: whether the mails are due depends on what was seen first.
func orderedSoon(*sale) want {
	return want{statuses: []string{"paid"}, orders: []string{"confirmed"}, may: orderMails}
}

func failed(*sale) want {
	return want{statuses: []string{"failed"}, orders: []string{none}, mails: failureMails}
}

func canceled(*sale) want { return want{statuses: []string{"canceled"}, orders: []string{none}} }

func compensated(s *sale) want {
	return want{statuses: []string{"refunded"}, orders: []string{none}, refunded: s.Paid, mails: compensationMails}
}

// refundedByStaff is for a payment that waited for a person, who gave the money back.
func refundedByStaff(s *sale) want {
	return want{statuses: []string{"refunded"}, orders: []string{none}, refunded: s.Paid, may: compensationMails}
}

func waiting(*sale) want { return want{statuses: []string{"needs_attention"}, orders: []string{none}} }

func refunded(s *sale) want {
	return want{statuses: []string{"refunded"}, orders: []string{"refunded"}, refunded: s.Paid, mails: orderMails}
}

func refundedInPart(s *sale) want {
	return want{statuses: []string{"partially_refunded"}, orders: []string{"confirmed"}, refunded: s.part(), mails: orderMails}
}

// refundedFirst is for a refund that may be heard of before the payment: then no order is made.
func refundedFirst(s *sale) want {
	return want{statuses: []string{"refunded"}, orders: []string{none, "refunded"}, refunded: s.Paid, may: orderMails}
}

// refundBounced is for a refund that failed after it had succeeded: a person has to see to it.
func refundBounced(*sale) want {
	return want{statuses: []string{"needs_attention"}, orders: []string{"confirmed"}, mails: orderMails}
}

func disputed(*sale) want {
	return want{statuses: []string{"disputed"}, orders: []string{"confirmed"}, held: true, mails: orderMails}
}

func chargedBack(*sale) want {
	return want{statuses: []string{"charged_back"}, orders: []string{"charged_back"}, mails: orderMails}
}

func chargedBackFirst(*sale) want {
	return want{statuses: []string{"charged_back"}, orders: []string{none, "charged_back"}, may: orderMails}
}

// takenBack is for an order that was canceled with its money given back: it may say either.
func takenBack(s *sale) want {
	return want{
		statuses: []string{"refunded"}, orders: []string{"canceled", "refunded"}, refunded: s.Paid,
		mails: append(append([]mail{}, orderMails...), cancelMails...),
	}
}
