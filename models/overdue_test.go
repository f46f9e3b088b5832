package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOverdueCheckouts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for id, is := range map[string]string{
		"co_overdue": "held' , expires_at = now() - interval '2 hours", "co_older": "held', expires_at = now() - interval '3 hours",
		"co_young": "held', expires_at = now() - interval '1 minute", "co_open": "held', expires_at = now() + interval '1 hour",
		"co_released": "released', expires_at = now() - interval '2 hours", "co_used": "used', expires_at = now() - interval '2 hours",
		"co_paid": "held', expires_at = now() - interval '2 hours", "co_processing": "held', expires_at = now() - interval '2 hours",
		"co_not_ours": "held",
	} {
		s.checkout(id)
		s.exec("UPDATE checkouts SET reservation = '" + is + "' WHERE id = '" + id + "'")
	}
	for _, state := range []string{"paid", "processing"} {
		s.exec("INSERT INTO payments (id, checkout_id, kind, state, livemode) VALUES ($1, $2, 'order', $3, false)", "pay_"+state, "co_"+state, state)
	}
	got, err := s.OverdueCheckouts(t.Context(), time.Hour, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"co_older", "co_overdue"}, got)
	got, err = s.OverdueCheckouts(t.Context(), time.Hour, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"co_older"}, got)
}
