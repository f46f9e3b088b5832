package main

import (
	"github.com/gin-gonic/gin"

	"twigz/models"
)

func (s *server) listProducts(c *gin.Context) (any, error) {
	storeID, err := storeIDOf(pathValue(c, "storeId"))
	if err != nil {
		return nil, err
	}
	store, products, err := s.db.Products(c.Request.Context(), storeID)
	if err != nil {
		return nil, err
	}
	type product struct {
		models.Product
		Currency models.Currency `json:"currency"`
	}
	list := make([]product, len(products))
	for i, p := range products {
		list[i] = product{p, store.Currency}
	}
	return gin.H{"products": list}, nil
}

func (s *server) getCart(c *gin.Context) (any, error) {
	storeID, err := storeIDOf(c.Query("storeId"))
	if err != nil {
		return nil, err
	}
	return s.db.Cart(c.Request.Context(), c.GetString(customerKey), storeID)
}

func (s *server) emptyCart(c *gin.Context) (any, error) {
	storeID, err := storeIDOf(c.Query("storeId"))
	if err != nil {
		return nil, err
	}
	return s.db.EmptyCart(c.Request.Context(), c.GetString(customerKey), storeID)
}

// cartItemBody is what changes one line of a cart.
type cartItemBody struct {
	StoreID  string `json:"storeId"`
	Quantity *int64 `json:"quantity"` // not needed to remove the line
}

func (s *server) setCartItem(c *gin.Context) (any, error) {
	var body cartItemBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	storeID, productID, err := cartItemIDs(c, body)
	if err != nil {
		return nil, err
	}
	if body.Quantity == nil {
		return nil, &models.Error{Kind: models.Invalid, Field: "quantity", Message: "Is missing"}
	}
	return s.db.SetCartItem(c.Request.Context(), c.GetString(customerKey), storeID, productID, *body.Quantity)
}

// removeCartItem takes the store from the body, as setCartItem does, or from
// the query, because not every client can send a body with DELETE.
func (s *server) removeCartItem(c *gin.Context) (any, error) {
	body := cartItemBody{StoreID: c.Query("storeId")}
	if body.StoreID == "" && c.Request.ContentLength != 0 {
		if err := decode(c, &body); err != nil {
			return nil, err
		}
	}
	storeID, productID, err := cartItemIDs(c, body)
	if err != nil {
		return nil, err
	}
	return s.db.RemoveCartItem(c.Request.Context(), c.GetString(customerKey), storeID, productID)
}

func cartItemIDs(c *gin.Context, body cartItemBody) (storeID, productID string, err error) {
	if productID = pathValue(c, "productId"); !models.ValidID(productID) {
		return "", "", &models.Error{Kind: models.Invalid, Field: "productId", Message: "Must be 1 to 64 characters without control characters"}
	}
	storeID, err = storeIDOf(body.StoreID)
	return storeID, productID, err
}

func storeIDOf(text string) (string, error) {
	if !models.ValidID(text) {
		return "", &models.Error{Kind: models.Invalid, Field: "storeId", Message: "Must be 1 to 64 characters without control characters"}
	}
	return text, nil
}

func (s *server) listOrders(c *gin.Context) (any, error) {
	limit, err := pageLimit(c)
	if err != nil {
		return nil, err
	}
	orders, next, err := s.db.Orders(c.Request.Context(), c.GetString(customerKey), c.Query("after"), limit)
	if err != nil {
		return nil, err
	}
	answer := gin.H{"orders": orders}
	if next != "" {
		answer["next"] = next
	}
	return answer, nil
}

func (s *server) getOrder(c *gin.Context) (any, error) {
	orderID, err := known(c, "orderId", "Order")
	if err != nil {
		return nil, err
	}
	return s.db.Order(c.Request.Context(), c.GetString(customerKey), orderID)
}
