package control

import (
	"net/http"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// form is the form of an act for an object.
type form struct {
	act
	ID      string
	Inputs  []input
	Rare    []input // not seen until somebody wants to
	Problem string  // why it was refused; empty: it was not
}

// input is one field of a form.
type input struct {
	field
	Value   string
	Choices []field // Name and Label of each
}

// entered is what somebody has entered in a form that was refused, and why it was.
type entered struct {
	act, id string
	values  map[string]string
	problem string
}

// newForm makes a form, as it was left where it is the one that was refused (nil: none was).
func newForm(t *ledger.Tx, a act, id string, left *entered) form {
	f := form{act: a, ID: id}
	var values map[string]string
	if left != nil && left.act == a.Name && left.id == id {
		values, f.Problem = left.values, left.problem
	}
	for _, field := range a.Fields {
		in := newInput(t, field, values)
		if field.rare {
			f.Rare = append(f.Rare, in)
		} else {
			f.Inputs = append(f.Inputs, in)
		}
	}
	return f
}

func newInput(t *ledger.Tx, f field, values map[string]string) input {
	in := input{field: f, Value: f.Default}
	if values != nil {
		in.Value = values[f.Name]
	}
	if f.suggest != nil {
		in.Choices = f.suggest(t)
	}
	for _, option := range f.Options {
		in.Choices = append(in.Choices, field{Name: option, Label: f.Word(option)})
	}
	return in
}

// forms are the forms of all that can happen to an object now. One that was refused is there even if its time has passed.
func forms(t *ledger.Tx, o wire.Object, left *entered) (all []form) {
	offered := offers(t, o)
	if left != nil && left.id == o.ID() && !has(offered, left.act) {
		offered = append(offered, *find(left.act))
	}
	for _, a := range offered {
		all = append(all, newForm(t, a, o.ID(), left))
	}
	return all
}

func has(acts []act, name string) bool {
	for _, a := range acts {
		if a.Name == name {
			return true
		}
	}
	return false
}

// actForm does what a button says, and leads the browser to the object. What is refused shows its form again, with why and all
// that was entered.
func (k *control) actForm(w http.ResponseWriter, r *http.Request) {
	a := find(r.PathValue("name"))
	if a == nil || r.ParseForm() != nil {
		k.missing(w, r)
		return
	}
	left := &entered{act: a.Name, id: r.PostForm.Get("id"), values: map[string]string{}}
	for name := range r.PostForm {
		if name != "id" {
			left.values[name] = r.PostForm.Get(name)
		}
	}
	out, refusal := k.run(a, left.id, left.values)
	switch {
	case refusal == nil && k.see(out.ID) == nil: // it was deleted
		done(w, r, "/", a.Name, 0, out.Events...)
	case refusal == nil:
		done(w, r, "/objects/"+out.ID, a.Name, 0, out.Events...)
	default:
		left.problem = refusal.Message
		k.refusedPage(w, r, left)
	}
}

// refusedPage shows the page that a refused form is on.
func (k *control) refusedPage(w http.ResponseWriter, r *http.Request, left *entered) {
	for _, s := range sections {
		if s.Makes == left.act {
			k.sectionPage(w, r, s.Name, left)
			return
		}
	}
	k.objectPage(w, r, left.id, left)
}

// statusOf is the HTTP status of a page.
func statusOf(left *entered) int {
	if left != nil {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
