// Package models knows, and refuses to be wrong: it holds Twigz's tables and
// every rule about them.
//
// # The tables
//
//	stores ──< products                    what is sold, for how much, how much is left
//	customers ──< carts ──< cart_items     what a customer is about to buy
//	checkouts ──< checkout_items           the same, frozen when they went to pay
//	   └──< checkout_requests              by which Idempotency-Key they asked for it
//	payments                               what Stripe says of the money
//	   ├──< stripe_events                  which events said so, and what came of each
//	   ├──< refunds, disputes, reviews     what happened to the money afterwards
//	   ├──< holds                          what keeps the order from being shipped
//	   ├──< notifications                  who is told, one row a recipient and occasion
//	   ├──< actions                        what staff asked for, one row a request
//	   └──1 orders ──< order_items         what was bought
//	stripe_customers                       Stripe's customers: whose each is, who looks at it
//	   ├──< subscriptions, invoices         as Stripe has them, replaced by each look
//	   ├──< stripe_events                  which events made somebody look
//	   └──< notifications                  who is told of an invoice
//	customers ──1 grants                   what their subscriptions come to, as told last
//	   └──< outgoing_messages              words of ours to other services
//	audit_entries                          who changed what, when and why
//	inbox                                  workflows that start when Temporal is back
//	cursors                                how far reconciliation has read
//
// Money is whole minor units of a lower-case ISO 4217 currency. What SQL can
// hold is a constraint there as well (migrations/), so a mistake here ends in a
// refused transaction and never in a wrong row.
//
// # Before the payment
//
// Freeze is one transaction. It copies the cart (lines, prices, fee, address,
// total) into a checkout, takes the stock out for KeepStockFor, and writes the
// payment's row, whose ID is the checkout's and the only thing that Stripe's
// metadata carries. The cart is left as it is: the order will claim from it what
// was frozen, whatever the customer has done to it meanwhile.
//
//	Freeze ──▶ Stripe is told (PurchaseOf) ──▶ KeepPrepared ──▶ events, as below
//	   └────▶ ExpireCheckout, when the time is over and nothing was paid
//
// A customer's checkouts take turns by an advisory lock, so that the second of two
// clicks with one Idempotency-Key finds what the first made. What a key stands for
// is the request and never the cart, which the first click's order may have emptied.
//
// A new checkout gives back the stock of earlier ones of the same customer in the
// same store that are neither paid nor being processed. A customer who goes back
// and forth thus keeps no more from others than one cart, and does not run out of
// stock by their own doing. The earlier one can still be paid, in another tab for
// example: its stock is then taken from what is there, like that of any success
// that comes after its reservation ended.
//
// KeepPrepared takes Stripe's answer as it would an event, by name: events may
// have come first, and then it changes nothing. Where Stripe adds the tax, the
// checkout's total is the least that may be collected, and what is more is the
// order's tax.
//
// ForgetCustomer takes a person out of every row and leaves the money. What comes
// later about a payment older than that brings neither their mail address nor
// their home back; what they buy later is delivered and told as ever.
//
// # One payment, one order
//
// Events of one payment come doubled, in any order, by different names: a
// checkout session and its payment intent send one each, often in the same
// second, and either may lack the metadata that says whose payment it is. So
// every event goes through observe, which takes a lock for each name that the
// event knows its payment by, finds or makes the payment's row, merges rows
// that turn out to be one payment, and writes down what the event says. Only
// then does CreateOrder look for the order, before it looks at the cart. The
// order's ID is a function of the payment's name at Stripe, and payment and
// checkout are unique keys: a second order cannot be written.
//
// # A payment's states
//
//	             ┌──────────▶ processing ◀──┐
//	             │            │    │        │
//	pending ─────┼──▶ failed ◀┘    │        │ another attempt
//	   │         │      │ └────────┼────────┘
//	   │         ▼      ▼          ▼
//	   │       canceled ◀──────────┘
//	   │         │
//	   └────────▶ paid      from any of them, and for good
//
// The arrows are the table paymentSources; Payment.move is the one function
// that follows them. A late failure therefore never undoes a success.
//
// # What follows from the rows
//
// What happens to the money afterwards comes in any order and is written down as
// rows, each with a table of transitions of its own: refundSources and
// disputeSources; a review only closes. Nothing is added up as events come. After
// each change reckon reads what the rows come to:
//
//	refunds   ──▶ amount_refunded          ┐
//	disputes  ──▶ disputed, charged_back   ├──▶ payments.status, the word people are shown
//	block     ──▶ blocked_reason           ┘    (a generated column, migration 2)
//	refunds, disputes, cancel_reason ──▶ the order's status
//
// So every order of arrival comes to the same rows, and doing it again changes
// nothing: a test tells the events of one payment in all 720 orders there are.
//
// # An order's statuses
//
//	confirmed ──▶ canceled ──▶ refunded ──▶ charged_back
//	   │ ▲           ▲            │ │
//	   │ └───────────┴────────────┘ │         the refund failed after it had succeeded:
//	   └──── may also go to any further one   the order is where it was before
//
// The arrows are the table orderSources; Order.move is the one function that
// follows them, with its audit entry. Holds lie over the status, several at once,
// each with its source (dispute, review, staff): the order is shown as on_hold
// while one is open, and is where it was when the last is released.
//
// # Blocked, and who waits
//
// A payment that was collected and does not fit, or money that is owed back and
// did not go out, is blocked: it is shown as needs_attention, and
// owner_workflow_id names the open workflow that waits for a person about it.
// settle decides it by the rows and is the end of every change: refund_due while
// money is on its way back, compensation_failed when that did not work,
// refund_failed when a refund came back. The refusal to make an order (placeOrder)
// blocks for the other reasons, unless the store wants what it cannot fulfill
// refunded: then giveUp writes the refund, the notifications and no_order_reason
// in the same transaction, so that it is decided once, whatever is killed next.
//
// A refund of ours is a row first (requestRefund), which Stripe is asked for with
// a key that is a function of what wants it, and which is found again by the row's
// ID in its metadata. All refunds together never exceed what was collected.
//
// # What people ask for
//
// Act is the one door for staff, by the support API and by signals: once for each
// request ID, checked and audited in the transaction that acts, refused with a
// word about why. What an action leaves to be done in the world is in the rows
// again (Due), and a workflow carries it out.
//
// # The cart is claimed, then cleared
//
// CreateOrder marks what it bought in cart_items with the order's ID: the
// customer no longer sees it, no second payment can buy it, what was added
// meanwhile stays. ClearCart removes what is marked. Stock that a checkout keeps
// for its payment has a state machine of its own, see Reservation.
//
// # Subscriptions: whatever Stripe says
//
// An event about a subscription or an invoice says that something has changed and
// is believed no further: its shape depends on its version, and events come late
// and in any order. So each has Stripe's customer looked at anew, whole, and the rows
// are replaced by what Stripe says then (KeepSync). Nothing is added up; the last look
// is what is kept, and rows that it does not change are not touched.
//
// One workflow looks at a customer at a time. WantSync counts the wants, and lends the
// turn to one of those that ask; a look covers what had been wanted when it began,
// because Stripe may have answered before whatever came later:
//
//	wanted   1    2    3         4    5
//	         │    ╵    ╵         ╵    ╵
//	         ├─ BeginSync(3) ── KeepSync: fetched = 3 ─┐
//	         lease of 1        4 and 5 are not covered ├─ BeginSync(5) ── KeepSync: fetched = 5
//	                                                   lease of 4
//
// However many events come during a look, one more covers them all; it waits a second
// where several had wanted the last one, because more are likely to come. The lease ends
// with the look, or by time when its holder has died: then another's look is the one
// that counts, and what the first one brings after all is lost (SyncResult.Lost). A
// look fetches the newest invoices; a want that names an older one, which nobody
// knows, is covered by its own workflow's look alone.
//
// Whose a subscription is, the first that can be a customer's ID says: its own
// metadata (or its checkout session's), its Stripe customer's metadata, our own
// mapping (stripe_customers.customer_id: made by us, or assigned by support).
// resolve says so anew whenever one of them changes. A customer who is deleted at
// Stripe stays here with deleted_at, for their invoices' sake; whoever was known
// there by that name is known by none until their next checkout.
//
// # What subscriptions grant
//
// SubscriptionState is reckoned from the rows, at the time of asking: active and
// trialing give access, past_due and unpaid until grace_until, everything else none.
// grants keeps what other services were told last. Where a look, a mapping or time
// (EndGrace) makes it something else, the same transaction gives it the next number,
// writes the message and has the workflow started that delivers it (inbox). Not
// compared and not told is latestInvoice alone: it changes with each attempt to
// collect, and its link opens it.
//
// # Locks, and their order
//
// Transactions take locks in this order, so that none can wait for another in a
// circle: a customer of Stripe's, names (advisory, sorted; a payment's, or that of a
// customer's checkouts), payment rows (by ID), the checkout, the cart, products (by
// ID), customers (by ID). Whoever ends one reservation and begins another locks the products of
// both before it changes either.
package models
