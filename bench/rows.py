"""The rows of bench/run, each a function of the settings that gives a goals.Row. Backends that are compared are measured
in turns (A B C A B C ...), so that a slow minute of the machine is everybody's."""

import contextlib
import os
import statistics
import threading
import time

import gauge
import stage
import traffic
from gauge import CheckFailed
from goals import Row

ORDERS = 10_000  # that a home has before the load


class Settings:
    """Of one run."""

    def __init__(self, folder, options, seconds, rounds, memory_minutes, many):
        self.folder = folder
        self.options = options  # of orderd, besides the defaults
        self.seconds = seconds
        self.rounds = rounds
        self.memory_minutes = memory_minutes
        self.many = many  # what "1,000,000 orders" is

    def stage(self):
        return stage.Stage(self.folder, self.options)

    def interleave(self, measures):
        """{name: one round of it} -> {name: medians of its rounds}"""
        samples = {name: [] for name in measures}
        for _ in range(self.rounds):
            for name, measure in measures.items():
                samples[name].append(measure())
        return {name: gauge.medians(rounds) for name, rounds in samples.items()}


# --- checks: no figure counts whose answers were not what they should be


@contextlib.contextmanager
def checked_reads(home, loads):
    """Every answer that wrk counted was one of orderd's, and none a failure. loads: the results, as they come."""
    before = home.metrics()
    yield
    after = home.metrics()
    answered = sum(load["requests"] for load in loads)
    if after["requests_total"] - before["requests_total"] < answered:
        raise CheckFailed(f"orderd counts fewer requests than wrk's {answered}")
    if after["requests_failed_total"] != before["requests_failed_total"]:
        raise CheckFailed("orderd counts failures")


def wait_until_settled(home):
    end = time.monotonic() + 120
    while not home.is_settled():
        if time.monotonic() > end:
            raise CheckFailed("orders do not settle")
        time.sleep(0.05)


def create_load(world, name, connections, seconds):
    """One round of creates; each 201 is an order in the database, captured and relayed."""
    home = world.homes[name]
    before = home.value("SELECT count(*) FROM orders")
    sample = world.load(name, world.file(f"create-{name}", traffic.creates(home)), connections, seconds,
                        lambda: wait_until_settled(home))
    count_orders(home, before, sample["requests"], connections)
    return sample


def count_orders(home, before, confirmed, unheard):
    """unheard: answers that the generator may not have waited for at its end."""
    added = home.value("SELECT count(*) FROM orders") - before
    if not confirmed <= added <= confirmed + unheard:
        raise CheckFailed(f"{confirmed} orders were confirmed, and {added} are there")
    payments = home.value("SELECT count(*) FROM payments WHERE status = 'captured'")
    if payments != before + added:
        raise CheckFailed(f"{before + added} orders, but {payments} captured payments")


# --- reading one order, and writing one


def get(settings, connections):
    row = Row(f"GET /orders/{{id}}, {connections} connections")
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS)
        world.add_nothing("plain")
        world.add_nothing("best")
        world.begin()
        requests = world.file("get", traffic.reads(home))
        loads = []

        def measure(name, seconds=settings.seconds):
            sample = world.load(name, requests, connections, seconds)
            if name == "orderd":
                loads.append(sample)
            return sample

        with checked_reads(home, loads):
            for name in world.ports:
                measure(name, 1)
            row.samples = settings.interleave(
                {name: lambda name=name: measure(name) for name in ("plain", "best", "orderd")})
    plain, best, orderd = (row.samples[name] for name in ("plain", "best", "orderd"))
    row.at_least("requests/s, of plain", orderd["rate"] / plain["rate"], 1.1)
    row.at_least("requests/s, of best", orderd["rate"] / best["rate"], 0.7)
    row.at_most("CPU a request, of plain", orderd["cpu_us"] / plain["cpu_us"], 1.0)
    row.at_most("CPU a request, of best", orderd["cpu_us"] / best["cpu_us"], 1.6)
    return row


def create(settings):
    row = Row("POST /orders/create, 3 items, an idempotency key each, 64 connections")
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS)
        world.add_home("single", ORDERS, options={"database.group": 1})
        world.add_nothing("plain")
        world.add_nothing("best")
        world.begin()
        posts = world.file("post", traffic.creates(home))
        measures = {name: lambda name=name: world.load(name, posts, 64, settings.seconds)
                    for name in ("plain", "best")}
        measures |= {name: lambda name=name: create_load(world, name, 64, settings.seconds) for name in world.homes}
        for name in world.homes:
            create_load(world, name, 64, 1)
        row.samples = settings.interleave(measures)
    plain, orderd, single = (row.samples[name] for name in ("plain", "orderd", "single"))
    row.note("single: orderd with one unit of work a commit")
    row.note("CPU program: until all is captured and in the spool")
    row.at_least("requests/s, of plain", orderd["rate"] / plain["rate"], 0.5)
    row.at_most("CPU a request, of plain", orderd["cpu_us"] / plain["cpu_us"], 2.4)
    row.at_least("requests/s, of one unit a commit", orderd["rate"] / single["rate"], 3)
    return row


def create_alone(settings):
    row = Row("POST /orders/create, 1 connection")
    with settings.stage() as world:
        world.add_home("orderd", ORDERS)
        world.begin()
        turn = iter(range(10**6))

        def commit_pairs():
            folder = world.folder / f"commits-{next(turn)}"
            folder.mkdir()
            result = gauge.commits(stage.BUILD / "bench/commits", folder, stage.TOP / "sql", settings.seconds)
            return {**result, "rate": result["creates"] / result["seconds"]}

        create_load(world, "orderd", 1, 1)
        row.samples = settings.interleave({
            "bare two commits": commit_pairs,
            "orderd": lambda: create_load(world, "orderd", 1, settings.seconds)})
    bare, orderd = row.samples["bare two commits"], row.samples["orderd"]
    row.note(f"bare commits: {2 * bare['rate']:,.0f}/s")
    row.at_most("p50, of the bare two commits", orderd["p50_us"] / bare["p50_us"], 3)
    return row


# --- lists


def last_page(home):
    """The target of the last page of 50: a walk in pages of 200, and one page that is as long as makes it come out."""
    left = home.value("SELECT count(*) FROM orders")
    target = "/orders/?limit=200"
    while left > 250:
        target = home.get(target, home.admin_token).json["next"]
        left -= 200
    if left > 50:
        target = home.get(target.replace("limit=200", f"limit={left - 50}"), home.admin_token).json["next"]
    target = target.replace(f"limit={left - 50}", "limit=50")
    page = home.get(target, home.admin_token).json
    if len(page["orders"]) != 50 or page["next"] is not None:
        raise CheckFailed(f"{target} is not the last page")
    return target


def lists(settings):
    row = Row("GET /orders/?limit=50, 32 connections, by an administrator")
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS)
        world.begin()
        pages = {
            name: world.file(name.replace(" ", "-"), [traffic.get(target, home.admin_token)])
            for name, target in (("first page", "/orders/?limit=50"), ("last page", last_page(home)))}
        loads = []

        def measure(name, seconds=settings.seconds):
            loads.append(world.load("orderd", pages[name], 32, seconds))
            return loads[-1]

        with checked_reads(home, loads):
            for name in pages:
                measure(name, 1)
            row.samples = settings.interleave({name: lambda name=name: measure(name) for name in pages})
    first, last = row.samples["first page"], row.samples["last page"]
    row.at_least("first page", first["rate"], 5000, "/s")
    row.at_least("last page", last["rate"], 5000, "/s")
    row.at_most("CPU of the last page, of the first", last["cpu_us"] / first["cpu_us"], 1.1)
    return row


# --- half of the peak


def pace(settings):
    row = Row("at half of the peak load, over 64 connections, at a rate that waits for nobody")
    seconds = 3 * settings.seconds
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS)
        world.begin()
        reads, creates = world.file("get", traffic.reads(home)), world.file("create", traffic.creates(home))
        peak = {"GET": world.load("orderd", reads, 64, settings.seconds)["rate"],
                "create": create_load(world, "orderd", 64, settings.seconds)["rate"]}
        row.note(f"peaks: {peak['GET']:,.0f} GET/s, {peak['create']:,.0f} creates/s")
        before, orders = home.metrics(), home.value("SELECT count(*) FROM orders")
        trickle = world.pace("orderd", creates, 8, 100, seconds)
        row.add("GET", world.pace("orderd", reads, 64, peak["GET"] / 2, seconds).finish(200))
        row.add("(100 creates beside)", trickle.finish(201))
        between = home.metrics()
        row.add("create", world.pace("orderd", creates, 64, peak["create"] / 2, seconds).finish(201))
        after = home.metrics()
        wait_until_settled(home)
        count_orders(home, orders, sum(row.samples[name]["answered"] for name in row.samples if name != "GET"), 0)
    for name, end, begin in (("GET", between, before), ("create", after, between)):
        checkpoints = end["checkpoints_total"] - begin["checkpoints_total"]
        row.note(f"{name}: longest {row.samples[name]['max_us'] / 1000:.1f} ms; {row.samples[name]['late']} found no "
                 "connection until the end")
        row.at_least(f"{name}: checkpoints within", checkpoints, 1)
    row.at_most("GET, p99", row.samples["GET"]["p99_us"] / 1000, 5, " ms")
    row.at_most("create, p99", row.samples["create"]["p99_us"] / 1000, 15, " ms")
    return row


# --- beside something slow


def with_logins(settings):
    row = Row("with logins over 4 connections beside (Argon2id, as by default)")
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS)
        world.begin()
        login = world.file("login", traffic.logins())
        reads = world.file("get", traffic.reads(home))
        beside = []

        def under_logins(measure):
            logins = world.wrk("orderd", login, 4, settings.seconds)
            sample = measure()
            beside.append(logins.finish()["rate"])
            return sample

        def read():
            return world.load("orderd", reads, 32, settings.seconds)

        def write():
            return create_load(world, "orderd", 32, settings.seconds)

        row.samples = settings.interleave({
            "login": lambda: world.load("orderd", login, 4, settings.seconds),
            "GET": read, "GET, logins beside": lambda: under_logins(read),
            "create": write, "create, logins beside": lambda: under_logins(write)})
    rates = {"GET": statistics.median(beside[0::2]), "create": statistics.median(beside[1::2])}
    for name, rate in rates.items():
        share = 1 - rate * row.samples["login"]["cpu_us"] / 1e6 / os.cpu_count()
        left = row.samples[f"{name}, logins beside"]["rate"] / row.samples[name]["rate"]
        row.note(f"{name}: {rate:.1f} logins/s beside; they leave {share:.2f} of the CPU; speed kept: {left:.2f}")
        row.at_least(f"{name}: speed kept, of the share of CPU left", left / share, 0.6)
    return row


def gateway(settings):
    latency_s, permits = 0.5, 32
    row = Row("the gateway takes 500 ms, 64 creates in flight")
    with settings.stage() as world:
        home = world.add_home("orderd", ORDERS, options={"gateway.latency": int(latency_s * 1000)})
        world.begin()
        reads, creates = world.file("get", traffic.reads(home)), world.file("create", traffic.creates(home))

        def beside_creates():
            load = world.wrk("orderd", creates, 64, settings.seconds + 4)
            time.sleep(2)  # until all 64 wait
            begun, before = time.monotonic(), home.metrics()["orders_total"]
            sample = world.load("orderd", reads, 32, settings.seconds)
            made = home.metrics()["orders_total"] - before
            sample["creates"] = made / (time.monotonic() - begun)
            load.finish()
            wait_until_settled(home)
            return sample

        row.samples = settings.interleave({
            "GET": lambda: world.load("orderd", reads, 32, settings.seconds), "GET, creates beside": beside_creates})
    beside = row.samples["GET, creates beside"]
    row.note("CPU program: the creates' is counted to the GETs beside them")
    row.at_least("GET's speed kept", beside["rate"] / row.samples["GET"]["rate"], 0.9)
    row.at_least("creates/s, of permits / 0.5 s", beside["creates"] / (permits / latency_s), 0.9)
    return row


# --- over time


class Memory(threading.Thread):
    """Looks at the resident size of processes, {name: pid}, until it is told to stop."""

    def __init__(self, pids, every_s):
        super().__init__(daemon=True)
        self.pids = pids
        self.every_s = every_s
        self.sizes = {name: [] for name in pids}
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.every_s):
            for name, pid in self.pids.items():
                self.sizes[name].append(gauge.rss_kib(pid) / 1024)

    def judge(self, row, most_mib=None):
        """Flat: the last quarter is not above the second one."""
        self.over.set()
        self.join()
        for name, sizes in self.sizes.items():
            quarter = len(sizes) // 4
            if not quarter:
                raise CheckFailed("too short to see how memory grows")
            second, last = max(sizes[quarter:2 * quarter]), max(sizes[-quarter:])
            row.note(f"{name}: {sizes[0]:.1f} MiB at first, {second:.1f} in the second quarter, {last:.1f} in the last")
            if most_mib:
                row.at_most(f"{name}: most", max(sizes), most_mib, " MiB")
            row.at_most(f"{name}: last quarter, of the second", last / second, 1.05)


def memory(settings):
    row = Row(f"memory: {settings.many:,} orders, {settings.memory_minutes:g} minutes of load without logins")
    with settings.stage() as world:
        home = world.add_home("orderd", settings.many)
        world.begin()
        parts = [(90, traffic.reads(home)), (2, traffic.creates(home)),
                 (4, [traffic.get("/orders/?limit=50", home.admin_token)]),
                 (4, [traffic.get("/orders/mine?limit=50", token) for token in home.tokens.values()])]
        # The hashes of the log-in are not what is measured: a fresh process, the same tokens.
        home.stop()
        home.start()
        home.wait_until_up()
        before = home.value("SELECT count(*) FROM orders")
        seen = Memory({"orderd": home.pid}, settings.memory_minutes / 4)
        row.add("mixed load", world.load("orderd", world.file("mixed", traffic.mixed(*parts)), 64,
                                         settings.memory_minutes * 60))
        seen.judge(row, 40)
        row.note(f"{home.value('SELECT count(*) FROM orders') - before:,} orders were made")
    return row


def mails(settings):
    backlog = settings.many // 10
    row = Row(f"relay and notifier on one core: a backlog of {backlog:,} into a Maildir")
    with settings.stage() as world:
        home = world.add_home("orderd", backlog, mails=backlog)
        world.open_front()
        first_core = str(min(os.sched_getaffinity(0)))
        pinned = ["taskset", "-c", first_core]
        begun = time.monotonic()
        for name in ("orderd", "orderd-notifier"):
            home.start(name, pinned)
        home.wait_until_up()
        seen = Memory({name: process.pid for name, process in home.processes.items()}, 0.1)
        relayed = wait_for_mails(home, begun)
        seconds = time.monotonic() - begun
        cpu = {name: gauge.cpu_us([process.pid]) / backlog for name, process in home.processes.items()}
        seen.judge(row)
        delivered = sum(1 for _ in os.scandir(home.path / "mail/new"))
        if delivered != backlog:
            raise CheckFailed(f"{delivered} mails of {backlog}")
    row.note(f"in the spool after {relayed:.1f} s, delivered after {seconds:.1f} s; CPU us a mail: "
             + ", ".join(f"{name} {us:.0f}" for name, us in cpu.items()))
    row.at_least("mails", backlog / seconds, 4000, "/s")
    return row


def wait_for_mails(home, begun):
    """Until none is on its way; when the last one was relayed. Looks without reading a folder that is being filled."""
    end = time.monotonic() + 600
    relayed = None
    while True:
        if relayed is None and home.is_settled():
            relayed = time.monotonic() - begun
        if relayed is not None and not any(
                next(os.scandir(home.path / "spool" / folder), None) for folder in ("new", "claimed", "deferred")):
            return relayed
        if time.monotonic() > end:
            raise CheckFailed("the mails do not end")
        time.sleep(0.05)


def start(settings):
    row = Row(f"start with {settings.many:,} orders and a write-ahead log to recover")
    times = []
    with settings.stage() as world:
        home = world.add_home("orderd", settings.many)
        world.begin()
        creates = world.file("create", traffic.creates(home))
        for _ in range(settings.rounds):
            load = world.wrk("orderd", creates, 64, 4)
            time.sleep(2)
            home.kill()
            log_mib = (home.path / "orders.db-wal").stat().st_size / 2**20
            load.output()  # its answers end in the middle: nothing to check
            home.start()
            times.append(home.wait_until_up())
            row.note(f"{times[-1]:.3f} s until /healthz answers, with a log of {log_mib:.1f} MiB and a ledger of "
                     f"{(home.path / 'gateway.ledger').stat().st_size / 2**20:.0f} MiB")
            wait_until_settled(home)
    row.at_most("start, median", statistics.median(times), 1, " s")
    return row


def growth(settings):
    import sizes  # which needs Settings

    return sizes.growth(settings, [1_000, settings.many], None)


ROWS = {
    "get32": lambda settings: get(settings, 32),
    "get64": lambda settings: get(settings, 64),
    "create": create,
    "create1": create_alone,
    "lists": lists,
    "pace": pace,
    "logins": with_logins,
    "gateway": gateway,
    "growth": growth,
    "memory": memory,
    "mails": mails,
    "start": start,
}
