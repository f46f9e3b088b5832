package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"twigz/models"
)

// sale is one payment of the plan: who buys what, when, and what becomes of it. All but the last fields is a function of the
// seed.
type sale struct {
	Number   int
	Scenario *scenario
	Customer string
	Email    string
	Store    models.Store
	Delivery models.Delivery
	Lines    []models.Line   // in the customer's cart of the store, and paid for
	Beside   *models.Line    // in their cart of another store, nil: nothing; not paid for
	BesideIn string          // that other store
	Checkout string          // the frozen copy that is paid for; "": the live cart
	Rare     *models.Product // what there is not enough of; nil: there is enough of all
	Paid     int64           // collected, in minor units; what is owed, unless the scenario is of a mismatch
	At       time.Duration   // when it begins, after the first
	Pauses   []time.Duration // between what happens to it

	mu      sync.Mutex
	intent  string // Stripe's ID; "" until it is known
	trouble string // what could not be done as planned; "" when all could
}

// Intent is the ID of its payment intent, "" while there is none.
func (s *sale) Intent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.intent
}

func (s *sale) setIntent(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intent = id
}

// Trouble is what could not be done as planned.
func (s *sale) Trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

func (s *sale) setTrouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = err.Error()
}

// fee is what the delivery costs.
func (s *sale) fee() int64 {
	if s.Delivery == models.Pickup {
		return 0
	}
	return s.Store.DeliveryFee
}

func (s *sale) subtotal() int64 {
	var sum int64
	for _, line := range s.Lines {
		sum += line.Quantity * line.UnitAmount
	}
	return sum
}

// owed is what the lines and the delivery come to, in minor units.
func (s *sale) owed() int64 { return s.subtotal() + s.fee() }

// quantity is how much of a product is paid for.
func (s *sale) quantity(productID string) int64 {
	for _, line := range s.Lines {
		if line.ProductID == productID {
			return line.Quantity
		}
	}
	return 0
}

// restocked is how much there is of the rare product once somebody has seen to it: more than is wanted, so that afterwards
// there is not as much left as there was at first, and seeing to it twice can be told from seeing to it once.
func (s *sale) restocked() int64 { return *s.Rare.Stock + s.quantity(s.Rare.ID) + 1 }

// part is half of what was paid, in what can be paid in every currency.
func (s *sale) part() int64 { return s.Paid / 20 * 10 }

// address is where the goods go, as JSON.
func (s *sale) address() string {
	return fmt.Sprintf(`{"line1":"%d Example Street","city":"Springfield","postalCode":"62701","country":"US"}`, s.Number)
}

// metadata is what is put on a payment: the checkout's ID by our own checkouts, all there is to know by other clients.
func (s *sale) metadata() map[string]string {
	if s.Checkout != "" {
		return map[string]string{models.KeyPaymentID: s.Checkout}
	}
	fee, _, _ := strings.Cut(s.Store.Currency.Format(s.fee()), " ")
	return map[string]string{
		models.KeyCustomerID: s.Customer, models.KeyStoreID: s.Store.ID, models.KeyDeliveryType: string(s.Delivery),
		models.KeyDeliveryFee: fee, models.KeyDeliveryAddress: s.address(),
	}
}

func rarityID(n int) string { return fmt.Sprintf("rare-%04d", n) }

// newPlan draws n payments, rate a second. Of the scenarios named (none: all), each comes once before chance has its way, as
// far as n allows.
func newPlan(seed uint64, n int, rate float64, only []string) ([]*sale, error) {
	deck, err := chosen(only)
	if err != nil {
		return nil, err
	}
	draw := rand.New(rand.NewPCG(seed, 0))
	scenarios := deal(draw, deck, n)
	plan := make([]*sale, n)
	for i := range plan {
		at := time.Duration((float64(i) + draw.Float64()) / rate * float64(time.Second))
		plan[i] = newSale(rand.New(rand.NewPCG(seed, uint64(i)+1)), i+1, scenarios[i], at)
	}
	return plan, nil
}

// deal gives each payment a scenario.
func deal(draw *rand.Rand, deck []*scenario, n int) []*scenario {
	dealt := append([]*scenario{}, deck...)
	var sum int
	for _, s := range deck {
		sum += s.weight
	}
	for len(dealt) < n {
		at := draw.IntN(sum)
		for _, s := range deck {
			if at -= s.weight; at < 0 {
				dealt = append(dealt, s)
				break
			}
		}
	}
	draw.Shuffle(len(dealt), func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
	return dealt[:n]
}

func newSale(draw *rand.Rand, n int, of *scenario, at time.Duration) *sale {
	s := &sale{
		Number: n, Scenario: of, Customer: fmt.Sprintf("customer-%04d", n), Email: fmt.Sprintf("customer-%04d@mail.example", n),
		Store: pickStore(draw, of.policy), Delivery: models.Deliver, At: at,
	}
	if draw.IntN(4) == 0 {
		s.Delivery = models.Pickup
	}
	for _, i := range draw.Perm(len(goods))[:1+draw.IntN(len(goods))] {
		s.Lines = append(s.Lines, lineOf(goods[i], 1+draw.Int64N(4)))
	}
	if draw.IntN(3) == 0 {
		beside := lineOf(goods[draw.IntN(len(goods))], 1)
		s.Beside, s.BesideIn = &beside, otherStore(draw, s.Store.ID)
	}
	if of.scarce {
		rare := rarity(s.Store.ID, n, draw.Int64N(2))
		s.Rare = &rare
		s.Lines = append(s.Lines, lineOf(rare, *rare.Stock+1+draw.Int64N(2)))
	}
	if of.checkout {
		s.Checkout = fmt.Sprintf("pay_chaos%04d", n)
	}
	s.Paid = s.owed() + of.mismatch
	for range 4 {
		s.Pauses = append(s.Pauses, time.Duration(draw.Int64N(int64(1500*time.Millisecond))))
	}
	return s
}

func lineOf(p models.Product, quantity int64) models.Line {
	return models.Line{ProductID: p.ID, Name: p.Name, UnitAmount: p.UnitAmount, Quantity: quantity}
}

// pickStore draws one of those with a policy; "" is any.
func pickStore(draw *rand.Rand, policy models.WhenUnfulfillable) models.Store {
	for {
		if s := stores[draw.IntN(len(stores))]; policy == "" || s.OnUnfulfillable == policy {
			return s
		}
	}
}

func otherStore(draw *rand.Rand, not string) string {
	for {
		if id := stores[draw.IntN(len(stores))].ID; id != not {
			return id
		}
	}
}
