#!/usr/bin/python3
"""File systems that turn read-only, as the kernel does on an error: that of the database, or that of the spool, under
load, and writable again. The programs see it through a preloaded library, since mount refuses it while files are open
for writing; what is read-only at the start is mounted so.

ORDERD_FILLS: how often (2)."""

import os
import unittest

import disk
import harness
import shops
import vitals
from shops import FAST, UNAVAILABLE, Shops, health, wait_for_health

FILLS = int(os.environ.get("ORDERD_FILLS", "2"))
NO_DISK = disk.why_not()


class ReadOnlyServer(harness.Server):
    """A folder of its home can be made read-only for all its programs."""

    folder = "database"

    def make_home(self):
        home = super().make_home()
        os.mkdir(f"{home}/{self.folder}")
        with open(f"{home}/read-only", "wb") as flag:
            flag.write(b"\0")
        return home

    def configure(self, options):
        super().configure(options)
        preload = harness.preload("read_only", ORDERD_READ_ONLY=f"{self.path}/{self.folder}",
                                  ORDERD_READ_ONLY_FLAG=f"{self.path}/read-only")
        self.environment = {name: preload for name in ("orderd", "orderd-notifier")}

    def set_read_only(self, value):
        with open(self.path / "read-only", "r+b") as flag:
            flag.write(bytes([value]))


class DatabaseServer(ReadOnlyServer):
    def make_home(self):
        home = super().make_home()
        os.symlink("database/orders.db", f"{home}/orders.db")
        return home

    def configure(self, options):
        super().configure({"database.path": "database/orders.db", **options})


class SpoolServer(ReadOnlyServer):
    folder = "spool"


class Turns(unittest.TestCase):
    """Read-only under load."""

    def test_the_database(self):
        """No order is taken, all others are told."""
        server = DatabaseServer(self, {**FAST, "gateway.latency": 5})
        with Shops(server) as load:
            load.wait_for_orders(20)
            for _ in range(FILLS):
                server.set_read_only(True)
                load.wait_for_refusals(20)
                self.assertEqual(health(server), ["writes"])
                load.wait_for_reads(3)
                server.set_read_only(False)
                load.wait_for_orders(20)
                wait_for_health(server)
        shops.check_all(self, server, load)

    def test_the_database_without_load(self):
        """Nobody has to write to it to find out that it can be written again."""
        server = DatabaseServer(self, FAST, notifier=False)
        _, token = server.customer()
        server.set_read_only(True)
        reply = server.order(token)
        self.assertEqual((reply.status, reply.problem), UNAVAILABLE, reply)
        self.assertEqual(health(server), ["writes"])
        vitals.check_no_spin(server.processes["orderd"])
        server.set_read_only(False)
        wait_for_health(server)
        self.assertEqual(server.order(token).status, 201)

    def test_the_spool(self):
        """Stops no order. What lies in it, or is being delivered, waits; nothing is given up."""
        server = SpoolServer(self, {**FAST, "gateway.latency": 20})
        with Shops(server) as load:
            load.wait_for_orders(20)
            for _ in range(FILLS):
                server.set_read_only(True)
                wait_for_health(server, "spool")
                load.wait_for_orders(50)
                self.assertEqual(health(server), ["spool"])
                server.set_read_only(False)
                wait_for_health(server)
        self.assertEqual(load.answers[UNAVAILABLE], 0, load.answers)
        shops.check_all(self, server, load)

    def test_the_spool_without_load(self):
        """Neither of the two that work on it spins."""
        server = SpoolServer(self, {**FAST, "notify.retry_first": 1})
        _, token = server.customer()
        (server.path / "mail").write_text("not a Maildir")
        for _ in range(3):
            self.assertEqual(server.order(token).status, 201)
        harness.wait_for(lambda: len(server.spooled("deferred")) == 3, "deferred messages")
        server.set_read_only(True)
        (server.path / "mail").unlink()
        self.assertEqual(server.order(token).status, 201)
        wait_for_health(server, "spool")
        vitals.check_no_spin(server.processes["orderd"], server.processes["orderd-notifier"])
        server.set_read_only(False)
        server.wait_until_delivered()
        self.assertEqual({mail["X-Order-Id"] for mail in server.mails()}, {"1", "2", "3", "4"})


@unittest.skipIf(NO_DISK, NO_DISK)
class Mounted(unittest.TestCase):
    """Read-only at the start."""

    def test_the_spool(self):
        """Stops no start of orderd; the notifier says what is wrong."""
        server = disk.SpoolServer(self, FAST)
        _, token = server.customer()
        self.assertEqual(server.order(token).status, 201)
        server.wait_until_delivered()
        for name in ("orderd", "orderd-notifier"):
            server.stop(name)
        server.disk.set_mode("ro")
        server.start("orderd")
        server.start("orderd-notifier")
        self.assertEqual(server.order(token).status, 201)
        wait_for_health(server, "spool")
        self.assertNotEqual(server.processes["orderd-notifier"].wait(), 0)
        self.assertIn("Read-only file system", server.log_text())
        server.disk.set_mode("rw")
        wait_for_health(server)
        server.start("orderd-notifier")
        server.wait_until_delivered()
        self.assertEqual({mail["X-Order-Id"] for mail in server.mails()}, {"1", "2"})

    def test_the_database(self):
        """orderd does not start, and says why; nothing was changed by the attempt."""
        server = disk.Server(self, FAST, notifier=False)
        _, token = server.customer()
        first = server.order(token)
        server.wait_until_settled()
        server.stop("orderd")
        server.disk.set_mode("ro")
        with self.assertRaises(AssertionError):
            server.start("orderd")
        self.assertIn("Read-only file system", server.log_text())
        server.disk.set_mode("rw")
        server.start("orderd")
        self.assertEqual(server.get(first.header("Location"), token).status, 200)


if __name__ == "__main__":
    harness.main(120 + 30 * FILLS)
