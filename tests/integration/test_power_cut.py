#!/usr/bin/python3
"""A power cut at any moment loses nothing that was confirmed. One home is recorded while clients order (tests/fault/
recorder.c): a first start, orders without and with the notifier, a kill -9, orderly stops and starts, checkpoints.
Then its disk is rebuilt as a cut may have left it (recording.py, power_cut.py), the real programs are started on it,
and judged at rest by what clients had been told up to the cut.

ORDERD_CUTS    how many cuts, over all boundaries of syncs and at random between them; unset: a sample of each kind
ORDERD_CUT     POSITION:KIND:SEED, only this one
ORDERD_RECORDING   a folder that a recording was kept in, to be used again: after a failure it is named"""

import concurrent.futures
import fcntl
import http.client
import itertools
import json
import os
import random
import re
import shutil
import tempfile
import threading
import time
import unittest
from pathlib import Path

import harness
import judge
import power_cut
import recording
from harness import BUILD, order_body
from power_cut import Cut

CUTS = int(os.environ.get("ORDERD_CUTS", "0"))
SEED = int(os.environ.get("ORDERD_SEED", "1"))
WORKERS = os.cpu_count() or 2
KEPT = ("orderd.conf", "keys")
# Images are many, and what is asked of them does not depend on the disk they lie on.
IMAGES = next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)
OPTIONS = {"gateway.timeout": 200, "gateway.latency": 2, "auth.token_lifetime": 2592000, "server.stop_timeout": 1000}


class Recorded(harness.Server):
    """All programs of the home write down what they do to it."""

    def configure(self, options):
        self.log = self.path / "record"
        self.log.touch()
        variables = {
            "LD_PRELOAD": str(BUILD / "tests/fault/recorder.so"),
            "ORDERD_RECORD": str(self.log),
            "ORDERD_RECORD_HOME": str(self.path),
            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
        }
        for name in ("orderd", "orderd-notifier", "orderctl"):
            self.environment[name] = variables
        super().configure(options)

    def mark(self, what, **facts):
        recording.mark(self.log, what, **facts)

    def kill(self, name):
        """Not between a change and its record."""
        with open(self.log, "rb") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            super().kill(name)


class Shop(threading.Thread):
    """A client that orders with keys, and repeats until it knows how each order ended."""

    def __init__(self, server, user, token, name, payment_tokens):
        super().__init__(daemon=True)
        self.server = server
        self.user = user
        self.token = token
        self.named = name
        self.payment_tokens = payment_tokens
        self.start()

    def run(self):
        for number, payment_token in enumerate(self.payment_tokens):
            key = f"{self.named}-{number}"
            body = json.dumps(order_body(reference=key, payment_token=payment_token)).encode()
            reply = self.repeat_until_known(key, body)
            what = "confirmed" if reply.status == 201 else "refused"
            self.server.mark(what, key=key, user=self.user["id"], sent=body.decode(), got=reply.body.decode())

    def repeat_until_known(self, key, body):
        while True:
            reply = self.try_once(key, body)
            if reply is not None and (reply.status in (201, 400) or reply.problem == "payment-unavailable"):
                return reply
            time.sleep(0.02)

    def try_once(self, key, body):
        headers = [("Authorization", "Bearer " + self.token), ("Content-Type", harness.JSON), ("Idempotency-Key", key)]
        try:
            return harness.exchange(self.server.port, "POST", "/orders/create", body, headers, timeout=30)
        except (OSError, http.client.HTTPException):
            return None


class Scenario:
    """What is recorded."""

    CLIENTS = 6

    def __init__(self, case):
        self.server = Recorded(case, OPTIONS, notifier=False)
        self.customers = []
        self.turn = itertools.count(1)

    def run(self):
        server = self.server
        server.mark("user", name="admin")
        for _ in range(3):
            self.add_customer()
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
        server.wait_until_at_rest()
        server.stop_all()
        server.mark("end")

    def add_customer(self):
        user, token = self.server.customer()
        self.server.mark("user", name=user["username"], token=token)
        self.customers.append((user, token))

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


class Source:
    """A recording, with what an image needs besides, in a folder."""

    def __init__(self, folder, root_inode):
        self.folder = Path(folder)
        self.recording = recording.Recording(self.folder / "record", root_inode)
        self.mails = mails_in(self.folder)

    @classmethod
    def make(cls, case):
        """It is removed with the case, unless somebody asks to keep it."""
        scenario = Scenario(case)
        scenario.run()
        folder = tempfile.mkdtemp(prefix="orderd-test-record-")
        for name in (*KEPT, "record", "mail"):
            copy(scenario.server.path / name, Path(folder) / name)
        (Path(folder) / "inode").write_text(str(os.stat(scenario.server.path).st_ino))
        source = cls.open(folder)
        source.check_complete(case, scenario.server)
        return source

    @classmethod
    def open(cls, folder):
        return cls(folder, int((Path(folder) / "inode").read_text()))

    def check_complete(self, case, home):
        """What was recorded, all of it applied, is what lies on the disk: nothing went past the recorder."""
        last = Cut(len(self.recording.records) - 1, "everything")
        tree = power_cut.Disk(self.recording, last).tree()
        on_disk = {str(path.relative_to(home.path)): None if path.is_dir() else path.read_bytes()
                   for name in ("spool", "mail") for path in (home.path / name, *(home.path / name).rglob("*"))}
        for name in ("orders.db", "orders.db-wal", recording.LEDGER):
            on_disk[name] = (home.path / name).read_bytes()
        case.assertEqual(sorted(tree), sorted(on_disk))
        case.assertEqual([path for path in tree if tree[path] != on_disk[path]], [])

    def sent_until(self, position):
        sent = judge.Sent()
        for _, facts in self.recording.marks("confirmed", position + 1):
            sent.confirmed[facts["key"]] = (facts["sent"].encode(), facts["got"].encode())
        sent.declined = [facts["key"] for _, facts in self.recording.marks("refused", position + 1)]
        return sent


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


class Image(harness.Server):
    """The home as a cut left it; the real programs run on it."""

    def __init__(self, source, cut):
        harness.Home.__init__(self, tempfile.mkdtemp(prefix="orderd-test-", dir=IMAGES))
        harness.Client.__init__(self, harness.free_port())
        self.source = source
        self.cut = cut
        self.processes = {}
        self.environment = {}
        harness.Server.alive.append(self)
        for name in KEPT:
            copy(source.folder / name, self.path / name)
        for folder in ("log", "run"):
            (self.path / folder).mkdir(mode=0o700)
        power_cut.Disk(source.recording, cut).lay_out(self.path)

    def run(self, with_front):
        """Raises what is wrong."""
        case = unittest.TestCase()
        for name in ("orderd", "orderd-notifier"):
            self.start(name)
        self.wait_until_at_rest(60)
        harness.wait_for(lambda: "orderd-notifier is ready" in self.log_text(), "the notifier")
        sent = self.source.sent_until(self.cut.position)
        judge.check_home(case, self, sent)
        judge.check_reconcile(case, self)
        self.check_users(case)
        self.check_answers(case, sent)
        self.check_whole_mails(case)
        if with_front and sent.confirmed:
            self.start_front()
            self.check_replays(case, sent)

    def check_users(self, case):
        names = {name for (name,) in self.rows("SELECT username FROM users")}
        told = {facts["name"] for _, facts in self.source.recording.marks("user", self.cut.position + 1)}
        case.assertEqual(told - names, set())

    def check_answers(self, case, sent):
        """As they will be given again; and orders are whole, also those that nobody was told of."""
        stored = dict(self.rows("SELECT key, answer FROM idempotency_keys"))
        case.assertEqual([key for key, (_, got) in sent.confirmed.items() if not stored[key].endswith(got)], [])
        case.assertEqual(self.rows(
            "SELECT id FROM orders WHERE total_minor IS NOT"
            " (SELECT sum(quantity * unit_price_minor) FROM order_items WHERE order_id = orders.id)"), [])

    def check_whole_mails(self, case):
        """Each is the mail that was delivered when nothing had happened."""
        for name, content in mails_in(self.path).items():
            case.assertEqual(content, self.source.mails[name])

    def check_replays(self, case, sent):
        tokens = {facts["name"]: facts.get("token") for _, facts in self.source.recording.marks("user")}
        for (name,) in self.rows("SELECT DISTINCT username FROM users JOIN orders ON user_id = users.id"):
            keys = {key for (key,) in self.rows(
                "SELECT key FROM idempotency_keys WHERE user_id = (SELECT id FROM users WHERE username = ?)", name)}
            part = judge.Sent()
            part.confirmed = {key: value for key, value in sent.confirmed.items() if key in keys}
            judge.check_replays(case, self, tokens[name], part)


def mails_in(home):
    """{name: content}"""
    return {path.name: path.read_bytes() for path in (home / "mail/new").glob("*")}


class Plan:
    """Which cuts are tried."""

    def __init__(self, source):
        self.records = source.recording.records
        self.marks = source.recording.marks
        self.path_of = source.recording.path_of
        self.chance = random.Random(SEED)

    def ends(self, path):
        """Where a sync of that succeeds; pattern of the whole path, "" is the home, "*" the file system."""
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
        yield from self.some(12, told, "nothing", "removals", "sizes")
        for what in ("spooled", "delivered", "killed", "stopped", "end"):
            for number, _ in self.marks(what)[:1]:
                yield from (self.cut(number, kind) for kind in ("nothing", "removals", "names", "reordered"))
        yield from self.some(10, self.changes(recording.REMOVE, "spool/claimed"), "removals", "nothing")
        yield from self.some(6, self.ends("spool/new"), "nothing", "removals")
        yield from self.some(6, self.during("spool/new"), "names", "reordered", "nothing")
        yield from self.some(6, self.during(r"\*"), "names", "sizes", "reordered")
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
        folder = os.environ.get("ORDERD_RECORDING")
        if folder:
            return Source.open(folder)
        source = Source.make(self)
        self.addCleanup(shutil.rmtree, source.folder, ignore_errors=True)
        return source

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

    def test_no_power_cut_loses_what_was_confirmed(self):
        source = self.source()
        cuts = self.cuts(source)
        comment(f"{len(source.recording.records)} records, {len(cuts)} cuts, ORDERD_SEED={SEED}")
        wrong = Trial(source).run(cuts)
        if wrong:
            comment(f"ORDERD_RECORDING={self.keep(source)} ORDERD_CUT=... repeats one of these")
            for text in wrong[:5]:
                comment(text)
        self.assertEqual(len(wrong), 0)


class Trial:
    """Tries cuts, some at once, and gives up after a few that lost something."""

    ENOUGH = 20

    def __init__(self, source):
        self.source = source
        self.wrong = []

    def run(self, cuts):
        """What was wrong, one text a cut."""
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self.try_one, cuts, range(len(cuts))))
        return self.wrong

    def try_one(self, cut, number):
        if len(self.wrong) >= self.ENOUGH:
            return
        image = Image(self.source, cut)
        try:
            try:
                image.run(with_front=number % 10 == 0)
            finally:
                image.close()
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"cut {cut}, after {self.source.recording.describe(cut.position)}: {error}")


def comment(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


if __name__ == "__main__":
    harness.main(120 + CUTS)
