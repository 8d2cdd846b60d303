#!/usr/bin/python3
"""orderctl order and payment: what an administrator sees of orders, and does to payments that ended badly, beside an
orderd that runs."""

import fcntl
import json
import os
import pwd
import sqlite3
import threading
import time
import unittest

import harness
from harness import Server, wait_for
from orderctl import Bed, run

NO_UID = "0" * 32


def capture_fails(server, token):
    """An order whose capture was refused for good: its id and its payment's uid."""
    order_id = server.order(token, payment_token="tok_capture_fails").json["order_id"]
    wait_for(lambda: server.value("SELECT status FROM payments WHERE order_id = ?", order_id) == "capture_failed",
             "the refused capture")
    return order_id, server.value("SELECT attempt_uid FROM orders WHERE id = ?", order_id)


def let_capture(server, uid):
    """As if somebody had spoken to the gateway: the last line of a reference is what counts."""
    line = f"time=2026-11-24T15:04:05Z event=authorise reference={uid} amount=2590 currency=EUR\n"
    with open(server.path / "gateway.ledger", "ab") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        os.write(ledger.fileno(), line.encode())


def change(server, sql, *values):
    with sqlite3.connect(server.path / "orders.db", timeout=30) as connection:
        assert connection.execute(sql, values).rowcount == 1
    connection.close()


def bad_attempt(server, state):
    """An attempt that ended so: its uid."""
    uid = os.urandom(16).hex()
    change(server, "INSERT INTO payment_attempts (uid, user_id, state, reason, amount_minor, currency, started_at,"
                   " ended_at, settled_at, last_error) VALUES (?, 1, ?, 'timeout', 2590, 'EUR', 1, 2, 3, 'refused')",
           uid, state)
    return uid


class TestOrders(unittest.TestCase):
    def test_wrong_arguments_exit_with_2(self):
        bed = Bed(self).make()
        for arguments in (["show"], ["show", "0"], ["show", "-1"], ["show", "017"], ["show", "x"], ["show", "1", "2"],
                          ["show", "9" * 30], ["show", ""], ["list", "1"], ["list", "--limit", "0"],
                          ["list", "--limit", "10001"], ["list", "--limit", "x"], ["list", "--limit", ""],
                          ["list", "--limit=1", "--limit=1"], ["list", "--since", "2026"]):
            with self.subTest(arguments):
                result = bed.run("order", *arguments)
                self.assertEqual((result.status, result.out), (2, ""), result)
                self.assertRegex(result.err, r"\Aorderctl: [^\n]+\nusage: orderctl order ")

    def test_what_there_is_not_is_told(self):
        bed = Bed(self).make()
        for arguments, why in ((["show", "1"], "there is no order 1"), (["show", str(2**63 - 1)], "there is no order"),
                               (["list", "--user", "nobody"], "there is no user of that name")):
            result = bed.run("order", *arguments)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn(why, result.err)
        self.assertEqual(bed.run("--json", "order", "list").json, {"orders": []})
        self.assertEqual(bed.run("order", "list").out.splitlines()[1:], [])

    def test_without_a_database_nothing_is_made(self):
        bed = Bed(self)
        for arguments in (["order", "list"], ["order", "show", "1"], ["reconcile"]):
            self.assertEqual(bed.run(*arguments).status, 1)
        self.assertEqual(bed.files(), [])

    def test_an_order_is_shown_with_all_that_belongs_to_it(self):
        server = Server(self)
        user, token = server.customer()
        made = server.order(token, reference="WEB-1").json["order"]
        server.wait_until_settled()
        shown = json.loads(server.orderctl("--json", "order", "show", str(made["id"])))
        self.assertEqual(list(shown), ["id", "user_id", "username", "status", "currency", "total", "reference",
                                       "created_at", "items", "attempt", "payment", "events"])
        for name in ("id", "user_id", "status", "currency", "total", "reference", "created_at", "items"):
            self.assertEqual(shown[name], made[name], name)
        self.assertEqual(shown["username"], user["username"])
        attempt, payment = shown["attempt"], shown["payment"]
        self.assertEqual((attempt["state"], attempt["reason"]), ("ordered", None))
        self.assertRegex(attempt["request_id"], r"\A\S+\Z")
        self.assertEqual(payment["id"], "pay_" + attempt["uid"])
        self.assertEqual((payment["status"], payment["authorized"], payment["captured"]), ("captured", 2590, 2590))
        self.assertEqual((payment["written_off_at"], payment["next_try_at"]), (None, None))
        self.assertEqual([event["kind"] for event in shown["events"]], ["created", "payment_captured"])
        text = server.orderctl("order", "show", str(made["id"]))
        for words in ("reference   WEB-1", "\nitems:\nSKU ", "\nattempt:\n", "\npayment:\n", "\nevents:\n",
                      "payment_captured"):
            self.assertIn(words, text)

    def test_lists_are_filtered_and_bounded_and_the_newest_come_first(self):
        server = Server(self, notifier=False)
        customers = [server.customer() for _ in range(2)]
        ids = [server.order(customers[n % 2][1], reference=f"R{n % 3}").json["order_id"] for n in range(12)]

        def listed(*arguments):
            return [order["id"] for order in json.loads(server.orderctl("--json", "order", "list", *arguments))["orders"]]

        name = customers[1][0]["username"]
        self.assertEqual(listed(), ids[::-1])
        self.assertEqual(listed("--limit", "5"), ids[:-6:-1])
        self.assertEqual(listed("--user", name.upper()), ids[1::2][::-1])
        self.assertEqual(listed("--reference", "R0"), ids[::3][::-1])
        self.assertEqual(listed("--reference", "R0", "--user", name), [ids[9], ids[3]])
        self.assertEqual(listed("--reference", "R0", "--user", name, "--limit", "1"), [ids[9]])
        self.assertEqual(listed("--reference", "r0"), [])
        rows = server.orderctl("order", "list", "--user", name).splitlines()
        self.assertEqual(rows[0].split(), ["ID", "CREATED", "AT", "USER", "ID", "USERNAME", "STATUS", "TOTAL", "CURRENCY",
                                           "PAYMENT", "REFERENCE"])
        self.assertEqual({row.split()[3] for row in rows[1:]}, {name})

    def test_a_long_list_is_whole(self):
        bed = Bed(self).make()
        with sqlite3.connect(bed.path / "orders.db") as connection:
            for n in range(1, 1002):
                uid = f"{n:032}"
                connection.execute("INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, started_at)"
                                   " VALUES (?, 1, 'ordered', 1, 'EUR', 1)", (uid,))
                connection.execute("INSERT INTO orders (user_id, attempt_uid, status, total_minor, currency, created_at,"
                                   " updated_at) VALUES (1, ?, 'confirmed', 1, 'EUR', 1, 1)", (uid,))
        connection.close()
        for limit, count in ((1, 1), (199, 199), (200, 200), (201, 201), (1000, 1000), (10000, 1001)):
            orders = bed.run("--json", "order", "list", "--limit", limit).json["orders"]
            self.assertEqual([order["id"] for order in orders], list(range(1001, 1001 - count, -1)))

    def test_hostile_text_steers_no_terminal(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        reference = "\u009b31m \u202e \"quoted\""
        order_id = server.order(token, reference=reference).json["order_id"]
        for arguments in (["list"], ["show", str(order_id)]):
            self.assertNotIn("\u009b", server.orderctl("order", *arguments))
        self.assertEqual(json.loads(server.orderctl("--json", "order", "show", str(order_id)))["reference"], reference)


class TestPayments(unittest.TestCase):
    def test_wrong_arguments_exit_with_2(self):
        bed = Bed(self).make()
        for arguments in (["retry"], ["retry", "x"], ["retry", "0"], ["retry", NO_UID[:-1]], ["retry", NO_UID + "0"],
                          ["retry", "A" * 32], ["retry", "pay_1"], ["retry", "pay_"], ["retry", "1", "2"],
                          ["retry", "--reason", "x", "1"], ["write-off"], ["write-off", "1"],
                          ["write-off", "--reason", "x"], ["write-off", "--reason", "x", "y"], ["writeoff", "1"]):
            with self.subTest(arguments):
                result = bed.run("payment", *arguments)
                self.assertEqual((result.status, result.out), (2, ""), result)

    def test_a_reason_is_one_line_of_text(self):
        bed = Bed(self).make()
        for reason in ("", "x" * 201, "two\nlines", "\x1b[31m", os.fsdecode(b"\xff")):
            result = bed.run("payment", "write-off", "--reason", reason, "1")
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn("1 to 200 characters", result.err)

    def test_what_there_is_not_is_told(self):
        bed = Bed(self).make()
        for identifier in ("1", NO_UID, "pay_" + NO_UID):
            for command in (["retry"], ["write-off", "--reason", "x"]):
                result = bed.run("payment", *command, identifier)
                self.assertEqual((result.status, result.out), (1, ""), result)
                self.assertIn("there is no such", result.err)

    def test_what_has_not_failed_is_left_alone(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        order_id = server.order(token).json["order_id"]
        server.order(token, payment_token="tok_declined")
        server.order(token, payment_token="tok_error")
        server.wait_until_settled()
        before = server.rows("SELECT * FROM payment_attempts"), server.rows("SELECT * FROM payments")
        uids = [uid for (uid,) in server.rows("SELECT uid FROM payment_attempts WHERE state <> 'ordered'")]
        for identifier, state in ((str(order_id), "captured"), *((uid, "declined|voided") for uid in uids)):
            for command in (["retry"], ["write-off", "--reason", "x"]):
                result = run("--config", server.config, "payment", *command, identifier)
                self.assertEqual((result.status, result.out), (1, ""), result)
                self.assertRegex(result.err, f"its state is ({state}), not capture_failed")
        self.assertEqual((server.rows("SELECT * FROM payment_attempts"), server.rows("SELECT * FROM payments")), before)

    def test_a_failed_capture_is_tried_again_by_the_orderd_that_runs(self):
        server = Server(self)
        _, token = server.customer()
        order_id, uid = capture_fails(server, token)
        for identifier in (str(order_id), uid, "pay_" + uid):
            done = json.loads(server.orderctl("--json", "payment", "retry", identifier))
            self.assertEqual((done["uid"], done["order_id"], done["state"]), (uid, order_id, "authorized"))
            wait_for(lambda: server.value("SELECT status FROM payments") == "capture_failed", "the next refusal")
        let_capture(server, uid)
        server.orderctl("payment", "retry", uid)
        wait_for(lambda: server.get(f"/orders/{order_id}", token).json["payment"]["status"] == "captured", "the capture")
        kinds = [kind for (kind,) in server.rows("SELECT kind FROM order_events ORDER BY number")]
        self.assertEqual(kinds, ["created"] + ["capture_failed", "capture_reopened"] * 4 + ["payment_captured"])
        self.assertEqual(run("--config", server.config, "payment", "retry", uid).status, 1)
        server.wait_until_at_rest()
        self.assertEqual(run("--config", server.config, "reconcile").status, 0)

    def test_a_failed_void_is_tried_again_by_the_orderd_that_runs(self):
        server = Server(self, notifier=False)
        uid = bad_attempt(server, "void_failed")
        done = json.loads(server.orderctl("--json", "payment", "retry", uid))
        self.assertEqual((done["state"], done["order_id"]), ("voiding", None))
        wait_for(lambda: server.value("SELECT state FROM payment_attempts WHERE uid = ?", uid) == "voided", "the void")
        self.assertEqual([event["event"] for event in server.ledger() if event["reference"] == uid], ["void"])

    def test_a_conflict_is_never_tried_again(self):
        server = Server(self, notifier=False)
        uid = bad_attempt(server, "conflict")
        result = run("--config", server.config, "payment", "retry", uid)
        self.assertEqual(result.status, 1)
        self.assertIn("its state is conflict, not", result.err)

    def test_a_write_off_records_who_when_and_why_and_is_for_good(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        order_id, uid = capture_fails(server, token)
        attempts = [bad_attempt(server, state) for state in ("void_failed", "conflict")]
        reason = "refunded by hand, ticket 4711 äöü"
        begun = int(time.time())
        for identifier in (str(order_id), *attempts):
            env = {**os.environ, "SUDO_USER": "alice"}
            result = run("--config", server.config, "--json", "payment", "write-off", "--reason", reason, identifier, env=env)
            self.assertEqual(result.status, 0, result)
            done = result.json
            self.assertEqual(done["written_off_reason"], reason)
            self.assertEqual(done["written_off_by"], "alice" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
            for command in (["retry"], ["write-off", "--reason", "another"]):
                result = run("--config", server.config, "payment", *command, identifier)
                self.assertEqual(result.status, 1, result)
                self.assertIn(f"it was written off by {done['written_off_by']} at {done['written_off_at']}: {reason}",
                              result.err)
        self.assertEqual(server.get(f"/orders/{order_id}", token).json["payment"]["status"], "capture_failed")
        shown = json.loads(server.orderctl("--json", "order", "show", str(order_id)))
        self.assertEqual(shown["payment"]["written_off_reason"], reason)
        self.assertEqual((shown["events"][-1]["kind"], shown["events"][-1]["detail"]),
                         ("written_off", f"{shown['payment']['written_off_by']}: {reason}"))
        for at, in server.rows("SELECT written_off_at FROM payments UNION ALL"
                               " SELECT written_off_at FROM payment_attempts WHERE state <> 'ordered'"):
            self.assertGreaterEqual(at, begun)

    def test_of_a_retry_and_a_write_off_at_once_one_is_done(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        for _ in range(5):
            order_id, _ = capture_fails(server, token)
            results = {}
            threads = [
                threading.Thread(target=lambda name=name, words=words: results.update(
                    {name: run("--config", server.config, "payment", *words, order_id).status}))
                for name, words in (("retry", ["retry"]), ("write-off", ["write-off", "--reason", "x"]))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wait_for(lambda: server.value("SELECT status FROM payments WHERE order_id = ?", order_id) == "capture_failed",
                     "settle")
            kinds = [kind for (kind,) in server.rows(
                "SELECT kind FROM order_events WHERE order_id = ? ORDER BY number", order_id)][1:]
            if results["write-off"] == 0 and results["retry"] == 0:  # one after the other, with settle between
                self.assertEqual(kinds, ["capture_failed", "capture_reopened", "capture_failed", "written_off"])
            elif results["write-off"] == 0:
                self.assertEqual(kinds, ["capture_failed", "written_off"])
            else:
                self.assertEqual((results["retry"], kinds), (0, ["capture_failed", "capture_reopened", "capture_failed"]))

    def test_an_administrator_needs_no_orderd(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        _, uid = capture_fails(server, token)
        server.stop_all()
        let_capture(server, uid)
        server.orderctl("payment", "retry", uid)
        self.assertEqual(server.value("SELECT status FROM payments"), "authorized")
        server.start("orderd")
        wait_for(lambda: server.value("SELECT status FROM payments") == "captured", "the capture")


if __name__ == "__main__":
    harness.main()
