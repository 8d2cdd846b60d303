#!/usr/bin/python3
"""What bench/ measures with still works: its programs start, the orders that it makes by SQL are as orderd would have
made them, and its loads say what was answered. No speed is looked at."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import harness
import judge
from harness import BUILD, TOP

sys.path.insert(0, str(TOP / "bench"))

import fcgi  # noqa: E402
import seeding  # noqa: E402
import traffic  # noqa: E402

ORDERS = 40


def output_of(*argv):
    return subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()


class Programs(unittest.TestCase):
    def test_each_says_what_it_is(self):
        for name in ("run", "grow", "instructions", "seed"):
            with self.subTest(name):
                self.assertIn("usage:", output_of(TOP / "bench" / name, "--help"))


class Orders(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server(self, notifier=False)
        self.server.add_user("customer0", traffic.PASSWORD, "user")
        self.server.stop("orderd")
        seeding.seed(self.server.path, ORDERS, mails=ORDERS)
        self.server.start("orderd")

    def test_seeded_orders_are_whole(self):
        self.server.start("orderd-notifier")
        self.server.wait_until_at_rest()
        self.assertEqual(self.server.value("SELECT count(*) FROM orders"), ORDERS)
        judge.check_home(self, self.server, judge.Sent())
        judge.check_reconcile(self, self.server)
        token = self.server.login("customer1", traffic.PASSWORD)
        own = self.server.get("/orders/mine", token).json["orders"]
        self.assertEqual([order["id"] for order in own], list(range(ORDERS - ORDERS % 16 + 2, 0, -16)))
        again = self.server.post("/orders/create", seeding.body_of(2), token, headers=[("Idempotency-Key", "SEED-2")])
        self.assertEqual((again.status, again.header("Idempotency-Replayed")), (201, "true"))
        self.assertEqual(again.json["order"], {**own[-1], "payment": {**own[-1]["payment"], "status": "authorized"}})
        made = self.server.order(token, items=traffic.ITEMS, reference="SEED-2").body
        self.assertEqual(again.body, self.as_seeded(made, again.json["order"]))

    @staticmethod
    def as_seeded(made, order):
        """An answer of orderd, with what differs between two orders of one body taken from the other."""
        new = json.loads(made)["order"]
        for name, value in (("created_at", new["created_at"]), ("id", new["payment"]["id"])):
            made = made.replace(value.encode(), (order["payment"] if name == "id" else order)[name].encode())
        return made.replace(b'id":%d,' % new["id"], b'id":%d,' % order["id"])

    def test_a_paced_load_counts_answers_by_status(self):
        token = self.server.login("customer1", traffic.PASSWORD)
        requests = [traffic.get("/orders/2", token), traffic.get("/orders/1", token),
                    traffic.post("/orders/create", traffic.order_body("x"), token, key="paced-" + traffic.MARK)]
        path = traffic.write(self.server.path / "requests", requests)
        result = json.loads(output_of(BUILD / "bench/pace", self.server.port, 4, 60, 0.5, path, 3))
        asked = 30 - result["late"]  # a slow machine does not get to the last ones in time
        self.assertGreaterEqual(asked, 3, result)
        counts = {status: len(range(first, asked, 3)) for first, status in enumerate(("200", "404", "201"))}
        self.assertEqual((result["statuses"], result["broken"]), (counts, 0), result)
        keys = self.server.rows("SELECT key FROM idempotency_keys WHERE key LIKE 'paced-%' ORDER BY 1")
        self.assertEqual([key for (key,) in keys], [f"paced-{number:012}" for number in range(5, 3 + asked, 3)])


class Floors(unittest.TestCase):
    def test_the_responders_do_nothing_but_answer(self):
        for name in ("plain", "best"):
            with self.subTest(name):
                self.ask(name)

    def ask(self, name):
        home = harness.Home(self.enterContext(tempfile.TemporaryDirectory()))
        process = harness.Process(name, [BUILD / "bench" / name, home.path / "socket", 2], home.path / "out")
        self.addCleanup(process.kill)
        harness.wait_for((home.path / "socket").exists, "its socket")
        connection = harness.wait_for(lambda: self.connect(home.path / "socket"), "a connection")
        for _ in range(3):
            status, body = connection.ask(fcgi.request("POST", "/orders/create", b"x" * 20000))
            self.assertEqual((status, len(body)), (201, 300))
            status, body = connection.ask(fcgi.request("GET", "/orders/1"))
            self.assertEqual((status, json.loads(body)["id"]), (200, 17))
        connection.close()

    @staticmethod
    def connect(path):
        try:
            return fcgi.Connection(path)
        except OSError:
            return None

    def test_bare_commits_write_orders(self):
        home = harness.Home(self.enterContext(tempfile.TemporaryDirectory()))
        result = json.loads(output_of(BUILD / "bench/commits", home.path, TOP / "sql", 0.2))
        self.assertGreater(result["creates"], 0)
        with contextlib.closing(sqlite3.connect(home.path / "commits.db")) as db:
            count = db.execute("SELECT count(*) FROM orders o JOIN payments p ON p.order_id = o.id").fetchone()[0]
            self.assertEqual(db.execute("SELECT count(*) FROM idempotency_keys WHERE order_id > 0").fetchone()[0], count)
        self.assertEqual(count, result["creates"])


if __name__ == "__main__":
    harness.main()
