#!/usr/bin/python3
"""kill -9 at random moments under load: whatever was confirmed is there, byte for byte the same when it is repeated;
no key has two orders; every order is captured and has its mail; nothing else is left at the gateway.

ORDERD_KILLS sets how often (10)."""

import json
import os
import random
import threading
import time
import unittest

import harness
import judge
from harness import order_body

KILLS = int(os.environ.get("ORDERD_KILLS", "10"))
CLIENTS = 16


class Shop:
    """A client that orders, each order under a key of its own, and repeats each until it knows how it ended."""

    def __init__(self, server, token, name, stop):
        self.server = server
        self.token = token
        self.name = name
        self.stop = stop
        self.sent = judge.Sent()
        self.strange = []  # answers that no client should ever see
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
                self.sent.confirmed[key] = (body, reply.body)
            elif reply.status == 400:
                self.sent.declined.append(key)
            else:
                self.strange.append(reply)

    def repeat_until_known(self, key, body):
        """None: the end came first."""
        while not self.stop.is_set():
            reply = self.server.try_order(self.token, key, body, timeout=30)
            if reply is not None and reply.status not in (409, 503):
                return reply
            time.sleep(0.02)
        return None


class Crash(unittest.TestCase):
    def kill_under_load(self, server, shops):
        """The responder, the notifier, both, or the whole tree; each is started again at once."""
        front, both = server.front, ["orderd", "orderd-notifier"]
        chance = random.Random(int.from_bytes(os.urandom(4), "big"))
        for _ in range(KILLS):
            wanted = sum(len(shop.sent.confirmed) for shop in shops) + chance.randrange(1, 60)
            harness.wait_for(lambda n=wanted: sum(len(shop.sent.confirmed) for shop in shops) >= n, "more orders", 60)
            names = chance.choice([["orderd"], ["orderd"], ["orderd-notifier"], both, [front, *both]])
            for name in names:
                server.kill(name)
            for name in names:
                if name != front:
                    server.start(name)
            if front in names:
                server.start_front()

    def test_kill_9_under_load_loses_nothing(self):
        server = harness.Server(self, {"gateway.latency": 5})
        stop = threading.Event()
        token = server.customer()[1]
        shops = [Shop(server, token, f"shop{n}", stop) for n in range(CLIENTS)]
        try:
            self.kill_under_load(server, shops)
        finally:
            stop.set()
            for shop in shops:
                shop.thread.join(60)
        server.wait_until_delivered(120)
        sent = judge.Sent()
        for shop in shops:
            sent.merge(shop.sent)
        self.assertEqual([reply for shop in shops for reply in shop.strange], [])
        self.assertGreater(len(sent.confirmed), KILLS)
        judge.check_home(self, server, sent)
        judge.check_reconcile(self, server)
        judge.check_replays(self, server, token, sent)


if __name__ == "__main__":
    harness.main(120 + 20 * KILLS)
