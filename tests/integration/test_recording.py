#!/usr/bin/python3
"""What tests/fault/recorder.c writes down, and what recording.py and power_cut.py make of it: the test of power cuts is
worth what they are."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import harness
import power_cut
import recording
from power_cut import Cut


class Recorded(unittest.TestCase):
    """Scripts run in a home of their own, with the recorder; then it is said what a cut may leave."""

    def setUp(self):
        self.begin()

    def begin(self):
        """A fresh home."""
        folder = Path(tempfile.mkdtemp(prefix="orderd-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.home = folder / "home"
        self.home.mkdir()
        self.log = folder / "record"
        self.log.touch()

    def record(self, script):
        """In the home; file(name, bytes) and sync(name) are there. Then the recording."""
        begin = textwrap.dedent("""
            import os
            def file(name, data, flags=os.O_CREAT):
                fd = os.open(name, os.O_WRONLY | flags)
                os.write(fd, data)
                return fd
            def sync(name):
                fd = os.open(name, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)
            for name in ("spool", "spool/tmp", "spool/new", "mail"):
                os.mkdir(name)
            for name in (".", "spool"):
                sync(name)
            """)
        variables = {"LD_PRELOAD": str(harness.BUILD / "tests/fault/recorder.so"), "ORDERD_RECORD": str(self.log),
                     "ORDERD_RECORD_HOME": str(self.home)}
        subprocess.run([sys.executable, "-c", begin + textwrap.dedent(script)], cwd=self.home, check=True,
                       env={**os.environ, **variables})
        return self.read()

    def read(self):
        return recording.Recording(self.log, os.stat(self.home).st_ino)

    def left(self, script, kind="nothing"):
        """The files after a cut at the end of the script."""
        record = self.record(script)
        tree = power_cut.Disk(record, Cut(len(record.records) - 1, kind)).tree()
        return {path: content for path, content in tree.items() if content is not None}

    def test_what_was_not_synced_may_be_lost_whole(self):
        for kind, left in (("nothing", {}), ("everything", {"spool/new/a": b"text"})):
            self.begin()
            self.assertEqual(self.left("file('spool/new/a', b'text')", kind), left)

    def test_a_synced_file_without_a_synced_name_is_lost(self):
        self.assertEqual(self.left("os.fsync(file('spool/new/a', b'text'))"), {})

    def test_a_synced_name_without_synced_contents_is_empty(self):
        self.assertEqual(self.left("file('spool/new/a', b'text'); sync('spool/new')"), {"spool/new/a": b""})

    def test_with_both_it_stays(self):
        for sync in ("fsync", "fdatasync"):
            self.begin()
            left = self.left(f"os.{sync}(file('spool/new/a', b'text')); sync('spool/new')")
            self.assertEqual(left, {"spool/new/a": b"text"}, sync)

    def test_what_is_written_after_a_sync_is_not_covered_by_it(self):
        self.assertEqual(self.left("""
            fd = file('spool/new/a', b'one')
            sync('spool/new')
            os.fsync(fd)
            os.write(fd, b'two')
            """), {"spool/new/a": b"one"})

    def test_a_sync_that_fails_makes_nothing_safe(self):
        self.assertEqual(self.left("""
            os.mkfifo('spool/fifo')
            fd = os.open('spool/fifo', os.O_RDWR)
            try:
                os.fsync(fd)
            except OSError:
                pass
            else:
                raise SystemExit('a pipe was synced')
            """), {})
        kinds = [record.kind for record in self.read().records[-2:]]
        self.assertEqual(kinds, [recording.SYNC_END, recording.SYNC_BEGIN])

    def test_a_rename_is_lost_or_kept_and_never_half(self):
        for synced, left in (("mail", "spool/tmp/a"), ("spool/tmp", "spool/tmp/a"), ("spool/new", "spool/new/a")):
            self.begin()
            self.assertEqual(self.left(f"""
                os.fsync(file('spool/tmp/a', b'text'))
                sync('spool/tmp')
                os.rename('spool/tmp/a', 'spool/new/a')
                sync('{synced}')
                """), {left: b"text"}, synced)

    def test_a_rename_over_a_file_leaves_the_old_or_the_new_one(self):
        script = """
            for name in ('spool/new/a', 'spool/tmp/a'):
                os.fsync(file(name, name.encode()))
                sync(os.path.dirname(name))
            os.rename('spool/tmp/a', 'spool/new/a')
            """
        self.assertEqual(self.left(script), {"spool/new/a": b"spool/new/a", "spool/tmp/a": b"spool/tmp/a"})
        record = self.read()
        tree = power_cut.Disk(record, Cut(len(record.records) - 1, "names")).tree()
        self.assertEqual(tree["spool/new/a"], b"spool/tmp/a")
        self.assertNotIn("spool/tmp/a", tree)

    def test_a_removal_may_come_before_all_that_was_done_before_it(self):
        self.assertEqual(self.left("""
            os.fsync(file('spool/new/a', b'text'))
            sync('spool/new')
            file('mail/a', b'mail')
            os.unlink('spool/new/a')
            """, "removals"), {})

    def test_a_folder_that_is_lost_takes_with_it_what_was_synced_in_it(self):
        self.assertEqual(self.left("""
            os.mkdir('mail/new')
            os.fsync(file('mail/new/a', b'mail'))
            sync('mail/new')
            """), {})

    def sync_file_system(self, name):
        return f"""
            import ctypes
            fd = os.open('{name}', os.O_RDONLY)
            if ctypes.CDLL(None).syncfs(fd):
                raise SystemExit('syncfs')
            """

    def test_syncfs_covers_names_and_contents_of_its_part_only(self):
        self.assertEqual(self.left("""
            file('spool/new/a', b'text')
            file('mail/a', b'mail')
            """ + self.sync_file_system("spool")), {"spool/new/a": b"text"})

    def test_a_write_is_torn_at_sectors(self):
        record = self.record("""
            fd = file('spool/new/a', b'o' * 4096)
            os.fsync(fd)
            sync('spool/new')
            os.pwrite(fd, b'n' * 1000, 1000)
            """)
        seen = set()
        for seed in range(200):
            tree = power_cut.Disk(record, Cut(len(record.records) - 1, "sectors", seed)).tree()
            content = tree["spool/new/a"]
            self.assertEqual(content[:1000] + content[2000:], b"o" * 3096)
            pieces = [content[1000:1024], content[1024:1536], content[1536:2000]]
            self.assertTrue(all(len(set(piece)) == 1 for piece in pieces), pieces)
            seen.add(b"".join(piece[:1] for piece in pieces))
        self.assertEqual(len(seen), 8)

    def test_a_size_may_be_there_without_the_bytes(self):
        self.assertEqual(self.left("file('spool/new/a', b'text')", "sizes"), {"spool/new/a": bytes(4)})

    def test_an_inode_that_is_dealt_out_again_is_another_file(self):
        self.assertEqual(self.left("""
            for turn in range(20):
                fd = file('spool/new/a', b'%d' % turn)
                os.fsync(fd)
                sync('spool/new')
                os.close(fd)
                os.unlink('spool/new/a')
            file('spool/new/a', b'last')
            """), {"spool/new/a": b"19"})

    def test_the_ledger_is_the_world_outside(self):
        self.assertEqual(self.left("file('gateway.ledger', b'line')"), {"gateway.ledger": b"line"})

    def test_truncation_on_opening_is_seen(self):
        self.assertEqual(self.left("""
            os.fsync(file('spool/new/a', b'old text'))
            sync('spool/new')
            file('spool/new/a', b'new', os.O_TRUNC)
            """, "removals"), {"spool/new/a": b""})

    def test_marks_stand_where_they_were_made(self):
        recording.mark(self.log, "confirmed", key="k")
        record = self.record("file('spool/new/a', b'text')")
        self.assertEqual([facts["key"] for _, facts in record.marks("confirmed")], ["k"])
        self.assertEqual(record.marks("confirmed")[0][0], 0)


if __name__ == "__main__":
    harness.main(60)
