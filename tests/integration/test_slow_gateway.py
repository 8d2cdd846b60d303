#!/usr/bin/python3
"""A slow gateway: other requests are not held up by it, and captures and voids keep pace.

ORDERD_GATEWAY_SECONDS: how long the loads last (5)."""

import collections
import concurrent.futures
import os
import threading
import time

import harness
import judge
from buyers import Buyers
from gateway import GatewayTest, metric
from harness import wait_for

SECONDS = float(os.environ.get("ORDERD_GATEWAY_SECONDS", "5"))
CLIENTS = 64
# As orderd has them by default: places at the gateway, and workers for creates.
PERMITS, WORKERS = 32, 64
FOREVER_MS = 600000  # nobody waits to see the end of it


class Slow(GatewayTest):
    def started(self, server):
        return server.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'")

    def test_while_every_place_at_the_gateway_is_taken_all_else_goes_on(self):
        """The creates that have a place have it for ever, those that wait for one wait for ever, and more of them wait
        for a worker: whatever needed one of them to end would never be answered."""
        forever = {"gateway.latency": FOREVER_MS, "gateway.timeout": FOREVER_MS, "gateway.permit_timeout": FOREVER_MS}
        server = harness.Server(self, forever, notifier=False)
        user, token = server.customer()
        buyers = Buyers(server, token, WORKERS + 16)
        try:
            wait_for(lambda: self.started(server) == PERMITS, "creates at the gateway")
            wait_for(lambda: metric(server, "orderd_connections") > WORKERS + 16, "creates that wait for a worker")
            for number in range(20):
                self.assertEqual(server.try_login(user["username"], "a good password").status, 200)
                self.assertEqual(server.register(f"newcomer{number}").status, 201)
                for target in ("/orders/mine", "/auth/me", "/healthz", "/orders/mine?reference=x"):
                    self.assertEqual(server.get(target, token).status, 200)
                self.assertEqual(server.get("/orders/", server.admin_token).status, 200)
            server.add_user("by-hand", "a good password", "user")
            self.assertEqual(server.get("/healthz").json, {"status": "ok"})
            self.assertEqual((self.started(server), buyers.sent.confirmed, buyers.refused), (PERMITS, {}, 0))
            self.assertEqual(server.value("SELECT count(*) FROM payment_attempts"), PERMITS)
        finally:
            buyers.stop.set()
            server.kill("orderd")
        buyers.end()
        server.configure({})
        server.start("orderd")
        self.check(server)
        self.assertEqual(server.value("SELECT count(*) FROM payment_attempts WHERE state = 'voided'"), PERMITS)

    def test_two_seconds_and_64_clients(self):
        server = harness.Server(self, {"gateway.latency": 2000})
        _, token = server.customer()
        buyers = Buyers(server, token, CLIENTS, pause_s=1)
        seen = 0
        try:
            end = time.monotonic() + SECONDS / 2
            while time.monotonic() < end:
                self.assertEqual(server.get("/orders/mine", token).status, 200)
                seen += 1
        finally:
            buyers.end()
        self.assertGreater(seen, SECONDS)  # one by one: had each waited for a create, there would be a quarter of that
        self.assertGreaterEqual(len(buyers.sent.confirmed), PERMITS)
        self.assertGreater(buyers.refused, 0)
        self.assertEqual(buyers.unknown, 0)
        self.check(server, buyers.sent)
        judge.check_replays(self, server, token, buyers.sent)
        attempts = server.rows("SELECT state, count(*) FROM payment_attempts GROUP BY state")
        self.assertEqual(attempts, [("ordered", len(buyers.sent.confirmed))])

    def test_captures_and_voids_keep_pace_with_60_creates_a_second(self):
        """At half a second each. What is not settled yet: what came in while a round of calls lasted, and the round."""
        rate, latency_s, round_max = 60, 0.5, 64
        server = harness.Server(self, {"gateway.latency": int(1000 * latency_s)}, notifier=False)
        _, token = server.customer()
        backlog, sent = [], []
        over = threading.Event()

        def look():
            while not over.wait(0.1):
                backlog.append(server.value(
                    "SELECT (SELECT count(*) FROM payments WHERE status = 'authorized')"
                    " + (SELECT count(*) FROM payment_attempts WHERE state = 'voiding')"))

        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            watcher = pool.submit(look)
            begun = time.monotonic()
            for number in range(int(rate * SECONDS)):
                time.sleep(max(0, begun + number / rate - time.monotonic()))
                payment_token = "tok_garbage" if number % 6 == 0 else "tok_ok"
                sent.append(pool.submit(server.order, token, payment_token=payment_token))
            statuses = collections.Counter(order.result().status for order in sent)
            elapsed_s = time.monotonic() - begun
            over.set()
            watcher.result()
        self.assertEqual(set(statuses), {201, 503}, statuses)
        attempts = server.value("SELECT count(*) FROM payment_attempts")
        bound = round_max + 3 * latency_s * attempts / elapsed_s
        print(f"# {attempts} attempts in {elapsed_s:.1f} s, at most {max(backlog)} not settled, bound {bound:.0f}")
        self.assertLess(max(backlog), bound)
        self.assertGreater(statuses[201], rate * SECONDS / 10)
        server.wait_until_settled(20)
        states = dict(server.rows("SELECT state, count(*) FROM payment_attempts GROUP BY state"))
        self.assertEqual(states["ordered"], statuses[201])
        self.assertGreater(states["voided"], 0)
        judge.check_gateway(self, server)


if __name__ == "__main__":
    harness.main(int(120 + 10 * SECONDS))
