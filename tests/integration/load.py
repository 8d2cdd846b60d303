#!/usr/bin/python3
"""All threads of orderd at once, for a build with ThreadSanitizer (script/sanitize tsan): clients that create, repeat,
read, list, log in and send nonsense, while an administrator reloads, reopens the log and works with orderctl; then an
orderly stop in the midst of it. What the sanitizer has to say is in its own files, or in the logs that the harness
looks at; here it counts that every answer is one of those that are allowed, and that everything comes to its end.

Not part of make check. LOAD_SECONDS: how long (10)."""

import concurrent.futures
import itertools
import os
import random
import signal
import threading
import unittest

import harness

SECONDS = float(os.environ.get("LOAD_SECONDS", 10))
CLIENTS = 16
PASSWORD = "a good password"
# What a full queue, a reload or a key that a twin holds may answer instead.
BUSY = {429, 503}


class Load:
    """What the clients share."""

    def __init__(self, server):
        self.server = server
        self.tokens = []
        self.stopping = threading.Event()
        self.statuses = {}
        self.lock = threading.Lock()

    def count(self, what, reply, *allowed):
        with self.lock:
            self.statuses.setdefault(what, {}).setdefault(reply.status, 0)
            self.statuses[what][reply.status] += 1
        assert reply.status in allowed or reply.status in BUSY, (what, reply)
        return reply

    def client(self, number):
        """User and token are there, made by setUp()."""
        name, token = f"load{number}", self.tokens[number]
        dice = random.Random(number)
        actions = [self.create, self.create, self.twins, self.decline, self.read, self.lists, self.nonsense]
        for turn in itertools.count():
            if self.stopping.is_set():
                return
            if turn % 10 == number % 10:
                token = self.login(name, token)
            dice.choice(actions)(token, f"{number}-{turn}")

    def login(self, name, token):
        reply = self.count("login", self.server.try_login(name, PASSWORD), 200)
        self.count("wrong password", self.server.try_login(name, "wrong"), 401)
        return reply.json["access_token"] if reply.status == 200 else token

    def create(self, token, reference):
        self.count("create", self.server.order(token, reference=reference), 201)

    def twins(self, token, reference):
        key = [("Idempotency-Key", reference)]
        for _ in range(2):
            self.count("twin", self.server.order(token, key, reference=reference), 201, 409)

    def decline(self, token, _reference):
        for payment_token, status in (("tok_declined", 400), ("tok_error", 503), ("tok_capture_fails", 201)):
            self.count(payment_token, self.server.order(token, payment_token=payment_token), status)

    def read(self, token, _reference):
        self.count("own list", self.server.get("/orders/mine?limit=5", token), 200)
        self.count("me", self.server.get("/auth/me", token), 200)
        for target in ("/healthz", "/metrics", "/openapi.json"):
            self.count(target, self.server.get(target), 200)

    def lists(self, _token, _reference):
        reply = self.count("list", self.server.get("/orders/?limit=3", self.server.admin_token), 200)
        if reply.status == 200 and reply.json["next"]:
            self.count("next", self.server.get(reply.json["next"], self.server.admin_token), 200)

    def nonsense(self, token, _reference):
        self.count("bad JSON", self.server.post("/orders/create", b"{'a':1}", token), 400)
        self.count("bad fields", self.server.post("/orders/create", {"x": 1}, token), 422)
        self.count("bad token", self.server.get("/auth/me", token[:-4] + "AAAA"), 401)
        self.count("no path", self.server.get("/nothing"), 404)

    def administrator(self):
        """As long as the clients work."""
        for turn in itertools.count():
            if self.stopping.wait(0.3):
                return
            process = self.server.processes["orderd"]
            process.send(signal.SIGHUP if turn % 2 else signal.SIGUSR1)
            if turn % 4 == 3:
                self.server.orderctl("key", "new")
                self.server.orderctl("user", "list")


class UnderLoad(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server(self, {"server.slow_workers": 16, "settle.parallel": 8, "log.rotate_size": 200000})
        self.load = Load(self.server)
        for number in range(CLIENTS):
            reply = self.server.register(f"load{number}")
            self.assertEqual(reply.status, 201, reply)
            self.load.tokens.append(self.server.login(f"load{number}", PASSWORD))

    def has_seen_all(self):
        """On a slow machine that takes longer than it was to last."""
        return all(status in self.load.statuses.get(what, {}) for what, status in (
            ("create", 201), ("twin", 201), ("login", 200), ("list", 200), ("bad JSON", 400)))

    def run_clients(self, pool):
        return [pool.submit(self.load.client, number) for number in range(CLIENTS)]

    def test_everything_at_once_comes_to_its_end(self):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as pool:
            work = [*self.run_clients(pool), pool.submit(self.load.administrator)]
            concurrent.futures.wait(work, SECONDS, concurrent.futures.FIRST_EXCEPTION)
            try:
                harness.wait_for(lambda: self.has_seen_all() or any(future.done() for future in work), "each answer", 60)
            finally:
                self.load.stopping.set()
            for future in work:
                future.result()
        self.assertTrue(self.has_seen_all(), self.load.statuses)
        self.server.wait_until_at_rest(120)
        orders = self.server.value("SELECT count(*) FROM orders")
        created = sum(self.load.statuses[what].get(201, 0) for what in ("create", "tok_capture_fails"))
        self.assertGreaterEqual(orders, created, self.load.statuses)
        self.assertEqual(len(self.server.mails()), orders)

    def test_a_stop_in_the_midst_of_it(self):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            work = self.run_clients(pool)
            concurrent.futures.wait(work, SECONDS / 4, concurrent.futures.FIRST_EXCEPTION)
            self.server.stop("orderd")
            self.load.stopping.set()
            for future in work:
                future.result()
        self.server.start("orderd")
        self.server.wait_until_at_rest(120)


if __name__ == "__main__":
    harness.main(300)
