#!/usr/bin/python3
"""Commits that fail: one that is on the disk all the same, and one in the midst of which the disk is full, or memory
wanting, with several units in its group. Whoever was told anything was told the truth, and nobody pays for an order
that is not there."""

import contextlib
import fcntl
import re
import threading
import unittest

import harness
import tap
from faults import IN_PROGRESS, UNAVAILABLE, Count, Customer, Lane, check_afterwards, rule
from harness import wait_for

WAL = "*/orders.db-wal"
CLIENTS = 8


class Case(unittest.TestCase):
    def begin(self, rules, options=None):
        """A lane with a customer who is logged in; the rules are armed by arm()."""
        lane = Lane(self, options)
        lane.begin(Count("orderd", {}))
        self.armed = lane.path / "armed"
        lane.inject("orderd", [rule(name, arm=self.armed, **fields) for name, fields in rules])
        lane.start("orderd")
        lane.start("orderd-notifier")
        customer = Customer(lane)
        customer.login()
        return lane, customer

    def arm(self):
        self.armed.touch()

    def finish(self, lane, customer):
        lane.rest()
        for name in ("orderd", "orderd-notifier"):
            lane.end(name)
        check_afterwards(lane, customer)


class OnDiskAllTheSame(Case):
    """The sync of the log fails at the Nth commit from the create on: the first is the attempt's, the second the
    order's. SQLite forgets the frames, but they are in the file."""

    def fail_commit(self, nth, *more):
        lane, customer = self.begin([("fdatasync", {"path": WAL, "nth": nth, "do": "EIO"}), *more])
        self.arm()
        body, send = customer.create("doubtful")
        first = send()
        self.assertTrue(lane.made, "no commit failed")
        return lane, customer, body, send, first

    def repeat(self, lane, customer, body, send):
        """Until it is known; was it the first try's answer?"""
        self.armed.unlink()
        reply = lane.ask("doubtful", send, (201, None), {UNAVAILABLE, IN_PROGRESS})
        customer.sent.confirmed["doubtful"] = customer.keyed.confirmed["doubtful"] = (body, reply.body)
        return reply.header("Idempotency-Replayed") == "true"

    def ends(self, lane):
        """How the attempts ended, sorted."""
        return sorted(state for (state,) in lane.rows("SELECT state FROM payment_attempts"))

    def test_the_process_goes_on_and_the_order_is_voided_before_another_is_made(self):
        lane, customer, body, send, first = self.fail_commit(2)
        self.assertEqual((first.status, first.problem), UNAVAILABLE)
        self.assertFalse(self.repeat(lane, customer, body, send))
        self.finish(lane, customer)
        self.assertEqual(self.ends(lane), ["ordered", "voided"])

    def test_the_process_dies_and_the_order_is_there(self):
        """Killed when it is about to write the next commit: what it had not confirmed is in the log, and counts."""
        lane, customer, body, send, first = self.fail_commit(2, ("pwrite", {"path": WAL, "after": 1, "do": "die"}))
        self.assertEqual((first.status, first.problem), UNAVAILABLE)
        self.restart(lane)
        self.assertTrue(self.repeat(lane, customer, body, send))
        self.finish(lane, customer)
        self.assertEqual(self.ends(lane), ["ordered"])

    def restart(self, lane):
        process = lane.processes.pop("orderd")
        self.assertEqual(process.wait(), -9)
        lane.environment = {}
        lane.start("orderd")

    def test_an_attempt_in_doubt_asks_no_gateway(self):
        lane, customer, body, send, first = self.fail_commit(1)
        self.assertEqual((first.status, first.problem), UNAVAILABLE)
        self.assertEqual(lane.ledger(), [])
        self.assertFalse(self.repeat(lane, customer, body, send))
        self.finish(lane, customer)
        self.assertEqual(lane.value("SELECT count(*) FROM orders"), 1)

    def test_an_attempt_in_doubt_is_voided_by_the_next_start(self):
        lane, customer, body, send, first = self.fail_commit(1, ("pwrite", {"path": WAL, "after": 1, "do": "die"}))
        self.assertEqual((first.status, first.problem), UNAVAILABLE)
        self.restart(lane)
        self.assertFalse(self.repeat(lane, customer, body, send))
        self.finish(lane, customer)
        self.assertEqual(self.ends(lane), ["ordered", "voided"])


class SaidToHaveFailed(Case):
    """The Nth commit from the create on is made, and reported as failed, with all its rows to be seen."""

    def create(self, nth):
        lane, customer = self.begin([("commit", {"thread": "committer", "nth": nth, "do": "EIO"})])
        self.arm()
        body, send = customer.create("doubtful")
        reply = send()
        self.assertTrue(lane.made, "no commit failed")
        self.armed.unlink()
        return lane, customer, body, send, reply

    def test_an_order_that_is_there_is_confirmed(self):
        lane, customer, body, _, reply = self.create(2)
        self.assertEqual(reply.status, 201, reply)
        customer.sent.confirmed["doubtful"] = customer.keyed.confirmed["doubtful"] = (body, reply.body)
        self.finish(lane, customer)
        self.assertEqual(lane.rows("SELECT state FROM payment_attempts"), [("ordered",)])

    def test_an_attempt_that_is_there_is_ended(self):
        lane, customer, body, send, reply = self.create(1)
        self.assertEqual((reply.status, reply.problem), UNAVAILABLE)
        reply = lane.ask("doubtful", send, (201, None), {UNAVAILABLE, IN_PROGRESS})
        customer.sent.confirmed["doubtful"] = customer.keyed.confirmed["doubtful"] = (body, reply.body)
        self.finish(lane, customer)
        self.assertEqual(sorted(lane.rows("SELECT state FROM payment_attempts")), [("ordered",), ("voided",)])


class SlowDisk(Case):
    """A sync takes longer than anybody waits. Who has waited in vain may withdraw what was not begun, and waits on for
    what was: its outcome is not known yet, and what it points to is in use."""

    def send_all(self, sends):
        replies = {}
        threads = [threading.Thread(target=lambda key=key, send=send: replies.__setitem__(key, send()))
                   for key, send in sends.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return replies

    def test_nothing_is_left_half_done_without_a_restart(self):
        lane, customer = self.begin(
            [("fdatasync", {"path": WAL, "do": "delay=700"})], {"database.store_timeout": 200})
        orders = {f"slow{n}": customer.create(f"slow{n}") for n in range(CLIENTS)}
        self.arm()
        replies = self.send_all({key: send for key, (_, send) in orders.items()})
        self.assertTrue(lane.made, "no sync was slow")
        self.armed.unlink()
        self.assertEqual(len(replies), CLIENTS)
        for key, (body, send) in orders.items():
            reply = replies[key]
            self.assertIn((reply.status, reply.problem), {(201, None), UNAVAILABLE}, reply)
            if reply.status != 201:
                reply = lane.ask(key, send, (201, None), {UNAVAILABLE, IN_PROGRESS})
            customer.sent.confirmed[key] = customer.keyed.confirmed[key] = (body, reply.body)
        lane.rest()
        self.assertEqual(lane.value("SELECT count(*) FROM orders"), CLIENTS)
        self.finish(lane, customer)


class InAGroup(Case):
    """The units of several orders wait behind orders.write, as behind an administrator's tool, and are one group when
    it is let go."""

    @contextlib.contextmanager
    def held(self, lane):
        with open(lane.path / "orders.write", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def gauge(self, lane, name):
        return int(re.search(rf"^orderd_{name} (\d+)$", lane.get("/metrics").body.decode(), re.MULTILINE)[1])

    def group(self, lane, customer):
        """Creates whose second units are one group, which meets the fault. [(key, body, function to send, reply)]"""
        orders = [(f"member{n}", *customer.create(f"member{n}")) for n in range(CLIENTS)]
        replies = [None] * CLIENTS
        threads = [threading.Thread(target=lambda n=n: replies.__setitem__(n, orders[n][2]())) for n in range(CLIENTS)]
        with contextlib.ExitStack() as gateway:
            gateway.enter_context(lane.gateway_held())
            for thread in threads:
                thread.start()
            wait_for(lambda: lane.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'") == CLIENTS,
                     "all attempts")
            with self.held(lane):
                gateway.close()
                wait_for(lambda: self.gauge(lane, "store_waiting") == CLIENTS, "all orders in the queue")
                self.arm()
        for thread in threads:
            thread.join(60)
        self.armed.unlink()
        return [(*order, reply) for order, reply in zip(orders, replies)]

    def run_group(self, function, **fields):
        """(the lane, statuses of the first tries)"""
        options = {"gateway.timeout": 60000, "server.slow_workers": 2 * CLIENTS, "settle.parallel": 2 * CLIENTS,
                   "log.level": "debug"}
        lane, customer = self.begin([(function, {"thread": "committer", **fields})], options)
        results = self.group(lane, customer)
        for key, body, send, reply in results:
            self.assertIn((reply.status, reply.problem), {(201, None), UNAVAILABLE}, reply)
            if reply.status != 201:
                reply = lane.ask(key, send, (201, None), {UNAVAILABLE, IN_PROGRESS})
            customer.sent.confirmed[key] = customer.keyed.confirmed[key] = (body, reply.body)
        self.finish(lane, customer)
        self.assertEqual(lane.value("SELECT count(*) FROM orders"), CLIENTS)
        return lane, [reply.status for _, _, _, reply in results]

    def test_a_full_disk_at_the_commit_refuses_the_whole_group(self):
        # A slow machine makes two groups of them: then only the first is refused.
        lane, statuses = self.run_group("pwrite", path=WAL, nth=3, do="ENOSPC")
        self.assertTrue(lane.made)
        self.assertIn(503, statuses)

    def test_a_commit_that_fails_on_the_disk_refuses_the_whole_group(self):
        lane, statuses = self.run_group("fdatasync", path=WAL, nth=1, do="EIO")
        self.assertTrue(lane.made)
        self.assertIn(503, statuses)

    def test_a_fault_in_the_midst_of_it_harms_nobody_else(self):
        """Memory that is wanting rolls the whole transaction back, as a full disk does; then each unit runs alone. Where
        the first unit of the group meets it, it is alone already, and refused."""
        alone = 0
        for nth in (100, 200, 300, 400):
            with self.subTest(nth=nth):
                lane, statuses = self.run_group("malloc", nth=nth, do="ENOMEM")
                self.assertTrue(lane.made)
                self.assertGreaterEqual(statuses.count(201), CLIENTS - 1)
                alone += "its units run alone" in lane.log_of("orderd")
        self.assertGreater(alone, 0, "no group was ever rolled back in its midst")


if __name__ == "__main__":
    tap.main(180)
