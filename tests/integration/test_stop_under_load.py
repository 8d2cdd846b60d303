#!/usr/bin/python3
"""An orderly stop under load loses nothing: whatever the web server has sent is answered, and every order that was
confirmed is there, and no other."""

import http.client
import json
import signal
import threading
import time
import unittest

import harness
from harness import order_body
from script_server import ADMIN_PASSWORD, Run, comment_logs

# What nginx says of a request that it had sent and that was not answered.
LOST = ("prematurely closed", "reset by peer", "recv() failed", "readv() failed", "broken pipe", "timed out")


class Load:
    """Clients that create orders as fast as they are answered, each on a connection that it keeps."""

    def __init__(self, port, token, clients=16):
        self.port = port
        self.token = token
        self.statuses = []  # of complete answers
        self.broken = []    # what went wrong instead of an answer
        self.refused = 0    # connections that nobody took: nothing was sent
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        body = json.dumps(order_body()).encode()
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        connection = None
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                    connection.connect()
            except OSError:
                self.refused += 1
                connection = None
                time.sleep(0.01)
                continue
            try:
                connection.request("POST", "/orders/create", body, headers)
                response = connection.getresponse()
                response.read()
                self.statuses.append(response.status)
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                connection.close()
                connection = None

    def wait_for_answers(self, count, status=201):
        wanted = self.statuses.count(status) + count
        harness.wait_for(lambda: self.statuses.count(status) >= wanted, f"{count} more answers {status}", 60)

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


class StopUnderLoad(unittest.TestCase):
    def assert_nothing_lost(self, home, load):
        self.assertLessEqual(set(load.statuses), {201, 503})
        nginx_log = (home.path / "log/nginx.log").read_text().lower()
        for word in LOST:
            self.assertNotIn(word, nginx_log)
        self.assertEqual(home.value("SELECT count(*) FROM orders"), load.statuses.count(201))

    def test_orderd_stops_and_starts_again(self):
        server = harness.Server(self)
        _, token = server.customer()
        load = Load(server.port, token)
        try:
            for _ in range(3):
                load.wait_for_answers(50)
                server.stop("orderd")
                load.wait_for_answers(1, 503)
                server.start("orderd")
            load.wait_for_answers(50)
        finally:
            load.end()
        self.assertEqual(load.broken, [])
        self.assert_nothing_lost(server, load)
        server.wait_until_at_rest(60)
        captures = [event["reference"] for event in server.ledger() if event["event"] == "capture"]
        self.assertEqual(len(captures), len(set(captures)))
        self.assertEqual(len(captures), load.statuses.count(201))

    def test_a_slow_gateway_holds_the_stop_up_but_loses_nothing(self):
        # nginx lets go of a busy connection after its keepalive_time, or the stop would last for minutes
        server = harness.Server(self, {"gateway.latency": 400, "server.stop_timeout": 600000})
        _, token = server.customer()
        load = Load(server.port, token)
        try:
            load.wait_for_answers(20)
            server.stop("orderd")
            load.wait_for_answers(1, 503)
        finally:
            load.end()
        self.assertEqual(load.broken, [])
        self.assert_nothing_lost(server, load)
        server.start("orderd")
        server.wait_until_settled(60)

    def test_the_whole_server_stops(self):
        """nginx lets go of its clients, so a connection may end between two requests; but no answer is cut short, and
        what was confirmed is there."""
        run = Run(self).wait_until_ready()
        admin_token = run.login("admin", ADMIN_PASSWORD)
        body = {"username": "alice", "password": "a good password", "email": "alice@example.com"}
        self.assertEqual(run.post("/auth/register", body, admin_token).status, 201)
        load = Load(run.port, run.login("alice", "a good password"))
        try:
            load.wait_for_answers(50)
            self.assertEqual(run.stop(signal.SIGTERM), 0)
        finally:
            load.end()
        for broken in load.broken:
            self.assertTrue(broken.startswith(("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError")), broken)
        again = Run(self, home=run.path, port=run.port).wait_until_ready()
        self.assert_nothing_lost(again, load)


if __name__ == "__main__":
    def on_failure(comment):
        comment_logs(comment)
        for server in harness.Server.alive:
            server.comment_logs(comment)

    harness.tap.main(180, on_failure)
