#!/usr/bin/python3
"""Dies once at each fault point (src/core/fault_point.h), as often as there are any, and starts again: what clients
were told holds, and orders, gateway, spool and mails agree. The points are those that the linker found in the
programs; a first run of each scenario tells which points it passes, and one that none of them passes is a failure.

ORDERD_FAULT_PASSAGES: at which passages of a point to die, in all scenarios that pass it; without it "1 2", in the
first scenario that does, and in the one with a doubtful commit, after which any step may be wrong."""

import collections
import concurrent.futures
import contextlib
import fcntl
import os
import queue
import re
import resource
import threading
import unittest

import fault_points
import harness
import tap
from fault_points import House
from harness import BUILD, wait_for

WORKERS = 3
PASSAGES = [int(number) for number in os.environ.get("ORDERD_FAULT_PASSAGES", "1 2").split()]
IN_ALL = "ORDERD_FAULT_PASSAGES" in os.environ


def ordinary_day(house):
    """Orders that end in each way, and a stop in order between them."""
    house.start("orderd-notifier")
    for key, token in (("cut-off", "tok_ok"), ("first", "tok_ok"), ("declined", "tok_declined"), ("error", "tok_error"),
                       ("timeout", "tok_timeout"), ("last", "tok_ok")):
        house.buy(key, payment_token=token)
    house.rest()
    if house.died:
        return  # what follows is for the points of a stop
    for name in fault_points.PROGRAMS:
        house.stop_in_order(name)
    for name in fault_points.PROGRAMS:
        house.start(name)
    house.buy("after-the-stop")


def held_database(house):
    """An administrator's tool holds the database when an approved order is to be written, and later the disk takes no
    more: neither the order nor its end can be written, until they can. Last a write fails that leaves nothing to do."""
    house.start("orderd-notifier")
    with contextlib.ExitStack() as stack, sent_to_gateway(house, "held"):
        stack.enter_context(held(house.path / "orders.write"))
    house.buy("held")
    with small_files(house):
        house.send("full", {})
    house.buy("full")
    with small_files(house):
        house.register("late")
    house.wait(house.is_well, "writes that nobody asked for")


def twins(house):
    """Two requests with one key in one group of units: the second has something to undo."""
    house.start("orderd-notifier")
    rest_without_writes(house)
    orderd = house.processes["orderd"]
    shops = [threading.Thread(target=house.send, args=("twins", {})) for _ in range(2)]
    with held(house.path / "orders.write"):
        for shop in shops:
            shop.start()
        wait_for(lambda: not orderd.is_alive() or units_waiting(house) == len(shops), "both in the queue")
    for shop in shops:
        shop.join()
    house.buy("twins")


def rest_without_writes(house):
    """The sweep of keys that are too old is the last commit that nobody asks for."""
    house.rest()
    house.wait(lambda: house.value("SELECT count(*) FROM idempotency_keys WHERE key = 'forgotten'") == 0, "the sweep")


def units_waiting(house):
    found = re.search(rb"^orderd_store_waiting (\d+)$", harness.exchange(house.port, "GET", "/metrics").body, re.M)
    return found and int(found[1])


@contextlib.contextmanager
def sent_to_gateway(house, key):
    """An order that is approved when the block ends; then it is waited for."""
    shop = threading.Thread(target=house.send, args=(key, {}))
    with held(house.path / "gateway.ledger"):
        shop.start()
        wait_for(lambda: is_started(house) or not shop.is_alive(), "an attempt, or no answer")
        yield
    shop.join()


@contextlib.contextmanager
def held(path):
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_started(house):
    return house.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'")


@contextlib.contextmanager
def small_files(house):
    """The database's log cannot grow."""
    house.rest()
    pid = house.processes["orderd"].pid
    limit = (house.path / "orders.db-wal").stat().st_size
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    yield
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def doubtful_commit(house):
    """An approved order is on the disk, and orderd is told that it may not be."""
    house.start("orderd-notifier")
    rest_without_writes(house)
    armed = house.path / "run/armed"
    with sent_to_gateway(house, "doubtful"):
        armed.touch()
    armed.unlink()
    house.buy("doubtful")
    assert house.died or house.fault_log.read_text().count("\n") == 1


def bad_mails(house):
    """The Maildir cannot be written, one message has waited too long already, one is none."""
    spool = house.path / "spool"
    (spool / "deferred").mkdir()
    (spool / "new/none").write_text("none")
    lost = next(path for path in (spool / "new").iterdir() if path.name != "none").name
    (spool / "new" / lost).rename(spool / f"deferred/1.5000.{lost}")
    (house.path / "mail").write_text("not a folder")
    house.start("orderd-notifier")
    house.buy("cut-off")
    put_away = sorted(["none", lost, f"{lost}.reason"])
    house.wait(lambda: sorted(house.spooled("corrupt", "failed")) == put_away and house.spooled("deferred"),
               "each where it belongs")
    (spool / "corrupt/none").unlink()
    (spool / f"failed/{lost}.reason").unlink()
    (house.path / "mail").unlink()
    (spool / "failed" / lost).rename(spool / "new" / lost)


def long_log(house):
    """Until there is enough for a checkpoint."""
    house.start("orderd-notifier")
    items = [{"sku": f"sku-{n}", "name": "ü" * 200, "quantity": 1, "unit_price": n} for n in range(100)]
    for number in range(24):
        house.buy(f"large-{number}", items=items)


SCENARIOS = {
    ordinary_day: {"options": {"gateway.timeout": 200}},
    doubtful_commit: {"faults": "fdatasync:path=*/orders.db-wal:arm={home}/run/armed:nth=1:do=EIO"},
    held_database: {"options": {"database.store_timeout": 1000}},
    twins: {},
    bad_mails: {"options": {"notify.give_up": 1}},
    long_log: {},
}


class Death:
    def __init__(self, scenario, program, point, passage):
        self.scenario = scenario
        self.program = program
        self.point = point
        self.passage = passage

    def __repr__(self):
        return f"{self.scenario.__name__}: {self.program} at {self.point}:{self.passage}"


def play(house, scenario):
    house.start("orderd")
    scenario(house)
    house.judge(unittest.TestCase())


def passages(house, scenario):
    """What a scenario passes when nobody dies: {(program, point): how often}."""
    house.lay(**SCENARIOS[scenario])
    for program in fault_points.PROGRAMS:
        house.arm(program, "trace")
    play(house, scenario)
    return {(program, point): count
            for program in fault_points.PROGRAMS for point, count in house.traced(program).items()}


def die(house, death):
    """Whether the point was reached."""
    house.lay(**SCENARIOS[death.scenario])
    house.arm(death.program, f"{death.point}:{death.passage}")
    play(house, death.scenario)
    return house.died


def deaths(passed):
    for program in fault_points.PROGRAMS:
        for point in fault_points.names(program):
            scenarios = [scenario for scenario in SCENARIOS if passed[scenario].get((program, point))]
            for scenario in scenarios:
                if not IN_ALL and scenario not in (scenarios[0], doubtful_commit):
                    continue
                for passage in PASSAGES:
                    if passage <= passed[scenario][program, point]:
                        yield Death(scenario, program, point, passage)


NEEDS_POINTS = unittest.skipUnless(fault_points.are_built(), "configured without --enable-fault-points")


@NEEDS_POINTS
class Names(unittest.TestCase):
    def test_each_name_is_given_once(self):
        for program in fault_points.PROGRAMS:
            names = collections.Counter(fault_points.names(program))
            self.assertGreater(len(names), 10)
            self.assertEqual([name for name, count in names.items() if count > 1], [])


@NEEDS_POINTS
class FaultPoints(unittest.TestCase):
    def setUp(self):
        """Processes end with the thread that began them, so each scenario's end ends its programs."""
        self.houses = queue.Queue()
        for _ in range(WORKERS):
            self.houses.put(House(self))
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
        self.addCleanup(self.pool.shutdown, cancel_futures=True)

    def in_a_house(self, function, argument):
        """Its result; an error has the logs with it."""
        house = self.houses.get()
        try:
            return function(house, argument)
        except Exception as error:
            lines = [f"{argument}: {error!r}"]
            house.comment_logs(lines.append)
            raise AssertionError("\n".join(lines)) from error
        finally:
            house.kill_programs()
            self.houses.put(house)

    def each(self, function, arguments):
        """[(argument, future of its result)]"""
        return [(argument, self.pool.submit(self.in_a_house, function, argument)) for argument in arguments]

    def test_death_at_any_point_loses_nothing(self):
        passed = {scenario: future.result() for scenario, future in self.each(passages, SCENARIOS)}
        for program in fault_points.PROGRAMS:
            for point in fault_points.names(program):
                with self.subTest(program=program, point=point):
                    self.assertTrue(any((program, point) in counts for counts in passed.values()), "never passed")
        died = 0
        for death, future in self.each(die, deaths(passed)):
            with self.subTest(death):
                died += future.result()
                # What was passed twice may be passed once the next time: grouping is a matter of time.
                self.assertTrue(future.result() or death.passage > 1, "not reached")
        print(f"# {died} deaths")


class OtherBuilds(unittest.TestCase):
    @unittest.skipIf(fault_points.are_built(), "configured with --enable-fault-points")
    def test_nothing_of_them_is_in_the_programs(self):
        for program in (*fault_points.PROGRAMS, "orderctl"):
            self.assertEqual(fault_points.names(program), [])
            for word in (b"ORDERD_FAULT_POINT", b"fault_point_pass"):
                self.assertNotIn(word, (BUILD / program).read_bytes(), program)


if __name__ == "__main__":
    tap.main(3600 if IN_ALL else 600)
