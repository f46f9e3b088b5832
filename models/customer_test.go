package models_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) profile(customer string) models.CustomerProfile {
	s.t.Helper()
	p, err := s.Profile(s.t.Context(), customer)
	require.NoError(s.t, err)
	return p
}

func (s shop) putCustomer(email, name string) models.CustomerProfile {
	s.t.Helper()
	p, err := s.PutCustomer(s.t.Context(), customerID, email, name)
	require.NoError(s.t, err)
	return p
}

func TestCustomers(t *testing.T) {
	t.Parallel()

	t.Run("appear on first use", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		assert.Equal(t, models.CustomerProfile{CustomerID: "newcomer"}, s.profile("newcomer"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM customers"))
		_, err := s.Profile(t.Context(), "")
		requireKind(t, err, models.NotFound, "")
	})

	t.Run("are at Stripe by one name, the first, and up to date until they change", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		asOf := s.putCustomer("eve@example.com", "Eve")
		asOf.StripeCustomerID = "cus_1"
		kept, err := s.KeepStripeCustomer(t.Context(), asOf)
		require.NoError(t, err)
		want := models.CustomerProfile{CustomerID: customerID, StripeCustomerID: "cus_1", Email: "eve@example.com", Name: "Eve", Synced: true}
		assert.Equal(t, want, kept)
		assert.Equal(t, want, s.putCustomer("eve@example.com", "Eve"), "nothing has changed")

		asOf.StripeCustomerID = "cus_2"
		kept, err = s.KeepStripeCustomer(t.Context(), asOf)
		require.NoError(t, err)
		assert.Equal(t, want, kept, "the second came too late")
		assert.Equal(t, "cus_1", s.freeze().StripeCustomerID)

		changed := s.putCustomer("eve@example.org", "Eve")
		assert.False(t, changed.Synced)
		asOf.StripeCustomerID = "cus_1"
		kept, err = s.KeepStripeCustomer(t.Context(), asOf)
		require.NoError(t, err)
		assert.False(t, kept.Synced, "what Stripe was told is older")
		kept, err = s.KeepStripeCustomer(t.Context(), changed)
		require.NoError(t, err)
		assert.True(t, kept.Synced)
	})

	t.Run("change with an audit entry that names what, never to what", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putCustomer("eve@example.com", "Eve")
		s.putCustomer("eve@example.com", "Eve")
		s.putCustomer("eve@example.com", "Eva")
		assert.Equal(t, "email, name;name", ask[string](s, "SELECT string_agg(after, ';' ORDER BY id) FROM audit_entries WHERE action = 'customer_changed'"))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE subject = 'customer' AND (before || after || reason) ~ 'ev[ea]@|Ev'"))
	})

	t.Run("are refused what cannot be", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for _, c := range [][3]string{
			{"", "Eve", "email"},
			{"nobody", "Eve", "email"},
			{"Eve <eve@example.com>", "Eve", "email"},
			{"eve@example.com", "", "name"},
			{"eve@example.com", "Eve\nBcc: all", "name"},
			{"eve@example.com", strings.Repeat("e", 201), "name"},
		} {
			_, err := s.PutCustomer(t.Context(), customerID, c[0], c[1])
			requireKind(t, err, models.Invalid, c[2])
		}
		assert.Empty(t, s.profile(customerID).Email)
	})

	t.Run("made at Stripe twice at once are kept once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		var wg sync.WaitGroup
		kept := make([]models.CustomerProfile, 8)
		for i := range kept {
			wg.Go(func() {
				var err error
				kept[i], err = s.KeepStripeCustomer(t.Context(), models.CustomerProfile{CustomerID: "newcomer", StripeCustomerID: "cus_" + strconv.Itoa(i)})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		for _, p := range kept {
			assert.Equal(t, s.profile("newcomer"), p)
		}
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'customer_at_stripe'"))
	})
}
