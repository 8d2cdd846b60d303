#!/usr/bin/python3
"""orderctl reconcile, our books against the gateway's: nothing is said of what agrees or is under way, under full load
too, and everything of what does not agree."""

import concurrent.futures
import fcntl
import os
import random
import threading
import time
import unittest

import harness
from harness import Server, wait_for
from orderctl import run
from reconcile import MONEY, STRANGE, TIME, Copy, Template, hold_for_nobody, reconcile

OLD = 1000  # as a time: older than anything under way


class TestPayments(unittest.TestCase):
    """name: what is done to a home, and what is then found (S the uid it returned)."""

    def captured_less(home):
        home.append("capture", home.captured, " amount=2500 currency=EUR")
        return home.captured

    def captured_in_dollars(home):
        home.drop_lines(home.captured)
        home.append("capture", home.captured, " amount=2590 currency=USD")
        return home.captured

    def captured_twice(home):
        home.append("capture", home.captured, MONEY)
        return home.captured

    def captured_here_only(home):
        home.drop_lines(home.captured, "capture")
        return home.captured

    def voided_after_capture(home):
        home.append("void", home.captured, MONEY)
        return home.captured

    def forgotten_by_the_gateway(home):
        home.drop_lines(home.captured)
        return home.captured

    def order_of_another_total(home):
        home.change("UPDATE orders SET total_minor = 2591 WHERE id = 1")
        return home.captured

    def authorised_and_forgotten(home):
        home.change("UPDATE payments SET status = 'authorized', captured_minor = 0, authorized_at = ? WHERE order_id = 1",
                    int(time.time()))
        home.drop_lines(home.captured)
        return home.captured

    def never_captured(home):
        home.change("UPDATE payments SET status = 'authorized', captured_minor = 0, authorized_at = ? WHERE order_id = 1", OLD)
        home.drop_lines(home.captured, "capture")
        return home.captured

    def capture_given_up(home):
        home.change("UPDATE payments SET status = 'capture_failed', captured_minor = 0 WHERE order_id = 1")
        return home.captured

    def voided_here_only(home):
        uid = home.uid_of("voided")
        home.drop_lines(uid)
        home.append("authorise", uid, MONEY)
        return uid

    def void_forgotten(home):
        uid = home.uid_of("voided")
        home.drop_lines(uid)
        return uid

    def voided_but_captured(home):
        uid = home.uid_of("voided")
        home.append("capture", uid, MONEY)
        return uid

    def declined_but_authorised(home):
        uid = home.uid_of("declined")
        home.append("authorise", uid, MONEY)
        return uid

    def never_ended(home):
        uid = home.uid_of("declined")
        home.change("UPDATE payment_attempts SET state = 'started', ended_at = NULL, started_at = ? WHERE uid = ?", OLD, uid)
        return uid

    def never_voided(home):
        uid = home.uid_of("declined")
        home.change("UPDATE payment_attempts SET state = 'voiding', ended_at = ? WHERE uid = ?", OLD, uid)
        return uid

    def void_refused(home):
        uid = home.uid_of("declined")
        home.change("UPDATE payment_attempts SET state = 'void_failed' WHERE uid = ?", uid)
        return uid

    def conflict(home):
        uid = home.uid_of("declined")
        home.change("UPDATE payment_attempts SET state = 'conflict' WHERE uid = ?", uid)
        home.append("capture", uid, MONEY)
        return uid

    def order_lost(home):
        uid = home.value("SELECT attempt_uid FROM orders WHERE id = 4")
        for table in ("order_events", "order_items", "payments", "idempotency_keys", "outbox"):
            home.change(f"DELETE FROM {table} WHERE order_id = 4")
        home.change("DELETE FROM orders WHERE id = 4")
        for path in (home.path / "spool/new").iterdir():
            path.unlink()
        return uid

    def captured_for_nobody(home):
        home.append("authorise", STRANGE, MONEY)
        home.append("capture", STRANGE, MONEY)
        return STRANGE

    WRONG = [
        (captured_less, "captured_twice", 1), (captured_in_dollars, "amounts_differ", 1),
        (captured_twice, "captured_twice", 1), (captured_here_only, "not_captured", 1),
        (voided_after_capture, "not_captured", 1), (forgotten_by_the_gateway, "not_captured", 1),
        (order_of_another_total, "amounts_differ", 1), (authorised_and_forgotten, "not_authorised", 1),
        (never_captured, "capture_overdue", 1), (capture_given_up, "capture_failed", 1),
        (voided_here_only, "held_without_order", None), (void_forgotten, "void_unknown", None),
        (voided_but_captured, "captured_without_order", None), (declined_but_authorised, "held_without_order", None),
        (never_ended, "start_overdue", None), (never_voided, "void_overdue", None), (void_refused, "void_failed", None),
        (conflict, "conflict", None), (order_lost, "incomplete", None),
        (hold_for_nobody, "held_without_order", None), (captured_for_nobody, "captured_without_order", None),
    ]

    def test_each_disagreement_is_a_line_with_its_ids(self):
        def look(row):
            spoil, kind, order_id = row
            home = Copy()
            uid = spoil(home)
            return spoil.__name__, [(kind, order_id, uid)], home.reconcile()

        Template.get()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for name, expected, found in pool.map(look, self.WRONG):
                with self.subTest(name):
                    self.assertEqual(found, expected)

    def test_what_is_no_disagreement_is_passed_over(self):
        home = Copy()
        self.assertEqual(home.reconcile(), [])
        home.append("decline", STRANGE, MONEY + " code=card_declined")
        home.append("void", STRANGE[1:] + "6")
        now = int(time.time())
        started, voiding = [uid for (uid,) in home.rows(
            "SELECT uid FROM payment_attempts WHERE state IN ('declined', 'voided') LIMIT 2")]
        home.change("UPDATE payment_attempts SET state = 'started', ended_at = NULL, started_at = ? WHERE uid = ?", now, started)
        home.change("UPDATE payment_attempts SET state = 'voiding', ended_at = ?, next_try_at = ? WHERE uid = ?",
                    OLD, now + 100, voiding)
        home.change("UPDATE payments SET status = 'authorized', captured_minor = 0, authorized_at = ? WHERE order_id = 1", now)
        self.assertEqual(home.reconcile(), [])
        with open(home.path / "gateway.ledger", "a", encoding="ascii") as ledger:
            ledger.write("time=2026-11-24T1")  # a torn line is none
        self.assertEqual(home.reconcile(), [])
        result = run("--config", home.config, "reconcile")
        self.assertEqual((result.status, result.out, result.err), (0, "", ""))

    def test_what_was_written_off_is_reported_no_more(self):
        home = Copy()
        uids = [TestPayments.conflict(home), TestPayments.capture_given_up(home)]
        self.assertEqual([kind for kind, _, _ in home.reconcile()], ["capture_failed", "conflict"])
        for uid in uids:
            self.assertEqual(run("--config", home.config, "payment", "write-off", "--reason", "by hand", uid).status, 0)
        self.assertEqual(home.reconcile(), [])

    def test_a_line_of_text_names_both_sides_and_a_hint(self):
        home = Copy()
        uid = TestPayments.captured_in_dollars(home)
        result = run("--config", home.config, "reconcile")
        self.assertEqual(result.status, 1)
        self.assertEqual(result.out, f"payment: order 1, {uid}: captured (2590 EUR) here, captured (2590 USD) at the"
                                     " gateway; find out which is right, and mend the other\n")
        self.assertEqual(result.err, "orderctl: 1 disagreement\n")

    def test_a_ledger_that_cannot_be_read_is_told(self):
        home = Copy()
        ledger = home.path / "gateway.ledger"
        with open(ledger, "a", encoding="ascii") as file:
            file.write("nonsense\n")
        result = run("--config", home.config, "reconcile")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("not an event of the gateway", result.err)
        ledger.unlink()
        self.assertEqual({kind for kind, _, _ in home.reconcile()}, {"not_captured", "void_unknown"})
        self.assertFalse(ledger.exists())

    def test_what_only_one_of_two_looks_sees_is_not_reported(self):
        home = Copy()
        other = STRANGE[1:] + "6"
        home.append("authorise", STRANGE, MONEY)
        os.mkfifo(home.path / "mail/new/fifo")

        begun = threading.Event()

        def change_after_the_first_look():
            begun.set()
            with open(home.path / "mail/new/fifo", "wb"):  # is back when the Maildir, which comes last, is being read
                home.append("void", STRANGE, MONEY)
                home.append("authorise", other, MONEY)

        thread = threading.Thread(target=change_after_the_first_look)
        thread.start()
        begun.wait()
        try:
            self.assertEqual(home.reconcile(), [])
        finally:
            thread.join()
        self.assertEqual(home.reconcile(), [("held_without_order", None, other)])

    def test_nothing_is_changed(self):
        home = Copy()

        def picture():
            return {path: path.read_bytes() for path in home.path.rglob("*")
                    if path.is_file() and not path.name.endswith("-shm")}

        before = picture()
        hold_for_nobody(home)
        before[home.path / "gateway.ledger"] = (home.path / "gateway.ledger").read_bytes()
        self.assertEqual(len(home.reconcile()), 1)
        after = picture()
        self.assertEqual({path for path in after if after[path] != before.get(path)} - {home.path / "orders.db-wal"}, set())
        self.assertEqual(set(before) - set(after), set())


class TestBesideOrderd(unittest.TestCase):
    TOKENS = ["tok_ok"] * 8 + ["tok_declined", "tok_error", "tok_timeout"]

    def test_under_full_load_nothing_that_is_under_way_is_reported(self):
        server = Server(self, {"gateway.timeout": 300, "gateway.latency": 20})
        tokens = [server.customer()[1] for _ in range(8)]
        stop = threading.Event()
        statuses = []
        clients = [threading.Thread(target=self.order_until, args=(stop, server, token, statuses)) for token in tokens]
        for thread in clients:
            thread.start()
        try:
            wait_for(lambda: len(statuses) > 50, "orders")
            for _ in range(6):
                begun = time.monotonic()
                self.assertEqual(reconcile(server.config), [])
                self.assertLess(time.monotonic() - begun, 20)
        finally:
            stop.set()
            for thread in clients:
                thread.join()
        self.assertTrue({201, 400, 503} >= set(statuses), set(statuses))
        server.wait_until_at_rest()
        self.assertEqual(reconcile(server.config), [])

    def order_until(self, stop, server, token, statuses):
        while not stop.is_set():
            statuses.append(server.order(token, payment_token=random.choice(self.TOKENS)).status)

    def test_what_is_wrong_is_found_under_load_too(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        self.assertEqual(server.order(token).status, 201)
        with open(server.path / "gateway.ledger", "ab") as ledger:
            fcntl.flock(ledger, fcntl.LOCK_EX)
            os.write(ledger.fileno(), f"{TIME} event=authorise reference={STRANGE}{MONEY}\n".encode())
        stop = threading.Event()
        client = threading.Thread(target=self.order_until, args=(stop, server, token, []))
        client.start()
        try:
            self.assertEqual(reconcile(server.config), [("held_without_order", None, STRANGE)])
        finally:
            stop.set()
            client.join()

    def test_what_a_crash_left_is_under_way_until_orderd_has_seen_to_it(self):
        server = Server(self, {"gateway.latency": 60000, "gateway.timeout": 60000}, notifier=False)
        _, token = server.customer()
        threading.Thread(target=self.swallow, args=(server, token), daemon=True).start()
        wait_for(lambda: server.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'"), "an attempt")
        server.kill("orderd")
        self.assertEqual(reconcile(server.config), [])
        server.configure({})
        server.start("orderd")
        server.wait_until_settled()
        self.assertEqual(reconcile(server.config), [])
        self.assertEqual(server.value("SELECT state FROM payment_attempts"), "voided")

    def swallow(self, server, token):
        try:
            server.order(token)
        except (OSError, AssertionError):
            pass


if __name__ == "__main__":
    harness.main()
