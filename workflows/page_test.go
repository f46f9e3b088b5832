package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestOpenPage(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeOpenPage, pageStories())
}

// errGone is Stripe's word for a customer whom somebody has deleted there.
var errGone = temporal.NewNonRetryableApplicationError("Stripe answered 400 resource_missing", activities.CustomerGone, nil)

// eveAnew is a customer whose customer at Stripe was deleted there.
var (
	eveAnew      = models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@example.com", Name: "Eve", After: "cus_1"}
	eveAnewKnown = models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@example.com", Name: "Eve", StripeCustomerID: "cus_2", Synced: true, After: "cus_1"}
	atCustomer2  = activities.StripeCustomer{ID: "cus_2"}
)

// subscribes scripts nothing that is to be said against a new subscription.
func subscribes(s *stage) {
	s.answer("ViewPrice", activities.PriceView{Found: true, Recurring: true, Active: true, ProductID: "prod_1"})
	s.answer("HasSubscription", activities.HasSubscriptionResult{})
}

// Pieces of a page.
var (
	toSubscribe = []string{"activity ViewPrice", "local activity HasSubscription"}
	toKnow      = []string{"local activity Profile"}
	toMake      = []string{"activity PutStripeCustomer", "local activity KeepStripeCustomer"}
	toLose      = []string{"local activity LoseStripeCustomer"}
)

func pageStories() []story {
	plan := workflows.PageInput{
		Kind: workflows.PageSubscribe, CustomerID: "auth0|7", PriceID: "price_1", Quantity: 2,
		SuccessURL: "https://shop.example/shop", CancelURL: "https://shop.example/shop?canceled", ExpiresAt: frozen.Add(time.Minute).Unix(),
	}
	portal := workflows.PageInput{
		Kind: workflows.PagePortal, CustomerID: "auth0|7", ReturnURL: "https://shop.example/shop", ExpiresAt: frozen.Add(time.Minute).Unix(),
	}
	subscribe, manage := activities.PageMade{URL: "https://checkout.stripe.com/c/pay/cs_1"}, activities.PageMade{URL: "https://billing.stripe.com/p/1"}
	came := func(outcome models.Outcome) workflows.Result { return workflows.Result{Outcome: outcome} }
	stories := []story{
		{
			name: "a new customer is made, and led to the page to subscribe on", file: "page_subscribe", start: plan,
			script: func(s *stage) {
				subscribes(s)
				s.answer("Profile", eve)
				s.answer("PutStripeCustomer", atCustomer)
				s.answer("KeepStripeCustomer", eveKnown)
				s.answer("CreateSubscriptionSession", subscribe)
				prepares(s, 0, workflows.Page{URL: subscribe.URL, Asked: plan})
			},
			did: seq(toSubscribe, toKnow, toMake, "activity CreateSubscriptionSession"), want: came(workflows.PageOpened),
		},
		{
			name: "the billing portal needs nothing but the customer", file: "page_portal", start: portal,
			script: func(s *stage) {
				s.answer("Profile", eveKnown)
				s.answer("CreatePortalSession", manage)
				prepares(s, 0, workflows.Page{URL: manage.URL, Asked: portal})
			},
			did: seq(toKnow, "activity CreatePortalSession"), want: came(workflows.PageOpened),
		},
		{
			name: "nobody subscribes to a product twice", file: "page_subscribed", start: plan,
			script: func(s *stage) {
				s.answer("ViewPrice", activities.PriceView{Found: true, Recurring: true, Active: true, ProductID: "prod_1"})
				s.answer("HasSubscription", activities.HasSubscriptionResult{Has: true})
				prepares(s, 0, workflows.PageSubscribed)
			},
			did: toSubscribe, want: came(workflows.PageSubscribed),
		},
		{
			name: "a page that Stripe refuses is none", file: "page_refused", start: portal,
			script: func(s *stage) {
				s.answer("Profile", eveKnown)
				s.answer("CreatePortalSession", errRefused)
				prepares(s, 0, workflows.PageRefused)
			},
			did: seq(toKnow, "activity CreatePortalSession"), want: came(workflows.PageRefused),
		},
		{
			name: "while Stripe is away it is asked again with the same key, and a failure that it keeps is followed by the next", file: "page_stripe_away", start: portal,
			script: func(s *stage) {
				s.answer("Profile", eveKnown)
				s.answer("CreatePortalSession", errPassing, errKept, manage)
			},
			did: seq(toKnow, "activity CreatePortalSession", "timer 1s", "activity CreatePortalSession"), want: came(workflows.PageOpened),
		},
		{
			name: "a customer whom Stripe has lost is made anew, and led there under another key", file: "page_customer_gone", start: portal,
			script: func(s *stage) {
				s.answer("Profile", eveKnown, eveAnew)
				s.answer("CreatePortalSession", errGone, manage)
				s.answer("LoseStripeCustomer", done{})
				s.answer("PutStripeCustomer", atCustomer2)
				s.answer("KeepStripeCustomer", eveAnewKnown)
				prepares(s, 0, workflows.Page{URL: manage.URL, Asked: portal})
			},
			did:  seq(toKnow, "activity CreatePortalSession", toLose, toKnow, toMake, "activity CreatePortalSession"),
			want: came(workflows.PageOpened),
		},
		{
			name: "one who is deleted as soon as they are made is made once more", file: "page_customer_gone_at_once", start: portal,
			script: func(s *stage) {
				again, third := eveAnew, eveAnewKnown
				again.After, third.After, third.StripeCustomerID = "cus_2", "cus_2", "cus_3"
				s.answer("Profile", eveAnew)
				s.answer("PutStripeCustomer", atCustomer2, activities.StripeCustomer{ID: "cus_3"})
				s.answer("KeepStripeCustomer", again, third)
				s.answer("CreatePortalSession", manage)
			},
			did: seq(toKnow, toMake, toMake, "activity CreatePortalSession"), want: came(workflows.PageOpened),
		},
		{
			name: "somebody whom Stripe loses again and again is led nowhere", file: "page_customer_always_gone", start: portal,
			script: func(s *stage) {
				s.answer("Profile", eveKnown, eveAnewKnown, eveAnewKnown, eveAnewKnown)
				s.answer("CreatePortalSession", errGone, errGone, errGone, errGone)
				s.answer("LoseStripeCustomer", done{}, done{}, done{})
				prepares(s, 0, workflows.PageRefused)
			},
			did: seq(
				toKnow, "activity CreatePortalSession", toLose, toKnow, "activity CreatePortalSession", toLose,
				toKnow, "activity CreatePortalSession", toLose, toKnow, "activity CreatePortalSession",
			),
			want: came(workflows.PageRefused),
		},
		{
			name: "one whose time is over is not made any more", file: "page_expired", start: plan,
			script: func(s *stage) {
				s.SetStartTime(frozen.Add(time.Hour))
				prepares(s, 0, workflows.PageExpired)
			},
			did: []string{}, want: came(workflows.PageExpired),
		},
	}
	for _, c := range []struct {
		name, file string
		price      activities.PriceView
	}{
		{"a price that there is not is nothing to subscribe to", "page_no_price", activities.PriceView{}},
		{"nor is one that is not offered any more", "page_price_inactive", activities.PriceView{Found: true, Recurring: true, ProductID: "prod_1"}},
		{"nor is one that is paid once", "page_price_once", activities.PriceView{Found: true, Active: true, ProductID: "prod_1"}},
	} {
		stories = append(stories, story{
			name: c.name, file: c.file, start: plan,
			script: func(s *stage) {
				s.answer("ViewPrice", c.price)
				prepares(s, 0, workflows.PageNoPrice)
			},
			did: []string{"activity ViewPrice"}, want: came(workflows.PageNoPrice),
		})
	}
	for i := range stories {
		script := stories[i].script
		stories[i].script = func(s *stage) {
			s.SetStartTime(frozen)
			script(s)
		}
	}
	return stories
}

func TestPageWorkflowIDsTellNothing(t *testing.T) {
	t.Parallel()
	id := workflows.PageWorkflowID("eve@example.com", "tab-1")
	assert.Regexp(t, "^page-[0-9a-f]{24}-[0-9a-f]{24}$", id)
	assert.NotEqual(t, id, workflows.PageWorkflowID("eve@example.com", "tab-2"))
	assert.NotEqual(t, id, workflows.PageWorkflowID("adam@example.com", "tab-1"))
}

func TestThePagesDialogsExplainThemselves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := pageStories()[1].play(s, workflows.TypeOpenPage)
	require.NoError(t, err)
	answer, err := s.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, answer.Get(&metadata))
	definition := metadata.GetDefinition()
	require.Len(t, definition.GetSignalDefinitions(), 1)
	assert.Equal(t, "retry", definition.GetSignalDefinitions()[0].Name)
	require.Len(t, definition.GetUpdateDefinitions(), 1)
	assert.Equal(t, "prepare", definition.GetUpdateDefinitions()[0].Name)
	assert.Contains(t, definition.GetUpdateDefinitions()[0].Description, "URL")
}
