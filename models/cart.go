package models

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Bounds of one cart line and of one cart.
const (
	MaxQuantity = 10_000
	MaxLines    = 200
)

// Line is one product in a cart, a checkout or an order, at the price it had.
type Line struct {
	ProductID  string `json:"productId"`
	Name       string `json:"name"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unitAmount"` // minor units
}

func subtotal(lines []Line) int64 {
	var sum int64
	for _, line := range lines {
		sum += line.Quantity * line.UnitAmount
	}
	return sum
}

// Cart is what a customer is about to buy in one store, at today's prices.
type Cart struct {
	StoreID  string   `json:"storeId"`
	Currency Currency `json:"currency"`
	Items    []Line   `json:"items"`
	Subtotal int64    `json:"subtotal"` // minor units
}

// cart is the row that a buyer's transaction locks.
type cart struct{ CustomerID, StoreID string }

func (cart) TableName() string { return "carts" }

// cartItem is one product in a cart. OrderID is nil while the customer may
// still change it, and names the order that bought it from then on.
type cartItem struct {
	ID         int64 `gorm:"primaryKey"`
	CustomerID string
	StoreID    string
	ProductID  string
	Quantity   int64
	OrderID    *string
}

func (cartItem) TableName() string { return "cart_items" }

// Cart reads a customer's cart in a store; one never used is empty.
func (db *DB) Cart(ctx context.Context, customerID, storeID string) (Cart, error) {
	return readCart(db.gorm.WithContext(ctx), customerID, storeID)
}

func readCart(tx *gorm.DB, customerID, storeID string) (Cart, error) {
	var store Store
	if err := tx.Take(&store, "id = ?", storeID).Error; err != nil {
		return Cart{}, orNotFound(err, "Store")
	}
	bought, err := openLines(tx, customerID, storeID)
	if err != nil {
		return Cart{}, err
	}
	c := Cart{StoreID: storeID, Currency: store.Currency, Items: []Line{}}
	for _, line := range bought {
		c.Items = append(c.Items, line.Line)
	}
	c.Subtotal = subtotal(c.Items)
	return c, nil
}

// cartLine is a line of a cart with what its product says today.
type cartLine struct {
	Line   `gorm:"embedded"`
	Stock  *int64
	Active bool
}

// openLines are the lines a customer could buy now, in the order they came in.
func openLines(tx *gorm.DB, customerID, storeID string) ([]cartLine, error) {
	var lines []cartLine
	err := tx.Table("cart_items AS i").
		Select("i.product_id, i.quantity, p.name, p.unit_amount, p.stock, p.active").
		Joins("JOIN products AS p ON p.store_id = i.store_id AND p.id = i.product_id").
		Where("i.customer_id = ? AND i.store_id = ? AND i.order_id IS NULL", customerID, storeID).
		Order("i.id").Scan(&lines).Error
	return lines, err
}

// SetCartItem puts a quantity of a product into the customer's cart, in place
// of what was there. Its errors: NotFound, Invalid, and Conflict for a store or
// product that does not sell.
func (db *DB) SetCartItem(ctx context.Context, customerID, storeID, productID string, quantity int64) (Cart, error) {
	if quantity < 1 || quantity > MaxQuantity {
		return Cart{}, invalid("quantity", "Must be between 1 and 10000")
	}
	return db.changeCart(ctx, customerID, storeID, func(tx *gorm.DB) error {
		if err := forSale(tx, storeID, productID); err != nil {
			return err
		}
		item := cartItem{CustomerID: customerID, StoreID: storeID, ProductID: productID, Quantity: quantity}
		err := tx.Clauses(clause.OnConflict{
			Columns:     columns("customer_id", "store_id", "product_id"),
			TargetWhere: clause.Where{Exprs: []clause.Expression{gorm.Expr("order_id IS NULL")}},
			DoUpdates:   clause.AssignmentColumns([]string{"quantity"}),
		}).Create(&item).Error
		if err != nil {
			return err
		}
		var lines int64
		err = tx.Model(&cartItem{}).Where("customer_id = ? AND store_id = ? AND order_id IS NULL", customerID, storeID).
			Count(&lines).Error
		if err == nil && lines > MaxLines {
			return conflict("The cart is full")
		}
		return err
	})
}

func forSale(tx *gorm.DB, storeID, productID string) error {
	var store Store
	if err := tx.Take(&store, "id = ?", storeID).Error; err != nil {
		return orNotFound(err, "Store")
	}
	var product Product
	if err := tx.Take(&product, "store_id = ? AND id = ?", storeID, productID).Error; err != nil {
		return orNotFound(err, "Product")
	}
	switch {
	case !store.Active:
		return conflict("The store is closed")
	case !product.Active:
		return conflict("The product is not for sale")
	}
	return nil
}

// RemoveCartItem takes a product out of the customer's cart; one that is not
// in it is fine.
func (db *DB) RemoveCartItem(ctx context.Context, customerID, storeID, productID string) (Cart, error) {
	return db.changeCart(ctx, customerID, storeID, func(tx *gorm.DB) error {
		return tx.Delete(&cartItem{}, "customer_id = ? AND store_id = ? AND product_id = ? AND order_id IS NULL",
			customerID, storeID, productID).Error
	})
}

// EmptyCart takes everything out of the customer's cart, except what an order
// has already bought.
func (db *DB) EmptyCart(ctx context.Context, customerID, storeID string) (Cart, error) {
	return db.changeCart(ctx, customerID, storeID, func(tx *gorm.DB) error {
		return tx.Delete(&cartItem{}, "customer_id = ? AND store_id = ? AND order_id IS NULL",
			customerID, storeID).Error
	})
}

// changeCart runs one change with the cart locked, and reads it back.
func (db *DB) changeCart(ctx context.Context, customerID, storeID string, do func(tx *gorm.DB) error) (Cart, error) {
	var after Cart
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		var store Store
		if err := tx.Take(&store, "id = ?", storeID).Error; err != nil {
			return orNotFound(err, "Store")
		}
		if err := lockCart(tx, customerID, storeID); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		var err error
		after, err = readCart(tx, customerID, storeID)
		return err
	})
	return after, err
}

// lockCart makes the customer and the cart if need be, and holds the cart until
// the transaction ends, so that two purchases of one cart take turns.
func lockCart(tx *gorm.DB, customerID, storeID string) error {
	// Not Where(&row): an empty ID would be left out of it, and match any cart.
	named := tx.Clauses(forUpdate).Where("customer_id = ? AND store_id = ?", customerID, storeID).Session(&gorm.Session{})
	locked := named.Limit(1).Find(&[]cart{})
	if locked.Error != nil || locked.RowsAffected == 1 {
		return locked.Error
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Customer{ID: customerID}).Error; err != nil {
		return err
	}
	row := cart{CustomerID: customerID, StoreID: storeID}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return err
	}
	return named.Take(&cart{}).Error
}

// claimFromCart marks what an order bought, whose lines are written already, as
// the order's: all of a line, or as much of it as was bought, leaving the rest
// with the customer. Lines that the customer took out meanwhile have nothing to
// claim.
func claimFromCart(tx *gorm.DB, o Order) error {
	whole := tx.Exec(`UPDATE cart_items AS c SET order_id = i.order_id FROM order_items AS i
		WHERE i.order_id = ? AND c.customer_id = ? AND c.store_id = ? AND c.product_id = i.product_id
			AND c.order_id IS NULL AND c.quantity <= i.quantity`, o.ID, o.CustomerID, o.StoreID)
	if whole.Error != nil || whole.RowsAffected == int64(len(o.Items)) {
		return whole.Error
	}
	for _, line := range o.Items {
		if err := claimPart(tx, o, line); err != nil {
			return err
		}
	}
	return nil
}

// claimPart splits a line of which less was bought than is still in the cart.
func claimPart(tx *gorm.DB, o Order, line Line) error {
	left := tx.Model(&cartItem{}).Where("customer_id = ? AND store_id = ? AND product_id = ? AND order_id IS NULL",
		o.CustomerID, o.StoreID, line.ProductID).Update("quantity", gorm.Expr("quantity - ?", line.Quantity))
	if left.Error != nil || left.RowsAffected == 0 {
		return left.Error
	}
	return tx.Create(&cartItem{
		CustomerID: o.CustomerID, StoreID: o.StoreID, ProductID: line.ProductID, Quantity: line.Quantity, OrderID: &o.ID,
	}).Error
}

// ClearCart removes from the customer's cart what the order bought, and nothing
// else. Doing it again changes nothing.
func (db *DB) ClearCart(ctx context.Context, orderID string) error {
	return db.gorm.WithContext(ctx).Delete(&cartItem{}, "order_id = ?", orderID).Error
}
