#!/usr/bin/python3
"""A wall clock that jumps a day forward and back while everything runs. Nothing waits by it, so nothing is stuck for a
day and nothing spins; only tokens expire by it, and no answer kept for an Idempotency-Key is lost.

The clock is that of orderd, orderd-notifier and orderctl alone, by a preloaded library: the front server's and the
tests' own stay as they are."""

import base64
import concurrent.futures
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import unittest

import harness
import shops
import vitals
from harness import wait_for
from shops import FAST, Shops, wait_for_health

DAY = 86400
HOUR = 3600
JUMPS = (DAY, 0, -DAY, 0)


def key_of(token):
    """The id of the key that signed it."""
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


class ClockServer(harness.Server):
    def __init__(self, case, options=None, shift=0, **more):
        self.first_shift = shift
        super().__init__(case, {**FAST, **(options or {})}, **more)

    def configure(self, options):
        if not self.clock.exists():
            self.set_clock(self.first_shift)
        preload = harness.preload("clock_shift", ORDERD_CLOCK_SHIFT=str(self.clock))
        self.environment = {name: preload for name in ("orderd", "orderd-notifier")}
        super().configure(options)

    @property
    def clock(self):
        return self.path / "clock"

    def set_clock(self, seconds):
        """So far from the real one; at once, as the file is mapped."""
        fd = os.open(self.clock, os.O_WRONLY | os.O_CREAT)
        os.pwrite(fd, struct.pack("q", seconds), 0)
        os.close(fd)

    def shifted_orderctl(self, *arguments):
        """With the same clock."""
        environment = {**os.environ, **harness.preload("clock_shift", ORDERD_CLOCK_SHIFT=str(self.clock))}
        done = subprocess.run([harness.BUILD / "orderctl", "--config", self.config, *arguments], text=True,
                              env=environment, capture_output=True, timeout=60, check=True)
        return done.stdout

    def reload(self):
        """And waits until it is done."""
        before = self.log_text().count("event=\"reloaded:")
        self.processes["orderd"].send(signal.SIGHUP)
        wait_for(lambda: self.log_text().count("event=\"reloaded:") > before, "the reload")

    def check_no_spin(self):
        vitals.check_no_spin(*(process for name, process in self.processes.items() if name != self.front))


class Everything(unittest.TestCase):
    def test_under_load(self):
        """Orders before, during and after; replays all the time; a walk through the list goes on over all of it."""
        options = {"gateway.latency": 5, "auth.token_lifetime": 10 * DAY, "log.rotate_size": 50000}
        server = ClockServer(self, options, -DAY)
        with Shops(server, count=4) as load:
            load.wait_for_orders(15)
            page = server.get("/orders/mine?limit=3", load.token).json
            ids = [order["id"] for order in page["orders"]]
            for shift in (0, -DAY, DAY):
                server.set_clock(shift)
                load.wait_for_orders(15)
                load.wait_for_reads(2)
                page = server.get(page["next"], load.token).json
                ids += [order["id"] for order in page["orders"]]
        self.assertEqual(ids, list(range(ids[0], ids[0] - 12, -1)))
        shops.check_all(self, server, load)
        listed = server.get("/orders/mine?limit=200", load.token).json["orders"]
        rows = server.rows("SELECT id FROM orders ORDER BY id DESC LIMIT 200")
        self.assertEqual([order["id"] for order in listed], [number for (number,) in rows])
        wait_for_health(server)

    def test_idle_programs_wait(self):
        server = ClockServer(self)
        for shift in JUMPS:
            server.set_clock(shift)
            server.check_no_spin()
            self.assertEqual(server.get("/healthz").json, {"status": "ok"})


class Orders(unittest.TestCase):
    def test_creates_at_the_gateway(self):
        """End by the gateway's answer, or by their time-out, as if nothing had happened."""
        options = {"gateway.timeout": 600, "gateway.latency": 300, "auth.token_lifetime": 10 * DAY}
        server = ClockServer(self, options, notifier=False)
        _, token = server.customer()
        for number, shift in enumerate((DAY, 0), 1):
            with concurrent.futures.ThreadPoolExecutor() as pool:
                confirmed = pool.submit(server.order, token)
                timed_out = pool.submit(server.order, token, payment_token="tok_timeout")
                wait_for(lambda wanted=2 * number: server.value("SELECT count(*) FROM payment_attempts") == wanted,
                         "both attempts")
                server.set_clock(shift)
                self.assertEqual(confirmed.result().status, 201)
                reply = timed_out.result()
                self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)
            server.wait_until_settled()
        states = [state for (state,) in server.rows("SELECT state FROM payment_attempts ORDER BY state")]
        self.assertEqual(states, ["ordered"] * 2 + ["voided"] * 2)

    def test_a_capture_that_is_tried_again(self):
        """Soon, whatever time it was put off to."""
        server = ClockServer(self, {"gateway.timeout": 350, "gateway.latency": 300}, notifier=False)
        _, token = server.customer()
        with open(server.path / "gateway.ledger", "ab") as ledger:
            self.order_without_capture(server, token, ledger)
            for shift in (-DAY, DAY):
                server.set_clock(shift)
                before = self.tries(server)
                wait_for(lambda wanted=before + 2: self.tries(server) >= wanted, "two more tries")
            server.check_no_spin()
            fcntl.flock(ledger, fcntl.LOCK_UN)
            server.wait_until_settled()
        self.assertEqual([event["event"] for event in server.ledger()][-1], "capture")

    @staticmethod
    def tries(server):
        return server.value("SELECT coalesce(sum(tries), 0) FROM payments WHERE status = 'authorized'")

    def order_without_capture(self, server, token, ledger):
        """The gateway has stopped answering between the two; on a slow machine that may take more than one order."""
        while True:
            self.assertEqual(server.order(token).status, 201)
            fcntl.flock(ledger, fcntl.LOCK_EX)
            wait_for(lambda: self.tries(server) or server.is_settled(), "the capture")
            if self.tries(server):
                return
            fcntl.flock(ledger, fcntl.LOCK_UN)

    def test_no_key_is_freed_early(self):
        """With the shortest time that answers can be kept for. A start sweeps."""
        server = ClockServer(self, {"idempotency.keep": 25, "auth.token_lifetime": 10 * DAY}, -DAY, notifier=False)
        _, token = server.customer()
        key = [("Idempotency-Key", "k")]
        first = server.order(token, key)
        for shift in (0, -DAY):
            server.set_clock(shift)
            self.sweep(server, token)
            again = server.order(token, key)
            self.assertEqual((again.status, again.body), (201, first.body))
        server.set_clock(2 * HOUR)
        self.sweep(server, token)
        self.assertEqual(server.value("SELECT count(*) FROM idempotency_keys"), 0)

    def sweep(self, server, token):
        """What settle does after its first round is done when a later order is settled."""
        server.stop("orderd")
        server.start("orderd")
        for _ in range(2):
            self.assertEqual(server.order(token).status, 201)
            server.wait_until_settled()


class Mails(unittest.TestCase):
    def test_a_message_that_was_deferred(self):
        """Is delivered soon, even if it was put off to tomorrow."""
        server = ClockServer(self, {"auth.token_lifetime": 10 * DAY})
        _, token = server.customer()
        maildir = server.path / "mail"
        for number, shift in enumerate((-DAY, DAY), 1):
            server.set_clock(0)
            maildir.write_text("not a Maildir")
            self.assertEqual(server.order(token).status, 201)
            wait_for(lambda: server.spooled("deferred"), "a deferred message")
            server.set_clock(shift)
            server.check_no_spin()
            maildir.unlink()
            server.wait_until_delivered()
            self.assertEqual(len(server.mails()), 1, number)
            shutil.rmtree(maildir)


class Accounts(unittest.TestCase):
    def test_tokens_and_keys(self):
        """A token is good in its time only; a new key signs, however its clock stood, and old tokens stay good."""
        server = ClockServer(self, notifier=False)
        tokens = {}
        for shift in (0, DAY, -DAY):
            server.set_clock(shift)
            tokens[shift] = server.login("admin", harness.ADMIN_PASSWORD)
            server.shifted_orderctl("key", "new")
            server.reload()
            self.assert_signs_with_newest(server, tokens[shift])
        for shift in (0, DAY, -DAY):
            server.set_clock(shift)
            for issued, token in tokens.items():
                reply = server.get("/auth/me", token)
                self.assertEqual((reply.status, reply.problem),
                                 (200, None) if issued == shift else (401, "invalid-token"), (issued, shift))

    def assert_signs_with_newest(self, server, old_token):
        keys = json.loads(server.shifted_orderctl("--json", "key", "list"))["keys"]
        signing = [key["id"] for key in keys if key["state"] == "signs"]
        self.assertEqual(signing, [max(key["id"] for key in keys)])
        token = server.login("admin", harness.ADMIN_PASSWORD)
        self.assertEqual(key_of(token), signing[0])
        for each in (token, old_token):
            self.assertEqual(server.get("/auth/me", each).status, 200)

    def test_throttles(self):
        """Go on for their five minutes: nobody gets more guesses by a jump, and nobody is locked out by one."""
        server = ClockServer(self, notifier=False)
        names = [server.customer()[0]["username"] for _ in range(len(JUMPS) + 1)]
        for _ in range(10):
            self.assertEqual(server.try_login(names[0], "a wrong password").status, 401)
        for shift, name in zip(JUMPS, names[1:]):
            server.set_clock(shift)
            reply = server.try_login(names[0], "a good password")
            self.assertEqual((reply.status, reply.problem), (429, "too-many-requests"), reply)
            self.assertLessEqual(int(reply.header("Retry-After")), 300)
            self.assertEqual(server.try_login(name, "a wrong password").status, 401)
            self.assertEqual(server.try_login(name, "a good password").status, 200)


if __name__ == "__main__":
    harness.main(240)
