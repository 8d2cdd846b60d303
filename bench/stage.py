"""What is measured, and what it stands on: a build without sanitizers, homes of orderd with the configuration that it has
by default, the do-nothing responders, and one nginx before them all, with the files that are shipped.

Everything lies in one folder below --folder (/var/tmp), on a disk, and is gone at the end; so are the processes."""

import atexit
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("ORDERD_BUILD") or TOP / "build-bench")
os.environ["srcdir"] = str(TOP)
os.environ["builddir"] = str(BUILD)
sys.path.insert(0, str(TOP / "tests/integration"))

import harness  # noqa: E402
import gauge  # noqa: E402
import seeding  # noqa: E402
import traffic  # noqa: E402

PLAIN_THREADS = 128  # more than any number of clients here


def build():
    """With configure's defaults, which optimise; a build for tests would be measured in vain. The flags."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the ends of all that is open
    environment = {**os.environ, "ORDERD_BUILD": str(BUILD)}
    subprocess.run([TOP / "script/setup", "run", "build", "bench"], env=environment, check=True)
    subprocess.run(["make", "-s", "-C", BUILD, "bench"], env=environment, stdout=subprocess.DEVNULL, check=True)
    flags = " ".join(re.findall(
        r"^(?:CC|CFLAGS|ORDERD_CFLAGS) = (.*)$", (BUILD / "Makefile").read_text(), re.MULTILINE))
    if "-fsanitize" in flags or "-O" not in flags:
        sys.exit(f"{BUILD} is not built to be measured: {flags}")
    return re.sub(r" -W[\w=-]+", "", flags)


class Home(harness.Client, harness.Home):
    """A home and its orderd. All options are the defaults but paths, and those that a row names."""

    def __init__(self, path):
        """One that is there already."""
        harness.Client.__init__(self, 0)  # the front's port comes later
        harness.Home.__init__(self, path)
        self.tokens = {}  # user id -> token
        self.processes = {}

    @classmethod
    def make(cls, path, options):
        """With a key, an administrator, and the first of the customers."""
        for folder in ("log", "run", "keys"):
            (path / folder).mkdir(mode=0o700, parents=True)
        home = cls(path)
        home.write_config(options)
        home.orderctl("key", "new")
        home.add_user("admin", "admin")
        home.add_user("customer0", "user")
        return home

    @property
    def socket(self):
        return self.path / "run/orderd.sock"

    @property
    def pid(self):
        return self.processes["orderd"].pid

    def orderctl(self, *arguments, text_in=""):
        subprocess.run([BUILD / "orderctl", "--config", self.config, *arguments], input=text_in, text=True,
                       stdout=subprocess.DEVNULL, timeout=60, check=True)

    def add_user(self, username, role):
        self.orderctl("user", "add", "--role", role, "--email", f"{username}@example.invalid", username,
                      text_in=traffic.PASSWORD + "\n")

    def start(self, name="orderd", prefix=()):
        """Without waiting for it."""
        self.processes[name] = harness.Process(
            name, [*prefix, BUILD / name, "--config", self.config], self.path / f"log/{name}.out")

    def wait_until_up(self):
        """How long it took from now, looking often."""
        begun = time.monotonic()
        while not self.healthz():
            if not self.processes["orderd"].is_alive() or time.monotonic() > begun + 120:
                raise gauge.CheckFailed(f"orderd does not start; see {self.path}/log")
            time.sleep(0.002)
        return time.monotonic() - begun

    def kill(self, name="orderd"):
        self.processes.pop(name).kill()

    def stop(self):
        for name in ("orderd", "orderd-notifier"):
            if name in self.processes and self.processes.pop(name).stop():
                raise gauge.CheckFailed(f"{name} did not end in order; see {self.path}/log")

    def log_in(self):
        """Anew, for tokens end."""
        users = self.rows("SELECT id, username FROM users WHERE username LIKE 'customer%'")
        self.tokens = {user: self.login(name, traffic.PASSWORD) for user, name in users}
        self._admin_token = self.login("admin", traffic.PASSWORD)

    def order_owners(self, count):
        """(order, user), spread over all there are."""
        last = self.value("SELECT max(id) FROM orders")
        step = max(1, last // count)
        return self.rows("SELECT id, user_id FROM orders WHERE id % ? = 0 ORDER BY id * 7919 % 10007", step)

    def metrics(self):
        text = harness.exchange(self.port, "GET", "/metrics").body.decode()
        return {name.removeprefix("orderd_"): int(value)
                for name, value in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}

    def is_settled(self):
        """By one index each: this is asked beside a measurement."""
        return not any(self.value(f"SELECT EXISTS (SELECT 1 FROM {what})") for what in (
            "outbox", "payments WHERE status = 'authorized'", "payment_attempts WHERE state = 'started'",
            "payment_attempts WHERE state = 'voiding'"))


class Stage:
    """Names to what answers; begin() opens the front before them."""

    def __init__(self, folder, options=None):
        self._options = options or {}  # of every home
        self.folder = Path(tempfile.mkdtemp(prefix="orderd-bench-", dir=folder))
        self.ports = {}
        self.homes = {}
        self._nothing = {}
        self._front = None
        self._number = itertools.count(int(time.time()) % 10**6 * 10**5 + 1, 10**7)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.ExitStack() as last:
            # Not now: on ext4 without a journal, thousands of deleted files make new ones slow for minutes (the kernel
            # skips their inodes one by one).
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
            for process in [*self._nothing.values(), self._front]:
                if process:
                    last.callback(process.kill)
            for home in self.homes.values():
                for process in home.processes.values():
                    last.callback(process.kill)

    def next_number(self):
        """Of the first request of a load; no two have one in common."""
        return next(self._number)

    # --- what answers

    def add_home(self, name, orders=0, mails=0, options=None):
        home = Home.make(self.folder / name, {**self._options, **(options or {})})
        seeding.seed(home.path, orders, mails)
        self.homes[name] = home
        return home

    def add_nothing(self, name):
        threads = {"plain": PLAIN_THREADS, "best": os.cpu_count()}[name]
        self._nothing[name] = harness.Process(
            name, [BUILD / "bench" / name, self.folder / f"{name}.sock", threads], self.folder / f"{name}.out")

    def _sockets(self):
        return {**{name: self.folder / f"{name}.sock" for name in self._nothing},
                **{name: home.socket for name, home in self.homes.items()}}

    def begin(self):
        """Starts every orderd, and nginx before all that there is."""
        for home in self.homes.values():
            home.start()
        self.open_front()
        for home in self.homes.values():
            home.wait_until_up()
            home.log_in()

    # --- the front

    def write_front(self):
        shipped = (TOP / "nginx/orderd-http.conf").read_text()
        upstream = re.search(r"^upstream orderd \{.*?^\}\n", shipped, re.MULTILINE | re.DOTALL).group()
        site = (TOP / "nginx/orderd.conf").read_text()
        parts = [shipped.replace(upstream, "")]
        for name, path in self._sockets().items():
            named = upstream.replace("upstream orderd ", f"upstream {name} ")
            parts.append(re.sub(r"unix:[^;]*", f"unix:{path}", named))
            passed = site.replace("fastcgi_pass orderd;", f"fastcgi_pass {name};")
            parts.append(f"server {{ listen 127.0.0.1:{self.ports[name]} backlog=1024;\n{passed}\n}}\n")
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
daemon off; {user}
pid nginx.pid; error_log nginx.log;
worker_processes auto; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
client_body_temp_path body; fastcgi_temp_path fastcgi; proxy_temp_path proxy; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{"".join(parts)}
}}
""")

    def open_front(self):
        for name in self._sockets():
            self.ports[name] = harness.free_port()
        for name, home in self.homes.items():
            home.port = self.ports[name]
        self.write_front()
        nginx = shutil.which("nginx", path=harness.SBIN)
        self._front = harness.Process(
            "nginx", [nginx, "-p", f"{self.folder}/", "-c", self.folder / "nginx.conf", "-e", self.folder / "nginx.log"],
            self.folder / "nginx.out", "QUIT")
        port = next(iter(self.ports.values()))
        harness.wait_for(lambda: self._front_is_up(port), "nginx")

    def _front_is_up(self, port):
        if not self._front.is_alive():
            raise gauge.CheckFailed((self.folder / "nginx.log").read_text())
        try:
            return harness.exchange(port, "GET", "/")
        except OSError:
            return False

    # --- loads

    def file(self, name, requests):
        return traffic.write(self.folder / f"{name}.requests", requests)

    def wrk(self, name, requests, connections, seconds):
        return gauge.Wrk(self.ports[name], connections, seconds, requests, self.next_number())

    def pace(self, name, requests, connections, rate, seconds):
        return gauge.Pace(BUILD / "bench/pace", self.ports[name], connections, rate, seconds, requests,
                          self.next_number())

    def pid(self, name):
        return self.homes[name].pid if name in self.homes else self._nothing[name].pid

    def front_cpu_us(self):
        return gauge.cpu_us(gauge.family(self._front.pid))

    def cpu_us(self, name):
        return gauge.cpu_us([self.pid(name)])

    def load(self, name, requests, connections, seconds, until=lambda: None):
        """One round. until(): waits for work that the answers left behind; its processor time belongs to them."""
        front, program = self.front_cpu_us(), self.cpu_us(name)
        result = self.wrk(name, requests, connections, seconds).finish()
        until()
        front, program = self.front_cpu_us() - front, self.cpu_us(name) - program
        count = result["requests"]
        return {"rate": result["rate"], "p50_us": result["p50_us"], "p99_us": result["p99_us"],
                "front_cpu_us": front / count, "program_cpu_us": program / count,
                "cpu_us": (front + program) / count, "requests": count}
