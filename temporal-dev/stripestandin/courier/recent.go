package courier

import "slices"

// recent remembers what was added last, and forgets the rest.
type recent[T any] struct {
	most int
	list []T
}

// add lets the list grow to twice what is kept before it is cut, so that an addition costs the same however long the list is.
func (r *recent[T]) add(v T) {
	r.list = append(r.list, v)
	if len(r.list) >= 2*r.most {
		r.list = slices.Clone(r.all())
	}
}

// all is what is remembered, oldest first. It is not the caller's to change.
func (r *recent[T]) all() []T { return r.list[max(0, len(r.list)-r.most):] }
