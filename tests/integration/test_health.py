#!/usr/bin/python3
"""/healthz: what works, what does not while reads still do, and when it is time to begin."""

import os
import shutil
import subprocess
import unittest

import disk
import harness
from harness import TOP, Server, wait_for

NO_DISK = disk.why_not()


def health(server):
    reply = server.get("/healthz")
    return reply.status, reply.json if reply.status == 200 else reply.problem


OK = (200, {"status": "ok"})


def degraded(*what):
    return 200, {"status": "degraded", "degraded": list(what)}


class TestHealth(unittest.TestCase):
    def test_all_is_well_and_no_token_is_wanted(self):
        server = Server(self, notifier=False)
        self.assertEqual(health(server), OK)
        self.assertEqual(server.get("/healthz", "not a token").status, 200)
        self.assertEqual(server.get("/healthz?whatever=1").status, 200)
        reply = server.request("HEAD", "/healthz")
        self.assertEqual((reply.status, reply.body), (200, b""))
        reply = server.post("/healthz")
        self.assertEqual((reply.status, reply.header("Allow")), (405, "GET, HEAD"))

    def test_a_spool_that_cannot_be_written_stops_no_orders(self):
        server = Server(self, {"spool.retry": 100})
        _, token = server.customer()
        wait_for(lambda: "orderd-notifier is ready" in server.log_text(), "the notifier, which makes folders in the spool")
        shutil.rmtree(server.path / "spool")
        (server.path / "spool").write_text("not a folder")
        ids = [server.order(token).json["order_id"] for _ in range(3)]
        wait_for(lambda: health(server) == degraded("spool"), "the degraded state")
        self.assertEqual(server.get(f"/orders/{ids[0]}", token).status, 200)
        self.assertEqual(server.order(token).status, 201)
        self.assertEqual(health(server), degraded("spool"))
        (server.path / "spool").unlink()
        wait_for(lambda: health(server) == OK, "the spool")
        server.kill("orderd-notifier")  # it may have given up, or look at a folder that is gone
        server.start("orderd-notifier")
        server.wait_until_at_rest()
        self.assertEqual(sorted(int(mail["X-Order-Id"]) for mail in server.mails()), ids + [ids[-1] + 1])

    def test_a_database_that_cannot_be_read_is_told(self):
        server = Server(self, notifier=False)
        _, token = server.customer()
        with open(server.path / "orders.db", "r+b") as file:
            file.write(os.urandom(os.fstat(file.fileno()).st_size))
        server.order(token)  # a commit, so that nobody trusts what was read before
        wait_for(lambda: health(server) == (503, "unavailable"), "the end of the database")
        server.kill("orderd")


@unittest.skipIf(NO_DISK, NO_DISK)
class TestFullDisk(unittest.TestCase):
    def test_a_full_disk_stops_writes_and_nothing_else(self):
        server = disk.Server(self, notifier=False)
        _, token = server.customer()
        key = [("Idempotency-Key", "k")]
        first = server.order(token, key)
        server.fill()
        reply = wait_for(lambda: refused(server.order(token)), "an order that cannot be written")
        self.assertEqual(reply.problem, "unavailable")
        self.assertEqual(health(server), degraded("writes"))
        self.assertEqual(server.get(first.header("Location"), token).status, 200)
        replay = server.order(token, key)
        self.assertEqual((replay.status, replay.body), (201, first.body))
        self.assertEqual(health(server), degraded("writes"))
        server.free()
        wait_for(lambda: health(server) == OK, "writes, without a request that writes")
        self.assertEqual(server.order(token).status, 201)


def refused(reply):
    return reply if reply.status == 503 else None


class TestReadiness(unittest.TestCase):
    def test_the_line_of_the_manual_waits_until_orders_are_taken(self):
        lines = [line for line in (TOP / "man/orderctl.8").read_text().splitlines() if "/healthz" in line and "curl" in line]
        self.assertEqual(len(lines), 1)
        server = Server(self, notifier=False)
        command = lines[0].split("$ ", 1)[1].replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
        server.stop("orderd")
        self.assertEqual(health(server), (503, "unavailable"))
        waiting = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        wait_for(lambda: "503" in (server.path / "log/nginx.log").read_text() or waiting.poll() is None, "curl")
        self.assertIsNone(waiting.poll())
        server.start("orderd")
        out, err = waiting.communicate(timeout=60)
        self.assertEqual((waiting.returncode, out), (0, '{"status":"ok"}'), err)


if __name__ == "__main__":
    harness.main()
