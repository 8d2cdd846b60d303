"""What the tests of orderctl reconcile share: a home whose books agree, to be copied and spoilt."""

import atexit
import shutil
import sqlite3
import tempfile
import unittest

from harness import Home, Server
from orderctl import run

TIME = "time=2026-11-24T15:04:05Z"
MONEY = " amount=2590 currency=EUR"
STRANGE = "5" * 32


def reconcile(config, **options):
    """[(kind, order id, uid)], sorted."""
    result = run("--config", config, "--json", "reconcile", **options)
    found = result.json["disagreements"]
    assert result.status == (1 if found else 0), result
    return sorted(((one["kind"], one["order_id"], one["uid"]) for one in found), key=str)


class Copy(Home):
    """A home of its own, as the template stood when its service was stopped."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="reconcile-test-") + "/home")
        atexit.register(shutil.rmtree, self.path.parent, ignore_errors=True)
        shutil.copytree(Template.get().path, self.path, ignore=shutil.ignore_patterns("*.sock"))

    def reconcile(self):
        return reconcile(self.config)

    def change(self, sql, *values):
        connection = sqlite3.connect(self.path / "orders.db")
        connection.execute("PRAGMA foreign_keys = OFF")
        with connection:
            connection.execute(sql, values)
        connection.close()

    def append(self, event, uid, rest=""):
        with open(self.path / "gateway.ledger", "a", encoding="ascii") as ledger:
            ledger.write(f"{TIME} event={event} reference={uid}{rest}\n")

    def drop_lines(self, uid, event=None):
        path = self.path / "gateway.ledger"
        lines = [line for line in path.read_text().splitlines()
                 if f"reference={uid}" not in line or (event and f"event={event} " not in line)]
        path.write_text("".join(line + "\n" for line in lines))

    def uid_of(self, state):
        return self.value("SELECT uid FROM payment_attempts WHERE state = ?", state)

    @property
    def captured(self):
        """The uid of order 1."""
        return self.value("SELECT attempt_uid FROM orders WHERE id = 1")

    def mail_of(self, order_id):
        """Path and uid."""
        for path in (self.path / "mail/new").iterdir():
            text = path.read_text()
            if f"\nX-Order-Id: {order_id}\n" in text:
                return path, path.name.split(".")[1]
        raise AssertionError(f"no mail of order {order_id}")


class Template:
    """Orders 1 to 3 captured and mailed, 4 captured with its mail in the spool; a declined and two voided attempts."""

    home = None

    @classmethod
    def get(cls):
        if cls.home is None:
            case = unittest.TestCase()
            server = Server(case, {"gateway.timeout": 200})
            _, token = server.customer()
            for _ in range(3):
                assert server.order(token).status == 201
            for payment_token in ("tok_declined", "tok_error", "tok_timeout"):
                assert server.order(token, payment_token=payment_token).status != 201
            server.wait_until_at_rest()
            server.stop("orderd-notifier")
            assert server.order(token).json["order_id"] == 4
            server.wait_until_settled()
            server.stop_all()
            folder = tempfile.mkdtemp(prefix="reconcile-test-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            shutil.copytree(server.path, f"{folder}/home", ignore=shutil.ignore_patterns("*.sock"))
            case.doCleanups()
            cls.home = Home(f"{folder}/home")
        return cls.home


def hold_for_nobody(home):
    """The gateway holds money of which nothing is known here."""
    home.append("authorise", STRANGE, MONEY)
    return STRANGE
