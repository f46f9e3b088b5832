package chaos

import "twigz/temporal-dev/stripestandin/faults"

// faultRules are what goes wrong with Stripe, besides. Nothing is dropped for good: Stripe resends, and so does the stand-in.
var faultRules = []faults.Rule{
	{Fault: faults.Duplicate, Rate: 0.08},
	{Fault: faults.Duplicate, Rate: 0.05, DelayMS: 4000},
	{Fault: faults.Twin, Match: "payment_intent.*", Rate: 0.08},
	{Fault: faults.Twin, Match: "ch*", Rate: 0.04}, // charges, their refunds and disputes, and sessions
	{Fault: faults.Twin, Match: "re*", Rate: 0.04}, // refunds and reviews
	{Fault: faults.Reorder, Rate: 0.15},
	{Fault: faults.Delay, Rate: 0.08, DelayMS: 1500},
	{Fault: faults.BadSignature, Rate: 0.01},

	{Fault: faults.ServerError, Match: "POST /v1/refunds", Rate: 0.1},
	{Fault: faults.ServerError, Match: "POST /v1/refunds", Rate: 0.1, AfterWork: true},
	{Fault: faults.LostAnswer, Match: "POST /v1/refunds", Rate: 0.1},
	{Fault: faults.Timeout, Match: "POST /v1/refunds", Rate: 0.05, DelayMS: 3000},
	{Fault: faults.Conflict, Match: "POST /v1/refunds", Rate: 0.03},
	{Fault: faults.RateLimit, Match: "GET /v1/*", Rate: 0.04, RetryAfter: 1},
	{Fault: faults.ServerError, Match: "GET /v1/*", Rate: 0.02},
	{Fault: faults.Timeout, Match: "GET /v1/*", Rate: 0.01, DelayMS: 3000},
}
