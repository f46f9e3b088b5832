package models

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Keys of Stripe's metadata that are ours. A checkout of ours carries
// KeyPaymentID alone; payments made by other clients carry the rest.
const (
	KeyPaymentID       = "paymentId"
	KeyCustomerID      = "customerId"
	KeyStoreID         = "storeId"
	KeyDeliveryAddress = "deliveryAddress" // JSON text
	KeyDeliveryType    = "deliveryType"
	KeyDeliveryFee     = "deliveryFee" // decimal string, major units
)

// MaxMetadataValue is Stripe's limit for one value, in characters.
const MaxMetadataValue = 500

// MetadataKeys lists our keys.
func MetadataKeys() []string {
	return []string{KeyPaymentID, KeyCustomerID, KeyStoreID, KeyDeliveryAddress, KeyDeliveryType, KeyDeliveryFee}
}

// Metadata is what a payment's metadata says under our keys, as text. nil
// means none of them is there.
type Metadata map[string]string

// Delivery is how an order reaches its customer.
type Delivery string

// The ways of delivery.
const (
	Deliver Delivery = "delivery"
	Pickup  Delivery = "pickup"
)

// Valid says whether d is a way of delivery that we know.
func (d Delivery) Valid() bool { return d == Deliver || d == Pickup }

// terms is what metadata without paymentId asks for, read and checked.
type terms struct {
	customerID string
	storeID    string
	delivery   Delivery
	address    Address
	fee        string // decimal, major units; "" when the metadata names none
}

// terms reads the metadata of a payment made by another client. The error
// names the key that does not fit and never quotes its value.
func (m Metadata) terms() (terms, error) {
	for _, key := range MetadataKeys() {
		if damaged(m[key]) {
			return terms{}, fmt.Errorf("%s has characters that were lost", key)
		}
	}
	address, err := ParseAddress(m[KeyDeliveryAddress])
	t := terms{
		customerID: m[KeyCustomerID],
		storeID:    m[KeyStoreID],
		delivery:   Delivery(m[KeyDeliveryType]),
		address:    address,
		fee:        m[KeyDeliveryFee],
	}
	switch {
	case !ValidID(t.customerID):
		return t, fmt.Errorf("%s is missing or no ID", KeyCustomerID)
	case !ValidID(t.storeID):
		return t, fmt.Errorf("%s is missing or no ID", KeyStoreID)
	case !t.delivery.Valid():
		return t, fmt.Errorf("%s is neither delivery nor pickup", KeyDeliveryType)
	case err != nil:
		return t, fmt.Errorf("%s: %w", KeyDeliveryAddress, err)
	case t.delivery == Deliver && !address.Deliverable():
		return t, fmt.Errorf("%s has no line1", KeyDeliveryAddress)
	}
	return t, nil
}

// ValidID says whether s can be an ID that callers choose (customer, store,
// product): opaque text of 1 to 64 characters without control characters.
func ValidID(s string) bool {
	if !utf8.ValidString(s) || s == "" || utf8.RuneCountInString(s) > 64 || damaged(s) {
		return false
	}
	return !strings.ContainsFunc(s, control)
}

// control says whether r does something other than being shown: control
// characters, and Unicode's separators of lines and paragraphs, which Postgres
// counts as such in some locales.
func control(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// Value stores the metadata as jsonb; nil as an empty object.
func (m Metadata) Value() (driver.Value, error) {
	if m == nil {
		return "{}", nil
	}
	return jsonText(m)
}

// Scan reads what Value stored; an empty object as nil.
func (m *Metadata) Scan(src any) error {
	if err := scanJSON(src, (*map[string]string)(m)); err != nil {
		return err
	}
	if len(*m) == 0 {
		*m = nil
	}
	return nil
}

// GormDataType tells gorm what it cannot see from a nil value.
func (Metadata) GormDataType() string { return "jsonb" }
