-- Subscriptions and invoices: what Stripe says of its customers, whose they are
-- here, what they grant, and who is told.
--
-- Adds tables and nullable columns: no table is rewritten. The constraint on
-- notifications is checked once, a second for a million rows.

-- +goose Up

-- Stripe's customers, ours or not (yet) anybody's. One of ours may have several
-- over time: one that was deleted at Stripe is followed by another.
CREATE TABLE stripe_customers (
    id            text PRIMARY KEY CHECK (id <> ''),            -- cus_…
    customer_id   caller_id REFERENCES customers (id),          -- our own mapping: made for them, or assigned by support; NULL: neither
    told          text NOT NULL DEFAULT '',                     -- whose it is by its own metadata; '' when they do not say
    owner_id      caller_id REFERENCES customers (id),          -- whose it is: told if that can be, else customer_id; NULL: nobody's yet
    email         text CHECK (email <> ''),                     -- a personal datum
    card_brand    text NOT NULL DEFAULT '',                     -- of the default payment method, such as visa; '' when there is none
    card_last4    text NOT NULL DEFAULT '',
    deleted_at    timestamptz,                                  -- when we learned that it is gone at Stripe; NULL: it is there
    wanted        bigint NOT NULL DEFAULT 0,                    -- how often somebody wanted it looked at …
    fetched       bigint NOT NULL DEFAULT 0,                    -- … and up to which of these what is kept here is newer
    lease_holder  text CHECK (lease_holder <> ''),              -- the workflow that looks; NULL: none does
    lease_until   timestamptz,
    looked_by     text NOT NULL DEFAULT '',                     -- the workflow whose look was kept last
    synced_at     timestamptz,                                  -- NULL: never looked at
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fetched_was_wanted CHECK (fetched <= wanted),
    CONSTRAINT lease_has_an_end CHECK ((lease_holder IS NULL) = (lease_until IS NULL))
);
CREATE INDEX stripe_customers_of_customer ON stripe_customers (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX stripe_customers_of_owner ON stripe_customers (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX stripe_customers_of_email ON stripe_customers (lower(email)) WHERE email IS NOT NULL;
INSERT INTO stripe_customers (id, customer_id, owner_id)
    SELECT stripe_customer_id, id, id FROM customers WHERE stripe_customer_id IS NOT NULL;

-- A subscription as Stripe has it. Nothing here is added up: each look replaces
-- the row. A time that Stripe does not say is NULL, never the epoch.
CREATE TABLE subscriptions (
    id                   text PRIMARY KEY CHECK (id <> ''),     -- sub_…
    stripe_customer_id   text NOT NULL REFERENCES stripe_customers (id),
    told                 text NOT NULL DEFAULT '',              -- whose it is by its own metadata, or its session's; '' when they do not say
    owner_id             caller_id REFERENCES customers (id),   -- whose it is: told if that can be, else its Stripe customer's owner
    status               text NOT NULL CHECK (status <> ''),    -- Stripe's word
    currency             text NOT NULL DEFAULT '' CHECK (char_length(currency) <= 32),
    items                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(items) = 'array'),
    current_period_start timestamptz,
    current_period_end   timestamptz,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    cancel_at            timestamptz,
    canceled_at          timestamptz,
    ended_at             timestamptz,
    trial_start          timestamptz,
    trial_end            timestamptz,
    pause_behavior       text NOT NULL DEFAULT '',              -- '' when its collection is not paused
    pause_resumes_at     timestamptz,                           -- NULL: until somebody says so
    pending_until        timestamptz,                           -- an update waits to be paid until then; NULL: none does
    latest_invoice_id    text NOT NULL DEFAULT '',
    card_brand           text NOT NULL DEFAULT '',              -- of what it is paid by, else its customer's default
    card_last4           text NOT NULL DEFAULT '',
    grace_until          timestamptz,                           -- access is kept until then although a payment failed; NULL: none failed
    livemode             boolean NOT NULL,
    started_at           timestamptz NOT NULL,                  -- at Stripe
    updated_at           timestamptz NOT NULL DEFAULT now()     -- when the row became another
);
CREATE INDEX subscriptions_of_owner ON subscriptions (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX subscriptions_of_stripe_customer ON subscriptions (stripe_customer_id);
-- What support is shown: those that are nobody's, newest first.
CREATE INDEX subscriptions_unowned ON subscriptions (started_at DESC, id DESC) WHERE owner_id IS NULL;
CREATE INDEX subscriptions_newest ON subscriptions (started_at DESC, id DESC);

-- An invoice as Stripe has it, replaced in the same way. Amounts are minor units
-- and may be below nothing: a credit note's total is.
CREATE TABLE invoices (
    id                   text PRIMARY KEY CHECK (id <> ''),     -- in_…
    stripe_customer_id   text NOT NULL REFERENCES stripe_customers (id),
    subscription_id      text NOT NULL DEFAULT '',              -- '' when it is for none
    number               text NOT NULL DEFAULT '',              -- '' while it is a draft
    status               text NOT NULL DEFAULT '',              -- draft, open, paid, uncollectible or void
    billing_reason       text NOT NULL DEFAULT '',
    currency             text NOT NULL DEFAULT '' CHECK (char_length(currency) <= 32),
    subtotal             bigint NOT NULL DEFAULT 0,
    tax                  bigint NOT NULL DEFAULT 0,
    total                bigint NOT NULL DEFAULT 0,
    amount_due           bigint NOT NULL DEFAULT 0,
    amount_paid          bigint NOT NULL DEFAULT 0,
    amount_remaining     bigint NOT NULL DEFAULT 0,
    attempt_count        bigint NOT NULL DEFAULT 0,
    next_attempt_at      timestamptz,                           -- when Stripe tries again; NULL: it does not
    period_start         timestamptz,                           -- of its lines: what it is for
    period_end           timestamptz,
    lines                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(lines) = 'array'),
    more_lines           boolean NOT NULL DEFAULT false,        -- there are more than are kept
    hosted_url           text NOT NULL DEFAULT '',              -- Stripe's page for it
    pdf_url              text NOT NULL DEFAULT '',
    payment_intent_id    text CHECK (payment_intent_id <> ''),
    failure_message      text NOT NULL DEFAULT '',              -- why the last attempt failed, meant for the customer
    finalized_at         timestamptz,
    paid_at              timestamptz,
    made_at              timestamptz NOT NULL,                  -- at Stripe
    updated_at           timestamptz NOT NULL DEFAULT now()     -- when the row became another
);
CREATE INDEX invoices_of_stripe_customer ON invoices (stripe_customer_id, made_at DESC);
CREATE INDEX invoices_of_subscription ON invoices (subscription_id) WHERE subscription_id <> '';
CREATE INDEX invoices_payment_intent ON invoices (payment_intent_id) WHERE payment_intent_id IS NOT NULL;

-- What a customer's subscriptions come to, as other services were told last.
CREATE TABLE grants (
    customer_id  caller_id PRIMARY KEY REFERENCES customers (id),
    content      jsonb NOT NULL,
    sequence     bigint NOT NULL DEFAULT 1,                     -- rises by one with each change
    access_until timestamptz,                                   -- access ends then unless something changes; NULL: no such time
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX grants_ending ON grants (access_until) WHERE access_until IS NOT NULL;

-- Words of ours to other services, each delivered by a workflow of its own.
CREATE TABLE outgoing_messages (
    id           text PRIMARY KEY CHECK (id ~ '^msg_'),
    customer_id  caller_id NOT NULL REFERENCES customers (id),
    type         text NOT NULL,
    body         text NOT NULL,                                 -- the very bytes that are signed and sent
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'refused', 'recorded')),
    answer       text NOT NULL DEFAULT '',                      -- what the endpoint said last, in a few words
    created_at   timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    CONSTRAINT delivered_has_a_time CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX outgoing_messages_of_customer ON outgoing_messages (customer_id, created_at);

-- Events, mails and requests that are about no payment.
ALTER TABLE stripe_events
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN stripe_customer_id text CHECK (stripe_customer_id <> ''), -- NULL: about a payment, or the event does not say
    ADD COLUMN object_id          text NOT NULL DEFAULT '';              -- the subscription or invoice it is about
CREATE INDEX stripe_events_of_stripe_customer ON stripe_events (stripe_customer_id, recorded_at) WHERE stripe_customer_id IS NOT NULL;

ALTER TABLE notifications
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN stripe_customer_id text REFERENCES stripe_customers (id),
    ADD CONSTRAINT notification_is_about_something CHECK ((payment_id IS NULL) <> (stripe_customer_id IS NULL)),
    DROP CONSTRAINT notifications_kind_check,
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('order_confirmed', 'order_received', 'payment_failed',
        'order_unfulfillable', 'order_canceled', 'payment_blocked', 'dispute_deadline',
        'invoice_paid', 'invoice_payment_failed', 'invoice_action_required', 'invoice_upcoming', 'trial_ending'));
CREATE UNIQUE INDEX notifications_of_billing ON notifications (stripe_customer_id, kind, recipient, occasion) WHERE stripe_customer_id IS NOT NULL;

-- The story of a customer, and of what is not a payment's.
CREATE INDEX audit_of_subject ON audit_entries (subject_id, id) WHERE payment_id IS NULL;

ALTER TABLE actions
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN customer text NOT NULL DEFAULT '',               -- whom it is about, as they were named, when it is about no payment
    ADD CONSTRAINT action_is_about_something CHECK ((payment_id IS NULL) = (customer <> ''));

-- Tells of a customer whose subscriptions have changed, on the channel that tells
-- of payments: nothing else there begins like this.
-- +goose StatementBegin
CREATE FUNCTION tell_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.owner_id IS NOT NULL THEN
        PERFORM pg_notify('payments', 'subscription:' || NEW.owner_id);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.owner_id IS DISTINCT FROM NEW.owner_id AND OLD.owner_id IS NOT NULL THEN
        PERFORM pg_notify('payments', 'subscription:' || OLD.owner_id);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER subscription_changed AFTER INSERT OR UPDATE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION tell_subscription();

-- The latest invoice is part of what a customer is told of a subscription, and may
-- change alone.
-- +goose StatementBegin
CREATE FUNCTION tell_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('payments', 'subscription:' || owner_id) FROM subscriptions
        WHERE id = NEW.subscription_id AND owner_id IS NOT NULL;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER invoice_changed AFTER INSERT OR UPDATE ON invoices
    FOR EACH ROW EXECUTE FUNCTION tell_invoice();

-- +goose Down
DROP TRIGGER invoice_changed ON invoices;
DROP FUNCTION tell_invoice;
DROP TRIGGER subscription_changed ON subscriptions;
DROP FUNCTION tell_subscription;
DROP INDEX audit_of_subject;
DELETE FROM actions WHERE payment_id IS NULL;
ALTER TABLE actions DROP CONSTRAINT action_is_about_something, DROP COLUMN customer, ALTER COLUMN payment_id SET NOT NULL;
DELETE FROM notifications WHERE payment_id IS NULL;
DROP INDEX notifications_of_billing;
ALTER TABLE notifications
    DROP CONSTRAINT notification_is_about_something,
    DROP CONSTRAINT notifications_kind_check,
    DROP COLUMN stripe_customer_id,
    ALTER COLUMN payment_id SET NOT NULL,
    ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('order_confirmed', 'order_received', 'payment_failed',
        'order_unfulfillable', 'order_canceled', 'payment_blocked', 'dispute_deadline'));
DELETE FROM stripe_events WHERE payment_id IS NULL;
DROP INDEX stripe_events_of_stripe_customer;
ALTER TABLE stripe_events DROP COLUMN stripe_customer_id, DROP COLUMN object_id, ALTER COLUMN payment_id SET NOT NULL;
DROP TABLE outgoing_messages, grants, invoices, subscriptions, stripe_customers;
