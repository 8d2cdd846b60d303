"""A home that is recorded while clients order, and homes as power cuts at moments of the recording left them, on which
the real programs run again and are judged by what clients had been told by then."""

import concurrent.futures
import fcntl
import json
import os
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
from harness import order_body
from power_cut import Cut

WORKERS = os.cpu_count() or 2
KEPT = ("orderd.conf", "keys")
# Images are many, and what is asked of them does not depend on the disk they lie on.
IMAGES = next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)


class Recorded(harness.Server):
    """All programs of the home write down what they do to it."""

    OPTIONS = {"gateway.timeout": 200, "gateway.latency": 2, "auth.token_lifetime": 2592000,
               "server.stop_timeout": 1000}

    def configure(self, options):
        self.log = self.path / "record"
        self.log.touch()
        self.stuck = self.path / "stuck"
        variables = harness.preload("recorder", ORDERD_RECORD=str(self.log), ORDERD_RECORD_HOME=str(self.path),
                                    ORDERD_RECORD_STUCK=str(self.stuck))
        for name in ("orderd", "orderd-notifier", "orderctl"):
            self.environment[name] = variables
        super().configure({**self.OPTIONS, **options})

    def recording(self):
        """As far as it has come."""
        with open(self.log, "rb") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            return recording.Recording(self.log, os.stat(self.path).st_ino)

    def customer(self):
        user, token = super().customer()
        self.mark("user", name=user["username"], token=token)
        return user, token

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
            reply = self.server.try_order(self.token, key, body, timeout=30)
            if reply is not None and (reply.status in (201, 400) or reply.problem == "payment-unavailable"):
                return reply
            time.sleep(0.02)


class Source:
    """A recording, with what an image needs besides, in a folder."""

    def __init__(self, folder, root_inode):
        self.folder = Path(folder)
        self.recording = recording.Recording(self.folder / "record", root_inode)
        self.mails = mails_in(self.folder)

    @classmethod
    def keep(cls, case, server):
        """Of a home whose programs have ended; it is removed with the case."""
        folder = tempfile.mkdtemp(prefix="orderd-test-record-")
        case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (server.path / "mail").mkdir(exist_ok=True)
        for name in (*KEPT, "record", "mail"):
            copy(server.path / name, Path(folder) / name)
        (Path(folder) / "inode").write_text(str(os.stat(server.path).st_ino))
        source = cls.open(folder)
        source.check_complete(case, server)
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
        self.take_home(unittest.TestCase())  # whoever makes an image closes it
        self.source = source
        self.cut = cut
        for name in KEPT:
            copy(source.folder / name, self.path / name)
        for folder in ("log", "run"):
            (self.path / folder).mkdir(mode=0o700)
        power_cut.Disk(source.recording, cut).lay_out(self.path)

    def make_home(self):
        return tempfile.mkdtemp(prefix="orderd-test-", dir=IMAGES)

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
