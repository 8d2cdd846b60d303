"""Programs that die at a named place (src/core/fault_point.h), and a house whose home is laid out anew for each death:
nginx goes on, the state is what the last process of a busy day left behind."""

import collections
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness
import judge
from harness import BUILD, order_body, wait_for

STATUS = 86
PROGRAMS = ("orderd", "orderd-notifier")
# Answers that end an order; after any other its key is tried again.
ENDS = {"payment-failed", "payment-unavailable"}


def are_built():
    """Whether this build was configured to have any."""
    return bool(re.search(r"^ORDERD_CPPFLAGS = .*-DORDERD_FAULT_POINTS", (BUILD / "Makefile").read_text(), re.M))


def names(program):
    """Those of a program, as its linker collected them."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["objcopy", "-O", "binary", "-j", "fault_points", BUILD / program, out.name], check=True)
        return [name.decode() for name in Path(out.name).read_bytes().split(b"\0") if name]


class House(harness.Server):
    """Used by one thread, which makes it and ends it."""

    STATE = ("orders.db", "orders.db-wal", "orders.db-shm", "gateway.ledger", "spool", "mail")

    def __init__(self, case):
        super().__init__(case, notifier=False)
        self.sent = judge.Sent()
        self.died = False
        self.token = self.customer()[1]
        self._prepare()
        self._keep()

    # --- the day before

    def _prepare(self):
        """Eight mails for the notifier, which never ran; a key that is too old; an attempt that was cut off after the
        gateway's approval; half a file of a message. What the shop does not know yet is repeated later."""
        for number in range(8):
            self.buy(f"before-{number}")
        self.buy("forgotten")
        self.wait_until_settled()
        self.stop("orderd")
        self.change("UPDATE idempotency_keys SET claimed_at = 1, finished_at = 1 WHERE key = 'forgotten'")
        del self.sent.confirmed["forgotten"]
        self.arm("orderd", "order_payment_asked")
        self.start("orderd")
        assert self.send("cut-off", {}) is None
        wait_for(lambda: not self.processes["orderd"].is_alive(), "the death at the gateway")
        self.kill("orderd")
        (self.path / "spool/tmp" / ("0" * 32)).write_text("record 1\nkind order_con")

    def _keep(self):
        self.template = self.path / "template"
        self.template.mkdir()
        for name in self.STATE:
            copy(self.path / name, self.template / name)
        self.known = judge.Sent()
        self.known.merge(self.sent)

    def lay(self, options=None, faults=""):
        """As the day before has left it. options: {"section.name": value}. faults: rules for what the C library tells
        orderd (tests/fault/rules.h); {home} is ours."""
        self.kill_programs()
        for path in [*map(self.path.joinpath, self.STATE), *(self.path / "log").glob("orderd*")]:
            remove(path)
        for name in self.STATE:
            copy(self.template / name, self.path / name)
        self.configure({"server.stop_timeout": 100, **(options or {})})
        self.sent = judge.Sent()
        self.sent.merge(self.known)
        self.died = False
        self.environment = {name: {} for name in PROGRAMS}
        if faults:
            self.environment["orderd"] = harness.preload(
                "failing", FAULT_PROGRAM="orderd", FAULTS=faults.format(home=self.path), FAULT_LOG=str(self.fault_log))

    @property
    def fault_log(self):
        return self.path / "log/orderd.faults"

    def kill_programs(self):
        for name in PROGRAMS:
            if name in self.processes:
                self.kill(name)

    # --- death

    def arm(self, program, point):
        self.environment.setdefault(program, {})["ORDERD_FAULT_POINT"] = point

    def traced(self, program):
        """How often each point was passed, in all its runs."""
        text = (self.path / "log" / f"{program}.out").read_text()
        return collections.Counter(re.findall(r"^fault point (\w+)$", text, re.M))

    def look_after(self):
        """Whoever died at its point is started again, and all is well then."""
        for name in PROGRAMS:
            if name in self.processes and not self.processes[name].is_alive():
                self.bury(name)
                self.start(name)

    def bury(self, name):
        status = self.processes.pop(name).kill()
        assert status == STATUS and not self.died, f"{name} ended with {status}"
        self.died = True
        self.environment.clear()

    def disarm(self):
        """Whoever has not died by now may be about to."""
        if self.died:
            return
        self.environment.clear()
        for name in PROGRAMS:
            self.died |= self.processes.pop(name).kill() == STATUS
            self.start(name)

    def wait_for_socket(self):
        """Some die before they have one."""
        wait_for(lambda: not self.processes["orderd"].is_alive() or self.is_listening(), "orderd, or its end")
        self.look_after()

    def stop_in_order(self, name):
        """Unless it dies on its way."""
        process = self.processes[name]
        if process.stop() == 0:
            del self.processes[name]
        else:
            self.bury(name)

    # --- a shop

    def send(self, key, members):
        """One try; None: no answer."""
        body = json.dumps(order_body(reference=key, **members), ensure_ascii=False).encode()
        reply = self.try_order(self.token, key, body)
        if reply is None:
            return None
        if reply.status == 201:
            self.sent.confirmed[key] = (body, reply.body)
        elif reply.problem in ENDS:
            self.sent.declined.append(key)
        else:
            assert reply.status >= 500 or reply.problem == "idempotency-in-progress", reply
            return None
        return reply

    def buy(self, key, **members):
        """Until it is known how it ended, as the contract tells a client to."""
        def is_known():
            self.look_after()
            return self.send(key, members)

        return wait_for(is_known, f"the end of order {key}", 60)

    def is_well(self):
        reply = harness.exchange(self.port, "GET", "/healthz")
        return reply.status == 200 and reply.json == {"status": "ok"}

    def wait(self, condition, what):
        """For something that comes by itself, however often the programs die."""
        def holds():
            self.look_after()
            return condition()

        wait_for(holds, what, 60)

    def rest(self):
        """Also what waits to be tried again, which may be on its way there or back."""
        self.wait(self.has_delivered_all, "a home at rest")

    def judge(self, case):
        """From here on nobody dies."""
        self.rest()
        self.disarm()
        self.rest()
        judge.check_home(case, self, self.sent)
        judge.check_reconcile(case, self)
        judge.check_replays(case, self, self.token, self.sent)
        self.check_logs()


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
