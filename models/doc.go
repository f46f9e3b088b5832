// Package models knows, and refuses to be wrong: it holds Twigz's tables and
// every rule about them.
//
// # The tables
//
//	stores ──< products                    what is sold, for how much, how much is left
//	customers ──< carts ──< cart_items     what a customer is about to buy
//	checkouts ──< checkout_items           the same, frozen when they went to pay
//	payments                               what Stripe says of the money
//	   ├──< stripe_events                  which events said so, and what came of each
//	   ├──< notifications                  who is told, one row a recipient
//	   └──1 orders ──< order_items         what was bought
//	audit_entries                          who changed what, when and why
//
// Money is whole minor units of a lower-case ISO 4217 currency. What SQL can
// hold is a constraint there as well (migrations/), so a mistake here ends in a
// refused transaction and never in a wrong row.
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
// that follows them. A late failure therefore never undoes a success. Laid over
// the state is the block: a payment that was collected but does not fit (a
// BlockedReason) waits for a person and is shown as needs_attention, while
// owner_workflow_id names the open workflow that waits with it.
//
// # An order's statuses
//
//	confirmed ──▶ canceled ──▶ refunded ──▶ charged_back
//	    └────────────┴─ may also go to any further one ─┘
//
// The arrows are the table orderSources; DB.ChangeOrderStatus is the one
// function that follows them, with its audit row, in one transaction.
//
// # The cart is claimed, then cleared
//
// CreateOrder marks what it bought in cart_items with the order's ID: the
// customer no longer sees it, no second payment can buy it, what was added
// meanwhile stays. ClearCart removes what is marked.
//
// # Locks, and their order
//
// Transactions take locks in this order, so that none can wait for another in a
// circle: the payment's names (advisory, sorted), payment rows (by ID), the
// checkout, the cart, products (by ID).
package models
