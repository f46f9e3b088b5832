package models

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// SearchQuery says which payments are looked for, and which page of them.
type SearchQuery struct {
	Text   string // a name of theirs, their customer's ID or a mail address; "" all payments
	Status string // as people are shown it; "" any
	After  string // where an earlier page ended; "" from the newest
	Limit  int    // most payments on the page; less than 1 is 1
}

// shownStatuses are the words that the column payments.status can be.
var shownStatuses = []string{
	"needs_attention", "disputed", "charged_back", "refunded", "partially_refunded",
	"paid", "processing", "canceled", "failed", "pending", "unmatched", "subscription",
}

// searchByText finds payments by everything that they can be known by: the
// names of the payment itself and of what belongs to it or it pays for, each of
// which leads to one or a few; the customer, by ID or mail address, whose newest
// invoices lead to payments that do not name them; and the address that the payment
// itself came with.
//
// %[1]s is what else must hold of a payment, the order and the size of a page,
// which is %[2]d. A customer or an address may have a hundred thousand payments:
// of each no more than a page is read, by an index that alone answers
// (created_at, id and status are all in it), and only then the rows. The pages
// are LATERAL, so that Postgres never begins with all payments of a status.
const searchByText = `
SELECT * FROM payments WHERE id IN (
	SELECT id FROM (
		SELECT page.created_at, page.id
			FROM (SELECT id FROM payments WHERE id = @text OR payment_intent_id = @text OR checkout_session_id = @text
				UNION ALL SELECT id FROM payments WHERE charge_id = @text AND charge_id <> ''
				UNION ALL SELECT payment_id FROM orders WHERE id = @text
				UNION ALL SELECT payment_id FROM stripe_events WHERE id = @text
				UNION ALL SELECT payment_id FROM refunds WHERE id = @text OR stripe_refund_id = @text
				UNION ALL SELECT payment_id FROM disputes WHERE id = @text
				UNION ALL SELECT payment_id FROM reviews WHERE id = @text
				UNION ALL SELECT paying.id FROM (
					SELECT payment_intent_id FROM invoices WHERE id = @text
					UNION ALL SELECT payment_intent_id FROM invoices WHERE subscription_id = @text AND subscription_id <> ''
					UNION ALL SELECT theirs.payment_intent_id
						FROM (SELECT CAST(@text AS text) AS id
							UNION SELECT id FROM stripe_customers WHERE owner_id = @text
							UNION SELECT id FROM stripe_customers WHERE lower(email) = lower(@text)
							UNION SELECT s.id FROM customers AS c JOIN stripe_customers AS s ON s.owner_id = c.id
								WHERE lower(c.email) = lower(@text)) AS customer,
							LATERAL (SELECT payment_intent_id FROM invoices WHERE stripe_customer_id = customer.id
								ORDER BY made_at DESC LIMIT 1000) AS theirs) AS billed,
					LATERAL (SELECT id FROM payments WHERE payment_intent_id = billed.payment_intent_id LIMIT 1) AS paying) AS named,
				LATERAL (SELECT created_at, id FROM payments WHERE id = named.id AND %[1]s) AS page
		UNION
		(SELECT page.created_at, page.id
			FROM (SELECT CAST(@text AS text) AS id UNION SELECT id FROM customers WHERE lower(email) = lower(@text)) AS customer,
				LATERAL (SELECT created_at, id FROM payments WHERE customer_id = customer.id AND customer_id <> '' AND %[1]s) AS page
			ORDER BY page.created_at DESC, page.id DESC LIMIT %[2]d)
		UNION
		(SELECT created_at, id FROM payments WHERE lower(receipt_email) = lower(@text) AND receipt_email <> '' AND %[1]s)
	) AS found ORDER BY created_at DESC, id DESC LIMIT %[2]d)
ORDER BY created_at DESC, id DESC`

// SearchPayments lists the payments that q asks for, newest first. next is the
// cursor of the page that follows, "" when there is none. A status or a cursor
// that cannot be is Invalid.
func (db *DB) SearchPayments(ctx context.Context, q SearchQuery) (page []PaymentSummary, next string, err error) {
	q.Text, q.Limit = strings.TrimSpace(q.Text), max(q.Limit, 1)
	query, values, err := q.statement()
	if err != nil {
		return nil, "", err
	}
	if q.Text != Clean(q.Text, len(q.Text)) { // Postgres cannot hold it, so nothing is called that
		return []PaymentSummary{}, "", nil
	}
	var found []Payment
	if err := db.gorm.WithContext(ctx).Raw(query, values...).Scan(&found).Error; err != nil {
		return nil, "", err
	}
	if len(found) > q.Limit {
		found = found[:q.Limit]
		next = writeCursor(found[q.Limit-1].CreatedAt, found[q.Limit-1].ID)
	}
	page = make([]PaymentSummary, len(found))
	for i, p := range found {
		page[i] = p.summary()
	}
	return page, next, nil
}

// statement is the query and its values. The size of the page, one more than is
// shown to tell whether another follows, is a part of its text: Postgres would
// plan for a tenth of all payments if it did not know the number.
func (q SearchQuery) statement() (query string, values []any, err error) {
	fits := "true"
	if q.Status != "" {
		if !slices.Contains(shownStatuses, q.Status) {
			return "", nil, invalid("status", "Must be one of "+strings.Join(shownStatuses, ", "))
		}
		fits += " AND status = @status"
		values = append(values, sql.Named("status", q.Status))
	}
	if q.After != "" {
		at, id, err := readCursor(q.After)
		if err != nil {
			return "", nil, err
		}
		fits += " AND (created_at, id) < (@at, @id)"
		values = append(values, sql.Named("at", at), sql.Named("id", id))
	}
	newest := fmt.Sprintf("%s ORDER BY created_at DESC, id DESC LIMIT %d", fits, q.Limit+1)
	if q.Text == "" {
		return "SELECT * FROM payments WHERE " + newest, values, nil
	}
	return fmt.Sprintf(searchByText, newest, q.Limit+1), append(values, sql.Named("text", q.Text)), nil
}
