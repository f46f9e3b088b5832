package models

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// SubscriptionQuery says which subscriptions are looked for, and which page of them.
type SubscriptionQuery struct {
	Text    string // an ID of Stripe's, their customer's ID or a mail address; "" all
	Status  string // Stripe's word; "" any
	Unowned bool   // only those that are nobody's yet
	After   string // where an earlier page ended; "" from the newest
	Limit   int    // most subscriptions on the page; less than 1 is 1
}

// subscriptionsByText finds subscriptions by everything that they can be known by.
// Each part is answered by an index and leads to a few: those of one person.
const subscriptionsByText = `id IN (
	SELECT id FROM subscriptions WHERE id = @text
	UNION ALL SELECT id FROM subscriptions WHERE stripe_customer_id = @text
	UNION ALL SELECT id FROM subscriptions WHERE owner_id = @text
	UNION ALL SELECT subscription_id FROM invoices WHERE id = @text
	UNION ALL SELECT object_id FROM stripe_events WHERE id = @text
	UNION ALL SELECT invoices.subscription_id FROM stripe_events JOIN invoices ON invoices.id = stripe_events.object_id WHERE stripe_events.id = @text
	UNION ALL SELECT subscriptions.id FROM stripe_events JOIN subscriptions ON subscriptions.stripe_customer_id = stripe_events.stripe_customer_id
		WHERE stripe_events.id = @text AND stripe_events.object_id = ''
	UNION ALL SELECT subscriptions.id FROM stripe_customers JOIN subscriptions ON subscriptions.stripe_customer_id = stripe_customers.id
		WHERE lower(stripe_customers.email) = lower(@text)
	UNION ALL SELECT subscriptions.id FROM customers JOIN subscriptions ON subscriptions.owner_id = customers.id
		WHERE lower(customers.email) = lower(@text))`

// SearchSubscriptions lists the subscriptions that q asks for, newest first. next is
// the cursor of the page that follows, "" when there is none. A status or a cursor
// that cannot be is Invalid.
func (db *DB) SearchSubscriptions(ctx context.Context, q SubscriptionQuery) (page []SubscriptionSummary, next string, err error) {
	q.Text, q.Limit = strings.TrimSpace(q.Text), max(q.Limit, 1)
	query, values, err := q.statement()
	if err != nil {
		return nil, "", err
	}
	if q.Text != Clean(q.Text, len(q.Text)) { // Postgres cannot hold it, so nothing is called that
		return []SubscriptionSummary{}, "", nil
	}
	var found []Subscription
	if err := db.gorm.WithContext(ctx).Raw(query, values...).Scan(&found).Error; err != nil {
		return nil, "", fmt.Errorf("search subscriptions: %w", err)
	}
	if len(found) > q.Limit {
		found = found[:q.Limit]
		next = writeCursor(found[q.Limit-1].StartedAt, found[q.Limit-1].ID)
	}
	return summaries(found), next, nil
}

// statement is the query and its values. The size of the page is a part of its text,
// as it is for payments.
func (q SubscriptionQuery) statement() (query string, values []any, err error) {
	fits := []string{"true"}
	if q.Text != "" {
		fits, values = append(fits, subscriptionsByText), append(values, sql.Named("text", q.Text))
	}
	if q.Status != "" {
		if !slices.Contains(telling, q.Status) {
			return "", nil, invalid("status", "Must be one of "+strings.Join(telling, ", "))
		}
		fits, values = append(fits, "status = @status"), append(values, sql.Named("status", q.Status))
	}
	if q.Unowned {
		fits = append(fits, "owner_id IS NULL")
	}
	if q.After != "" {
		at, id, err := readCursor(q.After)
		if err != nil {
			return "", nil, err
		}
		fits, values = append(fits, "(started_at, id) < (@at, @id)"), append(values, sql.Named("at", at), sql.Named("id", id))
	}
	query = fmt.Sprintf("SELECT * FROM subscriptions WHERE %s ORDER BY started_at DESC, id DESC LIMIT %d", strings.Join(fits, " AND "), q.Limit+1)
	return query, values, nil
}
