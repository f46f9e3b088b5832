// Package workflows decides what happens next, durably.
//
// One workflow a Stripe event, its ID the event's; and one for each thing that
// no event starts. Their steps are the methods of package activities:
//
//	FulfillOrder          CreateOrder ─▶ settle
//	                        │ cannot be made: takes back, and looks again
//	                        └─▶ GiveBack ─▶ MakeRefund, SettleRefund ─▶ SendNotifications
//	RecordPaymentFailure  ViewPaymentIntent ─▶ RecordPaymentState(failed) ─▶ SendNotifications
//	CancelPayment         ViewPaymentIntent ─▶ RecordPaymentState(canceled)
//	RecordPayment         ViewPaymentIntent ─▶ RecordPaymentState(processing)
//	RecordRefund          ViewRefunds ─▶ RecordRefunds ─▶ settle
//	TrackDispute          ViewDispute ─▶ RecordDispute ─▶ settle
//	                        ▲ open, and this workflow's to look after │
//	                        └── a request, the deadline, a week ◀─────┘
//	TrackReview           ViewReview ─▶ (rejected: ViewRefunds ─▶ RecordRefunds) ─▶ RecordReview ─▶ settle
//	SupportAction         FindDue ─▶ carry out ─▶ Look ─▶ settle      support-<requestId>
//	OpenCase              Look ─▶ settle, as TrackDispute too         case-<paymentId>
//	Reconcile             ReconcileEvents ─▶ Watch                    reconcile-<task queue>-…
//	Checkout              PurchaseOf ─▶ SyncCustomer's steps          checkout-<paymentId>
//	                        ─▶ CreatePaymentIntent or CreateSession ─▶ KeepPrepared
//	                        ─▶ a timer ─▶ ExpireCheckout
//	SyncCustomer          Profile ─▶ PutStripeCustomer ─▶ KeepStripeCustomer, until they agree
//	                                                                  customer-<hash of their ID>
//	SyncSubscription      a look (below) ─▶ FinishSync ─▶ SendNotifications
//	Resync                a look at each                              support-<requestId>
//	OpenPage              (to subscribe: ViewPrice ─▶ HasSubscription)
//	                        ─▶ SyncCustomer's steps                   page-<hash>-<hash>
//	                        ─▶ CreateSubscriptionSession or CreatePortalSession
//	DeliverWebhook        DeliverMessage                              webhook-<message ID>
//
// Should one of the second to fourth be the first to say what a payment is for
// that was collected before (its success carried no metadata), it goes on as
// FulfillOrder does.
//
// # Settling
//
// Every story comes down to the same: where does the payment stand, what is due,
// is a person needed. A step on rows answers all three (models.Standing), and
// desk.settle stays with the payment until none of it is left:
//
//	    ┌───────────────────────── look ◀──────────────────────────┐
//	    ▼                                                          │
//	standing ── blocked, and ours ─▶ tell support ─▶ wait for a request, or a day
//	    │                                                          │
//	    │ not                                                      │
//	    ▼                                                          │
//	carry out what is due ─▶ made a refund, or a request left? ─ yes
//	                               │ no
//	                               ▼
//	                              end
//
// Carrying out is: wake the workflow that waited, clear the cart, make refunds,
// find the customer's address, send mails. Each is a row that changes when it is
// done, so whoever does it, it is done once.
//
// # Rows local, the world durable
//
// A step that is one short transaction (onRows) runs as a local activity, which
// costs one event of history and no trip to another worker; when it fails for a
// passing reason the same method runs as a regular activity, with its full retry
// policy and visible in the Web UI. Mails and Stripe are regular activities from
// the start. A fulfilled order takes 13 events of history.
//
// # People
//
// No workflow ends failed for what the world did. A payment that does not fit
// is a state, not an error: it is blocked, with a reason people can filter by
// (search attribute BlockedReason). Support is told at once and reminded every
// day by a durable timer, and each day the payment is looked at again. A step
// that no retry can mend waits the same way, with the reason internal_error, until
// the signal "retry"; support is reminded of it daily once the payment is known. So a closed workflow means that
// nothing is left to do, and an open one says whom it waits for: query "state".
//
// Every workflow about a payment takes nine signals (retry, fix, accept, refund, cancel, hold,
// release, resend, note), at any time. A signal is put into a queue, and the
// story attends to the queue where it waits and before it ends; until the
// payment is known, requests wait. Attending is the activity Act, which checks
// and audits, once for a request's ID; then what it leaves due is carried out and
// the payment is looked at again. What came of it is in the state. The same Act is behind
// the support API, whose SupportAction carries out what is due when no workflow
// is open for the payment any more. "retry" by the actor twigz is a sibling's
// wake-up: it means look again, and is nobody's request.
//
// # Before the payment
//
// A checkout is frozen in the rows before anybody is asked: then its workflow has
// Stripe make it payable, for as long as it takes and the checkout's time is not
// over, and releases in the end what it kept of the stock. The customer's call is
// the update "prepare", which answers as soon as Stripe has; a call that gave up
// finds the same workflow next time, or the same rows when that has ended. What
// Stripe refuses is an answer: the workflow completes, the stock is free at once.
//
// Stripe's customer is made of our ID alone, under a key that is a function of it,
// so two first checkouts at once make one. Whoever tells Stripe of an email or name
// looks afterwards whether it is still so: the last word there is what the rows say.
// These workflows are about no payment yet and take the signal "retry" alone.
//
// A customer whom somebody has deleted at Stripe is lost there: LoseStripeCustomer
// says so in the rows, another is made under a key that names the one before, and
// what could not be made for the old one is made for the new. OpenPage has Stripe
// make a page in the same way, for a customer's call that waits by the same update;
// there are no rows of it.
//
// # Subscriptions
//
// An event about a subscription, an invoice or a customer says that something
// changed, and Stripe says what: the customer is looked at there, and the rows are
// replaced by what there is. The facts go from Stripe into the rows within one
// activity and are in no history. One look at a time a customer: the rows count
// how often a look was wanted, note up to which want the last one counts, and lend
// the turn to one workflow.
//
//	WantSync ── covered ────────────────────────────▶ FinishSync ─▶ SendNotifications, if a mail is due
//	   ▲   └─ ours ─▶ SyncBilling ─┬─ kept ─▶ WantSync
//	   │                           └─ lost, or Stripe is away ─┐
//	   ├─── another's ─────────────────────────────────────────┤
//	   └──────────── 1 s, doubling to 15 min, or "retry" ◀─────┘
//
// So two hundred events that come together make a few looks, each sees the present,
// and the last was begun after the last event came. SyncBilling has a task queue
// of its own (SyncQueue). That Stripe is away, or refuses our key, is waited for
// and never fails the workflow; when its history has grown long it goes on in
// another run, with the want that it had.
//
// Whose it is, which mail is due and what other services are told, the rows know.
// A word to another service is a row first, and DeliverWebhook, started from the
// inbox, delivers it for as long as it takes: "retry" spares it the pause.
//
// # Refunds
//
// The row comes first, and Stripe is asked in its name: the idempotency keys are
// the row's key and a number, evt_1:compensation:1. An attempt whose fate is
// unknown is repeated under the same key. A failure that Stripe keeps under a key
// (it replays a stored 500 for a day) is followed by the next key, and MakeRefund
// looks before it asks whether the refund is there already. Stripe's refusal is
// an answer too: then what others refunded is read and recorded.
//
// # Compensation
//
// What takes an order back is a stack (undo), built before CreateOrder is called
// and run from its top, on a context that a cancellation does not reach: stock
// and cart, money, word to customer and store. Each step runs whatever came of
// the others, all errors are kept, and then the rows are asked again: they know
// whether all is done, or the payment is blocked as compensation_failed.
//
// # Idempotency
//
// It comes from the rows: every step may run twice, and siblings (a session's and
// its payment intent's events) may run side by side. Whichever makes the order,
// the others find it. When a workflow settles a payment that another was waiting
// for a person about, it wakes that one, so that it looks again and ends. Which
// workflow waits about a payment or looks after a dispute is in the rows.
//
// # Versions
//
// A change to what a workflow does in which order needs workflow.GetVersion;
// recorded histories in testdata/histories fail the build when it is forgotten.
//
//	support-actions  1: requests, and reminders of a blocked payment. Older
//	                 workflows know "retry" alone, which looks again.
package workflows
