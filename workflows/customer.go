package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// CustomerInput names a customer whom Stripe is to know as we do.
type CustomerInput = activities.CustomerInput

// CustomerWorkflowID is the ID of the workflow that tells Stripe of a customer. A
// customer's ID may be their mail address, and a workflow's is never encrypted.
func CustomerWorkflowID(customerID string) string { return "customer-" + hashOf(customerID) }

func hashOf(customerID string) string {
	sum := sha256.Sum256([]byte(customerID))
	return hex.EncodeToString(sum[:12])
}

// What telling Stripe of a customer comes to.
const (
	CustomerSynced  models.Outcome = "customer_synced"  // Stripe has their email and name
	CustomerRefused models.Outcome = "customer_refused" // Stripe does not take the customer, or not their email or name
)

// SyncCustomer makes a customer at Stripe, once, and keeps them there as they are
// here.
func SyncCustomer(ctx workflow.Context, in CustomerInput) (Result, error) {
	var d desk
	if err := d.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	known, err := d.know(ctx, in.CustomerID, time.Time{})
	switch {
	case asErrorOf(err, activities.Refused), err == nil && !known.Synced:
		return Result{Outcome: CustomerRefused}, nil
	case err != nil:
		return Result{}, err
	}
	return Result{Outcome: CustomerSynced}, nil
}

// know sees to it that Stripe knows a customer as we do, as far as it takes their
// email and name. It ends when what Stripe was told last is what the rows say:
// another workflow may tell Stripe of the same customer at the same time, so that
// the rows call them synced says nothing of who was the last.
func (d *desk) know(ctx workflow.Context, customerID string, until time.Time) (models.CustomerProfile, error) {
	profile, err := onRows[models.CustomerProfile](ctx, d, "Find how Stripe knows the customer", rowsAndMails.Profile,
		activities.CustomerInput{CustomerID: customerID})
	for told := profile.Synced && profile.StripeCustomerID != ""; err == nil && !told; {
		asOf := profile
		if profile, err = d.tellStripe(ctx, &asOf, until); err != nil {
			break
		}
		told = same(profile, asOf)
	}
	return profile, err
}

// maxLost is how many customers may get lost at Stripe while one thing is made for
// them. It is more than anybody deletes in that time.
const maxLost = 3

// forCustomer has Stripe make something for a customer whom it knows. One whom it no
// longer has, because somebody deleted them there, is made anew: lost is then who
// was deleted.
func forCustomer[Out any](ctx workflow.Context, d *desk, customerID string, until time.Time, make func(stripeCustomerID, lost string) (Out, error)) (Out, error) {
	lost := ""
	for n := 0; ; n++ {
		known, err := d.know(ctx, customerID, until)
		if err != nil {
			var none Out
			return none, err
		}
		out, err := make(known.StripeCustomerID, lost)
		if !asErrorOf(err, activities.CustomerGone) || n == maxLost {
			return out, err
		}
		lost = known.StripeCustomerID
		gone := activities.StripeCustomerInput{StripeCustomerID: lost}
		if _, err := onRows[any](ctx, d, "Note that Stripe has lost the customer", rowsAndMails.LoseStripeCustomer, gone); err != nil {
			return out, err
		}
	}
}

// same says whether two profiles are alike at Stripe.
func same(a, b models.CustomerProfile) bool {
	return a.StripeCustomerID == b.StripeCustomerID && a.Email == b.Email && a.Name == b.Name
}

// tellStripe tells Stripe of a customer as they are in asOf, names them there by
// what Stripe calls them, and returns what the rows say then.
func (d *desk) tellStripe(ctx workflow.Context, asOf *models.CustomerProfile, until time.Time) (models.CustomerProfile, error) {
	made, err := atStripe[activities.StripeCustomer](ctx, d, "Tell Stripe of the customer", stripeCalls.PutStripeCustomer, until, func(n int) any {
		return activities.CustomerCall{Profile: *asOf, IdempotencyKey: numbered("customer:"+hashOf(asOf.CustomerID), asOf.After, n)}
	})
	if err != nil {
		return models.CustomerProfile{}, err
	}
	asOf.StripeCustomerID = made.ID
	keep := *asOf
	if made.Refused != "" {
		workflow.GetLogger(ctx).Warn("stripe does not take the customer's email or name", "code", made.Refused)
		keep.Email, keep.Name = "", "" // what the rows have is not what Stripe has
	}
	return onRows[models.CustomerProfile](ctx, d, "Keep Stripe's name for the customer", rowsAndMails.KeepStripeCustomer, keep)
}
