#!/usr/bin/python3
"""Disks that fill up under load: all of the home at once, the spool alone, the Maildir alone. What cannot be written
is refused or waits, what can be read is read, and when there is room again everything goes on by itself.

ORDERD_FILLS: how often each is filled (2)."""

import os
import random
import unittest

import disk
import harness
import shops
from shops import FAST, UNAVAILABLE, Shops, health, wait_for_health

FILLS = int(os.environ.get("ORDERD_FILLS", "2"))
NO_DISK = disk.why_not()


def is_full_and_empty(server):
    """No message is left whose end would make room."""
    return not server.spooled("new", "claimed") and server.fill() == 0 and not server.spooled("new", "claimed")


@unittest.skipIf(NO_DISK, NO_DISK)
class FullDisk(unittest.TestCase):
    def check_logs(self, server):
        """A line that was cut off, wherever, is alone on its line, and nothing else is."""
        begin = "time=2"
        for name in ("orderd.log", "orderd-notifier.log"):
            for path in (server.path / "log").glob(name + "*"):
                lines = [line for line in path.read_text().splitlines() if line]
                wrong = [line for line in lines if line[:len(begin)] != begin[:len(line)] or line.count(begin) > 1]
                self.assertEqual(wrong, [], path)

    def assert_logged(self, server):
        """What is asked now is in the log, whatever happened to it before."""
        reply = server.get("/healthz")
        harness.wait_for(lambda: f"request_id={reply.request_id}" in server.log_text(), "a line in the log")

    def test_the_whole_home(self):
        """Database, spool, Maildir and logs at once, filled by the load itself after somebody has left it little."""
        server = disk.HomeServer(self, {**FAST, "gateway.latency": 5, "log.rotate_size": 200000})
        with Shops(server) as load:
            load.wait_for_orders(20)
            for _ in range(FILLS):
                server.fill(leave=random.randrange(100000))
                load.wait_for_refusals(20)
                load.wait_for(lambda: "writes" in health(server), "degraded writes")
                load.wait_for_reads(3)
                server.free()
                load.wait_for_orders(20)
                wait_for_health(server)
        shops.check_all(self, server, load)
        self.check_logs(server)
        self.assert_logged(server)

    def test_a_start_and_a_stop_on_a_full_home(self):
        """Neither needs room; what was confirmed is told again."""
        server = disk.HomeServer(self, FAST)
        with Shops(server, count=2) as load:
            load.wait_for_orders(10)
        server.fill()
        for name in ("orderd", "orderd-notifier"):
            server.stop(name)
            server.start(name)
        key, (body, first) = next(iter(load.sent.confirmed.items()))
        replay = server.post("/orders/create", body, load.token, headers=[("Idempotency-Key", key)])
        self.assertEqual((replay.status, replay.body), (201, first))
        server.free()
        harness.wait_for(lambda: server.order(load.token).status == 201, "an order")
        shops.check_all(self, server, load)

    def test_the_spool_alone(self):
        """Stops no order; the mails follow."""
        server = disk.SpoolServer(self, {**FAST, "gateway.latency": 20})
        with Shops(server) as load:
            load.wait_for_orders(20)
            for _ in range(FILLS):
                server.fill(leave=random.randrange(20000))
                load.wait_for(lambda: is_full_and_empty(server), "a spool that is full of nothing")
                wait_for_health(server, "spool")
                load.wait_for_orders(50)
                self.assertEqual(health(server), ["spool"])
                load.wait_for(lambda: server.value("SELECT count(*) FROM outbox") >= 50, "mails that wait")
                server.free()
                wait_for_health(server)
        self.assertEqual(load.answers[UNAVAILABLE], 0, load.answers)
        shops.check_all(self, server, load)

    def test_the_maildir_alone(self):
        """Is the notifier's trouble, and nobody else's; no half of a mail is ever shown."""
        server = disk.MailServer(self, {**FAST, "gateway.latency": 20})
        with Shops(server) as load:
            load.wait_for_orders(20)
            for _ in range(FILLS):
                server.fill(leave=random.randrange(20000))
                harness.wait_for(lambda: len(server.spooled("deferred")) >= 20, "deferred messages")
                self.assertEqual(health(server), [])
                for mail in server.mails():
                    self.assertIn("Total", mail.get_content())
                server.free()
                load.wait_for_orders(20)
        self.assertEqual(load.answers[UNAVAILABLE], 0, load.answers)
        shops.check_all(self, server, load)


if __name__ == "__main__":
    harness.main(120 + 30 * FILLS)
