package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"twigz/models"
)

func TestNotificationRepeats(t *testing.T) {
	t.Parallel()
	for occasion, want := range map[string]bool{
		"evt_1:day-1":           true,
		"evt_1:day-30":          true,
		"evt_1":                 false,
		"evt_1:blocked":         false,
		"evt_1:day-":            false,
		"evt_1:day-1:something": false,
		"":                      false,
	} {
		assert.Equal(t, want, models.Notification{Occasion: occasion}.Repeats(), occasion)
	}
}
