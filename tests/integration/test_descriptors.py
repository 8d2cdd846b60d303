#!/usr/bin/python3
"""Descriptors that are used up: fewer than connections, or none at all for a while, at the start or while orders come.
What needs one waits or is told so, nobody spins, and when there are enough again everything goes on by itself."""

import os
import signal
import socket
import unittest

import harness
import judge
import shops
import vitals
from harness import wait_for
from shops import FAST, Shops, wait_for_health

ENOUGH = 1024
MORE_THAN_A_BATCH = 70  # messages; one more descriptor is in use then
NONE = 3  # none but the standard ones


def connect(server):
    """To orderd itself, as the front server does."""
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(server.path / "run/orderd.sock"))
    return peer


needs_root = unittest.skipUnless(os.getuid() == 0, "only root sees, and limits, what a program of ours has open")


@needs_root
class Responder(unittest.TestCase):
    def start(self, **options):
        server = harness.Server(self, {**FAST, **options})
        return server, server.processes["orderd"]

    def test_fewer_than_connections(self):
        """They wait to be accepted; whoever is gets served, and mails follow."""
        server, orderd = self.start(**{"gateway.latency": 20, "log.rotate_size": 50000})
        with Shops(server, count=16, reads_may_fail=True) as load:
            load.wait_for_orders(20)
            vitals.limit_files(orderd, vitals.open_files(orderd) - 8)
            load.wait_for_orders(100)
            vitals.limit_files(orderd, ENOUGH)
            load.wait_for_orders(20)
            wait_for_health(server)
        shops.check_all(self, server, load)

    def test_none_at_all_under_load(self):
        """Spool, log and configuration want some, too: each is tried again, or stays as it is."""
        server, orderd = self.start(**{"gateway.latency": 30, "log.rotate_size": 50000, "log.rotate_count": 100})
        with Shops(server, reads_may_fail=True) as load:
            load.wait_for_orders(20)
            vitals.limit_files(orderd, NONE)
            wait_for(lambda: "accept failed" in server.log_text(), "an accept that fails")
            orderd.send(signal.SIGHUP)
            wait_for(lambda: "reload refused" in server.log_text(), "the reload")
            orderd.send(signal.SIGUSR1)
            wait_for(lambda: "log reopen failed" in server.log_text(), "the log")
            vitals.check_no_spin(orderd)
            vitals.limit_files(orderd, ENOUGH)
            load.wait_for_orders(50)
            wait_for_health(server)
        shops.check_all(self, server, load)

    def test_connections_that_say_nothing(self):
        """They hold all descriptors. A request waits for one of them to end, and is served then."""
        server, orderd = self.start()
        vitals.limit_files(orderd, vitals.open_files(orderd) + 8)
        peers = [connect(server) for _ in range(20)]
        wait_for(lambda: "accept failed" in server.log_text(), "an accept that fails")
        vitals.check_no_spin(orderd)
        self.assertLess(server.log_text().count("accept failed"), 10)
        for peer in peers:
            peer.close()
        self.assertEqual(server.get("/healthz").status, 200)

    def test_the_spool_finds_none(self):
        """Orders are confirmed on the connections that are there; the mails follow."""
        server, orderd = self.start()

        def is_degraded():
            """Just as many as are open: who closes one has it again, who wants one more has not."""
            vitals.limit_files(orderd, vitals.open_files(orderd))
            return "spool cannot be written" in server.log_text()

        with Shops(server, count=2, readers=0) as load:
            load.wait_for_orders(10)
            load.wait_for(is_degraded, "a spool without a descriptor")
            vitals.limit_files(orderd, ENOUGH)
            wait_for_health(server)
            load.wait_for_orders(10)
        shops.check_all(self, server, load)


class Start(unittest.TestCase):
    def test_with_few(self):
        """Enough for a few connections: orderd says so, and works."""
        server = harness.Server(self, FAST)
        server.stop("orderd")
        server.wrapper["orderd"] = ["prlimit", "--nofile=48:48"]
        server.start("orderd")
        wait_for(lambda: "too few descriptors" in server.log_text(), "the warning")
        with Shops(server, readers=0) as load:
            load.wait_for_orders(30)
        shops.check_all(self, server, load)

    def test_with_too_few(self):
        """A program that needs more ends, and says why, at whatever point it ran out; the next start is as ever."""
        server = harness.Server(self, FAST)
        _, token = server.customer()
        self.assertEqual(server.order(token).status, 201)
        server.wait_until_delivered()
        for name in ("orderd", "orderd-notifier"):
            server.stop(name)
            failures = [self.fails_with(server, name, count) for count in range(4, 28, 4)]
            self.assertTrue(failures[0], name)
            server.start(name)
        self.assertEqual(server.order(token).status, 201)
        server.wait_until_delivered()
        judge.check_home(self, server, judge.Sent())

    def fails_with(self, server, name, count):
        """A start with so many. One that does not fail is stopped again."""
        output = server.path / f"log/{name}-{count}.out"
        before = server.log_text().count(f"{name} is ready")
        process = harness.Process(
            name, ["prlimit", f"--nofile={count}:{count}", harness.BUILD / name, "--config", server.config], output)
        self.addCleanup(process.kill)
        wait_for(lambda: not process.is_alive() or server.log_text().count(f"{name} is ready") > before,
                 f"{name} with {count} descriptors")
        status = process.stop()
        if status:
            self.assertIn("Too many open files", output.read_text() + server.log_text(), f"{name} with {count}")
        return status != 0


@needs_root
class Notifier(unittest.TestCase):
    def test_one_more_at_a_time(self):
        """Whatever it runs out of descriptors for, no message is given up or taken for a broken one."""
        server = harness.Server(self, {**FAST, "log.rotate_size": 5000, "log.rotate_count": 100})
        notifier = server.processes["orderd-notifier"]
        _, token = server.customer()
        wait_for(lambda: "orderd-notifier is ready" in server.log_text(), "the notifier")
        base = vitals.open_files(notifier)
        limits = [NONE] * MORE_THAN_A_BATCH + list(range(base, base + 6))
        for limit in limits:
            vitals.limit_files(notifier, limit)
            seen = self.troubles(server)
            order_id = str(server.order(token).json["order_id"])
            if limit != NONE:
                wait_for(lambda before=seen, wanted=order_id: self.troubles(server) > before
                         or wanted in self.mailed(server), f"a pass with {limit} descriptors")
        vitals.limit_files(notifier, NONE)
        vitals.check_no_spin(notifier)
        vitals.limit_files(notifier, ENOUGH)
        server.wait_until_delivered()
        judge.check_home(self, server, judge.Sent())
        self.assertEqual(len(server.mails()), len(limits))

    @staticmethod
    def troubles(server):
        return server.log_text().count("Too many open files")

    @staticmethod
    def mailed(server):
        return {mail["X-Order-Id"] for mail in server.mails()}


if __name__ == "__main__":
    harness.main(240)
