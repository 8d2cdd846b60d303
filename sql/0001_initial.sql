-- The first schema. Both engines we mean to run on take it; SQLite runs it as it stands.
-- Times are unix seconds, money is in minor units, uids are 32 hexadecimal digits. (No CHECK has an IN with more than
-- two values: SQLite makes a temporary table of them at each write.)

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL CHECK (length(username) BETWEEN 3 AND 64),
    username_fold TEXT NOT NULL CHECK (length(username_fold) BETWEEN 3 AND 64),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_fold TEXT NOT NULL CHECK (length(email_fold) BETWEEN 3 AND 254),
    role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    password_hash TEXT NOT NULL CHECK (length(password_hash) > 0),
    token_epoch INTEGER NOT NULL DEFAULT 0 CHECK (token_epoch >= 0),
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_username_fold ON users (username_fold);
CREATE UNIQUE INDEX users_email_fold ON users (email_fold);
CREATE INDEX users_active_admins ON users (id) WHERE role = 'admin' AND disabled_at IS NULL;

-- From where users logged in: IPv4 addresses and IPv6 networks (/64). Refreshed once a day at most.
CREATE TABLE login_addresses (
    user_id INTEGER NOT NULL REFERENCES users (id),
    address TEXT NOT NULL CHECK (length(address) BETWEEN 1 AND 64),
    logged_in_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, address)
) STRICT;
CREATE INDEX login_addresses_of_user ON login_addresses (user_id, logged_in_at);
CREATE INDEX login_addresses_logged_in_at ON login_addresses (logged_in_at);

-- Written before the gateway is asked. reason: why it ended; last_error: what the last void met.
CREATE TABLE payment_attempts (
    uid TEXT PRIMARY KEY NOT NULL CHECK (length(uid) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    state TEXT NOT NULL CHECK (state = 'started' OR state = 'ordered' OR state = 'declined'
        OR state = 'voiding' OR state = 'voided' OR state = 'void_failed' OR state = 'conflict'),
    reason TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000000),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    request_id TEXT,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    settled_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_attempts_started ON payment_attempts (uid) WHERE state = 'started';
CREATE INDEX payment_attempts_voiding ON payment_attempts (tries, uid, next_try_at)
    WHERE state = 'voiding';

CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    attempt_uid TEXT NOT NULL REFERENCES payment_attempts (uid),
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'cancelled')),
    version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    total_minor INTEGER NOT NULL CHECK (total_minor BETWEEN 0 AND 1000000000000000),
    reference TEXT CHECK (length(reference) BETWEEN 1 AND 64),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX orders_attempt_uid ON orders (attempt_uid);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_of_reference ON orders (reference, id) WHERE reference IS NOT NULL;
CREATE INDEX orders_of_user_reference ON orders (user_id, reference, id)
    WHERE reference IS NOT NULL;

CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 99),
    sku TEXT NOT NULL CHECK (length(sku) BETWEEN 1 AND 64),
    name TEXT CHECK (length(name) BETWEEN 1 AND 200),
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
    unit_price_minor INTEGER NOT NULL CHECK (unit_price_minor BETWEEN 0 AND 1000000000),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

-- The history of an order, numbered from 1.
CREATE TABLE order_events (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
    detail TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;

-- An order's own, so its key is the order's, and the attempt that it came from is the order's too.
CREATE TABLE payments (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id),
    status TEXT NOT NULL CHECK (status = 'authorized' OR status = 'captured'
        OR status = 'capture_failed' OR status = 'voided' OR status = 'refunded'),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    authorized_minor INTEGER NOT NULL CHECK (authorized_minor BETWEEN 0 AND 1000000000000000),
    captured_minor INTEGER NOT NULL DEFAULT 0,
    refunded_minor INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    authorized_at INTEGER NOT NULL,
    settled_at INTEGER,
    CHECK (captured_minor BETWEEN 0 AND authorized_minor),
    CHECK (refunded_minor BETWEEN 0 AND captured_minor)
) STRICT;
CREATE INDEX payments_authorized ON payments (tries, order_id, next_try_at)
    WHERE status = 'authorized';

-- Notifications that are not in the spool yet. Their ids say in which order they came; one may be used again once its
-- row is gone, for whoever publishes knows a row by its uid.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL CHECK (length(uid) = 32),
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
    order_id INTEGER NOT NULL REFERENCES orders (id),
    message BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX outbox_uid ON outbox (uid);

-- Unfinished: claimed by an attempt that is still started.
CREATE TABLE idempotency_keys (
    user_id INTEGER NOT NULL REFERENCES users (id),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    attempt_uid TEXT NOT NULL REFERENCES payment_attempts (uid),
    claimed_at INTEGER NOT NULL,
    finished_at INTEGER,
    order_id INTEGER REFERENCES orders (id),
    answer BLOB,
    PRIMARY KEY (user_id, key),
    CHECK ((finished_at IS NULL) = (order_id IS NULL)),
    CHECK ((finished_at IS NULL) = (answer IS NULL))
) STRICT;
CREATE INDEX idempotency_keys_running ON idempotency_keys (attempt_uid)
    WHERE finished_at IS NULL;
CREATE INDEX idempotency_keys_finished ON idempotency_keys (finished_at)
    WHERE finished_at IS NOT NULL;

-- What belongs to the database and not to a machine.
CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
