"""What the tests of orderctl share: running it, and a home without a server."""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import harness
from harness import BUILD, FAST, TOP

PASSWORD = "a secret nobody sees"
OWNER = 65534  # an ordinary user: root acts as them, and they own the state
STRANGER = 65533


def is_open_to_all(folder):
    """Can an ordinary user get there? Below /root, for one, they cannot."""
    return all(path.stat().st_mode & 0o001 for path in (folder.resolve(), *folder.resolve().parents))


CAN_CHANGE_USERS = os.getuid() == 0 and is_open_to_all(TOP) and is_open_to_all(BUILD)


def needs_root(test):
    return unittest.skipUnless(
        CAN_CHANGE_USERS, "only root can change users, and only where others can read the source and run what was built")(test)


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.status}, out {self.out!r}, err {self.err!r}"


def run(*arguments, text_in=b"", uid=None, **options):
    """orderctl with exactly these arguments. uid: as that ordinary user."""
    argv = [str(BUILD / "orderctl"), *map(str, arguments)]
    if uid is not None:
        argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", *argv]
    if isinstance(text_in, str):
        text_in = text_in.encode()
    options.setdefault("input", text_in)
    done = subprocess.run(
        argv, stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, timeout=60, check=False,
        **options)
    done.stdout = (done.stdout or b"").decode(errors="replace")
    done.stderr = done.stderr.decode(errors="replace")
    for word in ("Sanitizer", "runtime error:", "Assertion"):
        assert word not in done.stderr, done.stderr
    return Result(done)


class Bed(harness.Home):
    """A home without a server."""

    def __init__(self, case, uid=None, **values):
        super().__init__(tempfile.mkdtemp(prefix="orderctl-test-"))
        case.addCleanup(shutil.rmtree, self.path, ignore_errors=True)
        self.configure(**values)
        self.uid = uid
        if uid is not None:
            os.chown(self.path, uid, uid)
            self.path.chmod(0o750)

    def configure(self, **values):
        self.config.write_text(harness.config_text({**FAST, "database.migrations": TOP / "sql", **values}))
        self.config.chmod(0o644)

    def run(self, *arguments, **options):
        return run("--config", self.config, *arguments, **options)

    def add(self, name, *arguments, password=PASSWORD, email=None, **options):
        email = email or f"{name}@example.com"
        return self.run("user", "add", "--email", email, *arguments, name, text_in=password + "\n", **options)

    def make(self):
        """All that orderd would want."""
        for result in (self.run("key", "new"), self.add("alice"), self.run("check")):
            assert result.status == 0, result
        return self

    def change(self, sql, *values):
        """As no program does: whatever is to be wrong."""
        with sqlite3.connect(self.path / "orders.db") as connection:
            connection.execute(sql, values)
        connection.close()

    def files(self):
        return sorted(path for path in self.path.rglob("*") if path != self.config)
