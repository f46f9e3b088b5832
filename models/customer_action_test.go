package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// ask for a resync of cus_1 unless changes say otherwise.
func (s shop) askFor(changes ...func(*models.CustomerAction)) (models.CustomerActed, error) {
	s.t.Helper()
	a := models.CustomerAction{
		Customer: "cus_1", Kind: models.ActResync, Actor: "ada", Reason: "a call", RequestID: fresh("req"),
		Start: &models.PendingStart{WorkflowType: "Resync"},
	}
	for _, change := range changes {
		change(&a)
	}
	if a.Start != nil {
		a.Start.WorkflowID = "support-" + a.RequestID
	}
	return s.ActOnCustomer(s.t.Context(), a)
}

// acted is askFor that is no error; "" when it was done, else why not.
func (s shop) acted(changes ...func(*models.CustomerAction)) string {
	s.t.Helper()
	acted, err := s.askFor(changes...)
	require.NoError(s.t, err)
	require.False(s.t, acted.Duplicate)
	return acted.Refusal
}

func regarding(customer string) func(*models.CustomerAction) {
	return func(a *models.CustomerAction) { a.Customer = customer }
}

// to assigns the customer to one of ours.
func to(customer string) func(*models.CustomerAction) {
	return func(a *models.CustomerAction) { a.Kind, a.To = models.ActAssign, customer }
}

func requested(id string) func(*models.CustomerAction) {
	return func(a *models.CustomerAction) { a.RequestID = id }
}

func TestResync(t *testing.T) {
	t.Parallel()

	t.Run("is kept for a workflow, with all that Stripe calls the customer", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.mapTo(customerID, "cus_1")
		f := stripeSays(customerID)
		f.Customer.ID = "cus_2"
		s.look(f)
		for _, named := range []string{customerID, "cus_1"} {
			assert.Empty(t, s.acted(regarding(named), requested("r_"+named)))
			assert.JSONEq(t, `{"requestId":"r_`+named+`","customerId":"`+customerID+`","stripeCustomerIds":["cus_1","cus_2"]}`,
				ask[string](s, "SELECT input FROM inbox WHERE workflow_id = $1 AND workflow_type = 'Resync'", "support-r_"+named))
		}
		assert.Equal(t, "action_resync", ask[string](s, "SELECT action FROM audit_entries WHERE actor = 'ada' AND subject_id = 'cus_1' AND reason = 'a call'"))
	})

	t.Run("is refused where Stripe knows nobody, and that is written down", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		assert.NotEmpty(t, s.acted(regarding(customerID)))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM inbox"))
		assert.Equal(t, "action_resync_refused", ask[string](s, "SELECT action FROM audit_entries WHERE actor = 'ada' AND subject_id = $1", customerID))
		assert.NotEmpty(t, ask[string](s, "SELECT refusal FROM actions WHERE customer = $1 AND payment_id IS NULL", customerID))
	})
}

func TestCustomerActionsAreDoneOncePerRequest(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.look(stripeSays(""))
	assert.Empty(t, s.acted(requested("r_1")))
	again, err := s.askFor(requested("r_1"))
	require.NoError(t, err)
	assert.Equal(t, models.CustomerActed{Duplicate: true}, again)
	other, err := s.askFor(requested("r_1"), regarding(customerID))
	require.NoError(t, err)
	assert.True(t, other.Duplicate)
	assert.NotEmpty(t, other.Refusal, "the ID was used for another request")

	s.look(stripeSays(""))
	assign := func(to string) models.CustomerAction {
		return models.CustomerAction{Customer: "cus_1", Kind: models.ActAssign, Actor: "ada", Reason: "by phone", RequestID: "r_9", To: to}
	}
	first, err := s.ActOnCustomer(t.Context(), assign("eve"))
	require.NoError(t, err)
	assert.Equal(t, models.CustomerActed{}, first)
	for to, refusal := range map[string]string{"eve": "", "adam": "This requestId was used for another request"} {
		again, err := s.ActOnCustomer(t.Context(), assign(to))
		require.NoError(t, err)
		assert.Equal(t, models.CustomerActed{Duplicate: true, Refusal: refusal}, again, to)
	}
	refusal := s.acted(requested("r_2"), regarding(customerID))
	refused, err := s.askFor(requested("r_2"), regarding(customerID))
	require.NoError(t, err)
	assert.Equal(t, models.CustomerActed{Duplicate: true, Refusal: refusal}, refused)
	assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM inbox"))
	assert.EqualValues(t, 2, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action LIKE 'action_resync%'"))
}

func TestCustomerActionsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.look(stripeSays(""))
	for name, c := range map[string]struct {
		change func(*models.CustomerAction)
		kind   models.ErrorKind
		field  string
	}{
		"an unknown customer":           {regarding("nobody"), models.NotFound, ""},
		"no customer":                   {regarding(""), models.NotFound, ""},
		"a customer with a NUL":         {regarding("a\x00"), models.NotFound, ""},
		"another kind":                  {func(a *models.CustomerAction) { a.Kind = "forget" }, models.Invalid, "action"},
		"no request ID":                 {requested(""), models.Invalid, "requestId"},
		"a request ID over two lines":   {requested("a\nb"), models.Invalid, "requestId"},
		"nobody who asks":               {func(a *models.CustomerAction) { a.Actor = "" }, models.Invalid, "actor"},
		"an assignment to nobody":       {to(""), models.Invalid, "to"},
		"an assignment to what is none": {to("a\nb"), models.Invalid, "to"},
	} {
		_, err := s.askFor(c.change)
		requireKind(t, err, c.kind, c.field)
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM actions"), name)
	}
}

func TestAssign(t *testing.T) {
	t.Parallel()

	t.Run("makes what is nobody's one of our customers', met for the first time too", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Empty(t, s.acted(to("new"), requested("r_1")))
		assert.Equal(t, "active", s.subscription("new").Status)
		assert.Equal(t, "cus_1", s.profile("new").StripeCustomerID)
		assert.False(t, s.profile("new").Synced)
		assert.Empty(t, s.subscriptions(models.SubscriptionQuery{Unowned: true}))
		assert.JSONEq(t, `{"requestId":"r_1","customerId":"new","stripeCustomerIds":["cus_1"]}`, ask[string](s, "SELECT input FROM inbox"))
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Equal(t, "active", s.subscription("new").Status, "the next look knows it still")
		assert.Equal(t, 0, s.endGrace(grace), "and has told what it grants")
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM outgoing_messages"))
	})

	t.Run("can be mended, and whoever had it pays by another then", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Empty(t, s.acted(to("wrong")))
		assert.Empty(t, s.acted(to("right")))
		assert.Empty(t, s.acted(to("right")), "it is theirs already")
		assert.Equal(t, "active", s.subscription("right").Status)
		assert.Equal(t, models.StatusNone, s.subscription("wrong").Status)
		assert.Empty(t, s.profile("wrong").StripeCustomerID)
		assert.Equal(t, "cus_1", s.profile("right").StripeCustomerID)
		s.endGrace(grace)
		assert.Equal(t, "right active, wrong none", ask[string](s,
			"SELECT string_agg(customer_id || ' ' || (content ->> 'status'), ', ' ORDER BY customer_id) FROM grants"))
	})

	t.Run("keeps by whom somebody pays already", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.mapTo(customerID, "cus_0")
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Empty(t, s.acted(to(customerID)))
		assert.Equal(t, "cus_0", s.profile(customerID).StripeCustomerID)
		assert.Equal(t, "active", s.subscription(customerID).Status)
	})

	t.Run("gives nobody a customer to pay by who is gone", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.look(stripeSays("", monthly("sub_1", "active")))
		require.NoError(t, s.LoseStripeCustomer(t.Context(), "cus_1"))
		assert.Empty(t, s.acted(to(customerID)))
		assert.Empty(t, s.profile(customerID).StripeCustomerID)
	})

	t.Run("is refused, and changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.look(stripeSays("told", monthly("sub_1", "active")))
		s.mapTo("maker", "cus_new")
		for name, c := range map[string]struct {
			customer, to, why string
		}{
			"where Stripe says whose it is":                {"cus_1", "other", "metadata"},
			"of one of ours":                               {customerID, "other", "cus_"},
			"of one just made for somebody, not looked at": {"cus_new", "other", "maker"},
		} {
			assert.Contains(t, s.acted(regarding(c.customer), to(c.to)), c.why, name)
		}
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM inbox WHERE workflow_type = 'Resync'"))
		assert.Equal(t, "active", s.subscription("told").Status)
		assert.Equal(t, "cus_new", s.profile("maker").StripeCustomerID)
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM customers WHERE id = 'other'"))
		assert.EqualValues(t, 3, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'action_assign_refused'"))
		assert.Empty(t, s.acted(to("told")), "whom Stripe names they may be assigned to")
	})
}
