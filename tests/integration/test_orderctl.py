#!/usr/bin/python3
"""orderctl as a whole: wrong command lines, migrations, beside an orderd under load, as root and as others."""

import http.client
import json
import os
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import BUILD, TOP, Process, Server, order_body, wait_for
from orderctl import OWNER, PASSWORD, STRANGER, Bed, needs_root, run

# --- the command line


class TestCommandLine(unittest.TestCase):
    WRONG = [
        [], [""], ["frob"], ["user"], ["user", "frob"], ["use", "list"], ["user", "lis"],
        ["user", "add"], ["user", "add", "alice"], ["user", "add", "--email", "a@b.c"],
        ["user", "add", "--email", "a@b.c", "alice", "bob"],
        ["user", "add", "--email", "a@b.c", "--email", "a@b.c", "alice"],
        ["user", "add", "--email", "a@b.c", "--role", "root", "alice"],
        ["user", "add", "--email", "a@b.c", "--role", "", "alice"],
        ["user", "add", "--email", "a@b.c", "--password", "hunter2hunter2", "alice"],
        ["user", "add", "--email", "a@b.c", "--password=hunter2hunter2", "alice"],
        ["user", "list", "alice"], ["user", "list", "--role", "user"], ["key", "new", "now"], ["check", "it"],
        ["user", "disable"], ["user", "role", "alice"], ["user", "role", "--role", "root", "alice"],
        ["user", "password", "alice", "hunter2hunter2"], ["key", "retire"], ["reconcile", "now"],
        ["migrate", "--force"], ["--json", "--json", "check"], ["-x"], ["--"], ["check", "--json=1"],
        ["backup"], ["backup", "a", "b"], ["restore"], ["restore", "a", "b"], ["reconcile", "--restored=1"],
    ]

    def test_wrong_command_lines_exit_with_2_and_do_nothing(self):
        bed = Bed(self)
        for arguments in self.WRONG:
            with self.subTest(arguments):
                result = bed.run(*arguments, text_in=PASSWORD)
                self.assertEqual((result.status, result.out), (2, ""), result)
                self.assertRegex(result.err, r"\Aorderctl: [^\n]+\nusage: orderctl ")
                self.assertNotIn("hunter2", result.err)
                self.assertEqual(bed.files(), [])

    def test_help_and_version_exit_with_0_without_a_configuration(self):
        for arguments in (["--help"], ["-h"], ["user", "--help"], ["user", "add", "--help"], ["check", "-h"]):
            result = run("--config", "/nonexistent", *arguments)
            self.assertEqual((result.status, result.err), (0, ""), result)
            self.assertIn("usage: orderctl", result.out)
        result = run("--version")
        self.assertEqual(result.status, 0)
        self.assertRegex(result.out, r"\Aorderctl [0-9.]+\n\Z")

    def test_every_command_is_in_the_manual(self):
        manual = (TOP / "man/orderctl.8").read_text()
        words = manual.replace(" | ", " ").split()
        for line in run("--help").out.split("commands:\n")[1].split("\n\n")[0].splitlines():
            for word in line[:26].split():
                self.assertIn(word, words)

    def test_an_output_that_cannot_be_written_is_a_failure(self):
        bed = Bed(self)
        with open("/dev/full", "wb") as full:
            result = bed.run("user", "count", stdout=full)
        self.assertEqual(result.status, 1)
        self.assertIn("No space left", result.err)


class TestConfiguration(unittest.TestCase):
    COMMANDS = [
        ["user", "list"], ["user", "count"], ["user", "disable", "alice"], ["user", "password", "alice"], ["key", "new"],
        ["key", "list"], ["key", "retire", "x"], ["order", "show", "1"], ["order", "list"], ["payment", "retry", "1"],
        ["payment", "write-off", "--reason", "x", "1"], ["migrate"], ["check"], ["reconcile"], ["reconcile", "--restored"],
        ["backup", "x"], ["restore", "x"]]

    def test_a_missing_configuration_is_told(self):
        for command in self.COMMANDS:
            result = run("--config", "/nonexistent/orderd.conf", *command)
            self.assertEqual(result.status, 1, result)
            self.assertIn("/nonexistent/orderd.conf", result.out + result.err)

    def test_every_error_of_a_configuration_is_told(self):
        bed = Bed(self)
        bed.config.write_text("[database]\npaht = x\n[auth]\ntoken_lifetime = 0\n")
        for command in self.COMMANDS:
            result = bed.run(*command)
            self.assertEqual(result.status, 1, result)
            for part in ("orderd.conf:2:", "orderd.conf:4:"):
                self.assertIn(part, result.out + result.err)
        self.assertEqual(bed.files(), [])

    def test_the_errors_are_findings_of_check(self):
        bed = Bed(self)
        bed.config.write_text("[database]\npaht = x\n[auth]\ntoken_lifetime = 0\n")
        findings = bed.run("--json", "check").json["findings"]
        self.assertEqual([finding["area"] for finding in findings], ["configuration"] * 2)

    def test_a_relative_path_of_the_configuration_works(self):
        bed = Bed(self)
        result = run("--config", "orderd.conf", "migrate", cwd=bed.path)
        self.assertEqual(result.status, 0, result)
        self.assertTrue((bed.path / "orders.db").exists())


# --- migrations


class TestMigrate(unittest.TestCase):
    def test_a_database_is_made_once(self):
        bed = Bed(self)
        count = len(list((TOP / "sql").glob("*.sql")))
        self.assertEqual(bed.run("--json", "migrate").json, {"database": f"{bed.path}/orders.db", "applied": count})
        self.assertEqual(bed.run("--json", "migrate").json["applied"], 0)
        self.assertEqual(stat.S_IMODE(os.stat(bed.path / "orders.db").st_mode), 0o600)

    def test_beside_orderd_it_is_refused(self):
        server = Server(self, notifier=False)
        result = run("--config", server.config, "migrate")
        self.assertEqual(result.status, 1)
        self.assertIn("stop it first", result.err)

    def test_what_is_not_up_to_date_can_be_counted_by_nobody_until_it_is(self):
        bed = Bed(self)
        (bed.path / "orders.db").touch(0o600)
        result = bed.run("user", "list")
        self.assertEqual(result.status, 1)
        self.assertIn("not up to date", result.err)
        self.assertEqual(bed.run("migrate").status, 0)
        self.assertEqual(bed.run("user", "list").status, 0)


# --- beside orderd


class TestBesideOrderd(unittest.TestCase):
    CLIENTS = 8
    ADMINISTRATORS = 3
    USERS = 8

    def test_under_full_load_everybody_gets_in_and_nothing_is_lost(self):
        server = Server(self)
        tokens = [server.customer()[1] for _ in range(self.CLIENTS)]
        before = server.value("SELECT count(*) FROM users")
        stop = threading.Event()
        statuses, slowest, failures = [], [], []
        clients = [threading.Thread(target=self.order_until, args=(stop, server, token, statuses)) for token in tokens]
        administrators = [
            threading.Thread(target=self.administrate, args=(server, number, slowest, failures))
            for number in range(self.ADMINISTRATORS)]
        for thread in clients:
            thread.start()
        wait_for(lambda: len(statuses) > 200, "orders")
        for thread in administrators:
            thread.start()
        for thread in administrators:
            thread.join()
        at_the_end = len(statuses)
        wait_for(lambda: len(statuses) > at_the_end + 200, "orders after the administrators")
        stop.set()
        for thread in clients:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(set(statuses), {201})
        self.assertLess(max(slowest), 60)  # six commands on a busy machine; each write gives up by itself after 15 s
        self.assertEqual(server.value("SELECT count(*) FROM orders"), len(statuses))
        self.assertEqual(
            server.value("SELECT count(*) FROM users"), before + self.ADMINISTRATORS * self.USERS)
        self.assertEqual(server.value("PRAGMA integrity_check"), "ok")
        self.assertEqual(server.try_login("user0of0", PASSWORD).status, 200)

    def order_until(self, stop, server, token, statuses):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        body = json.dumps(order_body())
        while not stop.is_set():
            connection.request("POST", "/orders/create", body, headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    def administrate(self, server, number, slowest, failures):
        for n in range(self.USERS):
            name = f"user{n}of{number}"
            begun = time.monotonic()
            for result in (
                run("--config", server.config, "user", "add", "--email", f"{name}@example.com", name,
                    text_in=PASSWORD),
                run("--config", server.config, "user", "disable", name),
                run("--config", server.config, "user", "enable", name),
                run("--config", server.config, "user", "list"),
                run("--config", server.config, "order", "list", "--limit", "200"),
                run("--config", server.config, "check"),
            ):
                if result.status != 0:
                    failures.append(result)
            slowest.append(time.monotonic() - begun)

    def test_an_administrator_who_is_killed_blocks_nobody(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        victim = subprocess.Popen(
            [BUILD / "orderctl", "--config", server.config, "user", "add", "--email", "v@example.com", "victim"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        victim.stdin.write(PASSWORD.encode() + b"\n")
        victim.stdin.flush()
        victim.kill()
        victim.wait()
        victim.stdin.close()
        self.assertEqual(server.order(token).status, 201)
        self.assertEqual(run("--config", server.config, "user", "list").status, 0)


# --- users of the system


@needs_root
class TestAsRoot(unittest.TestCase):
    def assert_all_belong_to(self, bed, uid):
        self.assertTrue(bed.files())
        for path in bed.files():
            status = path.stat()
            self.assertEqual((status.st_uid, status.st_gid), (uid, uid), path)

    def test_root_leaves_no_file_of_its_own_behind(self):
        bed = Bed(self, uid=OWNER).make()
        key_id = bed.run("--json", "key", "list").json["keys"][0]["id"]
        bed.add("root", "--role", "admin")
        for command in (["user", "list"], ["user", "count"], ["user", "disable", "alice"], ["user", "enable", "alice"],
                        ["user", "role", "--role", "admin", "alice"], ["user", "password", "alice"], ["key", "new"],
                        ["key", "retire", key_id], ["key", "list"], ["order", "list"], ["reconcile"], ["migrate"],
                        ["check"]):
            result = bed.run(*command, text_in=PASSWORD + "\n")
            self.assertEqual(result.status, 0, result)
            self.assert_all_belong_to(bed, OWNER)

    def test_root_leaves_no_file_of_its_own_behind_when_it_is_refused(self):
        bed = Bed(self, uid=OWNER).make()
        for command in (["user", "disable", "nobody"], ["key", "retire", "nothing"], ["order", "show", "1"],
                        ["payment", "retry", "1"], ["payment", "write-off", "--reason", "x", "1"]):
            result = bed.run(*command)
            self.assertEqual(result.status, 1, result)
            self.assert_all_belong_to(bed, OWNER)

    def test_what_root_made_serves_an_orderd_without_rights(self):
        bed = Bed(self, uid=OWNER, **{"server.socket": "orderd.sock"})
        bed.make()
        orderd = Process(
            "orderd", ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups", BUILD / "orderd",
                       "--config", bed.config], f"{bed.path}.out")
        self.addCleanup(os.unlink, f"{bed.path}.out")
        self.addCleanup(orderd.kill)

        def is_there():
            self.assertTrue(orderd.is_alive(), orderd.output.read_text())
            return (bed.path / "orderd.sock").exists()

        wait_for(is_there, "orderd's socket")
        self.assertEqual(bed.add("bob").status, 0)
        self.assertEqual(bed.run("check").status, 0)
        self.assertEqual(orderd.stop(), 0)
        self.assertEqual(bed.run("user", "count").out, "2\n")
        self.assert_all_belong_to(bed, OWNER)

    def test_the_owner_needs_no_root(self):
        bed = Bed(self, uid=OWNER)
        for command in (["key", "new"], ["migrate"], ["user", "list"], ["check"]):
            result = bed.run(*command, uid=OWNER)
            self.assertEqual(result.status, 0, result)
        self.assert_all_belong_to(bed, OWNER)

    def test_anybody_else_is_refused(self):
        bed = Bed(self, uid=OWNER)
        bed.path.chmod(0o777)
        for command in (["key", "new"], ["key", "list"], ["key", "retire", "x"], ["migrate"], ["user", "count"], ["check"],
                        ["user", "disable", "alice"], ["order", "list"], ["payment", "retry", "1"], ["reconcile"]):
            result = bed.run(*command, uid=STRANGER)
            self.assertEqual(result.status, 1, result)
            self.assertIn("as root or as that user", result.out + result.err)
        self.assertEqual(bed.files(), [])

    def test_files_of_others_are_found_and_mended_by_their_hint(self):
        bed = Bed(self, uid=OWNER).make()
        for name in ("orders.db", "orders.db-shm", "orders.lock", "orders.write"):
            with self.subTest(name):
                os.chown(bed.path / name, 0, 0)
                result = bed.run("--json", "check")
                self.assertEqual(result.status, 1)
                findings = [f for f in result.json["findings"] if f["hint"].startswith("chown ")]
                self.assertEqual([f["path"] for f in findings], [str(bed.path / name)])
                subprocess.run(findings[0]["hint"], shell=True, check=True)
                self.assertEqual(bed.run("check").status, 0)

    def test_a_configuration_that_the_owner_cannot_read_is_found(self):
        bed = Bed(self, uid=OWNER).make()
        bed.config.chmod(0o600)
        os.chown(bed.config, 0, 0)
        self.assertEqual(bed.run("user", "list").status, 0, "root can")
        finding = bed.run("--json", "check").json["findings"][0]
        self.assertEqual((finding["area"], finding["path"]), ("configuration", str(bed.config)))
        self.assertIn("cannot read it", finding["problem"])

    def test_keys_of_root_that_the_owner_cannot_read_are_found(self):
        bed = Bed(self, uid=OWNER).make()
        key = next((bed.path / "keys").glob("*.key"))
        os.chown(key, 0, 0)
        finding = bed.run("--json", "check").json["findings"][0]
        self.assertEqual(finding["area"], "keys")
        self.assertIn("Permission denied", finding["problem"])

    def test_a_working_folder_that_the_owner_cannot_enter_does_not_matter(self):
        bed = Bed(self, uid=OWNER)
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(bed.config, f"{folder}/here.conf")
            result = run("--config", "here.conf", "migrate", cwd=folder)
        self.assertEqual(result.status, 0, result)
        self.assert_all_belong_to(bed, OWNER)

    def test_a_folder_that_is_not_there_is_told_not_made(self):
        bed = Bed(self)
        bed.configure(**{"database.path": "state/orders.db", "auth.keys": "state/keys"})
        for command in (["key", "new"], ["migrate"], ["user", "count"], ["check"]):
            result = bed.run(*command)
            self.assertEqual(result.status, 1, result)
            self.assertIn(f"{bed.path}/state", result.out + result.err)
        self.assertEqual(bed.files(), [])


if __name__ == "__main__":
    harness.main()
