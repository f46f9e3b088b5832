package chaos

// world is what there is in the end, everywhere: all that the checker looks at.
type world struct {
	sales    []*sale
	tables   tables
	stripe   map[string]charged // by payment intent
	mails    []delivered
	temporal cluster
	// undelivered are events of the stand-in that did not reach the API, in words.
	undelivered []string
}

// tables are the rows that are looked at, as JSON names their columns.
type tables struct {
	Payments      []paymentRow      `json:"payments"`
	Orders        []orderRow        `json:"orders"`
	OrderItems    []itemRow         `json:"orderItems"`
	Refunds       []refundRow       `json:"refunds"`
	Disputes      []disputeRow      `json:"disputes"`
	Holds         []holdRow         `json:"holds"`
	Notifications []notificationRow `json:"notifications"`
	CartItems     []cartRow         `json:"cartItems"`
	Products      []productRow      `json:"products"`
	Inbox         []inboxRow        `json:"inbox"`
}

type paymentRow struct {
	ID       string `json:"id"`
	Intent   string `json:"payment_intent_id"`
	Customer string `json:"customer_id"`
	Status   string `json:"status"`
	Received int64  `json:"amount_received"` // 0: not told
	Refunded int64  `json:"amount_refunded"`
	Currency string `json:"currency"`
	Blocked  string `json:"blocked_reason"`    // "": not blocked
	Owner    string `json:"owner_workflow_id"` // "": nobody waits
}

type orderRow struct {
	ID           string  `json:"id"`
	Payment      string  `json:"payment_id"`
	Customer     string  `json:"customer_id"`
	Store        string  `json:"store_id"`
	Status       string  `json:"status"`
	Currency     string  `json:"currency"`
	Subtotal     int64   `json:"subtotal"`
	Fee          int64   `json:"delivery_fee"`
	Total        int64   `json:"total"`
	CancelReason *string `json:"cancel_reason"` // nil: never canceled
}

// taken tells whether the order keeps the goods that it took.
func (o orderRow) taken() bool { return o.Status != "canceled" && o.CancelReason == nil }

type itemRow struct {
	Order    string `json:"order_id"`
	Product  string `json:"product_id"`
	Quantity int64  `json:"quantity"`
}

type refundRow struct {
	ID       string `json:"id"`
	Payment  string `json:"payment_id"`
	StripeID string `json:"stripe_refund_id"` // "": not known at Stripe
	Status   string `json:"status"`
	Amount   int64  `json:"amount"`
}

type disputeRow struct {
	ID      string `json:"id"`
	Payment string `json:"payment_id"`
	Status  string `json:"status"`
	Owner   string `json:"owner_workflow_id"` // "": nobody waits
}

type holdRow struct {
	Payment string `json:"payment_id"`
	Open    bool   `json:"open"`
}

type notificationRow struct {
	ID        string `json:"id"`
	Payment   string `json:"payment_id"`
	Kind      string `json:"kind"`
	Recipient string `json:"recipient"`
	Occasion  string `json:"occasion"`
	Status    string `json:"status"`
}

type cartRow struct {
	Customer string `json:"customer_id"`
	Store    string `json:"store_id"`
	Product  string `json:"product_id"`
	Quantity int64  `json:"quantity"`
	Order    string `json:"order_id"` // "": nobody has bought it
}

type productRow struct {
	Store string `json:"store_id"`
	ID    string `json:"id"`
	Stock int64  `json:"stock"`
}

type inboxRow struct {
	ID    string `json:"workflow_id"`
	Error string `json:"error"`
}

// charged is a payment as Stripe knows it. Amounts are in minor units.
type charged struct {
	Status   string
	Received int64
	Currency string
	Refunded int64 // of the charge, as Stripe sums it up
	Failures int   // attempts that were declined
	Refunds  []stripeRefund
	Disputes []stripeDispute
}

type stripeRefund struct {
	ID     string
	Ours   string // our row, "" when it was not we who asked
	Status string
	Amount int64
}

// counts tells whether the refund has taken the money, or will.
func (r stripeRefund) counts() bool { return r.Status != "failed" && r.Status != "canceled" }

type stripeDispute struct {
	ID     string
	Status string
	Amount int64
}

// returned is what the customer has back, or will: by refunds, and by disputes that were lost.
func (c charged) returned() int64 {
	var sum int64
	for _, r := range c.Refunds {
		if r.counts() {
			sum += r.Amount
		}
	}
	for _, d := range c.Disputes {
		if d.Status == "lost" {
			sum += d.Amount
		}
	}
	return sum
}

// delivered is a mail that came.
type delivered struct {
	MessageID string
	To        []string
}

// cluster is what Temporal says of the workflows on our task queues.
type cluster struct {
	Open   []workflow // those that have not ended
	Failed []workflow // those that ended in any way but well
}

type workflow struct {
	ID, Type, Status, Queue string
}
