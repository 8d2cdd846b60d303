"""The whole service for a test: nginx, orderd and orderd-notifier from the build tree, in a fresh folder and on a
free port, with an administrator. Whatever it starts it ends, also when the test is killed (parent-death signals).

Every answer that request() gets is held against what API.md promises of all answers."""

import contextlib
import email
import email.policy
import fcntl
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import tap

TOP = Path(os.environ.get("srcdir") or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get("builddir") or TOP / "build")
ADMIN_PASSWORD = "correct horse battery"
JSON = "application/json"
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"

# Hashes that cost next to nothing, and mails that are tried again at once; but a commit may take its time, on a disk
# that others write to.
FAST = {
    "database.store_timeout": 15000,
    "auth.hash_memory": 64,
    "auth.hash_passes": 1,
    "notify.retry_first": 1,
    "notify.retry_max": 1,
    "settle.retry_max": 1,
}


def wait_for(condition, what, seconds=30):
    """Polls until condition() is true and returns that value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.02)


_ports = []  # sockets that are bound, for as long as we live


def free_port():
    """Nobody else is given it while we live, as it stays bound; a front server can listen on it all the same, since both
    say SO_REUSEADDR. Let go of, another test that runs beside us might take it, and its answers for ours."""
    sock = socket.socket()
    _ports.append(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock.getsockname()[1]


def preload(name, **variables):
    """The environment of a program that a library of tests/fault is loaded into. A sanitizer wants to be the first
    library, else; it is told not to mind."""
    options = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(BUILD / f"tests/fault/{name}.so"), "ASAN_OPTIONS": options, **variables}


class Process:
    """One program in a session of its own; its two outputs go to a file. Signals are as a terminal has them, also when
    the tests run in the background of a script, where SIGINT is ignored and a shell could not trap it."""

    def __init__(self, name, argv, output, death_signal="TERM", **options):
        self.name = name
        self.output = Path(output)
        with open(output, "ab") as out:
            self.popen = subprocess.Popen(
                ["env", "--default-signal", "setpriv", "--pdeathsig", death_signal, *map(str, argv)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options)

    @property
    def pid(self):
        return self.popen.pid

    def is_alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=60):
        return self.popen.wait(seconds)

    def minds(self, number):
        """Whether it has got so far that the signal does not just kill it: it is handled, blocked or ignored."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return True
        masks = re.findall(r"(?m)^(?:State:\t(Z)|(?:SigBlk|SigIgn|SigCgt):\t([0-9a-f]+)$)", status)
        return any(dead or int(mask, 16) >> (number - 1) & 1 for dead, mask in masks)

    def stop(self, number=signal.SIGTERM, seconds=60):
        """The exit status. Whoever does not end in time is killed, and the test fails."""
        wait_for(lambda: self.minds(number) or not self.is_alive(), f"{self.name} to mind signals")
        if self.is_alive():
            self.send(number)
        try:
            return self.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        """With its children; harmless when it is gone."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.popen.wait()


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # [(name, value)]
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def request_id(self):
        return self.header("X-Request-Id")

    @property
    def problem(self):
        """The name of the problem, None for a success."""
        if self.status < 400:
            return None
        return self.json["type"].removeprefix("urn:orderd:problem:")

    @property
    def fields(self):
        """The offending fields of a validation or a conflict, sorted."""
        return sorted(error["field"] for error in self.json["errors"])

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:2000]!r}"


PROBLEM_MEMBERS = {"type", "title", "status", "detail", "request_id"}


def check_promises(reply, method="GET"):
    """What holds for every answer."""
    assert len(reply.all("X-Request-Id")) == 1, f"X-Request-Id must be there once: {reply}"
    assert reply.header("Cache-Control") == "no-store", f"no Cache-Control: no-store: {reply}"
    content_type = reply.header("Content-Type")
    if reply.status >= 400:
        assert content_type == "application/problem+json", f"not a problem: {reply}"
        if method != "HEAD":
            check_problem(reply)
    elif content_type is not None and content_type.startswith(JSON) and method != "HEAD":
        assert content_type == "application/json; charset=utf-8", reply
        reply.json
    if reply.status == 503:
        assert int(reply.header("Retry-After")) >= 1, f"no Retry-After: {reply}"


def check_problem(reply):
    problem = reply.json
    assert PROBLEM_MEMBERS <= set(problem), f"members are missing: {reply}"
    assert problem["type"].startswith("urn:orderd:problem:"), reply
    assert problem["status"] == reply.status, reply
    assert problem["request_id"] == reply.request_id, reply


def exchange(port, method, target, body=None, headers=(), timeout=60):
    """One request on a connection of its own; nothing is checked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


class Client:
    """Speaks to the API on a port."""

    def __init__(self, port):
        self.port = port
        self._names = itertools.count(1)
        self._admin_token = None

    def request(self, method, target, body=None, token=None, headers=(), content_type=JSON):
        """body: bytes as they are, anything else as JSON."""
        headers = list(headers)
        if token is not None:
            headers.append(("Authorization", "Bearer " + token))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if method == "POST" and content_type is not None:
            headers.append(("Content-Type", content_type))
        if method == "POST" and body is None:
            body = b""
        reply = exchange(self.port, method, target, body, headers)
        check_promises(reply, method)
        return reply

    def get(self, target, token=None, **options):
        return self.request("GET", target, token=token, **options)

    def post(self, target, body=None, token=None, **options):
        return self.request("POST", target, body, token, **options)

    def try_login(self, username, password):
        return self.post("/auth/login", {"username": username, "password": password})

    def login(self, username, password):
        reply = self.try_login(username, password)
        assert reply.status == 200, reply
        return reply.json["access_token"]

    @property
    def admin_token(self):
        if self._admin_token is None:
            self._admin_token = self.login("admin", ADMIN_PASSWORD)
        return self._admin_token

    def register(self, username, password="a good password", **members):
        body = {"username": username, "password": password, "email": f"{username}@example.com", **members}
        return self.post("/auth/register", body, self.admin_token)

    def customer(self):
        """A fresh user and their token."""
        username = f"customer{next(self._names)}"
        reply = self.register(username)
        assert reply.status == 201, reply
        return reply.json, self.login(username, "a good password")

    def order(self, token, headers=(), **members):
        return self.post("/orders/create", order_body(**members), token, headers=headers)

    def try_order(self, token, key, body, timeout=60):
        """One create, of bytes, under a key; None: no answer. Nothing of an answer is checked."""
        headers = [("Authorization", "Bearer " + token), ("Content-Type", JSON), ("Idempotency-Key", key)]
        try:
            return exchange(self.port, "POST", "/orders/create", body, headers, timeout)
        except (OSError, http.client.HTTPException):
            return None

    def healthz(self):
        try:
            return exchange(self.port, "GET", "/healthz", timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False


def order_body(**members):
    """An order that is accepted; members replace its own, None leaves them out."""
    body = {
        "currency": "EUR",
        "items": [{"sku": "TEA-250", "name": "Green tea, 250 g", "quantity": 2, "unit_price": 1295}],
        "payment_token": "tok_ok",
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


def config_text(values):
    """values: {"section.name": value}"""
    lines = []
    for section, names in itertools.groupby(sorted(values), lambda name: name.split(".")[0]):
        lines.append(f"[{section}]")
        lines += [f"{name.split('.')[1]} = {values[name]}" for name in names]
    return "\n".join(lines) + "\n"


class Home:
    """What lies in a home: the database, the gateway's ledger, the Maildir, the logs."""

    def __init__(self, path):
        self.path = Path(path)

    @property
    def config(self):
        return self.path / "orderd.conf"

    def write_config(self, options):
        """These, and where everything lies."""
        values = {
            "server.data": TOP / "share",
            "database.migrations": TOP / "sql",
            "log.file": "log/orderd.log",
            "log.notifier_file": "log/orderd-notifier.log",
            **options,
        }
        self.config.write_text(config_text(values))

    def rows(self, sql, *values):
        connection = sqlite3.connect(f"file:{self.path}/orders.db?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def value(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def change(self, sql, *values):
        """While orderd is stopped."""
        with contextlib.closing(sqlite3.connect(self.path / "orders.db")) as connection, connection:
            connection.execute(sql, values)

    def counts(self):
        """Rows of every table there is."""
        names = [name for (name,) in self.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: self.value(f"SELECT count(*) FROM {name}") for name in names}

    def ledger(self):
        """The gateway's events, each a dictionary."""
        try:
            text = (self.path / "gateway.ledger").read_text()
        except FileNotFoundError:
            return []
        return [dict(word.split("=", 1) for word in line.split()) for line in text.splitlines()]

    def mails(self):
        parsed = []
        for path in itertools.chain(*(sorted((self.path / "mail" / folder).glob("*")) for folder in ("new", "cur"))):
            parsed.append(email.message_from_bytes(path.read_bytes(), policy=email.policy.default))
        return parsed

    def spooled(self, *folders):
        """Names of the files; a folder that is not there yet has none."""
        return [path.name for folder in folders or ("new", "claimed", "deferred")
                for path in (self.path / "spool" / folder).glob("*")]

    def is_settled(self):
        """Every attempt and every payment has its end, and no notification is in the database any more."""
        return (
            self.value("SELECT count(*) FROM payment_attempts WHERE state IN ('started', 'voiding')") == 0
            and self.value("SELECT count(*) FROM payments WHERE status = 'authorized'") == 0
            and self.value("SELECT count(*) FROM outbox") == 0)

    def is_at_rest(self):
        """And every mail has left the spool."""
        return self.is_settled() and not self.spooled("new", "claimed")

    def has_delivered_all(self):
        """And no mail waits for another try. A message moves from deferred/ to claimed/, or back, while we look: in
        this order none slips by."""
        return self.is_settled() and not self.spooled("deferred", "new", "claimed", "deferred")

    def log_files(self):
        return sorted((self.path / "log").glob("*"))

    def log_text(self):
        """Of one moment: a rotation gives the files other names while they are read."""
        while True:
            with contextlib.suppress(FileNotFoundError):
                before = self._log_inodes()
                text = "".join(path.read_text(errors="replace") for path in before)
                if self._log_inodes() == before:
                    return text

    def _log_inodes(self):
        return {path: path.stat().st_ino for path in self.log_files()}

    @contextlib.contextmanager
    def gateway_held(self):
        """The gateway answers nothing that it is asked before the block ends, or before its time-out."""
        with open(self.path / "gateway.ledger", "rb") as ledger:
            fcntl.flock(ledger, fcntl.LOCK_EX)
            yield


class Server(Client, Home):
    """The three processes. options: {"section.name": value} over FAST."""

    alive = []
    front = "nginx"
    front_signal = signal.SIGQUIT

    def __init__(self, case, options=None, notifier=True):
        self.take_home(case)
        for folder in ("log", "run", "keys"):
            (self.path / folder).mkdir(mode=0o700)
        self.configure(options or {})
        self.orderctl("key", "new")
        self.start("orderd")
        self.add_user("admin", ADMIN_PASSWORD, "admin")
        if notifier:
            self.start("orderd-notifier")
        self.start_front()

    def take_home(self, case):
        """Nothing is in it yet, and nothing runs; it goes with the case."""
        Home.__init__(self, self.make_home())
        Client.__init__(self, free_port())
        self.processes = {}
        self.expected = {}  # name -> exit statuses that are no trouble
        self.environment = {}  # name -> variables that it is started with besides ours
        self.wrapper = {}  # name -> words of a command that runs it
        self._lock = threading.Lock()
        Server.alive.append(self)
        case.addCleanup(self.close)

    def make_home(self):
        """A fresh folder."""
        return tempfile.mkdtemp(prefix="orderd-test-")

    # --- configuration

    def configure(self, options):
        self.write_config({"log.level": "debug", **FAST, **options})

    def write_nginx_conf(self):
        socket_path = self.path / "run/orderd.sock"
        http_part = (TOP / "nginx/orderd-http.conf").read_text()
        (self.path / "nginx-http.conf").write_text(
            re.sub(r"unix:[^;]*", f"unix:{socket_path}", http_part))
        (self.path / "nginx-site.conf").write_text(self.nginx_site())
        (self.path / "nginx.conf").write_text(f"""
daemon off;
{"user root;" if os.getuid() == 0 else ""}
pid run/nginx.pid;
error_log log/nginx.log info;
worker_processes 2;
worker_shutdown_timeout 20s;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path run/body;
    fastcgi_temp_path run/fastcgi;
    proxy_temp_path run/proxy;
    uwsgi_temp_path run/uwsgi;
    scgi_temp_path run/scgi;
    include nginx-http.conf;
    server {{
        listen 127.0.0.1:{self.port} backlog=1024;
        include nginx-site.conf;
    }}
}}
""")

    def nginx_site(self):
        """What the server block includes."""
        return (TOP / "nginx/orderd.conf").read_text()

    # --- processes

    def start(self, name):
        self.processes[name] = Process(
            name, [*self.wrapper.get(name, []), BUILD / name, "--config", self.config], self.path / "log" / f"{name}.out",
            env={**os.environ, **self.environment.get(name, {})})
        if name == "orderd":
            self.wait_for_socket()

    def wait_for_socket(self):
        process = self.processes["orderd"]

        def is_ready():
            assert process.is_alive(), f"orderd ended with {process.popen.returncode}"
            return self.is_listening()

        wait_for(is_ready, "orderd's socket")

    def is_listening(self):
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.path / "run/orderd.sock")) == 0

    def front_command(self):
        """Writes its configuration, for the port."""
        self.write_nginx_conf()
        nginx = shutil.which("nginx", path=SBIN)
        return [nginx, "-p", f"{self.path}/", "-c", self.path / "nginx.conf", "-e", self.path / "log/nginx.log"]

    def start_front(self):
        process = Process(
            self.front, self.front_command(), self.path / f"log/{self.front}.out", self.front_signal.name[3:])
        self.processes[self.front] = process
        wait_for(lambda: self.healthz() or not process.is_alive(), f"/healthz through {self.front}")
        assert process.is_alive(), f"{self.front} does not start"

    def orderctl(self, *arguments, text_in=""):
        """Its standard output; a failure is an exception."""
        done = subprocess.run(
            [BUILD / "orderctl", "--config", self.config, *arguments], input=text_in, text=True,
            capture_output=True, timeout=60, check=False,
            env={**os.environ, **self.environment.get("orderctl", {})})
        assert done.returncode == 0, f"orderctl {arguments}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def add_user(self, username, password, role):
        self.orderctl("user", "add", "--role", role, "--email", f"{username}@example.invalid", username,
                      text_in=password + "\n")

    def kill(self, name):
        """As a crash does."""
        self.processes.pop(name).kill()

    def stop(self, name, number=signal.SIGTERM):
        """In order; the exit status must be 0."""
        status = self.processes.pop(name).stop(number)
        assert status == 0, f"{name} ended with {status}"

    def stop_all(self):
        for name, number in ((self.front, self.front_signal), ("orderd", signal.SIGTERM), ("orderd-notifier", signal.SIGTERM)):
            if name in self.processes:
                self.stop(name, number)

    def close(self):
        """Ends everything in order, looks for what sanitizers and asserts have said, and removes the home."""
        try:
            self.stop_all()
            self.check_logs()
        finally:
            for process in self.processes.values():
                process.kill()
            Server.alive.remove(self)
            shutil.rmtree(self.path, ignore_errors=True)

    def check_logs(self):
        """What sanitizers and asserts have said."""
        for path in self.log_files():
            text = path.read_text(errors="replace")
            for word in ("Sanitizer", "runtime error:", "Assertion"):
                assert word not in text, f"{path.name}: {text[text.index(word):][:4000]}"

    def comment_logs(self, comment):
        for path in self.log_files():
            comment(f"--- {path}")
            comment("\n".join(path.read_text(errors="replace").splitlines()[-40:]))

    def wait_until_settled(self, seconds=30):
        wait_for(self.is_settled, "attempts, payments and outbox at their ends", seconds)

    def wait_until_at_rest(self, seconds=30):
        wait_for(self.is_at_rest, "attempts, payments, outbox and spool at rest", seconds)

    def wait_until_delivered(self, seconds=60):
        wait_for(self.has_delivered_all, "everything at rest, and no mail deferred", seconds)


def main(deadline_s=120):
    def on_failure(comment):
        for server in Server.alive:
            server.comment_logs(comment)

    tap.main(deadline_s, on_failure)
