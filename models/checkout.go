package models

import "time"

// Checkout is the frozen copy of what a customer was about to pay for: lines,
// prices, fee, address and total. Its ID is the paymentId in Stripe's metadata.
type Checkout struct {
	ID              string
	CustomerID      string
	StoreID         string
	Currency        Currency
	Subtotal        int64 // minor units
	DeliveryFee     int64 // minor units
	Total           int64 // minor units
	DeliveryType    Delivery
	DeliveryAddress Address
	Reservation     Reservation `gorm:"default:none"`
	CreatedAt       time.Time   `gorm:"->"`
	Items           []Line      `gorm:"-"`
}
