package activities

// Edge is how every error on rows and mails leaves.
var Edge = edge

// BillingFacts is a look at one of Stripe's customers, before it is kept.
var BillingFacts = (*Stripe).billingFacts
