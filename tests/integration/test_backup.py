#!/usr/bin/python3
"""orderctl backup and restore: a backup that is there is whole and of one moment, under load too; and of what happened
after it a restored database forgets nothing that matters: it is told before anything is captured, voided or mailed."""

import collections
import concurrent.futures
import contextlib
import os
import sqlite3
import stat
import subprocess
import threading
import time
import unittest

import disk
import harness
import judge
from harness import BUILD, Process, Server, order_body, wait_for
from orderctl import OWNER, Bed, needs_root, run
from reconcile import MONEY, STRANGE, Copy

CLIENTS = 16
LOST = 100  # orders after the backup, at least
GAP = 1000000
NO_DISK = disk.why_not()


def query(path, sql):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def move_away(home):
    old = home.path / "old"
    old.mkdir()
    for path in home.path.glob("orders.db*"):
        path.rename(old / path.name)


# What no unit of work ever leaves: the half of an order.
HALVES = [
    "SELECT uid FROM payment_attempts WHERE state = 'ordered' AND uid NOT IN (SELECT attempt_uid FROM orders)",
    "SELECT attempt_uid FROM orders WHERE attempt_uid NOT IN (SELECT uid FROM payment_attempts WHERE state = 'ordered')",
    "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM payments)",
    "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM order_items)",
    "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM order_events WHERE kind = 'created')",
    "SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.total_minor <> p.authorized_minor",
    "SELECT order_id FROM outbox WHERE order_id NOT IN (SELECT id FROM orders)",
    "SELECT key FROM idempotency_keys WHERE order_id NOT IN (SELECT id FROM orders)",
    "SELECT key FROM idempotency_keys k JOIN payment_attempts a ON a.uid = k.attempt_uid"
    " WHERE (a.state = 'ordered') <> (k.finished_at IS NOT NULL)",
]


class Load:
    """Clients that create, each order with a key of its own, which is its reference too."""

    def __init__(self, server, tokens):
        self.server = server
        self.tokens = tokens
        self.sent = judge.Sent()
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def client(self, number):
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            key = f"load-{number}-{turn}"
            body = order_body(reference=key)
            reply = self.server.post("/orders/create", body, self.tokens[number], headers=[("Idempotency-Key", key)])
            assert reply.status == 201, reply
            with self.lock:
                self.sent.confirmed[key] = (body, reply.body)

    def confirmed(self):
        with self.lock:
            return set(self.sent.confirmed)

    @contextlib.contextmanager
    def running(self):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            work = [pool.submit(self.client, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self.stopping.set()
            for future in work:
                future.result()


class TestUnderLoad(unittest.TestCase):
    """The whole story, once."""

    def setUp(self):
        self.server = Server(self)
        self.tokens = [self.server.customer()[1] for _ in range(CLIENTS)]
        self.load = Load(self.server, self.tokens)

    def back_up(self, name):
        before = self.load.confirmed()
        path = self.server.path / name
        result = run("--config", self.server.config, "--json", "backup", path)
        self.assertEqual((result.status, result.err), (0, ""), result)
        self.check_copy(path, before)
        self.assertEqual(result.json["file"], str(path))
        self.assertEqual(result.json["bytes"], path.stat().st_size)
        self.assertEqual(result.json["newest_order"], query(path, "SELECT max(id) FROM orders")[0][0])
        return path

    def check_copy(self, path, before):
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(query(path, "PRAGMA foreign_key_check"), [])
        for sql in HALVES:
            self.assertEqual(query(path, sql), [], sql)
        there = {reference for (reference,) in query(path, "SELECT reference FROM orders")}
        self.assertEqual(before - there, set())  # what was confirmed before it began

    def test_of_what_came_after_a_backup_everything_is_told(self):
        with self.load.running():
            wait_for(lambda: len(self.load.confirmed()) > 50, "orders")
            self.back_up("first")
            backup = self.back_up("second")
            at_backup = len(self.load.confirmed())
            wait_for(lambda: len(self.load.confirmed()) > at_backup + LOST, "orders after the backup")
        newcomer, newcomers_token = self.server.customer()
        self.server.wait_until_at_rest(60)
        judge.check_home(self, self.server, self.load.sent)
        self.check_refused_beside_orderd(backup)
        self.restore(backup)
        self.check_held(newcomers_token)
        self.check_told(backup)
        self.check_released(newcomer)

    def check_refused_beside_orderd(self, backup):
        for sentence in ("stop it first", "move it away first"):
            result = run("--config", self.server.config, "restore", backup)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn(sentence, result.err)
            if "orderd" in self.server.processes:
                self.server.stop("orderd")

    def restore(self, backup):
        move_away(self.server)
        result = run("--config", self.server.config, "restore", backup)
        self.assertEqual(result.status, 0, result)
        self.assertIn("reconcile --restored", result.err)
        self.server.start("orderd")
        self.server._admin_token = None

    def check_held(self, newcomers_token):
        server = self.server
        self.assertEqual(server.get("/healthz").json, {"status": "degraded", "degraded": ["held"]})
        for token in (self.tokens[0], newcomers_token):
            self.assertEqual(server.get("/auth/me", token).problem, "invalid-token")
        self.tokens[0] = server.login("customer1", "a good password")
        reply = server.order(self.tokens[0])
        self.assertEqual((reply.status, reply.problem), (503, "unavailable"))
        self.assertEqual(server.get("/orders/mine", self.tokens[0]).status, 200)
        self.assertEqual(run("--config", server.config, "check").status, 1)
        server.kill("orderd")
        server.start("orderd")
        self.assertEqual(server.get("/healthz").json["degraded"], ["held"])

    def check_told(self, backup):
        """Each capture that no order of the backup is for, and each mail; attempts that were open among them."""
        ordered = {uid for (uid,) in query(backup, "SELECT attempt_uid FROM orders")}
        captured = {event["reference"] for event in self.server.ledger() if event["event"] == "capture"}
        orders = {number for (number,) in query(backup, "SELECT id FROM orders")}
        mailed = {int(mail["X-Order-Id"]) for mail in self.server.mails()}
        self.lost = captured - ordered
        self.assertGreaterEqual(len(self.lost), LOST)
        before = self.server.rows("SELECT * FROM payment_attempts ORDER BY uid")
        ledger = self.server.ledger()
        for arguments in (["reconcile"], ["reconcile", "--restored"]):  # the first only looks
            self.assertEqual(self.server.rows("SELECT * FROM payment_attempts ORDER BY uid"), before)
            self.assertEqual(self.server.ledger(), ledger)
            result = run("--config", self.server.config, "--json", *arguments)
            self.assertEqual(result.status, 1, result)
            self.assertIsNotNone(result.json["held_since"])
            found = collections.defaultdict(set)
            for one in result.json["disagreements"]:
                found[one["kind"]].add(one["uid"] if one["area"] == "payment" else one["order_id"])
            self.assertEqual(found.pop("captured_without_order"), self.lost)
            self.assertEqual(found.pop("mail_without_order"), mailed - orders)
            found.pop("mail_repeated", None)
            self.assertEqual(dict(found), {})
        self.assertIn("held no more", result.err)

    def check_released(self, newcomer):
        server = self.server
        wait_for(lambda: server.get("/healthz").json == {"status": "ok"}, "the end of the hold")
        self.load = Load(server, [self.tokens[0]])
        wait_for(lambda: server.order(self.tokens[0], reference="first").status == 201, "an order")
        ids = [server.order(self.tokens[0]).json["order_id"] for _ in range(5)]
        newest = query(server.path / "second", "SELECT max(id) FROM orders")[0][0]
        self.assertGreater(min(ids), newest + GAP)
        self.assertGreater(server.customer()[0]["id"], newcomer["id"] + GAP - CLIENTS)
        server.wait_until_at_rest(60)
        judge.check_database(self, server)
        judge.check_at_rest(self, server)
        self.check_references()

    def check_references(self):
        """None was ever used twice; and of the lost ones none was voided, since they were captured."""
        events = collections.defaultdict(list)
        for event in self.server.ledger():
            events[event["reference"]].append(event["event"])
        for reference, kinds in events.items():
            self.assertEqual(collections.Counter(kinds).most_common(1)[0][1], 1, (reference, kinds))
            if reference in self.lost:
                self.assertNotIn("void", kinds)
        ordered = {uid for (uid,) in self.server.rows(
            "SELECT o.attempt_uid FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.status = 'captured'")}
        self.assertEqual({uid for uid, kinds in events.items() if "capture" in kinds}, ordered | self.lost)


class TestOpenAttempts(unittest.TestCase):
    """A backup that holds attempts and payments on their way, each of which came to another end after it."""

    def setUp(self):
        self.home = Copy()
        self.backup = self.home.path / "backup"
        self.assertEqual(run("--config", self.home.config, "backup", self.backup).status, 0)
        self.uids = dict(self.home.rows("SELECT id, attempt_uid FROM orders"))
        self.voided = [uid for (uid,) in self.home.rows("SELECT uid FROM payment_attempts WHERE state = 'voided'")]
        self.declined = self.home.uid_of("declined")
        self.go_back()

    def change(self, sql, *values):
        """In the backup."""
        with contextlib.closing(sqlite3.connect(self.backup)) as connection, connection:
            connection.execute(sql, values)

    def go_back(self):
        """Order 1 was authorised, 2 too, and its mail not sent; 3 and 4 were attempts, and 4 was not captured yet when
        all was lost. One void was under way, another attempt only begun, and one not yet declined."""
        for number in (1, 2):
            self.change("UPDATE payments SET status = 'authorized', captured_minor = 0, settled_at = NULL"
                        " WHERE order_id = ?", number)
        uid = self.home.mail_of(2)[1]
        self.change("INSERT INTO outbox (uid, kind, order_id, message, created_at) VALUES (?, 'order_confirmed', 2, ?, 1)",
                    uid, self.spooled())
        for number in (3, 4):
            for table in ("order_events", "order_items", "payments"):
                self.change(f"DELETE FROM {table} WHERE order_id = ?", number)
            self.change("DELETE FROM orders WHERE id = ?", number)
            self.change("UPDATE payment_attempts SET state = 'started', ended_at = NULL WHERE uid = ?", self.uids[number])
        self.change("INSERT INTO idempotency_keys (user_id, key, fingerprint, attempt_uid, claimed_at)"
                    " SELECT user_id, 'k', zeroblob(32), uid, 1 FROM payment_attempts WHERE uid = ?", self.uids[3])
        self.home.drop_lines(self.uids[4], "capture")
        self.home.append("authorise", STRANGE, MONEY)  # an attempt of after the backup, in the midst of it
        for uid, state in ((self.voided[0], "voiding"), (self.voided[1], "started"), (self.declined, "started")):
            self.change("UPDATE payment_attempts SET state = ?, settled_at = NULL WHERE uid = ?", state, uid)

    def spooled(self):
        """A message of that form: that of order 4."""
        return next((self.home.path / "spool/new").iterdir()).read_bytes()

    def start(self):
        process = Process("orderd", [BUILD / "orderd", "--config", self.home.config], self.home.path / "out", "KILL")
        self.addCleanup(process.kill)
        return process

    def restore(self):
        move_away(self.home)
        result = run("--config", self.home.config, "restore", self.backup)
        self.assertEqual(result.status, 0, result)

    EXPECTED = [
        ("held_without_order", None, None), ("captured_without_order", None, 3), ("void_at_release", None, 4), ("mail_repeated", 2, None),
        ("mail_without_order", 3, None), ("mail_without_order", 4, None)]

    def check_told(self, *arguments):
        result = run("--config", self.home.config, "--json", "reconcile", *arguments)
        self.assertEqual(result.status, 1, result)
        number_of = {uid: number for number, uid in self.uids.items()}
        found = [(one["kind"], one["order_id"], number_of.get(one["uid"]))
                 for one in result.json["disagreements"]]
        self.assertEqual(sorted(found, key=str), sorted(self.EXPECTED, key=str))

    def test_each_comes_to_its_end_and_none_that_was_captured_is_voided(self):
        self.restore()
        orderd = self.start()
        wait_for(lambda: "is held" in self.home.log_text(), "the hold")
        ledger = self.home.ledger()
        self.check_told()
        self.assertEqual(self.home.ledger(), ledger)
        self.assertEqual(self.home.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'"), 4)
        self.assertEqual(self.home.value("SELECT count(*) FROM outbox"), 1)
        self.check_told("--restored")
        wait_for(self.home.is_settled, "the ends of all")
        self.assertEqual(orderd.stop(), 0)
        states = dict(self.home.rows("SELECT uid, state FROM payment_attempts"))
        self.assertEqual(states[self.uids[3]], "conflict")
        self.assertEqual(  # by us, and not by asking the gateway to void it
            self.home.value("SELECT reason FROM payment_attempts WHERE uid = ?", self.uids[3]), "restored")
        for uid in (self.uids[4], *self.voided, self.declined):
            self.assertEqual(states[uid], "voided", uid)
        self.assertEqual(self.home.rows("SELECT status FROM payments"), [("captured",)] * 2)
        self.assertEqual(self.home.value("SELECT count(*) FROM idempotency_keys WHERE finished_at IS NULL"), 0)
        kinds = collections.Counter((event["reference"], event["event"]) for event in self.home.ledger())
        self.assertEqual(kinds[self.uids[3], "void"], 0)
        self.assertEqual(kinds[self.uids[4], "void"], 1)
        for number in (1, 2, 3):
            self.assertEqual(kinds[self.uids[number], "capture"], 1)

    def test_it_is_let_go_without_orderd_too_and_once(self):
        self.restore()
        self.check_told("--restored")
        result = run("--config", self.home.config, "reconcile", "--restored")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("let go already", result.err)

    def test_what_cannot_be_asked_or_told_lets_nothing_go(self):
        self.restore()
        ledger = self.home.path / "gateway.ledger"
        text = ledger.read_text()
        ledger.write_text(text + "nonsense\n")
        self.assertEqual(run("--config", self.home.config, "reconcile", "--restored").status, 1)
        ledger.write_text(text)
        with open("/dev/full", "wb") as full:
            result = run("--config", self.home.config, "reconcile", "--restored", stdout=full)
        self.assertEqual(result.status, 1)
        result = run("--config", self.home.config, "reconcile")
        self.assertIn("is held until", result.err)


class TestFiles(unittest.TestCase):
    """Names, owners, disks."""

    def test_a_database_that_was_not_restored_cannot_be_let_go(self):
        bed = Bed(self).make()
        result = bed.run("reconcile", "--restored")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("was not restored", result.err)

    def test_a_backup_is_never_overwritten(self):
        bed = Bed(self).make()
        self.assertEqual(bed.run("backup", "b", cwd=bed.path).status, 0)
        text = (bed.path / "b").read_bytes()
        result = bed.run("backup", "b", cwd=bed.path)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("exists already", result.err)
        self.assertEqual((bed.path / "b").read_bytes(), text)

    def test_what_is_no_backup_is_not_restored(self):
        bed = Bed(self).make()
        (bed.path / "b").write_text("nonsense")
        move_away(bed)
        for name, words in (("b", "not a database"), ("none", "No such file"), ("old", "no regular file")):
            result = bed.run("restore", bed.path / name)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn(words, result.err)
        (bed.path / "link").symlink_to(bed.path / "old/orders.db")  # whoever reads as root follows none
        result = bed.run("restore", bed.path / "link")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("symbolic link", result.err)
        (bed.path / "old/orders.db-wal").write_text("a log")
        result = bed.run("restore", bed.path / "old/orders.db")
        self.assertEqual(result.status, 1)
        self.assertIn("no backup", result.err)
        self.assertFalse([name for name in names(bed.path) if name.startswith("orders.db")])

    @needs_root
    def test_root_leaves_nothing_of_its_own(self):
        bed = Bed(self, OWNER)
        bed.path.chmod(0o755)
        bed.make()
        own, theirs = bed.path / "own", bed.path / "theirs"
        own.mkdir(mode=0o700)
        theirs.mkdir(mode=0o700)
        os.chown(theirs, OWNER, OWNER)
        result = bed.run("backup", own / "b")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn(f"cannot write to the folder {own}", result.err)
        self.assertEqual(bed.run("backup", theirs / "b").status, 0)
        self.assertEqual([path.stat().st_uid for path in theirs.iterdir()], [OWNER])
        (theirs / "b").rename(own / "b")
        os.chown(own / "b", 0, 0)
        move_away(bed)
        (bed.path / "old").rename(own / "old")
        result = bed.run("restore", own / "b")
        self.assertEqual(result.status, 0, result)
        owners = {path.name: path.stat().st_uid for path in bed.files() if not path.is_relative_to(own)}
        self.assertEqual({name for name, uid in owners.items() if uid != OWNER}, set())
        self.assertEqual(bed.run("user", "list").status, 0)

    @unittest.skipIf(NO_DISK, NO_DISK)
    def test_on_a_full_disk_nothing_is_left(self):
        bed = Bed(self).make()
        small = bed.path / "small"
        small.mkdir()
        self.assertTrue(disk.mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", small))
        self.addCleanup(subprocess.run, ["umount", "--lazy", small], check=False)
        result = bed.run("backup", small / "b")
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertRegex(result.err, "full|No space")
        self.assertEqual(names(small), [])

    def test_a_backup_that_was_killed_has_no_name(self):
        bed = Bed(self).make()
        bed.change("CREATE TABLE filler (data BLOB)")
        bed.change("WITH RECURSIVE c (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 500)"
                   " INSERT INTO filler SELECT randomblob(40000) FROM c")
        killed = 0
        for turn in range(30):
            path = bed.path / f"b{turn}"
            process = subprocess.Popen([BUILD / "orderctl", "--config", bed.config, "backup", path],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not list(bed.path.glob(f"b{turn}.*")):
                time.sleep(0.001)
            time.sleep(turn % 5 * 0.01)
            process.kill()
            if process.wait() == -9:
                killed += 1
                if path.exists():  # in the last moment
                    self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)])
                    self.assertEqual(query(path, "SELECT count(*) FROM filler"), [(500,)])
            if killed == 5:
                return
        self.fail(f"killed {killed} times only")


if __name__ == "__main__":
    harness.main()
