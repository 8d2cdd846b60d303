"""Small disks that a test can fill, and servers that have something of their home on one. The mounts are made in a
namespace that only this process and its children see, so that nothing is left behind, however the test ends."""

import ctypes
import errno
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness

CLONE_NEWNS = 0x20000


def mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode == 0


@functools.cache
def why_not():
    """Why no disk can be made here; None: it can."""
    if os.geteuid() != 0:
        return "a file system can be mounted by root only"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0 or not mount("--make-rprivate", "/"):
        return "no mount namespace can be made: " + os.strerror(ctypes.get_errno())
    return None


class Disk:
    """A file system of its own at a folder that is there."""

    def __init__(self, path, size="24m"):
        self.path = Path(path)
        assert mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path)

    @property
    def filler(self):
        return self.path / ".filler"

    def fill(self, leave=0):
        """To the last byte, or but for a few; how many were written."""
        with open(self.filler, "ab", buffering=0) as filler:
            before = filler.tell()
            for size in (65536, 4096, 1):
                while write(filler, bytes(size)):
                    pass
            filler.truncate(max(0, filler.tell() - leave))
            return filler.tell() - before

    def free(self):
        self.filler.unlink()

    def set_mode(self, mode):
        """"ro" or "rw"; the first is refused while anything is open for writing."""
        assert mount("-o", f"remount,{mode}", self.path)

    def close(self):
        subprocess.run(["umount", "--lazy", self.path], check=False)


def write(file, data):
    """False: there is no room."""
    try:
        return file.write(data) == len(data)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        return False


class DiskServer(harness.Server):
    """A server that has a folder of its home on a disk; "" is all of it."""

    folder = ""
    size = "24m"
    disk = None

    def make_disk(self, home):
        path = Path(home) / self.folder
        path.mkdir(exist_ok=True)
        self.disk = Disk(path, self.size)

    def make_home(self):
        home = super().make_home()
        self.make_disk(home)
        return home

    def fill(self, leave=0):
        return self.disk.fill(leave)

    def free(self):
        self.disk.free()

    def close(self):
        try:
            super().close()
        finally:
            self.disk.close()
            shutil.rmtree(self.path, ignore_errors=True)


class Server(DiskServer):
    """orders.db and what lies beside it are on the disk; log, spool and ledger are not."""

    folder = "disk"

    def make_home(self):
        home = super().make_home()
        (Path(home) / "orders.db").symlink_to("disk/orders.db")
        return home

    def configure(self, options):
        super().configure({"database.path": "disk/orders.db", **options})


class HomeServer(DiskServer):
    """All of the home is on the disk, but the gateway's ledger: it stands for the world outside."""

    size = "64m"
    world = None

    def make_home(self):
        home = super().make_home()
        self.world = tempfile.mkdtemp(prefix="orderd-test-")
        (Path(home) / "gateway.ledger").symlink_to(f"{self.world}/gateway.ledger")
        return home

    def close(self):
        try:
            super().close()
        finally:
            shutil.rmtree(self.world, ignore_errors=True)


class SpoolServer(DiskServer):
    """The spool, both sides of it, is on the disk, and nothing else."""

    folder = "spool"
    size = "2m"


class MailServer(DiskServer):
    """The Maildir is on the disk, and nothing else."""

    folder = "mail"
    size = "64m"
