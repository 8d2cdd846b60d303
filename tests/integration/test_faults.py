#!/usr/bin/python3
"""Every call fails once: of each function that a program calls, the Nth call fails for N = 1, 2, 3 ... while a customer
logs in and orders, until nothing fails any more. Whatever failed: no answer is outside the contract, no program dies
but of a want of memory or with a clear word at its start, nothing leaks, and afterwards everything agrees.

ORDERD_FAULTS      "all": every call; a number: that many, spread over all kinds and calls (60)
ORDERD_FAULT_ONLY  only kinds whose name, as it is printed, contains one of these words
ORDERD_FAULT_FIRST with "all": the first N of each kind (1), to go on where a sweep was ended
ORDERD_SEED        of the spread (1)
ORDERD_LANES       homes that are used at once (3)"""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import queue
import random
import sqlite3
import subprocess
import sys
import threading
import traceback
import unittest

import faults
import harness
import orderctl
import tap
from faults import Count, Customer, Injection, Lane, check_afterwards, check_text, is_want_of_memory, read_log, rule

AMOUNT = os.environ.get("ORDERD_FAULTS", "60")
ONLY = os.environ.get("ORDERD_FAULT_ONLY", "").split(",") if os.environ.get("ORDERD_FAULT_ONLY") else []
FIRST = int(os.environ.get("ORDERD_FAULT_FIRST", "1"))
SEED = os.environ.get("ORDERD_SEED", "1")
LANES = int(os.environ.get("ORDERD_LANES", "3"))

# What each function may say, or do.
FAULTS = {
    "write": ("EIO", "ENOSPC", "short"),
    "pwrite": ("EIO", "ENOSPC", "short"),
    "read": ("EIO", "short"),
    "pread": ("EIO",),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO",),
    "syncfs": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"),
    "open": ("EMFILE", "EIO"),
    "close": ("EIO",),
    "ftruncate": ("EIO", "ENOSPC"),
    "mkdir": ("ENOSPC",),
    "unlink": ("EIO",),
    "lock": ("ENOLCK",),
    "stat": ("EIO",),
    "map": ("ENOMEM",),
    "thread": ("EAGAIN",),
    "connect": ("ECONNREFUSED", "ENOMEM"),
    "accept": ("EMFILE", "ENOMEM", "ECONNABORTED"),
    "malloc": ("ENOMEM",),
}
# Calls of malloc are counted by the chains of this many callers that they come from: each chain fails once.
CHAIN = 4
FAILURES_MAX = 100  # then it ends; the rest would say the same


def fields_of(function):
    return {"sites": CHAIN} if function == "malloc" else {}


class Scene:
    """A run of one program in a lane; run() says whether the fault was made."""

    name = "service"
    program = "orderd"

    def run(self, lane, injection):
        lane.begin(injection)
        customer = Customer(lane)
        lane.start_tolerant("orderd")
        lane.start_tolerant("orderd-notifier")
        customer.shop()
        lane.rest()
        for name in ("orderd-notifier", "orderd"):
            lane.end(name)
        lane.check_logs()
        is_made = bool(lane.made)
        if is_made:
            check_afterwards(lane, customer)
        return is_made


class NotifierScene(Scene):
    program = "orderd-notifier"


class FirstStart(Scene):
    """Without a database: it is made, or made at the next start."""

    name = "first start"

    def run(self, lane, injection):
        lane.begin(injection, with_database=False)
        lane.start_tolerant("orderd")
        lane.end("orderd")
        is_made = bool(lane.made)
        if is_made:
            lane.start("orderd")
            lane.add_user("customer", faults.PASSWORD, "user")
            customer = Customer(lane)
            customer.login()
            customer.order_and_repeat("first")
            lane.end("orderd")
            check_afterwards(lane, customer)
        return is_made


class Command(Scene):
    """orderctl beside a stopped orderd: it says what failed, and can be run again."""

    program = "orderctl"

    def __init__(self, *arguments, text_in=""):
        self.arguments = arguments
        self.text_in = text_in
        self.name = " ".join(arguments)

    def call(self, lane, variables=None):
        done = subprocess.run(
            [harness.BUILD / "orderctl", "--config", lane.config, *self.arguments], input=self.text_in, text=True,
            capture_output=True, timeout=60, check=False, cwd=lane.path, env={**os.environ, **(variables or {})})
        return orderctl.Result(done)

    def run(self, lane, injection):
        lane.begin(injection)
        variables = lane.environment.pop("orderctl")
        lane.orderctl("check")
        result = self.call(lane, variables)
        if not lane.made:
            assert result.status == 0, result
            return False
        self.check_result(injection, result)
        again = self.call(lane)
        assert again.status == 0 or (again.status == 1 and "taken" in again.err), (result, again)  # it was done already
        lane.orderctl("check")
        lane.start("orderd")
        customer = Customer(lane)
        customer.login()
        lane.end("orderd")
        return True

    def check_result(self, injection, result):
        if injection.is_memory and is_want_of_memory(result.status, result.err):
            return
        check_text(result.err, self.name)
        assert result.status == 0 or (result.status in (1, 2) and result.err.strip()), result


class FileCommand(Command):
    """Makes a file, which is there wholly or not at all; then it can be made again."""

    def __init__(self, *arguments, made):
        super().__init__(*arguments)
        self.made = made

    def prepare(self, lane):
        """Without faults."""

    def run(self, lane, injection):
        lane.begin(injection)
        for path in lane.path.glob("backup.db*"):
            path.unlink()
        variables = lane.environment.pop("orderctl")
        self.prepare(lane)
        result = self.call(lane, variables)
        if lane.made:
            self.check_result(injection, result)
        if not (lane.path / self.made).exists():
            assert lane.made and result.status != 0, result
            result = self.call(lane)
        assert result.status == 0 or lane.made, result
        self.check_made(lane)
        return bool(lane.made)

    def check_made(self, lane):
        with contextlib.closing(sqlite3.connect(f"file:{lane.path / self.made}?mode=ro", uri=True)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT count(*) FROM users").fetchall() == [(2,)]


class Restore(FileCommand):
    """And what is restored is held."""

    def prepare(self, lane):
        lane.orderctl("backup", str(lane.path / "backup.db"))
        for path in lane.path.glob("orders.db*"):
            path.unlink()

    def check_made(self, lane):
        super().check_made(lane)
        assert lane.value("SELECT count(*) FROM settings WHERE name = 'held_since'") == 1
        lane.orderctl("reconcile", "--restored")
        lane.start("orderd")
        customer = Customer(lane)
        customer.login()
        customer.order_and_repeat("first")
        lane.end("orderd")


SCENES = [
    Scene(),
    NotifierScene(),
    FirstStart(),
    Command("key", "new"),
    Command("user", "add", "--role", "user", "--email", "bob@example.com", "bob", text_in="a good password\n"),
    Command("user", "list"),
    Command("order", "list"),
    Command("reconcile"),
    Command("check"),
    FileCommand("backup", "backup.db", made="backup.db"),
    Restore("restore", "backup.db", made="orders.db"),
]


class Kind:
    """One function of one program in one scene, with one way to fail."""

    def __init__(self, scene, function, do):
        self.scene = scene
        self.function = function
        self.do = do
        self.end = None  # the first N that was not reached

    @property
    def name(self):
        return f"{self.scene.name}: {self.scene.program} {self.function} {self.do}"

    def injection(self, nth):
        return Injection(self.scene.name, self.scene.program, self.function, self.do, nth, **fields_of(self.function))

    def note(self, nth, is_made):
        if not is_made and (self.end is None or nth < self.end):
            self.end = nth


def kinds_of(scene):
    all_of_them = [Kind(scene, function, do) for function, actions in FAULTS.items() for do in actions]
    return [kind for kind in all_of_them if not ONLY or any(word in kind.name for word in ONLY)]


def every_call():
    """(kind, N) until N is not reached any more."""
    for scene in SCENES:
        for kind in kinds_of(scene):
            print(f"# now {kind.name}", flush=True)
            for nth in itertools.count(FIRST):
                if kind.end is not None:
                    break
                yield kind, nth


def count_calls(lane, scene):
    """How often each function is called in the scene."""
    scene.run(lane, Count(scene.program, {name: fields_of(name) for name in FAULTS}))
    calls = read_log(lane.faults)[1]
    assert calls, f"{scene.program} was never counted"
    return {call["function"]: int(call["count"]) for call in calls}


def count_all(lanes, scenes):
    """count_calls() of each, in all lanes at once."""
    free = queue.SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def count(scene):
        lane = free.get()
        try:
            return count_calls(lane, scene)
        finally:
            free.put(lane)

    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        return list(pool.map(count, scenes))


def choices_of(lanes, scenes, chance):
    """(kind, calls) for each kind that happens, again and again."""
    wanted = [scene for scene in scenes if kinds_of(scene)]
    choices = [(kind, calls[kind.function]) for scene, calls in zip(wanted, count_all(lanes, wanted))
               for kind in kinds_of(scene) if calls[kind.function]]
    chance.shuffle(choices)
    return itertools.cycle(choices)


def spread(lanes):
    """(kind, N): as many as AMOUNT says, of all kinds, two of three in a running service. With the same seed the same,
    as far as threads make the same calls."""
    chance = random.Random(SEED)
    service, others = (choices_of(lanes, scenes, chance) for scenes in (SCENES[:2], SCENES[2:]))
    for number in range(int(AMOUNT)):
        choice = next(others if number % 3 == 2 else service, None) or next(service, None) or next(others)
        kind, count = choice
        yield kind, chance.randrange(1, count + 1)


class Sweep:
    """What the lanes share."""

    def __init__(self, work):
        self.lock = threading.Lock()
        self.work = work
        self.made = collections.Counter()
        self.missed = 0
        self.wrong = []

    def take(self):
        with self.lock:
            return next(self.work, None) if len(self.wrong) < FAILURES_MAX else None

    def note(self, kind, nth, is_made):
        with self.lock:
            kind.note(nth, is_made)
            self.made[kind.name] += is_made
            self.missed += not is_made
            if sum(self.made.values()) % 100 == 0:
                print(f"# {sum(self.made.values())} faults so far", flush=True)

    def note_wrong(self, lane, kind, nth):
        """All that is needed to find out why."""
        with self.lock:
            self.made[kind.name] += 1
            self.wrong.append(kind.injection(nth))
            print(f"# WRONG: {kind.injection(nth)}")
            for text in (*traceback.format_exc().splitlines(), *map(str, lane.made)):
                print("#  ", text[:1500])
            lane.show_logs()
            sys.stdout.flush()

    def work_in(self, lane):
        while (task := self.take()) is not None:
            kind, nth = task
            try:
                self.note(kind, nth, kind.scene.run(lane, kind.injection(nth)))
            except Exception:  # the sweep goes on
                self.note_wrong(lane, kind, nth)
                lane.discard()


class Faults(unittest.TestCase):
    def test_every_call_may_fail_once(self):
        lanes = [Lane(self) for _ in range(LANES)]
        sweep = Sweep(every_call() if AMOUNT == "all" else spread(lanes))
        print(f"# seed {SEED}, {AMOUNT} faults")
        threads = [threading.Thread(target=sweep.work_in, args=[lane]) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, count in sweep.made.items():
            print(f"# {name}: {count}")
        made = sum(sweep.made.values())
        print(f"# {made} faults were made, {sweep.missed} runs did not reach theirs")
        self.assertEqual([str(injection) for injection in sweep.wrong], [])
        self.assertGreater(made, 0 if AMOUNT == "all" else sweep.missed)


class Found(unittest.TestCase):
    """What calls that fail have brought to light."""

    def fail_all(self, function, do, **fields):
        """One after the other; the case says what must hold. How many there were."""
        lane = Lane(self)
        for nth in itertools.count(1):
            if not Scene().run(lane, Injection("found", "orderd", function, do, nth, **fields)):
                return nth - 1

    def test_1_a_database_that_can_be_opened_for_reading_only_refuses_the_start(self):
        """As SQLite does when descriptors are wanting: orderd started, and could write nothing ever after."""
        self.assertGreater(self.fail_all("open", "EMFILE", path="*/orders.db"), 2)

    def test_2_a_program_that_cannot_begin_says_so(self):
        self.assertGreater(self.fail_all("open", "EMFILE", path="/dev/null"), 0)

    def fail_each(self, library, count, send):
        """What is answered while the 1st, 2nd, ... call of malloc that the library makes for it fails."""
        lane = Lane(self)
        lane.begin(Injection("found", "orderd", "malloc", "ENOMEM", 0))
        arms = [lane.path / f"faults{nth}" for nth in range(1, count + 1)]
        lane.inject("orderd", [rule("malloc", nth=nth, arm=arm, do="ENOMEM", **{"from": library})
                               for nth, arm in enumerate(arms, 1)])
        lane.start("orderd")
        customer = Customer(lane)
        customer.login()
        statuses = set()
        for arm in arms:
            arm.touch()
            statuses.add(send(customer).status)
            arm.unlink()
        lane.end("orderd")
        return statuses

    def test_3_well_formed_json_is_never_called_malformed(self):
        """json-c leaves members out when memory is wanting, and says nothing."""
        statuses = self.fail_each("libjson-c*", 30, lambda customer: customer.lane.try_login("customer", faults.PASSWORD))
        self.assertEqual(statuses, {200, 500})

    def test_4_a_good_token_is_never_called_bad(self):
        """libjwt calls it invalid when memory is wanting."""
        statuses = self.fail_each("libj[aw]*", 30, lambda customer: customer.lane.get("/auth/me", customer.token))
        self.assertEqual(statuses, {200, 503})

    def test_5_no_token_lacks_a_part(self):
        """libjwt writes one that does, or crashes, when memory is wanting."""
        lane = Lane(self)
        lane.begin(Injection("found", "orderd", "malloc", "ENOMEM", 0))
        statuses = collections.Counter()
        arms = {}
        for nth in range(1, 121):
            if nth not in arms or not lane.processes["orderd"].is_alive():
                lane.discard()
                arms = {n: lane.path / f"faults{n}" for n in range(nth, nth + 30)}
                lane.inject("orderd", [rule("malloc", nth=n, arm=arm, do="ENOMEM", **{"from": "libj[aw]*"})
                                       for n, arm in arms.items()])
                lane.start("orderd")
            arms[nth].touch()
            reply = lane.try_login("customer", faults.PASSWORD)
            arms[nth].unlink()
            statuses[reply.status] += 1
            if reply.status == 200:
                self.assertEqual(lane.get("/auth/me", reply.json["access_token"]).status, 200, nth)
        self.assertEqual(set(statuses), {200, 500, 503}, statuses)
        lane.discard()


if __name__ == "__main__":
    tap.main(24 * 3600 if AMOUNT == "all" else 600)
