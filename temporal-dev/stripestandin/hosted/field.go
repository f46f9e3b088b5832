package hosted

// field is one that is typed into.
type field struct {
	Name, Label, Type, Autocomplete string
	Value, Problem                  string
	Locked, Optional, Half          bool
	Focus                           bool // the first that is wrong
}

// fields are all that the page may ask for, in its order.
var fields = []field{
	{Name: "email", Label: "Email", Type: "email", Autocomplete: "email"},
	{Name: "name", Label: "Name", Type: "text", Autocomplete: "name"},
	{Name: "phone", Label: "Phone", Type: "tel", Autocomplete: "tel"},
	{Name: "line1", Label: "Address", Type: "text", Autocomplete: "address-line1"},
	{Name: "line2", Label: "Apartment, floor", Type: "text", Autocomplete: "address-line2", Optional: true},
	{Name: "city", Label: "City", Type: "text", Autocomplete: "address-level2", Half: true},
	{Name: "state", Label: "State", Type: "text", Autocomplete: "address-level1", Optional: true, Half: true},
	{Name: "country", Label: "Country, two letters", Type: "text", Autocomplete: "country", Half: true},
	{Name: "postalCode", Label: "Postal code", Type: "text", Autocomplete: "postal-code", Half: true},
}

// asked names the fields that a session's page has, of fields and beside them.
func (v *view) asked() map[string]bool {
	address := v.AskAddress || v.AskTax
	return map[string]bool{
		"email": true, "phone": v.AskPhone, "name": true, "line1": v.AskAddress, "line2": v.AskAddress, "city": v.AskAddress, "state": v.AskAddress,
		"country": address, "postalCode": address, "card": v.AskCard, "shippingRate": v.Rates != nil,
	}
}

// Fields are those that the page has.
func (v *view) Fields() []field {
	asked, values := v.asked(), v.Form.values()
	var shown []field
	focused := false
	for _, f := range fields {
		if !asked[f.Name] {
			continue
		}
		f.Value, f.Problem = values[f.Name], v.Problems[f.Name]
		if f.Name == "email" && v.Email != "" {
			f.Value, f.Locked = v.Email, true
		}
		f.Focus = f.Problem != "" && !focused
		focused = focused || f.Focus
		shown = append(shown, f)
	}
	return shown
}

// values are what has been entered, by the name of the field.
func (f form) values() map[string]string {
	return map[string]string{
		"email": f.Email, "phone": f.Phone, "name": f.Name, "line1": f.Line1, "line2": f.Line2, "city": f.City, "state": f.State,
		"country": f.Country, "postalCode": f.PostalCode,
	}
}
