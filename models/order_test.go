package models_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestChangeOrderStatus(t *testing.T) {
	t.Parallel()
	ways := map[models.OrderStatus][]models.OrderStatus{
		models.OrderConfirmed:   {models.OrderCanceled, models.OrderRefunded, models.OrderChargedBack},
		models.OrderCanceled:    {models.OrderRefunded, models.OrderChargedBack},
		models.OrderRefunded:    {models.OrderConfirmed, models.OrderCanceled, models.OrderChargedBack}, // back, when the refund failed
		models.OrderChargedBack: {},
	}
	for from, open := range ways {
		for _, to := range append([]models.OrderStatus{"eaten", ""}, models.OrderConfirmed, models.OrderCanceled, models.OrderRefunded, models.OrderChargedBack) {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				f := s.mustOrder(paid("pi_1"))
				s.exec("UPDATE orders SET status = $1, updated_at = 'epoch'", from)
				err := s.ChangeOrderStatus(t.Context(), f.OrderID, to, staff)
				status := s.order(f.OrderID).Status
				newest := last(s.detail("pi_1").Audit)
				if slices.Contains(open, to) {
					require.NoError(t, err)
					assert.Equal(t, to, status)
					assert.NotZero(t, s.order(f.OrderID).UpdatedAt.Unix())
					assert.Equal(t, [5]string{"order_" + string(to), f.OrderID, string(from), string(to), "ada"},
						[5]string{newest.Action, newest.SubjectID, newest.Before, newest.After, newest.Actor})
					require.NoError(t, s.ChangeOrderStatus(t.Context(), f.OrderID, to, staff), "already there")
					assert.Equal(t, newest, last(s.detail("pi_1").Audit))
					return
				}
				assert.Equal(t, from, status)
				assert.Equal(t, "order_confirmed", newest.Action)
				if to == from {
					require.NoError(t, err)
					return
				}
				requireKind(t, err, models.Conflict, "")
			})
		}
	}

	t.Run("of an unknown order is not found", func(t *testing.T) {
		t.Parallel()
		requireKind(t, open(t).ChangeOrderStatus(t.Context(), "ord_1", models.OrderCanceled, staff), models.NotFound, "")
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := s.mustOrder(paid("pi_1"))
	for name, c := range map[string][2]string{
		"another customer's": {"other", f.OrderID}, "unknown": {customerID, "ord_1"}, "empty": {customerID, ""},
		"NUL": {customerID, "ord_\x00"}, "invalid UTF-8": {customerID, "ord_\xff"},
	} {
		_, err := s.Order(t.Context(), c[0], c[1])
		t.Log(name)
		requireKind(t, err, models.NotFound, "")
	}
	text, err := json.Marshal(s.order(f.OrderID))
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(text, &keys))
	assert.Equal(t, "card", keys["paymentMethod"])
	assert.NotContains(t, keys, "customerId")
	assert.Len(t, keys, 13, "the contract's keys and storeId")
}

func TestOrdersPageByPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	none, next, err := s.Orders(t.Context(), "stranger", "", 10)
	require.NoError(t, err)
	assert.Equal(t, []models.Order{}, none)
	assert.Empty(t, next)

	place := func() string {
		s.fill("jam", 1)
		return s.mustOrder(paid(fresh("pi"), collected(300+fee))).OrderID
	}
	_, err = s.EmptyCart(t.Context(), customerID, storeID)
	require.NoError(t, err)
	var placed []string
	for range 7 {
		placed = append(placed, place())
	}
	// Five of them at the same moment.
	s.exec("UPDATE orders SET created_at = '2026-01-02 03:04:05.678901+00' WHERE id = ANY($1)", placed[1:6])
	s.exec("UPDATE orders SET created_at = '2026-01-01' WHERE id = $1", placed[0])

	var seen []string
	cursor := ""
	for pages := 1; ; pages++ {
		page, next, err := s.Orders(t.Context(), customerID, cursor, 2)
		require.NoError(t, err)
		for _, order := range page {
			require.Len(t, order.Items, 1)
			seen = append(seen, order.ID)
		}
		place() // is newer than all that follow
		if next == "" {
			assert.Equal(t, 4, pages)
			break
		}
		cursor = next
	}
	tied := slices.Sorted(slices.Values(placed[1:6]))
	slices.Reverse(tied)
	assert.Equal(t, slices.Concat([]string{placed[6]}, tied, []string{placed[0]}), seen)

	for _, few := range []int{-1, 0, 1} {
		page, next, err := s.Orders(t.Context(), customerID, "", few)
		require.NoError(t, err)
		assert.Len(t, page, 1)
		assert.NotEmpty(t, next)
	}
	whole, next, err := s.Orders(t.Context(), customerID, "", 11)
	require.NoError(t, err)
	assert.Len(t, whole, 11)
	assert.Empty(t, next, "a full page with nothing behind it is the last")
}

func TestCursorsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	code := base64.RawURLEncoding.EncodeToString
	for name, cursor := range map[string]string{
		"no base64":                   "%%%",
		"padding":                     "YWI=",
		"nothing in it":               code([]byte(" ")),
		"no time":                     code([]byte("yesterday ord_1")),
		"a NUL in the ID":             code([]byte("2026-01-02T03:04:05Z ord_\x00")),
		"invalid UTF-8 in the ID":     code([]byte("2026-01-02T03:04:05Z ord_\xff")),
		"a time that Go cannot parse": code([]byte("12026-01-02T03:04:05Z ord_1")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := s.Orders(t.Context(), customerID, cursor, 10)
			requireKind(t, err, models.Invalid, "after")
		})
	}
	for _, odd := range []string{"0000-01-01T00:00:00Z ", "9999-12-31T23:59:59.999999999+23:59 x", "2026-01-02T03:04:05Z"} {
		_, _, err := s.Orders(t.Context(), customerID, code([]byte(odd)), 10)
		require.NoError(t, err, odd)
	}
}

func TestOrderID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, models.OrderID("pi_1", "cs_1"), models.OrderID("pi_1", ""))
	assert.NotEqual(t, models.OrderID("pi_1", ""), models.OrderID("pi_2", ""))
	assert.NotEqual(t, models.OrderID("", "cs_1"), models.OrderID("", "cs_2"))
	assert.Regexp(t, `^ord_[0-9a-f]{24}$`, models.OrderID("pi_1", ""))
	assert.Equal(t, "ord_6f5213ba3ed8c7c28e17f527", models.OrderID("pi_golden", ""), "existing orders have these IDs: it must never change")
}

func last[T any](list []T) T { return list[len(list)-1] }
