#!/usr/bin/python3
"""A power cut at any moment loses nothing that was confirmed. One home is recorded while clients order (tests/fault/
recorder.c): a first start, orders without and with the notifier, a kill -9, orderly stops and starts, checkpoints.
Then its disk is rebuilt as a cut may have left it (recording.py, power_cut.py), the real programs are started on it,
and judged at rest by what clients had been told up to the cut.

ORDERD_CUTS    how many cuts, over all boundaries of syncs and at random between them; unset: a sample of each kind
ORDERD_CUT     POSITION:KIND:SEED, only this one
ORDERD_RECORDING   a folder that a recording was kept in, to be used again: after a failure it is named"""

import fcntl
import itertools
import os
import random
import re
import shutil
import unittest

import harness
import power_cut
import recording
from cut_home import Recorded, Shop, Source, Trial, copy
from harness import BUILD
from power_cut import Cut

CUTS = int(os.environ.get("ORDERD_CUTS", "0"))
SEED = int(os.environ.get("ORDERD_SEED", "1"))


class Scenario:
    """What is recorded."""

    CLIENTS = 6

    def __init__(self, case):
        self.server = Recorded(case, notifier=False)
        self.customers = []
        self.turn = itertools.count(1)

    def run(self):
        server = self.server
        server.mark("user", name="admin")
        self.customers = [server.customer() for _ in range(3)]
        self.order("tok_ok", "tok_ok")
        server.wait_until_settled()
        server.mark("spooled")
        server.start("orderd-notifier")
        server.wait_until_at_rest()
        server.mark("delivered")
        self.order("tok_ok", "tok_declined", "tok_timeout", "tok_ok")
        server.wait_until_at_rest()
        self.die_under_load()
        server.wait_until_at_rest()
        server.add_user("late", "a good password", "user")
        server.mark("user", name="late")
        server.stop_all()
        server.mark("stopped")
        for name in ("orderd", "orderd-notifier"):
            server.start(name)
        server.start_front()
        self.order_past_a_checkpoint()
        self.order("tok_ok")
        server.wait_until_delivered()
        server.stop_all()
        server.mark("end")

    def begin(self, *payment_tokens):
        return [Shop(self.server, *customer, f"shop{next(self.turn)}", payment_tokens)
                for customer in itertools.islice(itertools.cycle(self.customers), self.CLIENTS)]

    def order(self, *payment_tokens):
        for shop in self.begin(*payment_tokens):
            shop.join()

    def order_past_a_checkpoint(self):
        """One after the other, as that fills the log soonest; then over what it held before."""
        for number in range(500):
            if self.checkpoints() > 1:
                return
            Shop(self.server, *self.customers[number % 3], f"shop{next(self.turn)}", ["tok_ok"]).join()
        raise AssertionError("no checkpoint was made")

    def checkpoints(self):
        """Since the start, which makes one."""
        return int(re.search(rb"(?m)^orderd_checkpoints_total (\d+)$", self.server.get("/metrics").body)[1])

    def die_under_load(self):
        """Each program, while clients order; and again while what it left is cleaned up."""
        shops = self.begin("tok_ok", "tok_timeout", "tok_ok")
        before = self.server.value("SELECT count(*) FROM orders")
        harness.wait_for(lambda: self.server.value("SELECT count(*) FROM orders") > before, "an order")
        for name in ("orderd", "orderd-notifier", "orderd"):
            self.server.kill(name)
            self.server.mark("killed")
            self.server.start(name)
        for shop in shops:
            shop.join()


class Plan:
    """Which cuts are tried."""

    def __init__(self, source):
        self.records = source.recording.records
        self.marks = source.recording.marks
        self.path_of = source.recording.path_of
        self.chance = random.Random(SEED)

    def ends(self, path):
        """Where a sync of that succeeds; pattern of the whole path, "" is the home."""
        return [record.number for record in self.records
                if record.kind == recording.SYNC_END and re.fullmatch(path, self.path_of(record))]

    def changes(self, kind, path):
        """Where something of that kind was done."""
        return [record.number for record in self.records
                if record.kind == kind and re.fullmatch(path, self.path_of(record))]

    def cut(self, position, kind):
        return Cut(position, kind, self.chance.randrange(1000000))

    def some(self, count, positions, *kinds):
        """That many, spread evenly over the positions, taking turns at the kinds."""
        count = min(count, len(positions))
        for n, kind in zip(range(count), itertools.cycle(kinds)):
            yield self.cut(positions[n * (len(positions) - 1) // max(1, count - 1)], kind)

    def during(self, path):
        """While a sync runs: it has done what it did, and nobody has been told."""
        return [end - 1 for end in self.ends(path)]

    def sample(self):
        """Each kind of moment with each kind of loss that may matter there."""
        kinds = list(power_cut.KINDS)
        told = [number for number, _ in self.marks("confirmed")]
        spooled, delivered = (self.marks(what)[0][0] for what in ("spooled", "delivered"))
        yield from self.some(12, told, "nothing", "removals", "sizes")
        for what in ("spooled", "delivered", "killed", "stopped", "end"):
            for number, _ in self.marks(what)[:1]:
                yield from (self.cut(number, kind) for kind in ("nothing", "removals", "names", "reordered"))
        yield from self.some(10, self.changes(recording.REMOVE, "spool/claimed"), "removals", "nothing")
        yield from self.some(6, self.ends("spool/new"), "nothing", "removals")
        yield from self.some(6, self.during("spool/new"), "names", "reordered", "nothing")
        yield from self.some(6, self.during("syncfs .*"), "names", "sizes", "reordered")
        yield from self.some(4, [end for end in self.during(".*") if spooled < end < delivered], "folders lost")
        yield from self.some(6, self.during("mail/new|mail/tmp/.*"), "removals", "names", "reordered")
        yield from self.some(14, self.during("orders.db-wal"), "torn", "sectors", "reordered", "gaps", "sizes")
        yield from self.some(12, self.during("orders.db"), *kinds)
        yield from self.some(4, self.changes(recording.TRUNCATE, "orders.db-wal"), "removals", "nothing")
        yield from self.some(4, self.during("|mail|orders.db-journal"), "contents", "names", "nothing")
        yield from self.some(4, self.changes(recording.WRITE, recording.LEDGER), "nothing", "everything")

    def sweep(self, count):
        """Every boundary of a sync, from both sides, then anything at random."""
        kinds = list(power_cut.KINDS)
        turn = itertools.cycle(kinds)
        boundaries = []
        for end in self.ends(".*"):
            boundaries += [self.cut(end, "nothing"), self.cut(end, "removals"), self.cut(end - 1, next(turn))]
        if count < len(boundaries):
            return self.chance.sample(boundaries, count)
        more = [self.cut(self.chance.randrange(len(self.records)), self.chance.choice(kinds))
                for _ in range(count - len(boundaries))]
        return boundaries + more


class PowerCut(unittest.TestCase):
    def source(self):
        if "ORDERD_RECORDING" in os.environ:
            return Source.open(os.environ["ORDERD_RECORDING"])
        scenario = Scenario(self)
        scenario.run()
        return Source.keep(self, scenario.server)

    def cuts(self, source):
        if "ORDERD_CUT" in os.environ:
            return [Cut.parse(os.environ["ORDERD_CUT"])]
        plan = Plan(source)
        return list(plan.sweep(CUTS) if CUTS else plan.sample())

    def keep(self, source):
        kept = BUILD / "tests/power-cut"
        if source.folder != kept:
            shutil.rmtree(kept, ignore_errors=True)
            copy(source.folder, kept)
        return kept

    def try_cuts(self, source, cuts):
        comment(f"{len(source.recording.records)} records, {len(cuts)} cuts, ORDERD_SEED={SEED}")
        wrong = Trial(source).run(cuts)
        if wrong:
            comment(f"ORDERD_RECORDING={self.keep(source)} ORDERD_CUT=... repeats one of these")
            for text in wrong[:5]:
                comment(text)
        self.assertEqual(len(wrong), 0)

    def test_no_power_cut_loses_what_was_confirmed(self):
        source = self.source()
        self.try_cuts(source, self.cuts(source))

    def test_what_a_dead_process_had_not_synced_is_synced_before_anything_rests_on_it(self):
        """The sync of an order hangs, and its orderd is killed; the next one finds the order in the log, but cannot
        empty that, as a tool holds the database. Then it must not say 201, nor send a mail, for what a cut still takes."""
        server = Recorded(self, {
            "gateway.latency": 300, "gateway.timeout": 5000, "database.store_timeout": 1000})
        shop = Shop(server, *server.customer(), "shop", ["tok_ok"])
        harness.wait_for(lambda: server.value("SELECT count(*) FROM payment_attempts"), "the attempt")
        server.stuck.touch()
        harness.wait_for(lambda: "orders.db-wal" in server.recording().syncing(), "a sync that hangs")
        server.kill("orderd")
        server.stuck.unlink()
        with open(server.path / "orders.write", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.start("orderd")
            shop.join()
        server.wait_until_at_rest()
        server.stop_all()
        source = Source.keep(self, server)
        told = [number for number, _ in source.recording.marks("confirmed")]
        self.try_cuts(source, [Cut(told[0], kind) for kind in ("nothing", "sizes")])


def comment(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


if __name__ == "__main__":
    harness.main(300 + CUTS)
