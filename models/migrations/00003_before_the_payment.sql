-- Before the payment: checkouts that a customer made here, Stripe customers, and
-- word of every change of a payment to whoever listens.
--
-- Adds columns with constant defaults and small tables: no table is rewritten.

-- +goose Up

ALTER TABLE checkouts
    ADD COLUMN automatic_tax boolean NOT NULL DEFAULT false,  -- Stripe adds the tax: what is collected is total or more
    ADD COLUMN expires_at    timestamptz,                     -- until when stock is kept; NULL: not made here
    ADD COLUMN client_secret text CHECK (client_secret <> ''),-- of the payment intent, for the customer's browser; NULL: none (yet)
    ADD COLUMN url           text CHECK (url <> ''),          -- Stripe's page for it; NULL: none (yet)
    ADD COLUMN success_url   text NOT NULL DEFAULT '',        -- where Stripe's page leads back to
    ADD COLUMN cancel_url    text NOT NULL DEFAULT '';
-- What a customer checked out, newest first.
CREATE INDEX checkouts_of_customer ON checkouts (customer_id, created_at DESC);
-- Whose stock is to be released, and when: few at a time.
CREATE INDEX checkouts_kept ON checkouts (expires_at) WHERE reservation = 'held';

-- One checkout for each Idempotency-Key of a customer, however often they click.
CREATE TABLE checkout_requests (
    customer_id caller_id NOT NULL REFERENCES customers (id),
    key         text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request     text NOT NULL,  -- a hash of what was asked for: the same key for something else is refused
    checkout_id text NOT NULL REFERENCES checkouts (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (customer_id, key)
);

-- Tax that Stripe computed and collected on top.
ALTER TABLE orders
    DROP CONSTRAINT order_total_adds_up,
    ADD COLUMN tax minor_units NOT NULL DEFAULT 0,
    ADD CONSTRAINT order_total_adds_up CHECK (total = subtotal + delivery_fee + tax + adjustment);

ALTER TABLE customers
    ADD COLUMN stripe_synced boolean NOT NULL DEFAULT false,  -- Stripe's customer has this email and name
    ADD COLUMN forgotten_at  timestamptz;                     -- NULL: remembered

-- Tells of a payment whose status, order or holds have changed. The argument is
-- the column that names the payment. What is told is the payment's ID alone: who
-- listens asks for the rest, and is asked who they are.
-- +goose StatementBegin
CREATE FUNCTION tell_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('payments', to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER payment_changed AFTER UPDATE OF kind, state, blocked_reason, disputed, charged_back, amount_refunded ON payments
    FOR EACH ROW EXECUTE FUNCTION tell_payment('id');
CREATE TRIGGER payment_order_changed AFTER INSERT OR UPDATE OF status ON orders
    FOR EACH ROW EXECUTE FUNCTION tell_payment('payment_id');
CREATE TRIGGER payment_hold_changed AFTER INSERT OR UPDATE ON holds
    FOR EACH ROW EXECUTE FUNCTION tell_payment('payment_id');

-- +goose Down
DROP TRIGGER payment_hold_changed ON holds;
DROP TRIGGER payment_order_changed ON orders;
DROP TRIGGER payment_changed ON payments;
DROP FUNCTION tell_payment;
ALTER TABLE customers DROP COLUMN stripe_synced, DROP COLUMN forgotten_at;
ALTER TABLE orders
    DROP CONSTRAINT order_total_adds_up,
    DROP COLUMN tax,
    ADD CONSTRAINT order_total_adds_up CHECK (total = subtotal + delivery_fee + adjustment) NOT VALID; -- taxed orders stay
DROP TABLE checkout_requests;
DROP INDEX checkouts_kept;
DROP INDEX checkouts_of_customer;
ALTER TABLE checkouts DROP COLUMN automatic_tax, DROP COLUMN expires_at, DROP COLUMN client_secret, DROP COLUMN url,
    DROP COLUMN success_url, DROP COLUMN cancel_url;
