// Package workflows decides what happens next, durably.
//
// One workflow a Stripe event, its ID the event's. Its steps are the methods of
// package activities:
//
//	FulfillOrder          CreateOrder ─▶ ClearCart ─▶ SendNotifications
//	                        │ does not fit        ▲
//	                        └─▶ waits for a person │ signal "retry"
//	RecordPaymentFailure  ViewPaymentIntent ─▶ RecordPaymentState(failed) ─▶ SendNotifications
//	CancelPayment         ViewPaymentIntent ─▶ RecordPaymentState(canceled)
//	RecordPayment         ViewPaymentIntent ─▶ RecordPaymentState(processing)
//
// Should one of the last three be the first to say what a payment is for that
// was collected before (its success carried no metadata), it goes on as
// FulfillOrder does.
//
// Rows local, the world durable. A step that is one short transaction (onRows)
// runs as a local activity, which costs one event of history and no trip to
// another worker; when it fails for a passing reason the same method runs as a
// regular activity, with its full retry policy and visible in the Web UI. Mails
// and Stripe are regular activities from the start. A fulfilled order takes 13
// events of history.
//
// No workflow ends failed for what the world did. A payment that does not fit
// is a state, not an error: it is blocked, with a reason people can filter by
// (search attribute BlockedReason), and the workflow stays open until a person
// sends the signal "retry". A step that no retry can mend waits the same way,
// with the reason internal_error. So a closed workflow means that nothing is
// left to do, and an open one says whom it waits for: query "state".
//
// Idempotency comes from the rows: every step may run twice, and siblings (a
// session's and its payment intent's events) may run side by side. Whichever
// makes the order, the others find it. When a sibling fulfills a payment that
// another workflow was waiting for a person about, it sends that one "retry",
// so that it looks again, finds the order and ends.
//
// A change to what a workflow does in which order needs workflow.GetVersion;
// recorded histories in testdata/histories fail the build when it is forgotten.
package workflows
