#!/usr/bin/python3
"""kill -9 at random moments under load: whatever was confirmed is there, byte for byte the same when it is repeated;
no key has two orders; every order is captured and has its mail; nothing else is left at the gateway.

ORDERD_KILLS sets how often (10)."""

import collections
import http.client
import json
import os
import random
import threading
import time
import unittest

import harness
from harness import order_body

KILLS = int(os.environ.get("ORDERD_KILLS", "10"))
CLIENTS = 16


class Shop:
    """A client that orders, each order under a key of its own, and repeats each until it knows how it ended."""

    def __init__(self, port, token, name, stop):
        self.port = port
        self.token = token
        self.name = name
        self.stop = stop
        self.confirmed = {}  # key -> (body sent, body got)
        self.declined = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            token = "tok_declined" if number % 10 == 0 else "tok_ok"
            key = f"{self.name}-{number}"
            body = json.dumps(order_body(reference=key, payment_token=token)).encode()
            reply = self.repeat_until_known(key, body)
            if reply is None:
                continue
            if reply.status == 201:
                self.confirmed[key] = (body, reply.body)
            else:
                assert reply.status == 400, reply
                self.declined.append(key)

    def repeat_until_known(self, key, body):
        """None: the end came first."""
        while not self.stop.is_set():
            reply = self.try_once(key, body)
            if reply is not None and reply.status not in (409, 503):
                return reply
            time.sleep(0.02)
        return None

    def try_once(self, key, body):
        headers = [("Authorization", "Bearer " + self.token), ("Content-Type", "application/json"),
                   ("Idempotency-Key", key)]
        try:
            return harness.exchange(self.port, "POST", "/orders/create", body, headers, timeout=30)
        except (OSError, http.client.HTTPException):
            return None


class Crash(unittest.TestCase):
    def kill_under_load(self, server, shops):
        """The responder, the notifier, or both; each is started again at once."""
        chance = random.Random(int.from_bytes(os.urandom(4), "big"))
        for _ in range(KILLS):
            wanted = sum(len(shop.confirmed) for shop in shops) + chance.randrange(1, 60)
            harness.wait_for(lambda n=wanted: sum(len(shop.confirmed) for shop in shops) >= n, "more orders", 60)
            names = chance.choice([["orderd"], ["orderd"], ["orderd-notifier"], ["orderd", "orderd-notifier"]])
            for name in names:
                server.kill(name)
            for name in names:
                server.start(name)

    def check_orders(self, server, shops):
        """What was answered with 201 is there; a key has one order at most."""
        rows = collections.Counter(key for (key,) in server.rows("SELECT reference FROM orders"))
        self.assertEqual([key for key, count in rows.items() if count > 1], [])
        confirmed = {key: bodies for shop in shops for key, bodies in shop.confirmed.items()}
        self.assertEqual([key for key in confirmed if key not in rows], [])
        self.assertEqual([key for shop in shops for key in shop.declined if key in rows], [])
        return confirmed

    def check_replays(self, shops):
        for shop in shops:
            for key, (body, first) in shop.confirmed.items():
                again = shop.try_once(key, body)
                self.assertEqual((again.status, again.body), (201, first))
                self.assertEqual(again.header("Idempotency-Replayed"), "true")

    def check_gateway(self, server):
        """Captured is what is ordered, once each; nothing else is reserved."""
        events = collections.defaultdict(list)
        for event in server.ledger():
            events[event["reference"]].append(event["event"])
        ordered = {uid for (uid,) in server.rows("SELECT attempt_uid FROM payments WHERE status = 'captured'")}
        self.assertEqual(len(ordered), server.value("SELECT count(*) FROM orders"))
        for reference, kinds in events.items():
            self.assertLessEqual(kinds.count("capture"), 1, reference)
            self.assertEqual("capture" in kinds, reference in ordered, (reference, kinds))
            if "authorise" in kinds:
                self.assertTrue(reference in ordered or kinds[-1] == "void", (reference, kinds))

    def check_mails(self, server):
        mails = server.mails()
        orders = {mail["X-Order-Id"] for mail in mails}
        self.assertEqual(orders, {str(number) for (number,) in server.rows("SELECT id FROM orders")})
        self.assertEqual(len({mail["Message-ID"] for mail in mails}), len(orders))

    def test_kill_9_under_load_loses_nothing(self):
        server = harness.Server(self, {"gateway.latency": 5})
        stop = threading.Event()
        token = server.customer()[1]
        shops = [Shop(server.port, token, f"shop{n}", stop) for n in range(CLIENTS)]
        try:
            self.kill_under_load(server, shops)
        finally:
            stop.set()
            for shop in shops:
                shop.thread.join(60)
        server.wait_until_at_rest(120)
        confirmed = self.check_orders(server, shops)
        self.assertGreater(len(confirmed), KILLS)
        self.check_gateway(server)
        self.check_mails(server)
        self.check_replays(shops)
        self.assertEqual(server.value("SELECT count(*) FROM idempotency_keys WHERE finished_at IS NULL"), 0)
        self.assertEqual(server.value("PRAGMA integrity_check"), "ok")


if __name__ == "__main__":
    harness.main(120 + 20 * KILLS)
