#!/usr/bin/python3
"""orderctl reconcile, orders against their mails: delivered, on their way, given up, or one too many."""

import os
import shutil
import unittest

import harness
from orderctl import OWNER, STRANGER, needs_root, run
from reconcile import Copy, hold_for_nobody


class TestMails(unittest.TestCase):
    def test_a_mail_that_is_missing_is_told(self):
        home = Copy()
        home.mail_of(2)[0].unlink()
        next((home.path / "spool/new").iterdir()).unlink()
        self.assertEqual(home.reconcile(), [("mail_missing", 2, None), ("mail_missing", 4, None)])

    def test_a_mail_that_was_read_is_there_and_a_copy_of_it_is_the_same(self):
        home = Copy()
        path, _ = home.mail_of(2)
        shutil.copy(path, home.path / "mail/cur" / (path.name + ":2,S"))
        os.rename(home.mail_of(1)[0], home.path / "mail/cur/any-name")
        (home.path / "mail/new/spam").write_text("From: x\nSubject: hello\n\nX-Order-Id: 99\n")
        self.assertEqual(home.reconcile(), [])

    def test_another_mail_of_the_same_order_is_told(self):
        home = Copy()
        path, uid = home.mail_of(2)
        other = ("0" if uid[0] != "0" else "1") + uid[1:]
        (home.path / "mail/new/other").write_text(path.read_text().replace(uid, other))
        self.assertEqual(home.reconcile(), [("mail_twice", 2, max(uid, other))])

    def test_a_mail_of_no_order_is_told(self):
        home = Copy()
        path, uid = home.mail_of(2)
        (home.path / "mail/new/other").write_text(path.read_text().replace("X-Order-Id: 2\n", "X-Order-Id: 99\n"))
        self.assertEqual(home.reconcile(), [("mail_without_order", 99, uid)])

    def test_mails_in_the_spool_are_on_their_way_until_they_are_given_up(self):
        home = Copy()
        path = next((home.path / "spool/new").iterdir())
        for folder, name in (("claimed", f"1.{path.name}"), ("deferred", f"9999999999.3.{path.name}"), ("hold", path.name)):
            (home.path / "spool" / folder).mkdir(exist_ok=True)
            path = path.rename(home.path / "spool" / folder / name)
            self.assertEqual(home.reconcile(), [], folder)
        (home.path / "spool/failed").mkdir(exist_ok=True)
        uid = path.name
        path.rename(home.path / "spool/failed" / uid)
        (home.path / "spool/failed" / f"{uid}.reason").write_text("no such user\n")
        self.assertEqual(home.reconcile(), [("mail_given_up", 4, uid)])

    def test_mails_in_the_outbox_are_on_their_way(self):
        home = Copy()
        path = next((home.path / "spool/new").iterdir())
        home.change("INSERT INTO outbox (uid, kind, order_id, message, created_at) VALUES (?, 'order_confirmed', 4, ?, 1)",
                    path.name, path.read_bytes())
        self.assertEqual(home.reconcile(), [])
        path.unlink()
        self.assertEqual(home.reconcile(), [])

    def test_a_spool_that_cannot_be_read_hides_nothing_else(self):
        home = Copy()
        hold_for_nobody(home)
        shutil.rmtree(home.path / "spool")
        (home.path / "spool").write_text("not a folder")
        self.assertEqual([kind for kind, _, _ in home.reconcile()], ["held_without_order", "mails_unreadable"])
        line = run("--config", home.config, "reconcile").out.splitlines()[0]
        self.assertRegex(line, r"\Amail: cannot open the spool [^;]+: Not a directory; ")

    @needs_root
    def test_a_maildir_of_somebody_else_is_not_compared_and_that_is_said(self):
        home = Copy()
        shutil.rmtree(home.path / "mail/new")
        os.chown(home.path / "mail", STRANGER, STRANGER)
        result = run("--config", home.config, "reconcile")
        self.assertEqual((result.status, result.out), (0, ""), result)
        self.assertRegex(result.err, r"\Aorderctl: mails are not compared: [^\n]+ is not ours\n\Z")
        document = run("--config", home.config, "--json", "reconcile").json
        self.assertEqual((document["mails"], document["disagreements"]), ("skipped", []))
        self.assertIn("is not ours", document["mails_skipped_because"])

    @needs_root
    def test_root_looks_with_the_owner_s_eyes_and_leaves_nothing_behind(self):
        home = Copy()
        for path in (home.path.parent, home.path, *home.path.rglob("*")):
            os.chown(path, OWNER, OWNER)
        hold_for_nobody(home)
        for folder in ("spool/new", "mail/new"):
            (home.path / folder).chmod(0o700)
        self.assertEqual([kind for kind, _, _ in home.reconcile()], ["held_without_order"])
        for path in (home.path, *home.path.rglob("*")):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (OWNER, OWNER), path)


if __name__ == "__main__":
    harness.main()
