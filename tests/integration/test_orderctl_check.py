#!/usr/bin/python3
"""orderctl check: nothing is said of what is in order, everything of what is not, and hints mend it."""

import os
import shutil
import sqlite3
import subprocess
import unittest
from pathlib import Path

import harness
from harness import TOP, Server
from orderctl import Bed, run


class TestCheck(unittest.TestCase):
    def findings(self, bed):
        result = bed.run("--json", "check")
        findings = result.json["findings"]
        self.assertEqual(result.status, 1 if findings else 0, result)
        return findings

    def only(self, bed):
        findings = self.findings(bed)
        self.assertEqual(len(findings), 1, findings)
        return findings[0]

    def test_nothing_is_said_of_what_is_in_order(self):
        bed = Bed(self).make()
        result = bed.run("check")
        self.assertEqual((result.status, result.out, result.err), (0, "", ""))
        self.assertEqual(bed.run("--json", "check").json, {"findings": []})

    def test_a_fresh_home_lacks_a_key_and_a_database_and_gets_neither(self):
        bed = Bed(self)
        self.assertEqual([finding["area"] for finding in self.findings(bed)], ["keys", "database"])
        self.assertEqual(bed.files(), [])

    def test_modes_that_give_too_much_are_found_and_mended_by_their_hint(self):
        bed = Bed(self).make()
        (bed.path / "gateway.ledger").touch(0o600)
        for folder, mode in (("", 0o750), ("tmp", 0o2750), ("new", 0o2770), ("failed", 0o750)):
            (bed.path / "spool" / folder).mkdir()
            (bed.path / "spool" / folder).chmod(mode)
        self.assertEqual(self.findings(bed), [])
        for name, mode, area in [
            ("", 0o777, "state"), ("orderd.conf", 0o666, "configuration"), ("keys", 0o770, "keys"),
            ("orders.db", 0o644, "database"), ("orders.db", 0o660, "database"), ("orders.lock", 0o602, "database"),
            ("orders.write", 0o604, "database"), ("orders.db-wal", 0o604, "database"),
            ("gateway.ledger", 0o620, "ledger"), ("spool", 0o757, "spool"), ("spool/tmp", 0o2770, "spool"),
            ("spool/new", 0o3770, "spool"), ("spool/new", 0o2771, "spool"), ("spool/failed", 0o755, "spool"),
        ]:
            with self.subTest(f"{name} {mode:o}"):
                (bed.path / name).chmod(mode)
                finding = self.only(bed)
                self.assertEqual((finding["area"], Path(finding["path"])), (area, bed.path / name))
                subprocess.run(finding["hint"], shell=True, check=True)
                self.assertEqual(self.findings(bed), [])

    def test_a_key_that_others_can_read_is_found_and_mended(self):
        bed = Bed(self).make()
        key = next((bed.path / "keys").glob("*.key"))
        key.chmod(0o640)
        finding = self.only(bed)
        self.assertEqual((finding["area"], finding["path"]), ("keys", str(key)))
        key.chmod(0o600)
        key.write_bytes(b"short")
        self.assertIn("at least 32 bytes", self.only(bed)["problem"])
        key.unlink()
        self.assertIn("no key", self.only(bed)["problem"])

    def test_a_line_of_text_names_area_path_problem_and_hint(self):
        bed = Bed(self).make()
        (bed.path / "orders.db").chmod(0o666)
        result = bed.run("check")
        self.assertEqual(result.out, f"database: {bed.path}/orders.db: its mode 0666 gives too much to others;"
                                     f" chmod 0640 {bed.path}/orders.db\n")
        self.assertEqual(result.err, "orderctl: 1 finding\n")

    def test_what_is_of_the_wrong_kind_is_found(self):
        bed = Bed(self).make()
        (bed.path / "spool").write_text("not a folder")
        (bed.path / "gateway.ledger").mkdir()
        self.assertEqual([(finding["area"], finding["problem"]) for finding in self.findings(bed)],
                         [("ledger", "is no regular file"), ("spool", "is no folder")])

    def test_a_log_that_somebody_keeps_from_beginning_anew_is_found(self):
        bed = Bed(self).make()
        log = bed.path / "orders.db-wal"
        os.truncate(log, 128 << 20)
        self.assertEqual(self.findings(bed), [])
        os.truncate(log, (128 << 20) + 1)
        finding = self.only(bed)
        self.assertEqual((finding["area"], finding["path"]), ("database", str(log)))
        self.assertIn("grown to 128 MiB", finding["problem"])
        self.assertIn(f"fuser -v {bed.path}/orders.db", finding["hint"])

    def test_messages_that_were_given_up_are_found(self):
        bed = Bed(self).make()
        for folder in ("failed", "corrupt"):
            (bed.path / "spool" / folder).mkdir(parents=True)
            (bed.path / "spool" / folder).chmod(0o750)
        (bed.path / "spool").chmod(0o750)
        self.assertEqual(self.findings(bed), [])
        uid = "0123456789abcdef" * 2
        for name in (uid, uid + ".reason"):
            (bed.path / "spool/failed" / name).touch()
        self.assertIn("1 message will not be delivered", self.only(bed)["problem"])
        for name in "ab":
            (bed.path / "spool/corrupt" / name).touch()
        self.assertIn("2 messages", self.findings(bed)[1]["problem"])

    def test_a_damaged_database_is_found(self):
        bed = Bed(self).make()
        connection = sqlite3.connect(bed.path / "orders.db", isolation_level=None)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'users_email_fold'").fetchone()[0]
        connection.close()
        with open(bed.path / "orders.db", "r+b") as file:
            file.seek((page - 1) * 4096 + 3)
            file.write(b"\0\0")  # the index has no entries any more
        for finding in self.findings(bed):
            self.assertEqual(finding["area"], "database")
            self.assertIn("restore a backup", finding["hint"])
        self.assertNotEqual(self.findings(bed), [])

    def test_what_is_no_database_is_found(self):
        bed = Bed(self).make()
        for name in ("orders.db-wal", "orders.db-shm"):
            (bed.path / name).unlink()
        (bed.path / "orders.db").write_bytes(b"x" * 8192)
        self.assertIn("not a database", self.only(bed)["problem"])

    def test_a_row_that_points_nowhere_is_found(self):
        bed = Bed(self).make()
        with sqlite3.connect(bed.path / "orders.db") as connection:
            connection.execute(
                "INSERT INTO payment_attempts (uid, user_id, state, amount_minor, currency, started_at)"
                " VALUES ('00000000000000000000000000000000', 4711, 'declined', 1, 'EUR', 1)")
        connection.close()
        self.assertIn("payment_attempts points to no row of users", self.only(bed)["problem"])

    def test_migrations_that_do_not_fit_are_found(self):
        bed = Bed(self).make()
        folder = bed.path / "sql"
        shutil.copytree(TOP / "sql", folder)
        (folder / f"{len(list(folder.iterdir())) + 1:04}_more.sql").write_text("CREATE TABLE more (id INTEGER) STRICT;")
        bed.configure(**{"database.migrations": folder})
        self.assertIn("1 migration is not applied", self.only(bed)["problem"])
        self.assertEqual(bed.run("migrate").status, 0)
        self.assertEqual(self.findings(bed), [])
        bed.configure()
        self.assertIn("newer than this program", self.only(bed)["problem"])
        (folder / "0001_initial.sql").write_text("-- changed")
        bed.configure(**{"database.migrations": folder})
        self.assertIn("changed after it was applied", self.only(bed)["problem"])

    def test_a_whole_service_is_in_order(self):
        server = Server(self)
        _, token = server.customer()
        self.assertEqual(server.order(token).status, 201)
        server.wait_until_at_rest()
        result = run("--config", server.config, "check")
        self.assertEqual((result.status, result.out), (0, ""), result)


if __name__ == "__main__":
    harness.main()
