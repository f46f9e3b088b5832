package models_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, valid := range map[string]bool{
		"user_2x": true, "auth0|7": true, "🧁": true, " ": true, strings.Repeat("é", 64): true, "a/b?c=d": true,
		"": false, strings.Repeat("x", 65): false, "a\nb": false, "a\x00": false, "a\x7f": false, "a\u0085": false,
		"a\u2028": false, "a\u2029": false, "a\uFFFD": false, "a\xff": false,
	} {
		assert.Equal(t, valid, models.ValidID(id), "%q", id)
	}
}

// What code lets pass, the database must take, in any locale.
func TestValidIDsFitTheDatabase(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for r := rune(1); r < 0x3000; r++ {
		if r >= 0x0250 && r < 0x2000 {
			continue // letters of all the world
		}
		id := "a" + string(r)
		_, err := s.SQL().ExecContext(t.Context(), "SELECT $1::caller_id", id)
		require.Equal(t, models.ValidID(id), err == nil, "%q", id)
	}
}

func TestMetadataComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	odd := models.Metadata{models.KeyCustomerID: "\uFFFD\u2028\"\\<&>", models.KeyStoreID: "", models.KeyDeliveryFee: strings.Repeat("🧁", 500)}
	f := s.create(paid("pi_1", func(e *models.Event) { e.Metadata = odd }))
	assert.Equal(t, models.BlockedMetadata, f.BlockedReason)
	e := failed("pi_2", "ch_2", func(e *models.Event) { e.Metadata = odd })
	assert.Equal(t, odd, s.claim(s.record(e, models.PaymentFailed).PaymentID, e.ID)[models.ToCustomer].Payment.Metadata)

	var scanned models.Metadata
	require.NoError(t, scanned.Scan([]byte("{}")))
	assert.Nil(t, scanned)
	require.Error(t, scanned.Scan(`{"a":1}`))
	assert.Equal(t, "jsonb", models.Metadata{}.GormDataType())
	assert.Len(t, models.MetadataKeys(), 6)
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		"plain":                 "plain",
		"a\x00b":                "a\uFFFDb",
		"a\xff\xfeb":            "a\uFFFDb",
		"exactly10!":            "exactly10!",
		"eleven chars":          "eleven cha",
		strings.Repeat("é", 11): strings.Repeat("é", 10),
		"keeps\n\t\u2028":       "keeps\n\t\u2028",
	} {
		assert.Equal(t, want, models.Clean(text, 10))
	}
	assert.Empty(t, models.Clean("text", 0))
}
