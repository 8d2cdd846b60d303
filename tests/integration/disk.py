"""A database on a small disk of its own, which a test can fill. The mounts are made in a namespace that only this
process and its children see, so that nothing is left behind, however the test ends."""

import ctypes
import errno
import os
import shutil
import subprocess

import harness

CLONE_NEWNS = 0x20000
SIZE = "24m"


def mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode == 0


def why_not():
    """Why no disk can be made here; None: it can. Once for a process."""
    if os.geteuid() != 0:
        return "a file system can be mounted by root only"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0 or not mount("--make-rprivate", "/"):
        return "no mount namespace can be made: " + os.strerror(ctypes.get_errno())
    return None


class Server(harness.Server):
    """orders.db and what lies beside it are on the disk; log, spool and ledger are not."""

    @property
    def disk(self):
        return self.path / "disk"

    def configure(self, options):
        if not self.disk.exists():
            self.disk.mkdir()
            assert mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.disk)
            (self.path / "orders.db").symlink_to("disk/orders.db")
        super().configure({"database.path": "disk/orders.db", **options})

    def fill(self):
        """To the last byte."""
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                while write(filler, bytes(size)):
                    pass

    def free(self):
        (self.disk / "filler").unlink()

    def close(self):
        try:
            super().close()
        finally:
            subprocess.run(["umount", "--lazy", self.disk], check=False)
            shutil.rmtree(self.path, ignore_errors=True)


def write(file, data):
    """False: there is no room."""
    try:
        return file.write(data) == len(data)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        return False
