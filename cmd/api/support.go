package main

import (
	"github.com/gin-gonic/gin"

	"twigz/models"
)

func (s *server) getPayment(c *gin.Context) (any, error) {
	id, err := known(c, "id", "Payment")
	if err != nil {
		return nil, err
	}
	return s.db.PaymentDetail(c.Request.Context(), id, s.config.temporal.WorkflowURL)
}

// storeBody replaces a store whole: what is absent is set to its default.
type storeBody struct {
	Name            string                   `json:"name"`
	Email           string                   `json:"email"`
	Currency        models.Currency          `json:"currency"`
	DeliveryFee     int64                    `json:"deliveryFee"`     // minor units; absent: 0
	Active          *bool                    `json:"active"`          // absent: true
	AutomaticTax    bool                     `json:"automaticTax"`    // absent: false
	OnUnfulfillable models.WhenUnfulfillable `json:"onUnfulfillable"` // absent: refund
}

func (s *server) putStore(c *gin.Context) (any, error) {
	body := storeBody{OnUnfulfillable: models.RefundWhenUnfulfillable}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return s.db.PutStore(c.Request.Context(), models.Store{
		ID: pathValue(c, "storeId"), Name: body.Name, Email: body.Email, Currency: body.Currency,
		DeliveryFee: body.DeliveryFee, Active: body.Active == nil || *body.Active,
		AutomaticTax: body.AutomaticTax, OnUnfulfillable: body.OnUnfulfillable,
	}, s.staff(c))
}

// productBody replaces a product whole: what is absent is set to its default.
type productBody struct {
	Name       string `json:"name"`
	UnitAmount *int64 `json:"unitAmount"` // minor units of the store's currency
	Stock      *int64 `json:"stock"`      // absent or null: not counted
	Active     *bool  `json:"active"`     // absent: true
}

func (s *server) putProduct(c *gin.Context) (any, error) {
	var body productBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	storeID, err := storeIDOf(pathValue(c, "storeId"))
	if err != nil {
		return nil, err
	}
	if body.UnitAmount == nil {
		return nil, &models.Error{Kind: models.Invalid, Field: "unitAmount", Message: "Is missing"}
	}
	return s.db.PutProduct(c.Request.Context(), models.Product{
		StoreID: storeID, ID: pathValue(c, "productId"), Name: body.Name,
		UnitAmount: *body.UnitAmount, Stock: body.Stock, Active: body.Active == nil || *body.Active,
	}, s.staff(c))
}

// staff is who calls, for the audit trail.
func (s *server) staff(c *gin.Context) models.Cause {
	return models.Cause{Actor: c.GetString(supportKey)}
}
