#!/usr/bin/python3
"""orderctl user: adding, listing and changing users, and passwords that stay secret."""

import os
import pty
import resource
import signal
import sqlite3
import threading
import unittest

import harness
from harness import BUILD, Server
from orderctl import CAN_CHANGE_USERS, OWNER, PASSWORD, Bed

class TestUsers(unittest.TestCase):
    def test_what_breaks_a_rule_is_refused_and_nothing_is_made(self):
        bed = Bed(self)
        rows = [
            ("al", "a@b.cd"), ("x" * 65, "a@b.cd"), ("al ice", "a@b.cd"), ("älice", "a@b.cd"), ("", "a@b.cd"),
            ("al\nice", "a@b.cd"), ("alice", "a.b.cd"), ("alice", "a@b"), ("alice", "a@b@c.d"), ("alice", "a @b.cd"),
            ("alice", "a\n@b.cd"), ("alice", "x" * 250 + "@b.cd"), ("alice", "@b.cd"), ("alice", ""),
        ]
        for name, email in rows:
            with self.subTest((name, email)):
                result = bed.run("user", "add", "--email", email, "--", name, text_in=PASSWORD)
                self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertEqual(bed.files(), [])

    def test_a_password_that_breaks_a_rule_is_refused_and_never_repeated(self):
        bed = Bed(self)
        rows = [
            (b"", "nothing to read"), (b"\n", "8 to 128"), (b"seven77", "8 to 128"), ("ü".encode() * 7, "8 to 128"),
            (b"x" * 129, "8 to 128"), (b"x" * 5000, "too long"), (b"\xffinvalid utf-8", "UTF-8"),
            (b"with\0a nul", "UTF-8"), (b"\nsecond line is long enough", "8 to 128"),
        ]
        for password, why in rows:
            with self.subTest(password[:20]):
                result = bed.run("user", "add", "--email", "a@b.cd", "alice", text_in=password)
                self.assertEqual((result.status, result.out), (1, ""), result)
                self.assertIn(why, result.err)
                if len(password) > 6:
                    self.assertNotIn(password.decode(errors="replace"), result.err)
        self.assertEqual(bed.files(), [])

    def test_a_closed_standard_input_is_no_password(self):
        bed = Bed(self)
        result = bed.run("user", "add", "--email", "a@b.cd", "alice", input=None, preexec_fn=lambda: os.close(0))
        self.assertEqual(result.status, 1, result)
        self.assertEqual(bed.files(), [])

    def test_closed_outputs_do_no_harm(self):
        bed = Bed(self)

        def close_outputs():
            os.close(1)
            os.close(2)

        self.assertEqual(bed.add("alice", preexec_fn=close_outputs).status, 0)
        self.assertEqual(bed.run("user", "count").out, "1\n")
        self.assertEqual([(bed.path / name).stat().st_size for name in ("orders.lock", "orders.write")], [0, 0])

    def test_an_umask_that_allows_nothing_does_not_matter(self):
        bed = Bed(self, uid=OWNER if CAN_CHANGE_USERS else None)
        for command in (["key", "new"], ["migrate"], ["user", "list"]):
            result = bed.run(*command, uid=bed.uid, preexec_fn=lambda: os.umask(0o777))
            self.assertEqual(result.status, 0, result)
        self.assertEqual(bed.run("check").status, 0)

    def test_passwords_of_every_kind_are_taken(self):
        bed = Bed(self)
        for number, password in enumerate(["eight888", "x" * 128, "ключ" * 32, " lead and trail ", "tab\there \x01"]):
            self.assertEqual(bed.add(f"user{number}", password=password).status, 0)

    def test_a_user_is_added_listed_and_counted(self):
        bed = Bed(self)
        self.assertEqual(bed.run("user", "count").out, "0\n")
        self.assertEqual(bed.files(), [], "counting made something")
        alice = bed.add("alice", "--json").json
        root = bed.run("--json", "user", "add", "--role=admin", "--email", "r@b.cd", "Root", text_in=PASSWORD).json
        self.assertEqual((alice["username"], alice["role"], alice["state"]), ("alice", "user", "active"))
        self.assertEqual((root["username"], root["email"], root["role"]), ("Root", "r@b.cd", "admin"))
        self.assertRegex(root["created_at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertEqual(bed.run("user", "list", "--json").json, {"users": [alice, root]})
        table = bed.run("user", "list").out.splitlines()
        self.assertEqual([line.split()[1] for line in table], ["USERNAME", "alice", "Root"])
        self.assertEqual(bed.run("user", "count").out, "2\n")
        self.assertEqual(bed.run("user", "count", "--json").json, {"count": 2})

    def test_a_long_list_is_whole_and_in_order(self):
        bed = Bed(self)
        self.assertEqual(bed.run("migrate").status, 0)
        with sqlite3.connect(bed.path / "orders.db") as connection:
            connection.executemany(
                "INSERT INTO users (username, username_fold, email, email_fold, role, password_hash, created_at)"
                " VALUES (?1, ?1, ?2, ?2, 'user', 'x', 1)",
                [(f"user{n}", f"user{n}@example.com") for n in range(1001)])
        connection.close()
        users = bed.run("--json", "user", "list").json["users"]
        self.assertEqual([user["username"] for user in users], [f"user{n}" for n in range(1001)])

    def test_a_name_or_an_address_that_is_taken_is_told(self):
        bed = Bed(self)
        bed.add("alice")
        for name, email, what in [
            ("ALICE", "other@example.com", "the name is taken"),
            ("bob", "Alice@EXAMPLE.com", "the e-mail address is taken"),
            ("Alice", "alice@example.com", "the name and the e-mail address are taken"),
        ]:
            result = bed.add(name, email=email)
            self.assertEqual((result.status, result.out), (1, ""))
            self.assertIn(what, result.err)
        self.assertEqual(bed.run("user", "count").out, "1\n")

    def test_a_disk_that_takes_no_more_is_told_and_nothing_half_done(self):
        bed = Bed(self)
        bed.add("alice")
        limit = (bed.path / "orders.db-wal").stat().st_size

        def fill():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        result = bed.add("bob", preexec_fn=fill, restore_signals=False)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertRegex(result.err, "is full|not known whether it was done|disk I/O error")
        self.assertEqual(bed.run("user", "count").out, "1\n")
        self.assertEqual(bed.add("bob").status, 0)
        self.assertEqual(bed.value("PRAGMA integrity_check"), "ok")

    def test_no_password_is_written_anywhere(self):
        bed = Bed(self)
        result = bed.add("alice", "--json")
        for data in (result.out.encode(), result.err.encode(), *(p.read_bytes() for p in bed.files() if p.is_file())):
            self.assertNotIn(PASSWORD.encode(), data)
        self.assertIn("$argon2id$", bed.value("SELECT password_hash FROM users"))

    def test_many_at_once_without_orderd(self):
        bed = Bed(self)
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(bed.add(f"user{n // 2}"))) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(result.status for result in results), [0] * 8 + [1] * 8, results)
        self.assertEqual(bed.run("user", "count").out, "8\n")
        self.assertEqual(bed.value("PRAGMA integrity_check"), "ok")

    def test_a_terminal_is_asked_twice_without_echo(self):
        bed = Bed(self)
        for answers, status in ((PASSWORD, PASSWORD), 0), ((PASSWORD, PASSWORD + "x"), 1):
            shown, exit_status = self.at_a_terminal(bed, f"user{status}", answers)
            self.assertEqual(exit_status, status, shown)
            self.assertIn("Password: ", shown)
            self.assertNotIn(PASSWORD, shown)

    def at_a_terminal(self, bed, name, answers):
        """All that the terminal shows, and the exit status."""
        child, master = pty.fork()
        if child == 0:
            os.execv(BUILD / "orderctl", [
                "orderctl", "--config", str(bed.config), "user", "add", "--email", f"{name}@example.com", name])
        shown = b""
        for prompt, answer in zip((b"Password: ", b"Once more: "), answers):
            while prompt not in shown:
                shown += os.read(master, 1024)
            os.write(master, answer.encode() + b"\n")
        try:
            while data := os.read(master, 1024):
                shown += data
        except OSError:  # how a terminal says that nobody is left
            pass
        _, status = os.waitpid(child, 0)
        os.close(master)
        return shown.decode(), os.waitstatus_to_exitcode(status)


# --- changing users


class TestChanges(unittest.TestCase):
    COMMANDS = [["disable"], ["enable"], ["role", "--role", "user"], ["password"]]

    def test_a_user_that_there_is_not_is_told_before_a_password_is_asked_for(self):
        bed = Bed(self)
        bed.add("alice")
        for name in ("nobody", "", "x" * 300, "no such\nname", "alic", "1"):
            for command, *options in self.COMMANDS:
                result = bed.run("user", command, *options, "--", name, text_in="short\n")
                self.assertEqual((result.status, result.out), (1, ""), result)
                self.assertIn("there is no user of that name", result.err)

    def test_without_a_database_there_is_no_user(self):
        bed = Bed(self)
        self.assertEqual(bed.run("user", "password", "alice", text_in=PASSWORD).status, 1)
        self.assertEqual(bed.files(), [])

    def test_the_last_active_admin_stays_one(self):
        bed = Bed(self)
        bed.add("root", "--role", "admin")
        bed.add("alice")
        for command in (["disable"], ["role", "--role", "user"]):
            result = bed.run("user", *command, "ROOT")
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn("the only admin who is not disabled", result.err)
        self.assertEqual(bed.value("SELECT token_epoch FROM users WHERE username = 'root'"), 0)
        self.assertEqual(bed.run("user", "role", "--role", "admin", "alice").status, 0)
        self.assertEqual(bed.run("user", "disable", "root").status, 0)
        self.assertEqual(bed.run("user", "disable", "alice").status, 1)
        self.assertEqual(bed.run("user", "enable", "root").status, 0)
        self.assertEqual(bed.run("user", "role", "--role", "user", "alice").status, 0)

    def test_of_two_admins_who_are_disabled_or_demoted_at_once_one_remains(self):
        bed = Bed(self)
        for round_number in range(4):
            names = [f"{name}{round_number}" for name in ("alice", "bob")]
            for name in names:
                self.assertEqual(bed.add(name, "--role", "admin").status, 0)
            if round_number:
                remaining = [user["username"] for user in bed.run("--json", "user", "list").json["users"]
                             if (user["role"], user["state"]) == ("admin", "active") and user["username"] not in names]
                self.assertEqual([bed.run("user", "disable", name).status for name in remaining], [0])
            commands = [["disable"], ["role", "--role", "user"]]
            results = []
            threads = [
                threading.Thread(target=lambda n=n: results.append(bed.run("user", *commands[n], names[n])))
                for n in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(result.status for result in results), [0, 1], results)

    def test_each_change_is_shown_and_a_second_one_changes_nothing(self):
        bed = Bed(self)
        bed.add("root", "--role", "admin")
        before = bed.add("alice", "--json").json
        for command, member, value in (
                (["disable"], "state", "disabled"), (["enable"], "state", "active"),
                (["role", "--role", "admin"], "role", "admin")):
            epoch = bed.value("SELECT token_epoch FROM users WHERE username = 'alice'")
            for _ in range(2):
                result = bed.run("--json", "user", *command, "Alice")
                self.assertEqual((result.status, result.json), (0, {**before, member: value}), result)
            self.assertEqual(bed.value("SELECT token_epoch FROM users WHERE username = 'alice'"), epoch + 1)
            before[member] = value
        text = bed.run("user", "disable", "alice").out.splitlines()
        self.assertIn(["state", "disabled"], [line.split() for line in text])

    def test_a_password_that_breaks_a_rule_changes_nothing(self):
        bed = Bed(self)
        bed.add("alice")
        before = bed.rows("SELECT password_hash, token_epoch FROM users")
        for password in ("", "\n", "seven77\n", "x" * 129 + "\n"):
            result = bed.run("user", "password", "alice", text_in=password)
            self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertEqual(bed.rows("SELECT password_hash, token_epoch FROM users"), before)

    def test_every_change_ends_tokens_at_once_beside_orderd(self):
        server = Server(self, notifier=False)
        for number, (command, revert, login) in enumerate([
                (["disable"], ["enable"], 401), (["role", "--role", "admin"], None, 200), (["password"], None, 401)]):
            name = f"alice{number}"
            server.register(name)
            token = server.login(name, "a good password")
            self.assertEqual(server.get("/auth/me", token).status, 200)
            server.orderctl("user", *command, name, text_in=PASSWORD + "\n")
            reply = server.get("/auth/me", token)
            self.assertEqual((reply.status, reply.problem), (401, "invalid-token"), command)
            self.assertEqual(server.try_login(name, "a good password").status, login)
            if revert:
                server.orderctl("user", *revert, name)
                self.assertEqual(server.get("/auth/me", token).status, 401, "enabling gave old tokens back")
                self.assertEqual(server.try_login(name, "a good password").status, 200)
        self.assertEqual(server.try_login("alice2", PASSWORD).status, 200)
        self.assertEqual(server.get("/auth/me", server.login("alice1", "a good password")).json["role"], "admin")

    def test_no_password_is_written_anywhere(self):
        bed = Bed(self)
        bed.add("alice", password="the first one")
        result = bed.run("--json", "user", "password", "alice", text_in=PASSWORD + "\n")
        self.assertEqual(result.status, 0)
        for data in (result.out.encode(), result.err.encode(), *(p.read_bytes() for p in bed.files() if p.is_file())):
            self.assertNotIn(PASSWORD.encode(), data)
        self.assertNotIn("argon2", result.out)


if __name__ == "__main__":
    harness.main()
