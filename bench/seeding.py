"""Many orders, at once and by SQL: rows as orderd would have written them, every table and constraint of them, and the
gateway's ledger that goes with them. The home's orderd must be stopped.

The bench's customers share one password hash, for hashing is slow by design."""

import contextlib
import hashlib
import json
import sqlite3
import time

import traffic

SPREAD_S = 48 * 3600  # all is younger than that: stored answers are not due to expire
KEYS_MAX = 50_000     # stored answers; a shop with more orders has them of some days only

# As random_uid() makes them: their time comes first.
UID = "printf('%012x', (:begin + i * :spread / :orders) * 1000) || '7' || substr(lower(hex(randomblob(10))), 2)"

SEEDS = f"""
    CREATE TEMP TABLE seeds AS
    WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :orders)
    SELECT :last_id + 1 + i AS id, {UID} AS uid, c.id AS user_id,
        :begin + i * :spread / :orders AS at
    FROM numbers JOIN customers c ON c.number = i % :customers ORDER BY i"""

ROWS = [
    """INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, request_id, started_at, ended_at)
       SELECT uid, user_id, 'ordered', :total, 'EUR', uid, at, at FROM seeds ORDER BY id""",
    """INSERT INTO orders (id, user_id, attempt_uid, status, currency, total_minor, reference, created_at, updated_at)
       SELECT id, user_id, uid, 'confirmed', 'EUR', :total, printf('SEED-%d', id), at, at FROM seeds ORDER BY id""",
    """INSERT INTO order_items (order_id, line, sku, name, quantity, unit_price_minor)
       SELECT s.id, i.line, i.sku, i.name, i.quantity, i.unit_price FROM seeds s, items i ORDER BY s.id, i.line""",
    "INSERT INTO order_events (order_id, number, kind, at) SELECT id, 1, 'created', at FROM seeds ORDER BY id",
    """INSERT INTO payments (order_id, status, currency, authorized_minor, captured_minor, authorized_at, settled_at)
       SELECT id, 'captured', 'EUR', :total, :total, at, at FROM seeds ORDER BY id""",
    """INSERT INTO idempotency_keys (user_id, key, fingerprint, attempt_uid, claimed_at, finished_at, order_id, answer)
       SELECT user_id, printf('SEED-%d', id), fingerprint(id), uid, at, at, id, answer(id, user_id, uid, at)
       FROM seeds WHERE id > :last_id + :orders - :keys ORDER BY id""",
    """INSERT INTO outbox (uid, kind, order_id, message, created_at)
       SELECT f.mail, 'order_confirmed', f.id, message(f.mail, f.id, f.at, u.username, u.email), f.at
       FROM (SELECT *, substr(uid, 1, 13) || substr(lower(hex(randomblob(10))), 2) AS mail FROM seeds WHERE id > :last_id + :orders - :mails LIMIT -1) f
       JOIN users u ON u.id = f.user_id ORDER BY f.id""",
]

LEDGER = """
    SELECT printf('time=%s event=authorise reference=%s amount=%d currency=EUR' || char(10) ||
                  'time=%s event=capture reference=%s amount=%d currency=EUR' || char(10),
                  moment, uid, :total, moment, uid, :total)
    FROM (SELECT *, strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch') AS moment FROM seeds LIMIT -1) ORDER BY id"""


def body_of(order_id):
    """What the seeded order was asked for with; its key is its reference."""
    return json.dumps(traffic.order_body(f"SEED-{order_id}")).encode()


def fingerprint(order_id):
    return hashlib.sha256(body_of(order_id)).digest()


def answer(order_id, user_id, uid, at):
    items = [{**item, "line_total": item["quantity"] * item["unit_price"]} for item in traffic.ITEMS]
    order = {
        "id": order_id, "user_id": user_id, "status": "confirmed", "currency": "EUR", "total": traffic.TOTAL,
        "reference": f"SEED-{order_id}", "items": items,
        "payment": {"id": "pay_" + uid, "status": "authorized"},
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
    }
    return json.dumps({"status": "success", "order_id": order_id, "order": order}, separators=(",", ":")).encode()


def message(uid, order_id, at, username, email):
    """The record of a notification, as the spool has it."""
    lines = [
        "record 1", "kind order_confirmed", f"uid {uid}", f"request_id {uid}", f"recipient {email}",
        f"username {username}", f"order_id {order_id}", f"created_at {at}", f"reference SEED-{order_id}", "currency EUR",
        f"total {traffic.TOTAL}", f"items {len(traffic.ITEMS)}"]
    for item in traffic.ITEMS:
        lines += [f"{name} {item[name]}" for name in ("sku", "name", "quantity", "unit_price")]
    return ("\n".join(lines) + "\n").encode()


def add_customers(db):
    """customer1 and so on, like customer0."""
    for number in range(1, traffic.CUSTOMERS):
        name = f"customer{number}"
        db.execute(
            """INSERT INTO users (username, username_fold, email, email_fold, role, password_hash, created_at)
               SELECT ?1, ?1, ?2, ?2, role, password_hash, created_at FROM users WHERE username = 'customer0'
               ON CONFLICT DO NOTHING""", (name, f"{name}@example.invalid"))
    db.execute("""CREATE TEMP TABLE customers AS SELECT CAST(substr(username, 9) AS INTEGER) AS number, id FROM users
                  WHERE username LIKE 'customer%' ORDER BY 1""")


def prepare(db):
    db.execute("PRAGMA cache_size = -1000000")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA temp_store = MEMORY")
    for function, count in ((fingerprint, 1), (answer, 4), (message, 5)):
        db.create_function(function.__name__, count, function, deterministic=True)
    db.execute("CREATE TEMP TABLE items (line, sku, name, quantity, unit_price)")
    db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", [
        (line, item["sku"], item["name"], item["quantity"], item["unit_price"])
        for line, item in enumerate(traffic.ITEMS)])


def write_rows(db, values):
    def used(sql):
        return {name: value for name, value in values.items() if f":{name}" in sql}

    db.execute(SEEDS, used(SEEDS))
    for sql in ROWS:
        db.execute(sql, used(sql))


def write_ledger(db, path):
    with open(path, "a", encoding="ascii") as ledger:
        ledger.writelines(lines for (lines,) in db.execute(LEDGER, {"total": traffic.TOTAL}))


def seed(folder, orders, mails=0):
    """Adds that many orders to the home, the newest of them with a notification that is still to be relayed."""
    with contextlib.closing(sqlite3.connect(folder / "orders.db", isolation_level=None)) as db:
        prepare(db)
        db.execute("BEGIN IMMEDIATE")
        add_customers(db)
        if orders:
            last_id = db.execute("SELECT coalesce(max(id), 0) FROM orders").fetchone()[0]
            write_rows(db, {
                "orders": orders, "mails": mails, "keys": min(orders, KEYS_MAX), "total": traffic.TOTAL,
                "last_id": last_id, "customers": traffic.CUSTOMERS, "spread": SPREAD_S - 60,
                "begin": int(time.time()) - SPREAD_S})
            write_ledger(db, folder / "gateway.ledger")
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
