"""Calls of the C library that fail on purpose (tests/fault/rules.h), and a place to let a program meet them.

A lane is a home that is used again and again: its state is copied from a template each time, nginx stays. Several
lanes work beside each other, each in a thread of its own; what a run finds wrong is an exception."""

import functools
import json
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import harness
import judge
import orderctl
from harness import ADMIN_PASSWORD, BUILD, TOP, order_body, wait_for

SHIM = BUILD / "tests/fault/failing.so"
PASSWORD = "a good password"
PROBLEMS = ("Sanitizer", "runtime error:", "Assertion", "stack smashing", "corrupted", "free():", "malloc():")
# What aborts where there is no memory: ours, libfcgi, and GLib. And what the C library and the sanitizer do to
# themselves, in code that is not ours to mend.
NO_MEMORY = ("out of memory\n", "fcgiapp.c:75: Malloc: Assertion", "failed to allocate")
NOT_OURS = ("nss_database", "CHECK failed: sanitizer_linux")

# Few threads, so that a start is quick; no waiting for nginx, which has nothing to say.
LANE = {
    "server.slow_workers": 4,
    "server.quick_workers": 2,
    "server.stop_timeout": 100,
    "database.readers": 2,
    "settle.parallel": 2,
    "spool.retry": 100,
    "notify.scan": 1,
    "log.level": "info",
}


def rule(function, **fields):
    return ":".join([function, *(f"{name}={value}" for name, value in fields.items())])


class Injection:
    """The Nth call of one function in one program fails. scene: which run of it (see test_faults)."""

    def __init__(self, scene, program, function, do, nth, **fields):
        self.scene = scene
        self.program = program
        self.function = function
        self.do = do
        self.nth = nth
        self.fields = fields

    @property
    def rules(self):
        return [rule(self.function, nth=self.nth, **self.fields, do=self.do)]

    @property
    def is_memory(self):
        return self.function == "malloc"

    def __str__(self):
        return f"{self.scene}: {self.program} {' '.join(self.rules)}"


class Count:
    """Nothing fails, but the calls are counted: functions is {name: fields of its rule}."""

    is_memory = False
    function = None

    def __init__(self, program, functions):
        self.program = program
        self.rules = [rule(name, **fields, do="none") for name, fields in functions.items()]


def environment(program, rules, log):
    """Variables for a start of the program. The object goes before AddressSanitizer's own functions."""
    options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0", "allocator_may_return_null=1"]
    return {
        "LD_PRELOAD": str(SHIM),
        "FAULT_PROGRAM": program,
        "FAULTS": " ".join(rules),
        "FAULT_LOG": str(log),
        "ASAN_OPTIONS": ":".join(filter(None, options)),
    }


def read_log(path):
    """(faults made, calls seen by each rule); each a list of dictionaries."""
    made, calls = [], []
    text = path.read_text(errors="replace") if path.exists() else ""
    for line in text.splitlines():
        kind, *words = line.split(" ")
        (made if kind == "fault" else calls).append(dict(word.split("=", 1) for word in words if "=" in word))
    return made, calls


def check_text(text, what):
    for word in PROBLEMS:
        assert word not in text, f"{what}: {text[max(0, text.index(word) - 200):][:4000]}"


def is_want_of_memory(status, said):
    if any(word in said for word in NOT_OURS):
        return True
    return status in (-signal.SIGABRT, -signal.SIGTRAP) and any(word in said for word in NO_MEMORY) and \
        "Sanitizer" not in said


class Template:
    """A home with an administrator and a customer; once for a process."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="orderd-template-")
        self.path = Path(self.folder.name)
        config = self.path / "orderd.conf"
        config.write_text(f"[database]\nmigrations = {TOP}/sql\n[auth]\nhash_memory = 64\nhash_passes = 1\n")
        for arguments, text_in in (
                (("key", "new"), ""),
                (("user", "add", "--role", "admin", "--email", "a@example.com", "admin"), ADMIN_PASSWORD + "\n"),
                (("user", "add", "--role", "user", "--email", "c@example.com", "customer"), PASSWORD + "\n")):
            result = orderctl.run("--config", config, *arguments, text_in=text_in)
            assert result.status == 0, result

    def copy(self, path):
        for name in ("keys", "log", "run"):
            (path / name).mkdir(mode=0o700, exist_ok=True)
        for name in (self.path / "keys").iterdir():
            shutil.copy2(name, path / "keys")
        for name in ("orders.db", "orders.db-wal"):  # orderctl leaves it to orderd to move the one into the other
            shutil.copy2(self.path / name, path)


@functools.lru_cache
def template():
    return Template()


class Lane(harness.Server):
    """One home, one nginx; begin() makes it new."""

    def __init__(self, case, options=None):
        self.case = case
        self.injection = Count("", {})
        super().__init__(case, {**LANE, **(options or {})}, notifier=False)
        self.stop("orderd")

    def begin(self, injection, with_database=True):
        """An empty home with users, without spool, Maildir and ledger. The programs that start next meet the faults."""
        self.discard()
        for name in ("spool", "mail", "keys"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for path in [*self.path.glob("orders.*"), *self.path.glob("gateway.*"), *self.path.glob("log/orderd*"),
                     *self.path.glob("faults*")]:
            path.unlink()
        template().copy(self.path)
        self.leave_socket()
        if not with_database:
            for path in self.path.glob("orders.db*"):
                path.unlink()
        self.injection = injection
        self.environment = {}
        self.inject(injection.program, injection.rules)

    def inject(self, program, rules):
        self.environment[program] = environment(program, rules, self.faults)

    def leave_socket(self):
        """As a crash does; whoever starts looks whether somebody listens."""
        path = self.path / "run/orderd.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))

    @property
    def faults(self):
        return self.path / "faults.log"

    @property
    def made(self):
        return read_log(self.faults)[0]

    @property
    def allowed(self):
        """Answers that this fault explains, besides those that any does: the ledger is the gateway's, EIO of a read is a
        damaged file to SQLite, and libraries without memory fail as they never should."""
        if any(fault["path"].endswith("/gateway.ledger") for fault in self.made):
            return {(503, "payment-unavailable")}
        return {(500, "internal")} if self.injection.function in ("pread", "malloc") else set()

    def discard(self):
        for name in ("orderd", "orderd-notifier"):
            if name in self.processes:
                self.kill(name)

    # --- programs that may end

    def start_tolerant(self, name):
        """A program that meets a fault at its start may end with a clear word; then it is started without faults."""
        try:
            self.start(name)
        except AssertionError:
            if self.processes[name].is_alive():
                raise
        self.revive(name)

    def revive(self, name):
        """As a supervisor would, when the program has ended. Was it allowed to?"""
        process = self.processes[name]
        if process.is_alive():
            return
        self.check_end(name, process)
        process.output.unlink()
        del self.processes[name]
        self.environment.pop(name, None)
        self.start(name)

    def check_end(self, name, process):
        status = process.popen.returncode
        said = process.output.read_text(errors="replace")
        assert self.made and name in self.environment, f"{name} ended with {status} by itself: {said}"
        if self.injection.is_memory and (is_want_of_memory(status, said) or self.is_in_libjwt()):
            return
        check_text(said, name)
        assert status == 1, f"{name} ended with {status}: {said}"
        assert said.strip(), f"{name} ended with {status} and said nothing"
        if self.made[0]["path"] == "anon_inode:inotify":
            return  # the notifier cannot hear of new files any more, and says so
        assert "is ready" not in self.log_of(name), f"{name} ended with {status} after its start: {said}"

    def is_in_libjwt(self):
        """Which crashes, or leaks, where memory is wanting while it writes a token; all else must hold afterwards."""
        return any("libjwt" in caller for fault in self.made for caller in fault["callers"].split(",")[:8])

    def log_of(self, name):
        path = self.path / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def both(self):
        for name in ("orderd", "orderd-notifier"):
            self.revive(name)

    def end(self, name):
        """In order, and without a word from a sanitizer."""
        if not self.processes[name].is_alive():
            self.revive(name)
        process = self.processes.pop(name)
        if process.stop() == 0:
            check_text(process.output.read_text(errors="replace"), name)
        else:  # after its socket was there, but before it was ready; or of a want of memory
            self.check_end(name, process)
            process.output.unlink()
        self.environment.pop(name, None)

    def show_logs(self):
        """What the programs of this run said; nginx is not of interest."""
        for path in sorted(self.path.glob("log/orderd*")):
            for line in path.read_text(errors="replace").splitlines()[-40:]:
                print(f"#    {path.name}: {line[:600]}")

    def check_logs(self):
        for path in self.log_files():
            check_text(path.read_text(errors="replace"), path.name)

    # --- a customer

    def ask(self, what, send, wanted, allowed):
        """Sends until there is the answer wanted. allowed: {(status, problem)} that may come before."""
        def answer():
            self.revive("orderd")
            reply = send()
            if (reply.status, reply.problem) == wanted:
                return reply
            assert (reply.status, reply.problem) in allowed | self.allowed, f"{what}: {reply}"
            return None

        return wait_for(answer, f"{what}: {wanted}")

    def rest(self):
        """Waits until all is done; programs that ended are started again."""
        def is_done():
            self.both()
            return self.has_delivered_all()

        wait_for(is_done, "all at rest", 60)


UNAVAILABLE = (503, "unavailable")
IN_PROGRESS = (409, "idempotency-in-progress")


class Customer:
    """Logs in and orders three times; keeps what was answered."""

    def __init__(self, lane):
        self.lane = lane
        self.sent = judge.Sent()
        self.keyed = judge.Sent()
        self.token = None

    def login(self):
        reply = self.lane.ask("login", lambda: self.lane.try_login("customer", PASSWORD), (200, None), {UNAVAILABLE})
        self.token = reply.json["access_token"]

    def create(self, key, payment_token="tok_ok", with_key=True):
        """(body, a function that sends it)"""
        body = json.dumps(order_body(reference=key, payment_token=payment_token)).encode()
        headers = [("Idempotency-Key", key)] if with_key else []
        return body, lambda: self.lane.post("/orders/create", body, self.token, headers=headers)

    def order_and_repeat(self, key):
        body, send = self.create(key)
        first = self.lane.ask(key, send, (201, None), {UNAVAILABLE, IN_PROGRESS})
        self.sent.confirmed[key] = self.keyed.confirmed[key] = (body, first.body)
        again = self.lane.ask(key, send, (201, None), {UNAVAILABLE})
        assert again.body == first.body, (first, again)

    def be_declined(self, key):
        send = self.create(key, "tok_declined", with_key=False)[1]
        self.lane.ask(key, send, (400, "payment-failed"), {UNAVAILABLE})
        self.sent.declined.append(key)

    def order_once(self, key):
        """Without a key: what is not known is not repeated."""
        body, send = self.create(key, with_key=False)
        self.lane.revive("orderd")
        reply = send()
        assert reply.status == 201 or (reply.status, reply.problem) in {UNAVAILABLE} | self.lane.allowed, reply
        if reply.status == 201:
            self.sent.confirmed[key] = (body, reply.body)

    def shop(self):
        self.login()
        self.order_and_repeat("first")
        self.be_declined("declined")
        self.order_once("second")


def check_afterwards(lane, customer):
    """Started without faults, it comes to rest, and all agree."""
    for name in ("orderd", "orderd-notifier"):
        lane.start(name)
    lane.rest()
    judge.check_home(lane.case, lane, customer.sent)
    judge.check_reconcile(lane.case, lane)
    if customer.token is not None:
        judge.check_replays(lane.case, lane, customer.token, customer.keyed)
    for name in ("orderd", "orderd-notifier"):
        lane.end(name)
    lane.check_logs()
