package stripestandin

import (
	"slices"
	"sync"
)

// object is one of Stripe's, as its JSON has it. Once in the store it is never changed, only replaced, so that it can
// be read without a lock.
type object map[string]any

func (o object) id() string   { return o.text("id") }
func (o object) kind() string { return o.text("object") }

// text is a field's string; "" where it is absent, null or something else.
func (o object) text(field string) string {
	s, _ := o[field].(string)
	return s
}

// store keeps objects by ID, in the order in which they first came.
type store struct {
	mu    sync.Mutex
	byID  map[string]object
	order []string
}

func newStore() *store { return &store{byID: map[string]object{}} }

// get finds an object; nil when there is none.
func (s *store) get(id string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// change calls do with the object of that ID (nil when there is none) and keeps all that it returns. Nothing else
// changes meanwhile, so do can decide by what it was given.
func (s *store) change(id string, do func(object) ([]object, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := do(s.byID[id])
	if err != nil {
		return err
	}
	for _, o := range made {
		s.keep(o)
	}
	return nil
}

func (s *store) keep(o object) {
	if s.byID[o.id()] == nil {
		s.order = append(s.order, o.id())
	}
	s.byID[o.id()] = o
}

// newest lists all objects, the latest to come first.
func (s *store) newest() []object {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]object, 0, len(s.order))
	for _, id := range slices.Backward(s.order) {
		all = append(all, s.byID[id])
	}
	return all
}
