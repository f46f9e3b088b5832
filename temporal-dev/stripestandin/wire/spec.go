package wire

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
)

// schema is a node of the description: what a value may be.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	MaxLength  int                `json:"maxLength"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	AnyOf      []*schema          `json:"anyOf"`
	Resource   string             `json:"x-resourceId"`
	// Additional says which keys beside Properties there may be: absent any, false none, else a schema of their values.
	Additional json.RawMessage `json:"additionalProperties"`
}

// operation is one call as described.
type operation struct {
	Parameters []struct {
		In       string  `json:"in"`
		Name     string  `json:"name"`
		Required bool    `json:"required"`
		Schema   *schema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

// description is Stripe's API as Stripe describes it.
type description struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`

	byResource map[string]*schema // by what the field object says
	samples    map[string]any     // by the same
}

// described reads the description once: six megabytes, some 0.1 s.
var described = sync.OnceValue(func() *description {
	var d description
	mustDecode(embedded.OpenAPISpec, &d)
	var fixtures struct {
		Resources map[string]any `json:"resources"`
	}
	mustDecode(embedded.OpenAPIFixtures, &fixtures)
	d.samples = fixtures.Resources
	d.byResource = map[string]*schema{}
	for _, s := range d.Components.Schemas {
		if s.Resource != "" {
			d.byResource[s.Resource] = s
		}
	}
	plan := &schema{AnyOf: []*schema{{Ref: "#/components/schemas/plan"}}, Nullable: true}
	for _, kind := range withPlan {
		d.byResource[kind].Properties["plan"] = plan
	}
	return &d
})

// withPlan are the kinds that have, beside a recurring price, the plan that it was before there were prices. The description
// leaves it out; Stripe sends it, and stripe-go reads it.
var withPlan = []string{"line_item", "subscription_item"}

func mustDecode(text []byte, into any) {
	if err := json.Unmarshal(text, into); err != nil {
		panic("wire: the description that comes with stripe-mock: " + err.Error())
	}
}

// resolve follows a reference.
func (d *description) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// additional is the schema of keys beside Properties: nil and true for any at all, false for none.
func (s *schema) additional() (values *schema, allowed bool) {
	switch string(s.Additional) {
	case "":
		return nil, len(s.Properties) == 0
	case "false":
		return nil, false
	case "true":
		return nil, true
	}
	values = &schema{}
	mustDecode(s.Additional, values)
	return values, true
}
