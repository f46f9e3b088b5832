-- From a payment to an order: the first working whole.
--
-- Safe to run while nothing else is there; takes no time on an empty database.
-- Money is always whole minor units of a lower-case ISO 4217 currency.

-- +goose Up

-- An ID that callers choose. Code says the same in models.ValidID. The characters
-- are spelled out because [:cntrl:] depends on the database's locale.
CREATE DOMAIN caller_id AS text
    CHECK (char_length(VALUE) BETWEEN 1 AND 64 AND VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]');
CREATE DOMAIN currency AS text CHECK (VALUE ~ '^[a-z]{3}$');
-- One price, fee or sum that we owe or are owed; never negative.
CREATE DOMAIN minor_units AS bigint CHECK (VALUE >= 0);

CREATE TABLE stores (
    id               caller_id PRIMARY KEY,
    name             text NOT NULL CHECK (name <> ''),
    email            text NOT NULL CHECK (email <> ''), -- where its orders are announced
    currency         currency NOT NULL,
    delivery_fee     minor_units NOT NULL DEFAULT 0,
    active           boolean NOT NULL DEFAULT true,     -- false: closed, sells nothing
    automatic_tax    boolean NOT NULL DEFAULT false,    -- Stripe Tax at checkout
    on_unfulfillable text NOT NULL DEFAULT 'refund' CHECK (on_unfulfillable IN ('refund', 'hold')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products (
    store_id    caller_id NOT NULL REFERENCES stores (id),
    id          caller_id NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    unit_amount minor_units NOT NULL CHECK (unit_amount <= 999999999999),
    stock       bigint CHECK (stock >= 0), -- NULL: not counted
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store_id, id)
);

-- A customer appears on first use; the identity provider knows who they are.
CREATE TABLE customers (
    id                 caller_id PRIMARY KEY,
    email              text CHECK (email <> ''),
    name               text CHECK (name <> ''),
    stripe_customer_id text UNIQUE CHECK (stripe_customer_id <> ''),
    created_at         timestamptz NOT NULL DEFAULT now()
);

-- The frozen copy of what a customer was about to pay for. Its ID is the
-- paymentId that Stripe's metadata carries.
CREATE TABLE checkouts (
    id               text PRIMARY KEY,
    customer_id      caller_id NOT NULL REFERENCES customers (id),
    store_id         caller_id NOT NULL REFERENCES stores (id),
    currency         currency NOT NULL,
    subtotal         minor_units NOT NULL,
    delivery_fee     minor_units NOT NULL,
    total            minor_units NOT NULL,
    delivery_type    text NOT NULL CHECK (delivery_type IN ('delivery', 'pickup')),
    delivery_address jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkout_total_adds_up CHECK (total = subtotal + delivery_fee),
    CONSTRAINT checkout_pickup_is_free CHECK (delivery_type <> 'pickup' OR delivery_fee = 0),
    CONSTRAINT checkout_delivery_has_address
        CHECK (delivery_type <> 'delivery' OR coalesce(delivery_address ->> 'line1', '') <> '')
);

CREATE TABLE checkout_items (
    checkout_id text NOT NULL REFERENCES checkouts (id),
    position    integer NOT NULL CHECK (position > 0),
    product_id  caller_id NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    unit_amount minor_units NOT NULL,
    quantity    integer NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
    PRIMARY KEY (checkout_id, position),
    UNIQUE (checkout_id, product_id)
);

-- One row a payment, keyed by our own ID. What Stripe says of it may be
-- anything, so amounts, currency and the IDs in its metadata are kept as they
-- came: no sign check, no foreign keys. What we make of it is strict.
CREATE TABLE payments (
    id                  text PRIMARY KEY,
    checkout_id         text REFERENCES checkouts (id), -- several payments may claim one; orders.checkout_id lets one win
    payment_intent_id   text UNIQUE CHECK (payment_intent_id <> ''),
    checkout_session_id text UNIQUE CHECK (checkout_session_id <> ''),
    kind                text NOT NULL CHECK (kind IN ('order', 'unmatched', 'subscription')),
    state               text NOT NULL CHECK (state IN ('pending', 'processing', 'failed', 'canceled', 'paid')),
    amount              bigint, -- asked for; NULL until Stripe says
    amount_received     bigint, -- collected; NULL until Stripe says
    amount_refunded     minor_units NOT NULL DEFAULT 0,
    currency            text NOT NULL DEFAULT '' CHECK (char_length(currency) <= 32),
    customer_id         text NOT NULL DEFAULT '', -- as the metadata claims; may be nobody
    store_id            text NOT NULL DEFAULT '', -- as the metadata claims; may be no store
    metadata            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    metadata_problem    text NOT NULL DEFAULT '',
    receipt_email       text NOT NULL DEFAULT '',
    charge_id           text NOT NULL DEFAULT '',
    failure_code        text NOT NULL DEFAULT '',
    failure_message     text NOT NULL DEFAULT '',
    cancellation_reason text NOT NULL DEFAULT '',
    blocked_reason      text CHECK (blocked_reason <> ''),
    blocked_detail      text NOT NULL DEFAULT '',
    owner_workflow_id   text CHECK (owner_workflow_id <> ''), -- the open workflow that answers for it
    livemode            boolean NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT blocked_payment_has_owner CHECK (blocked_reason IS NULL OR owner_workflow_id IS NOT NULL),
    CONSTRAINT only_orders_block CHECK (blocked_reason IS NULL OR kind = 'order'),
    CONSTRAINT refund_of_collected CHECK (amount_refunded = 0 OR amount_refunded <= coalesce(amount_received, 0))
);
CREATE INDEX payments_checkout ON payments (checkout_id) WHERE checkout_id IS NOT NULL;

-- The ID of an order is a function of its payment intent or session, so the
-- primary key alone already refuses a second order for one payment.
CREATE TABLE orders (
    id                text PRIMARY KEY,
    payment_id        text NOT NULL UNIQUE REFERENCES payments (id),
    checkout_id       text UNIQUE REFERENCES checkouts (id),
    customer_id       caller_id NOT NULL REFERENCES customers (id),
    store_id          caller_id NOT NULL REFERENCES stores (id),
    status            text NOT NULL CHECK (status IN ('confirmed', 'canceled', 'refunded', 'charged_back')),
    currency          currency NOT NULL,
    subtotal          minor_units NOT NULL,
    delivery_fee      minor_units NOT NULL,
    total             minor_units NOT NULL,
    delivery_type     text NOT NULL CHECK (delivery_type IN ('delivery', 'pickup')),
    delivery_address  jsonb,
    payment_method    text NOT NULL DEFAULT 'card',
    payment_intent_id text NOT NULL DEFAULT '', -- '' for a no-cost session
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_total_adds_up CHECK (total = subtotal + delivery_fee),
    CONSTRAINT order_pickup_is_free CHECK (delivery_type <> 'pickup' OR delivery_fee = 0),
    CONSTRAINT order_delivery_has_address
        CHECK (delivery_type <> 'delivery' OR coalesce(delivery_address ->> 'line1', '') <> '')
);
-- A customer's orders, newest first, page by page.
CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC, id DESC);

CREATE TABLE order_items (
    order_id    text NOT NULL REFERENCES orders (id),
    position    integer NOT NULL CHECK (position > 0),
    product_id  caller_id NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    unit_amount minor_units NOT NULL,
    quantity    integer NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, product_id)
);

-- Lines and subtotal agree, for orders and checkouts alike and whichever of the
-- two changes, by the time the transaction commits. The argument is the column
-- that names the order or the checkout. No dynamic SQL: it would be planned anew
-- for every line of every order.
-- +goose StatementBegin
CREATE FUNCTION lines_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole text;
    said  bigint;
    lines bigint;
BEGIN
    FOREACH whole IN ARRAY ARRAY[to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]] LOOP
        IF TG_TABLE_NAME IN ('orders', 'order_items') THEN
            said := (SELECT subtotal FROM orders WHERE id = whole);
            lines := (SELECT sum(unit_amount * quantity) FROM order_items WHERE order_id = whole);
        ELSE
            said := (SELECT subtotal FROM checkouts WHERE id = whole);
            lines := (SELECT sum(unit_amount * quantity) FROM checkout_items WHERE checkout_id = whole);
        END IF;
        IF said IS DISTINCT FROM lines THEN
            RAISE EXCEPTION '% of %: lines come to %, subtotal is %', TG_TABLE_NAME, whole, lines, said
                USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER order_lines_add_up AFTER INSERT OR UPDATE OF subtotal ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lines_add_up('id');
CREATE CONSTRAINT TRIGGER order_lines_add_up AFTER INSERT OR UPDATE OR DELETE ON order_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lines_add_up('order_id');
CREATE CONSTRAINT TRIGGER checkout_lines_add_up AFTER INSERT OR UPDATE OF subtotal ON checkouts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lines_add_up('id');
CREATE CONSTRAINT TRIGGER checkout_lines_add_up AFTER INSERT OR UPDATE OR DELETE ON checkout_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lines_add_up('checkout_id');

-- A customer's cart in one store. The row is what a buyer's transaction locks.
CREATE TABLE carts (
    customer_id caller_id NOT NULL REFERENCES customers (id),
    store_id    caller_id NOT NULL REFERENCES stores (id),
    PRIMARY KEY (customer_id, store_id)
);

-- A row with an order_id was bought by that order: the customer no longer sees
-- it, no second payment can buy it, and ClearCart removes it.
CREATE TABLE cart_items (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id caller_id NOT NULL,
    store_id    caller_id NOT NULL,
    product_id  caller_id NOT NULL,
    quantity    integer NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
    order_id    text REFERENCES orders (id),
    FOREIGN KEY (customer_id, store_id) REFERENCES carts (customer_id, store_id),
    FOREIGN KEY (store_id, product_id) REFERENCES products (store_id, id)
);
CREATE UNIQUE INDEX cart_items_open ON cart_items (customer_id, store_id, product_id) WHERE order_id IS NULL;
CREATE UNIQUE INDEX cart_items_claimed ON cart_items (order_id, product_id) WHERE order_id IS NOT NULL;

-- One row a recipient and occasion. The Message-ID of the mail is made from
-- the row's ID, so that the same row sent twice is recognised as one mail.
CREATE TABLE notifications (
    id         text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments (id),
    order_id   text REFERENCES orders (id),
    recipient  text NOT NULL CHECK (recipient IN ('customer', 'store')),
    kind       text NOT NULL CHECK (kind IN ('order_confirmed', 'order_received', 'payment_failed')),
    occasion   text NOT NULL, -- what it tells of: an order, or one failed attempt to pay
    detail     text NOT NULL DEFAULT '', -- Stripe's reason, for payment_failed
    status     text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed', 'recorded')),
    address    text NOT NULL DEFAULT '', -- where it went
    attempts   integer NOT NULL DEFAULT 0,
    error      text NOT NULL DEFAULT '',
    claimed_by text,        -- the workflow that is sending it, NULL: none
    claimed_at timestamptz,
    sent_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (payment_id, kind, recipient, occasion),
    CONSTRAINT sent_has_a_time CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT claim_has_a_time CHECK ((claimed_by IS NULL) = (claimed_at IS NULL))
);
CREATE INDEX notifications_claimed ON notifications (claimed_by) WHERE status = 'pending';
CREATE INDEX notifications_of_order ON notifications (order_id) WHERE order_id IS NOT NULL;

-- Every Stripe event that a workflow acted on, and what came of it.
CREATE TABLE stripe_events (
    id          text PRIMARY KEY CHECK (id ~ '^evt_'),
    type        text NOT NULL,
    api_version text NOT NULL DEFAULT '',
    livemode    boolean NOT NULL,
    created     timestamptz NOT NULL, -- by Stripe's clock, one-second resolution
    payment_id  text NOT NULL REFERENCES payments (id),
    outcome     text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stripe_events_of_payment ON stripe_events (payment_id, recorded_at);

-- Who changed what, when and why. Appended in the transaction that acts.
CREATE TABLE audit_entries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL CHECK (actor <> ''), -- stripe, or the name of a support token
    action     text NOT NULL CHECK (action <> ''),
    subject    text NOT NULL,                     -- payment, order, store or product …
    subject_id text NOT NULL,                     -- … and which one
    payment_id text REFERENCES payments (id),     -- whose story it belongs to, if any's
    before     text NOT NULL DEFAULT '',
    after      text NOT NULL DEFAULT '',
    reason     text NOT NULL DEFAULT ''           -- for stripe: the event's ID
);
CREATE INDEX audit_of_payment ON audit_entries (payment_id, id) WHERE payment_id IS NOT NULL;

-- +goose Down
DROP TABLE audit_entries, stripe_events, notifications, cart_items, carts, order_items, orders, payments,
    checkout_items, checkouts, customers, products, stores;
DROP FUNCTION lines_add_up;
DROP DOMAIN minor_units, currency, caller_id;
