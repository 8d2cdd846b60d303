"""What must be true of a home at rest, whatever happened to its programs before: orders, gateway, outbox, spool and
Maildir agree, and what was answered with 201 is there, byte for byte. Each function takes the unittest case and a
harness.Home (or Server), and fails the case with what it found.

Sent is what a client knows afterwards: a body and the bytes of its 201, by idempotency key."""

import collections

import orderctl


class Sent:
    """What clients were told."""

    def __init__(self):
        self.confirmed = {}  # key (and reference of the order) -> (body sent, body got)
        self.declined = []  # keys

    def merge(self, other):
        self.confirmed.update(other.confirmed)
        self.declined += other.declined


def check_database(case, home):
    case.assertEqual(home.value("PRAGMA integrity_check"), "ok")
    case.assertEqual(home.rows("PRAGMA foreign_key_check"), [])
    case.assertEqual(home.value("SELECT count(*) FROM idempotency_keys WHERE finished_at IS NULL"), 0)


def check_at_rest(case, home):
    """Only final states; nothing in the outbox, in new/ or in claimed/."""
    case.assertEqual(home.rows("SELECT uid, state FROM payment_attempts WHERE state IN ('started', 'voiding')"), [])
    case.assertEqual(home.rows("SELECT order_id FROM payments WHERE status = 'authorized'"), [])
    case.assertEqual(home.value("SELECT count(*) FROM outbox"), 0)
    case.assertEqual(home.spooled("new", "claimed", "tmp"), [])


def check_orders(case, home, sent):
    """What was answered with 201 is there; a reference has one order at most, and a declined one has none."""
    rows = collections.Counter(
        reference for (reference,) in home.rows("SELECT reference FROM orders WHERE reference IS NOT NULL"))
    case.assertEqual([key for key, count in rows.items() if count > 1], [])
    case.assertEqual([key for key in sent.confirmed if key not in rows], [])
    case.assertEqual([key for key in sent.declined if key in rows], [])


def check_gateway(case, home):
    """Captured is what is ordered, once each; nothing else is reserved."""
    events = collections.defaultdict(list)
    for event in home.ledger():
        events[event["reference"]].append(event["event"])
    ordered = {uid for (uid,) in home.rows(
        "SELECT o.attempt_uid FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.status = 'captured'")}
    case.assertEqual(len(ordered), home.value("SELECT count(*) FROM orders"))
    case.assertEqual(ordered - set(events), set())
    for reference, kinds in events.items():
        case.assertLessEqual(kinds.count("capture"), 1, reference)
        case.assertEqual("capture" in kinds, reference in ordered, (reference, kinds))
        if "authorise" in kinds:
            case.assertTrue(reference in ordered or kinds[-1] == "void", (reference, kinds))


def check_mails(case, home):
    """Each order has its mail; one that came twice came with the same Message-ID."""
    mails = home.mails()
    orders = {mail["X-Order-Id"] for mail in mails}
    case.assertEqual(orders, {str(number) for (number,) in home.rows("SELECT id FROM orders")})
    case.assertEqual(len({mail["Message-ID"] for mail in mails}), len(orders))
    case.assertEqual(home.spooled("corrupt", "failed"), [])


def check_home(case, home, sent):
    """All of it; the programs may run, or be gone."""
    check_database(case, home)
    check_at_rest(case, home)
    check_orders(case, home, sent)
    check_gateway(case, home)
    check_mails(case, home)


def check_reconcile(case, home):
    """orderctl finds the same."""
    result = orderctl.run("--config", home.config, "--json", "reconcile")
    case.assertEqual((result.status, result.json["disagreements"]), (0, []), result)


def check_replays(case, server, token, sent):
    """Each key gives its first answer again, byte for byte; the server runs."""
    for key, (body, first) in sent.confirmed.items():
        again = server.post("/orders/create", body, token, headers=[("Idempotency-Key", key)])
        case.assertEqual((again.status, again.body), (201, first))
        case.assertEqual(again.header("Idempotency-Replayed"), "true")
