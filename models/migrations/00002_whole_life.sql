-- The whole life of a payment: refunds, disputes, reviews and holds; what staff
-- ask for; what waits while Temporal is away; how far reconciliation has read.
--
-- Rewrites payments once, for the generated status: a minute for ten million
-- rows, during which payments cannot be written. Stop the workers or choose a
-- quiet hour; webhooks are accepted meanwhile.

-- +goose Up

-- A refund may be told of before the payment it is of, so the rule that one is
-- never larger than what was collected is for those we ask for (models.refundable).
ALTER TABLE payments
    DROP CONSTRAINT refund_of_collected,
    ADD COLUMN refunds_told    minor_units NOT NULL DEFAULT 0,  -- the largest total that a charge.refunded has told
    ADD COLUMN disputed        boolean NOT NULL DEFAULT false,  -- a dispute is open
    ADD COLUMN charged_back    boolean NOT NULL DEFAULT false,  -- a dispute was lost
    ADD COLUMN accepted        boolean NOT NULL DEFAULT false,  -- a person takes what was collected for what is owed
    ADD COLUMN settled_elsewhere minor_units NOT NULL DEFAULT 0, -- owed back, and given by other means than Stripe, as staff say
    ADD COLUMN no_order_reason text CHECK (no_order_reason <> ''); -- why there will be no order; NULL: there may be one

-- The one word that everybody is shown, the first that holds.
ALTER TABLE payments ADD COLUMN status text NOT NULL GENERATED ALWAYS AS (
    CASE
        WHEN blocked_reason IS NOT NULL THEN 'needs_attention'
        WHEN kind <> 'order' THEN kind
        WHEN disputed THEN 'disputed'
        WHEN charged_back THEN 'charged_back'
        WHEN amount_refunded > 0 AND amount_refunded >= amount_received THEN 'refunded'
        WHEN amount_refunded > 0 THEN 'partially_refunded'
        ELSE state
    END) STORED;

-- Support's search: newest first, page by page, by each thing it is searched by.
-- What is INCLUDEd lets an index answer alone: a customer, or an address, may
-- have a hundred thousand payments and none of the status that is asked for.
CREATE INDEX payments_newest ON payments (created_at DESC, id DESC);
CREATE INDEX payments_of_status ON payments (status, created_at DESC, id DESC);
CREATE INDEX payments_of_customer ON payments (customer_id, created_at DESC, id DESC) INCLUDE (status) WHERE customer_id <> '';
CREATE INDEX payments_of_email ON payments (lower(receipt_email), created_at DESC, id DESC) INCLUDE (status, receipt_email) WHERE receipt_email <> '';
CREATE INDEX customers_of_email ON customers (lower(email)) WHERE email IS NOT NULL;
-- An event about a charge may not name its payment intent.
CREATE INDEX payments_charge ON payments (charge_id) WHERE charge_id <> '';
-- What the watchdog looks through from where everything was well (models/watch.go):
-- collected, and no open case about it.
CREATE INDEX payments_to_watch ON payments (updated_at)
    WHERE kind = 'order' AND state = 'paid' AND blocked_reason IS NULL;

-- One row a refund, whoever made it. One of ours is written before Stripe is
-- asked, so that it is asked for once however often the asking is interrupted.
CREATE TABLE refunds (
    id               text PRIMARY KEY,  -- ours, rfd_…
    payment_id       text NOT NULL REFERENCES payments (id),
    stripe_refund_id text UNIQUE CHECK (stripe_refund_id <> ''), -- NULL: not known at Stripe (yet)
    request_key      text UNIQUE CHECK (request_key <> ''), -- what asked for it, such as evt_…:compensation, and the stem of the idempotency keys; NULL: not ours
    source           text NOT NULL CHECK (source IN ('stripe', 'staff', 'compensation', 'review')), -- who wanted it; stripe: somebody there
    status           text NOT NULL CHECK (status IN ('requested', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled', 'refused')),
    amount           minor_units NOT NULL,
    currency         text NOT NULL DEFAULT '' CHECK (char_length(currency) <= 32),
    reason           text NOT NULL DEFAULT '',  -- in words, or Stripe's own
    failure_reason   text NOT NULL DEFAULT '',  -- Stripe's word, for failed and refused
    flagged          boolean NOT NULL DEFAULT false, -- failed, and nobody has dealt with that yet
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refunds_of_payment ON refunds (payment_id, created_at);

CREATE TABLE disputes (
    id                text PRIMARY KEY,  -- Stripe's
    payment_id        text NOT NULL REFERENCES payments (id),
    status            text NOT NULL CHECK (status IN ('warning_needs_response', 'warning_under_review', 'warning_closed',
                                                      'needs_response', 'under_review', 'won', 'lost')),
    reason            text NOT NULL DEFAULT '',
    amount            minor_units NOT NULL DEFAULT 0,
    currency          text NOT NULL DEFAULT '' CHECK (char_length(currency) <= 32),
    due_by            timestamptz,  -- until when evidence counts; NULL: not told
    owner_workflow_id text CHECK (owner_workflow_id <> ''), -- the open workflow that answers for it
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX disputes_of_payment ON disputes (payment_id);

CREATE TABLE reviews (
    id            text PRIMARY KEY,  -- Stripe's, prv_…
    payment_id    text NOT NULL REFERENCES payments (id),
    open          boolean NOT NULL,
    opened_reason text NOT NULL DEFAULT '',
    closed_reason text NOT NULL DEFAULT '',  -- '' while it is open
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reviews_of_payment ON reviews (payment_id);

-- What keeps an order from being shipped, several at once. They hang on the
-- payment, because a dispute may be told of before there is an order.
CREATE TABLE holds (
    id          text PRIMARY KEY,  -- ours, hold_…
    payment_id  text NOT NULL REFERENCES payments (id),
    source      text NOT NULL CHECK (source IN ('dispute', 'review', 'staff')),
    source_id   text NOT NULL,  -- the dispute, the review, or the request of staff
    reason      text NOT NULL DEFAULT '',
    actor       text NOT NULL CHECK (actor <> ''),
    opened_at   timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    released_by text NOT NULL DEFAULT '',
    UNIQUE (source, source_id)
);
CREATE INDEX holds_of_payment ON holds (payment_id);

-- What staff asked for, once for each request ID, and what came of it.
CREATE TABLE actions (
    request_id text PRIMARY KEY CHECK (char_length(request_id) BETWEEN 1 AND 200),
    payment_id text NOT NULL REFERENCES payments (id),
    action     text NOT NULL,
    actor      text NOT NULL CHECK (actor <> ''),
    claimed    boolean NOT NULL,  -- by a signal: nobody has checked who it was
    input      jsonb NOT NULL DEFAULT '{}',
    refusal    text NOT NULL DEFAULT '',  -- why it was refused; '': it was done
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX actions_of_payment ON actions (payment_id);

-- Workflows that are to start as soon as Temporal can be reached.
CREATE TABLE inbox (
    workflow_id   text PRIMARY KEY CHECK (workflow_id <> ''),
    workflow_type text NOT NULL,
    input         jsonb NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    attempts      integer NOT NULL DEFAULT 0,
    not_before    timestamptz NOT NULL DEFAULT now(), -- later than received_at after an attempt that Temporal refused
    error         text NOT NULL DEFAULT ''
);
CREATE INDEX inbox_oldest ON inbox (received_at);

-- How far something has been read.
CREATE TABLE cursors (
    name       text PRIMARY KEY,
    reached    timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- An order whose payment a person accepted although it did not fit is worth what
-- was collected: adjustment is the difference, 0 for all others.
ALTER TABLE orders
    DROP CONSTRAINT order_total_adds_up,
    ADD COLUMN adjustment    bigint NOT NULL DEFAULT 0,
    ADD COLUMN cancel_reason text CHECK (cancel_reason <> ''), -- NULL: never canceled
    ADD CONSTRAINT order_total_adds_up CHECK (total = subtotal + delivery_fee + adjustment);

-- Stock that a checkout keeps for its payment: taken from products already
-- (held), given back because it was not paid in time (released), or sold (used).
ALTER TABLE checkouts
    ADD COLUMN reservation text NOT NULL DEFAULT 'none' CHECK (reservation IN ('none', 'held', 'released', 'used'));

ALTER TABLE audit_entries ADD COLUMN claimed boolean NOT NULL DEFAULT false; -- the actor said so, in a signal

ALTER TABLE notifications
    DROP CONSTRAINT notifications_recipient_check,
    DROP CONSTRAINT notifications_kind_check,
    ADD CONSTRAINT notifications_recipient_check CHECK (recipient IN ('customer', 'store', 'support')),
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('order_confirmed', 'order_received', 'payment_failed',
        'order_unfulfillable', 'order_canceled', 'payment_blocked', 'dispute_deadline'));

-- +goose Down
ALTER TABLE notifications
    DROP CONSTRAINT notifications_recipient_check,
    DROP CONSTRAINT notifications_kind_check;
DELETE FROM notifications WHERE recipient = 'support' OR kind NOT IN ('order_confirmed', 'order_received', 'payment_failed');
ALTER TABLE notifications
    ADD CONSTRAINT notifications_recipient_check CHECK (recipient IN ('customer', 'store')),
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('order_confirmed', 'order_received', 'payment_failed'));
ALTER TABLE audit_entries DROP COLUMN claimed;
ALTER TABLE checkouts DROP COLUMN reservation;
ALTER TABLE orders
    DROP CONSTRAINT order_total_adds_up,
    DROP COLUMN adjustment,
    DROP COLUMN cancel_reason,
    ADD CONSTRAINT order_total_adds_up CHECK (total = subtotal + delivery_fee) NOT VALID; -- adjusted orders stay
DROP TABLE cursors, inbox, actions, holds, reviews, disputes, refunds;
DROP INDEX payments_newest, payments_of_status, payments_of_customer, payments_of_email, customers_of_email, payments_charge, payments_to_watch;
ALTER TABLE payments DROP COLUMN status;
ALTER TABLE payments
    DROP COLUMN refunds_told, DROP COLUMN disputed, DROP COLUMN charged_back, DROP COLUMN accepted, DROP COLUMN settled_elsewhere, DROP COLUMN no_order_reason,
    ADD CONSTRAINT refund_of_collected CHECK (amount_refunded = 0 OR amount_refunded <= coalesce(amount_received, 0)) NOT VALID;
