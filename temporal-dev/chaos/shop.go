package chaos

import "twigz/models"

// What is sold. Prices are in minor units and divisible by ten, which is what can be paid in three-decimal currencies.

// plenty is how much there is of what is counted and never runs out.
const plenty = 1_000_000

// stores are of every policy, in currencies with two decimals, none and three.
var stores = []models.Store{
	store("bakery", "usd", 390, models.RefundWhenUnfulfillable),
	store("teahouse", "eur", 250, models.RefundWhenUnfulfillable),
	store("noodles", "jpy", 400, models.RefundWhenUnfulfillable),
	store("dates", "kwd", 500, models.RefundWhenUnfulfillable),
	store("cellar", "usd", 0, models.HoldWhenUnfulfillable),
	store("press", "eur", 300, models.HoldWhenUnfulfillable),
}

func store(id, currency string, fee int64, policy models.WhenUnfulfillable) models.Store {
	return models.Store{
		ID: id, Name: "The " + id, Email: id + "@stores.example", Currency: models.Currency(currency), DeliveryFee: fee,
		Active: true, OnUnfulfillable: policy,
	}
}

// untracked is the product that is not counted.
const untracked = "jam"

// goods are the same in every store: most of what is bought.
var goods = []models.Product{
	{ID: "loaf", Name: "Sourdough loaf", UnitAmount: 450, Stock: new(int64(plenty)), Active: true},
	{ID: untracked, Name: "Apricot jam", UnitAmount: 300, Active: true},
	{ID: "tea", Name: "Green tea", UnitAmount: 410, Stock: new(int64(plenty)), Active: true},
}

// rarity is a product that one payment alone wants, and wants more of than there is.
func rarity(storeID string, n int, stock int64) models.Product {
	return models.Product{
		StoreID: storeID, ID: rarityID(n), Name: "Rare cheese", UnitAmount: 1200, Stock: &stock, Active: true,
	}
}
