package models_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// Events about what happens to a payment after it was collected.

func about(intent, eventType string, changes ...change) models.Event {
	return changed(models.Event{
		ID: eventID(), Type: eventType, Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: intent, ChargeID: charge(intent),
	}, changes)
}

// refunded is one refund of an intent, as refund.updated tells of it.
func refunded(intent, id string, amount int64, status models.RefundStatus) models.Event {
	return about(intent, "refund.updated", func(e *models.Event) {
		e.Refund = &models.RefundFacts{ID: id, Status: status, Amount: amount, Currency: "usd"}
	})
}

// chargeRefunded tells how much of a charge has been refunded in all.
func chargeRefunded(intent string, total int64) models.Event {
	return about(intent, "charge.refunded", func(e *models.Event) { e.AmountRefunded = &total })
}

func disputed(intent string, status models.DisputeStatus) models.Event {
	return about(intent, "charge.dispute.updated", func(e *models.Event) {
		e.Dispute = &models.DisputeFacts{
			ID: "du_" + intent, Status: status, Reason: "fraudulent", Amount: subtotal + fee, Currency: "usd", DueBy: 1_700_600_000,
		}
	})
}

func reviewed(intent, closed string) models.Event {
	return about(intent, "review.closed", func(e *models.Event) {
		e.Review = &models.ReviewFacts{ID: "prv_" + intent, Open: closed == "", OpenedReason: "rule", ClosedReason: closed}
	})
}

// tell does what the workflow of an event does with rows.
func (s shop) tell(e models.Event) models.Standing {
	s.t.Helper()
	var standing models.Standing
	var err error
	switch {
	case e.Dispute != nil:
		var d models.DisputeStanding
		d, err = s.RecordDispute(s.t.Context(), e)
		standing = d.Standing
	case e.Review != nil:
		standing, err = s.RecordReview(s.t.Context(), e)
	case e.Refund != nil, e.AmountRefunded != nil:
		standing, err = s.RecordRefunds(s.t.Context(), e, nil)
	case strings.HasSuffix(e.Type, "payment_failed"):
		_, err = s.RecordPaymentState(s.t.Context(), e, models.PaymentFailed)
	case strings.HasSuffix(e.Type, "canceled"):
		_, err = s.RecordPaymentState(s.t.Context(), e, models.PaymentCanceled)
	default:
		_, err = s.CreateOrder(s.t.Context(), e)
	}
	require.NoError(s.t, err)
	return standing
}

// refunds asked for here are answered by Stripe, all of them alike.
func (s shop) answerRefunds(payment string, status models.RefundStatus) models.Standing {
	s.t.Helper()
	due, err := s.FindDue(s.t.Context(), payment)
	require.NoError(s.t, err)
	var standing models.Standing
	for _, r := range due.Refunds {
		answer := models.RefundAnswer{RefundID: r.RefundID, Facts: &models.RefundFacts{ID: "re_" + r.RefundID, Status: status, Amount: r.Amount, Currency: "usd"}}
		if status == models.RefundRefused {
			answer = models.RefundAnswer{RefundID: r.RefundID, Refused: "insufficient_funds"}
		}
		standing, err = s.SettleRefund(s.t.Context(), answer)
		require.NoError(s.t, err)
	}
	return standing
}

// where is a payment's status and its order's, in two words.
func (s shop) where(payment string) string {
	s.t.Helper()
	d := s.detail(payment)
	order := "none"
	if d.Order != nil {
		order = string(d.Order.Status)
	}
	return d.Payment.Status + " " + order
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	const all = subtotal + fee
	for _, c := range []struct {
		name   string
		events func() []models.Event
		want   string
		sum    int64
	}{
		{"a part of it leaves the order", func() []models.Event {
			return []models.Event{paid("pi_1"), refunded("pi_1", "re_1", 500, models.RefundSucceeded)}
		}, "partially_refunded confirmed", 500},
		{"the whole takes the order to refunded", func() []models.Event {
			return []models.Event{paid("pi_1"), refunded("pi_1", "re_1", all, models.RefundSucceeded)}
		}, "refunded refunded", all},
		{"in parts the whole too", func() []models.Event {
			return []models.Event{paid("pi_1"), refunded("pi_1", "re_1", 500, models.RefundSucceeded), refunded("pi_1", "re_2", all-500, models.RefundPending)}
		}, "refunded refunded", all},
		{"the charge's total and the refund itself count once", func() []models.Event {
			return []models.Event{paid("pi_1"), chargeRefunded("pi_1", 500), refunded("pi_1", "re_1", 500, models.RefundSucceeded), chargeRefunded("pi_1", 500)}
		}, "partially_refunded confirmed", 500},
		{"the charge's total is enough", func() []models.Event { return []models.Event{paid("pi_1"), chargeRefunded("pi_1", all)} }, "refunded refunded", all},
		{"one before the order is there", func() []models.Event {
			return []models.Event{refunded("pi_1", "re_1", all, models.RefundSucceeded), paid("pi_1")}
		}, "refunded refunded", all},
		{"one that was canceled counts for nothing", func() []models.Event {
			return []models.Event{paid("pi_1"), refunded("pi_1", "re_1", all, models.RefundPending), refunded("pi_1", "re_1", all, models.RefundCanceled)}
		}, "paid confirmed", 0},
		{"one that fails after it had succeeded is reversed and flagged", func() []models.Event {
			return []models.Event{
				paid("pi_1"), chargeRefunded("pi_1", all), refunded("pi_1", "re_1", all, models.RefundSucceeded),
				refunded("pi_1", "re_1", all, models.RefundFailed), refunded("pi_1", "re_1", all, models.RefundSucceeded),
			}
		}, "needs_attention confirmed", 0},
		{"of a payment that is none of ours is noted", func() []models.Event {
			return []models.Event{paid("pi_1", without), refunded("pi_1", "re_1", all, models.RefundSucceeded)}
		}, "unmatched none", all},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			for _, e := range c.events() {
				s.tell(e)
				s.tell(e) // again
			}
			assert.Equal(t, c.want, s.where("pi_1"))
			assert.Equal(t, c.sum, s.detail("pi_1").Payment.AmountRefunded)
		})
	}
}

func TestDisputes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []models.DisputeStatus // after the payment; "" is the payment itself
		want   string
	}{
		{"hold the order while they are open", []models.DisputeStatus{models.DisputeNeedsResponse}, "disputed on_hold"},
		{"that are won release it to where it was", []models.DisputeStatus{models.DisputeNeedsResponse, models.DisputeUnderReview, models.DisputeWon}, "paid confirmed"},
		{"that are lost charge it back", []models.DisputeStatus{models.DisputeNeedsResponse, models.DisputeLost}, "charged_back charged_back"},
		{"that are decided stay decided, whatever comes late", []models.DisputeStatus{models.DisputeLost, models.DisputeNeedsResponse, models.DisputeWon}, "charged_back charged_back"},
		{"that only inquire hold it too", []models.DisputeStatus{models.InquiryNeedsResponse}, "disputed on_hold"},
		{"that only inquired move no money", []models.DisputeStatus{models.InquiryNeedsResponse, models.InquiryClosed}, "paid confirmed"},
		{"that grew out of an inquiry count", []models.DisputeStatus{models.InquiryNeedsResponse, models.DisputeNeedsResponse, models.DisputeLost}, "charged_back charged_back"},
		{"before there is an order hold it when it comes", []models.DisputeStatus{models.DisputeNeedsResponse, ""}, "disputed on_hold"},
		{"lost before there is an order charge it back when it comes", []models.DisputeStatus{models.DisputeLost, ""}, "charged_back charged_back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if !slices.Contains(c.events, "") {
				s.mustOrder(paid("pi_1"))
			}
			for _, status := range c.events {
				if status == "" {
					s.tell(paid("pi_1"))
					continue
				}
				s.tell(disputed("pi_1", status))
			}
			assert.Equal(t, c.want, s.where("pi_1"))
		})
	}

	t.Run("are watched by the first workflow that finds them open, until it finds them closed", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.mustOrder(paid("pi_1"))
		record := func(e models.Event) models.DisputeStanding {
			d, err := s.RecordDispute(t.Context(), e)
			require.NoError(t, err)
			return d
		}
		opened, closed := disputed("pi_1", models.DisputeNeedsResponse), disputed("pi_1", models.DisputeWon)
		d := record(opened)
		assert.Equal(t, opened.ID, d.Watcher)
		assert.True(t, d.Open)
		assert.EqualValues(t, 1_700_600_000, d.DueBy)
		assert.False(t, record(disputed("pi_1", models.DisputeNeedsResponse)).Changed, "nothing new")
		d = record(closed)
		assert.True(t, d.Changed)
		assert.Equal(t, opened.ID, d.Watcher, "who watches is to be told")
		look := closed
		look.ID = opened.ID
		assert.Empty(t, record(look).Watcher)
	})

	t.Run("leave a lost one alone when the money is refunded later", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.tell(paid("pi_1"))
		s.tell(disputed("pi_1", models.DisputeLost))
		s.tell(refunded("pi_1", "re_1", subtotal+fee, models.RefundSucceeded))
		assert.Equal(t, "charged_back charged_back", s.where("pi_1"))
	})
}

func TestReviews(t *testing.T) {
	t.Parallel()
	t.Run("hold the order while they are open, and release it when they approve", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.tell(reviewed("pi_1", ""))
		s.mustOrder(paid("pi_1"))
		assert.Equal(t, "paid on_hold", s.where("pi_1"))
		assert.Len(t, s.detail("pi_1").Holds, 1)
		s.tell(reviewed("pi_1", "approved"))
		s.tell(reviewed("pi_1", "")) // late
		assert.Equal(t, "paid confirmed", s.where("pi_1"))
		assert.Empty(t, s.detail("pi_1").Holds)
	})
	for _, first := range []string{"the order", "the review"} {
		t.Run("that reject cancel the order and give the money back, when "+first+" came first", func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			order, end := paid("pi_1"), reviewed("pi_1", "refunded_as_fraud")
			if first == "the order" {
				s.tell(order)
				assert.Len(t, s.tell(end).Due.Refunds, 1)
			} else {
				s.tell(end)
				f := s.create(order)
				assert.Len(t, f.Refunds, 1)
			}
			assert.Equal(t, "needs_attention canceled", s.where("pi_1"), "until the money is on its way")
			assert.EqualValues(t, 10, s.stock("loaf"), "nothing was shipped")
			s.answerRefunds(s.detail("pi_1").Payment.PaymentID, models.RefundSucceeded)
			assert.Equal(t, "refunded refunded", s.where("pi_1"))
			s.tell(end)
			assert.EqualValues(t, 10, s.stock("loaf"), "given back once")
			assert.Len(t, s.detail("pi_1").Refunds, 1)
		})
	}
	t.Run("of what was refunded there already ask for nothing more", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.tell(paid("pi_1"))
		s.tell(refunded("pi_1", "re_1", subtotal+fee, models.RefundSucceeded))
		assert.Empty(t, s.tell(reviewed("pi_1", "refunded")).Due.Refunds)
		assert.Equal(t, "refunded refunded", s.where("pi_1"))
	})
	t.Run("that end in a dispute leave the order to it", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.tell(paid("pi_1"))
		s.tell(reviewed("pi_1", ""))
		s.tell(disputed("pi_1", models.DisputeNeedsResponse))
		assert.Empty(t, s.tell(reviewed("pi_1", "disputed")).Due.Refunds)
		assert.Equal(t, "disputed on_hold", s.where("pi_1"))
		s.tell(disputed("pi_1", models.DisputeWon))
		assert.Equal(t, "paid confirmed", s.where("pi_1"))
	})
}

// rows are all rows of a payment but for what rightly depends on the order of
// arrival: times, our own random IDs, the trail of who changed what, and which
// workflow answers.
func (s shop) rows(payment string) map[string][]string {
	s.t.Helper()
	id := ask[string](s, "SELECT id FROM payments WHERE payment_intent_id = $1", payment)
	found := map[string][]string{}
	for table, column := range map[string]string{
		"payments": "id", "orders": "payment_id", "refunds": "payment_id", "disputes": "payment_id", "reviews": "payment_id", "holds": "payment_id",
	} {
		query := fmt.Sprintf(`SELECT coalesce(string_agg(j::text, E'\n' ORDER BY j::text), '') FROM (
			SELECT to_jsonb(t) - ARRAY['id', 'payment_id', 'created_at', 'updated_at', 'opened_at', 'released_at', 'owner_workflow_id'] ||
			jsonb_build_object('released', to_jsonb(t) ->> 'released_at' IS NOT NULL) AS j FROM %s AS t WHERE %s = $1) AS rows`, table, column)
		found[table] = strings.Split(ask[string](s, query, id), "\n")
	}
	return found
}

// TestEveryOrderOfEventsComesToTheSameRows tells the events of one payment in
// every order there is: siblings, a failed attempt before, a refund, a dispute.
func TestEveryOrderOfEventsComesToTheSameRows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.putProduct("loaf", 450, new(int64(100_000)))
	events := func(intent, customer string) []models.Event {
		of := with(models.KeyCustomerID, customer)
		return []models.Event{
			session("cs_"+intent, intent, without),
			paid(intent, of),
			failed(intent, charge(intent), of),
			chargeRefunded(intent, 500),
			disputed(intent, models.DisputeNeedsResponse),
			disputed(intent, models.DisputeWon),
		}
	}
	var want map[string][]string
	n := 0
	for order := range permutations(len(events("", ""))) {
		n++
		intent, customer := fmt.Sprintf("pi_p%d", n), fmt.Sprintf("customer %d", n)
		s.fillFor(customer, "loaf", 2)
		s.fillFor(customer, "jam", 1)
		all := events(intent, customer)
		for _, i := range order {
			s.tell(all[i])
		}
		got := s.rows(intent)
		for table, rows := range got {
			for i, row := range rows {
				got[table][i] = strings.NewReplacer(
					intent, "pi", customer, "someone", charge(intent), "ch", models.OrderID(intent, ""), "ord").Replace(row)
			}
		}
		if want == nil {
			want = maps.Clone(got)
			require.Equal(t, "partially_refunded confirmed", s.where(intent))
		}
		require.Equal(t, want, got, "in the order %v", order)
		cart, err := s.Cart(t.Context(), customer, storeID)
		require.NoError(t, err)
		require.Empty(t, cart.Items, "in the order %v", order)
	}
	assert.Equal(t, 720, n)
	assert.EqualValues(t, 100_000-2*n, s.stock("loaf"))
}

// permutations yields every order of n things.
func permutations(n int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var from func(done, left []int) bool
		from = func(done, left []int) bool {
			if len(left) == 0 {
				return yield(done)
			}
			for i, next := range left {
				rest := append(slices.Clone(left[:i]), left[i+1:]...)
				if !from(append(slices.Clone(done), next), rest) {
					return false
				}
			}
			return true
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		from(nil, all)
	}
}
