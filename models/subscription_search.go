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

// subscriptionsByText finds subscriptions by everything that they can be known by:
// their own name and those of what belongs to them, each of which leads to one; and
// their customer, by Stripe's ID, ours, or a mail address. %[1]s is what else must
// hold, %[2]s that with the order and the size of a page, %[3]d.
//
// An address may be that of many customers: of each no more than a page is read, and
// LATERAL keeps Postgres from beginning with all subscriptions, as in searchByText.
const subscriptionsByText = `
SELECT page.* FROM (
	SELECT CAST(@text AS text) AS id
	UNION SELECT subscription_id FROM invoices WHERE id = @text
	UNION SELECT object_id FROM stripe_events WHERE id = @text
	UNION SELECT invoices.subscription_id FROM stripe_events JOIN invoices ON invoices.id = stripe_events.object_id WHERE stripe_events.id = @text
	UNION SELECT theirs.id
		FROM (SELECT CAST(@text AS text) AS id
			UNION SELECT stripe_customer_id FROM stripe_events WHERE id = @text AND object_id = ''
			UNION SELECT id FROM stripe_customers WHERE lower(email) = lower(@text)) AS customer,
			LATERAL (SELECT id FROM subscriptions WHERE stripe_customer_id = customer.id AND %[2]s) AS theirs
	UNION SELECT theirs.id
		FROM (SELECT CAST(@text AS text) AS id UNION SELECT id FROM customers WHERE lower(email) = lower(@text)) AS customer,
			LATERAL (SELECT id FROM subscriptions WHERE owner_id = customer.id AND %[2]s) AS theirs
) AS named, LATERAL (SELECT * FROM subscriptions WHERE id = named.id AND %[1]s LIMIT 1) AS page
ORDER BY page.started_at DESC, page.id DESC LIMIT %[3]d`

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
	fits := "true"
	if q.Status != "" {
		if !slices.Contains(telling, q.Status) {
			return "", nil, invalid("status", "Must be one of "+strings.Join(telling, ", "))
		}
		fits += " AND status = @status"
		values = append(values, sql.Named("status", q.Status))
	}
	if q.Unowned {
		fits += " AND owner_id IS NULL"
	}
	if q.After != "" {
		at, id, err := readCursor(q.After)
		if err != nil {
			return "", nil, err
		}
		fits += " AND (started_at, id) < (@at, @id)"
		values = append(values, sql.Named("at", at), sql.Named("id", id))
	}
	newest := fmt.Sprintf("%s ORDER BY started_at DESC, id DESC LIMIT %d", fits, q.Limit+1)
	if q.Text == "" {
		return "SELECT * FROM subscriptions WHERE " + newest, values, nil
	}
	return fmt.Sprintf(subscriptionsByText, fits, newest, q.Limit+1), append(values, sql.Named("text", q.Text)), nil
}
