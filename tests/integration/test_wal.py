#!/usr/bin/python3
"""The write-ahead log with everybody at it: commits, checkpoints, orderctl, readers of the service and of other
processes. What was confirmed is there, the database is whole, the log stays small, and an administrator gets in.

ORDERD_WAL_SECONDS: how long (6; make check-wal: 60)."""

import itertools
import os
import subprocess
import sys
import threading
import time
import unittest

import harness
import judge
import orderctl
from buyers import Buyers
from harness import wait_for

SECONDS = float(os.environ.get("ORDERD_WAL_SECONDS", "6"))
# What the manual promises to an administrator; a machine that builds and tests other things, too, has its own time, up
# to that after which orderctl gives up.
TOOL_S = 5 if SECONDS >= 60 else 15
FRAME = 4096 + 24
# Of the log: readers are waited for from 8,000 pages on, longer and longer, and before it has so many for as long as it
# takes if each reads for less than 800 ms, which is enough for whatever a loaded machine makes of 20.
LOG_PAGES = 24000
# Some 25 pages an order, so that the log is begun anew every few seconds.
ITEMS = [{"sku": f"SKU-{number}", "name": "n" * 150, "quantity": 1, "unit_price": 1} for number in range(100)]

# Two connections, of which one at least is in a read transaction at any time. In a transaction nothing changes, and
# each order has its payment.
READER = """
import sqlite3, sys, threading, time
COUNT = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM payments)"
def read(delay_s):
    connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30, isolation_level=None)
    time.sleep(delay_s)
    while True:
        connection.execute("BEGIN")
        first = connection.execute(COUNT).fetchone()
        time.sleep(0.02)
        again = connection.execute(COUNT).fetchone()
        connection.execute("COMMIT")
        if first != again or first[0] != first[1]:
            print(first, again, flush=True)
for delay_s in (0, 0.01):
    threading.Thread(target=read, args=(delay_s,)).start()
"""


class Work(threading.Thread):
    """Does something again and again until the end, and tells what went wrong."""

    def __init__(self, do, over):
        super().__init__(daemon=True)
        self.do = do
        self.over = over
        self.done = 0
        self.trouble = None
        self.start()

    def run(self):
        try:
            for number in itertools.count():
                if self.over.is_set():
                    return
                self.do(number)
                self.done += 1
        except BaseException as trouble:  # pylint: disable=broad-except
            self.trouble = trouble

    def end(self):
        self.join(60)
        if self.trouble:
            raise self.trouble
        assert not self.is_alive() and self.done > 0


class Wal(unittest.TestCase):
    def read(self, server, token):
        for target, who in (("/orders/mine?limit=3", token), ("/orders/?limit=3", server.admin_token),
                            ("/orders/1", token)):
            reply = server.get(target, who)
            self.assertEqual(reply.status, 200, reply)

    def administer(self, server, number):
        """One of each write that there is for an administrator beside a running orderd."""
        name = f"tool-{number}"
        server.add_user(name, "a good password", "user")
        server.orderctl("user", "disable", name)
        server.orderctl("key", "new")
        server.processes["orderd"].send(harness.signal.SIGHUP)
        server.orderctl("payment", "retry", "1")
        wait_for(lambda: server.value("SELECT status FROM payments WHERE order_id = 1") == "capture_failed", "its end")

    def check_live(self, server):
        result = orderctl.run("--config", server.config, "--json", "check")
        self.assertEqual((result.status, result.json["findings"]), (0, []), result)

    def test_everybody_at_once_for_a_while(self):
        server = harness.Server(self)
        _, token = server.customer()
        self.assertEqual(server.order(token, payment_token="tok_capture_fails").json["order_id"], 1)
        server.wait_until_settled()
        reader = self.start_reader(server)
        over = threading.Event()
        buyers = Buyers(server, token, 6, items=ITEMS)
        works = [Work(lambda number: self.administer(server, number), over),
                 Work(lambda _: self.read(server, token), over),
                 Work(lambda _: self.check_live(server), over)]
        over.wait(SECONDS)
        over.set()
        buyers.end()
        for work in works:
            work.end()
        self.end_reader(reader)
        server.wait_until_at_rest(60)
        self.check_counts(server, buyers, works[0].done)
        self.check_stop(server)

    def start_reader(self, server):
        reader = subprocess.Popen([sys.executable, "-c", READER, server.path / "orders.db"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        return reader

    def end_reader(self, reader):
        """It has read to the end, and what it has seen was in order."""
        self.assertIsNone(reader.poll())
        reader.kill()
        self.assertEqual(reader.communicate()[0], "")

    def check_counts(self, server, buyers, tools):
        """Each 201 is there, and no more."""
        sent = buyers.sent
        self.assertEqual((buyers.refused, buyers.unknown), (0, 0))
        orders = server.value("SELECT count(*) FROM orders")
        print(f"# {orders} orders, {tools} rounds of an administrator")
        self.assertEqual(orders, len(sent.confirmed) + 1)
        self.assertEqual(server.value("SELECT count(*) FROM order_items"), 100 * len(sent.confirmed) + 1)
        self.assertEqual(server.value("SELECT count(disabled_at) FROM users WHERE username LIKE 'tool-%'"), tools)
        self.assertEqual(server.value("SELECT count(*) FROM users WHERE username LIKE 'tool-%'"), tools)
        self.assertEqual(server.value("SELECT count(*) FROM order_events WHERE kind = 'capture_reopened'"), tools)
        judge.check_database(self, server)
        judge.check_at_rest(self, server)
        judge.check_orders(self, server, sent)
        judge.check_mails(self, server)
        found = orderctl.run("--config", server.config, "--json", "reconcile").json["disagreements"]
        self.assertEqual([(one["kind"], one["order_id"]) for one in found], [("capture_failed", 1)])

    def check_stop(self, server):
        """All is in the database itself then."""
        log = server.path / "orders.db-wal"
        server.stop("orderd")
        self.assertEqual(log.stat().st_size if log.exists() else 0, 0)
        self.assertEqual(server.value("PRAGMA integrity_check"), "ok")

    @unittest.skipIf(SECONDS < 30, "not enough is written in such a time; a unit test of the store writes more")
    def test_readers_of_other_processes_cannot_grow_the_log(self):
        server = harness.Server(self, notifier=False)
        _, token = server.customer()
        reader = self.start_reader(server)
        over, sizes = threading.Event(), []
        log = server.path / "orders.db-wal"
        watch = Work(lambda _: (sizes.append(log.stat().st_size), over.wait(0.05)), over)
        buyers = Buyers(server, token, 6, items=ITEMS)
        over.wait(SECONDS)
        over.set()
        buyers.end()
        watch.end()
        self.end_reader(reader)
        written = (server.path / "orders.db").stat().st_size + log.stat().st_size
        print(f"# {len(buyers.sent.confirmed)} orders; the log had at most {max(sizes) >> 20} MiB, and what is in it at"
              f" last and in the database {written >> 20} MiB")
        self.assertLess(max(sizes), LOG_PAGES * FRAME)
        self.assertEqual(server.value("SELECT count(*) FROM orders"), len(buyers.sent.confirmed))
        self.check_stop(server)

    def test_an_administrator_gets_in_while_64_clients_order(self):
        # a create keeps its place at the gateway while its commit waits for the administrator's
        server = harness.Server(self, {"gateway.permit_timeout": 15000}, notifier=False)
        _, token = server.customer()
        buyers = Buyers(server, token, 64)
        took = []
        try:
            wait_for(lambda: len(buyers.sent.confirmed) > 100, "orders")
            for number in range(10):
                before = len(buyers.sent.confirmed)
                begun = time.monotonic()
                server.add_user(f"tool-{number}", "a good password", "user")
                took.append(time.monotonic() - begun)
                wait_for(lambda n=before: len(buyers.sent.confirmed) > n, "orders that go on", 30)
        finally:
            buyers.end()
        print(f"# a write took at most {max(took):.2f} s")
        self.assertLess(max(took), TOOL_S)
        self.assertEqual(server.value("SELECT count(*) FROM users WHERE username LIKE 'tool-%'"), 10)
        self.assertEqual((buyers.refused, buyers.unknown), (0, 0))
        self.assertEqual(server.value("SELECT count(*) FROM orders"), len(buyers.sent.confirmed))
        judge.check_database(self, server)


if __name__ == "__main__":
    harness.main(int(180 + 3 * SECONDS))
