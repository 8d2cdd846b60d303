#!/usr/bin/python3
"""The shipped lighttpd configuration: lighttpd starts orderd, hands it the socket as descriptor 0, and both do what
the API says, as far as the file claims it."""

import os
import re
import shutil
import signal
import unittest

import harness
from script_server import children, program

LIGHTTPD = shutil.which("lighttpd", path=harness.SBIN)


class Lighttpd(harness.Server):
    """A server whose web server is lighttpd, which also runs orderd."""

    front = "lighttpd"
    front_signal = signal.SIGINT

    def start(self, name):
        if name != "orderd":
            super().start(name)

    def front_command(self):
        (self.path / "lighttpd.conf").write_text(f"""
server.document-root = "{self.path}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{self.path}/log/lighttpd.log"
include "{self.path}/lighttpd-site.conf"
""")
        text = (harness.BUILD / "lighttpd/orderd.conf").read_text()
        for pattern, value in (
            (r'"[^"]*/orderd --config [^"]*"', f'"{harness.BUILD}/orderd --config {self.config}"'),
            (r'"/run/lighttpd/orderd\.sock"', f'"{self.path}/run/orderd.sock"'),
            (r'"[^"]*/lighttpd/status-"', f'"{harness.BUILD}/lighttpd/status-"'),
        ):
            text, count = re.subn(pattern, value, text)
            assert count >= 1, f"{pattern} is not in lighttpd/orderd.conf"
        (self.path / "lighttpd-site.conf").write_text(text)
        return [LIGHTTPD, "-D", "-f", self.path / "lighttpd.conf"]

    def orderd_pid(self):
        """The child that is orderd, once it has become it."""
        return harness.wait_for(
            lambda: [pid for pid in children(self.processes["lighttpd"].pid) if program(pid) == "orderd"], "orderd")[0]


@unittest.skipUnless(LIGHTTPD, "lighttpd is not installed")
class LighttpdTest(unittest.TestCase):
    def setUp(self):
        self.server = Lighttpd(self)

    def raw(self, method, target, body=None, headers=()):
        """For answers that lighttpd makes by itself, which cannot keep every promise."""
        return harness.exchange(self.server.port, method, target, body, headers)

    def test_an_order_and_its_mail(self):
        _, token = self.server.customer()
        reply = self.server.order(token)
        self.assertEqual(reply.status, 201, reply)
        self.assertEqual(self.server.get(reply.header("Location"), token).status, 200)
        harness.wait_for(self.server.mails, "the mail")
        self.assertIn("orders", self.server.get("/orders/", self.server.admin_token).json)

    @unittest.skipUnless(os.getuid() == 0, "orderd's descriptors are closed to whoever is not root")
    def test_the_socket_is_handed_over_as_descriptor_0(self):
        self.assertTrue(os.readlink(f"/proc/{self.server.orderd_pid()}/fd/0").startswith("socket:"))

    def test_what_orderd_answers_passes_untouched(self):
        _, token = self.server.customer()
        self.server.order(token)
        for method, target, status, problem in (
            ("GET", "/nothing", 404, "not-found"), ("GET", "//orders/1", 404, "not-found"),
            ("GET", "/orders/%31", 404, "not-found"), ("GET", "/orders/1/../1", 404, "not-found"),
            ("GET", "/orders/create", 405, "method-not-allowed"), ("DELETE", "/orders/1", 405, "method-not-allowed"),
            ("TRACE", "/orders/mine", 405, "method-not-allowed"), ("GET", "/orders/mine?limit=0", 422, "validation"),
        ):
            with self.subTest(method + " " + target):
                reply = self.server.request(method, target, token=token)
                self.assertEqual((reply.status, reply.problem), (status, problem), reply)

    def test_a_body_at_the_limit_and_one_past_it(self):
        _, token = self.server.customer()
        reply = self.server.post("/orders/create", b" " * 65536, token)
        self.assertEqual((reply.status, reply.problem), (400, "malformed-json"), reply)
        reply = self.raw("POST", "/orders/create", b" " * 65537, [("Content-Type", harness.JSON)])
        self.assertEqual((reply.status, reply.problem), (413, "body-too-large"), reply)

    def test_what_lighttpd_refuses_is_a_problem_too(self):
        for method, target, headers, status, problem in (
            ("GET", "/healthz", [("X-Long", "a" * 9000)], 431, "bad-request"),
            ("BREW", "/healthz", [], 501, "bad-request"),
            ("GET", "/healthz", [("Host", "a"), ("Host", "b")], 400, "bad-request"),
        ):
            with self.subTest(target + str(headers)[:20]):
                reply = self.raw(method, target, headers=headers)
                self.assertEqual((reply.status, reply.problem), (status, problem), reply)
                self.assertEqual(reply.header("Content-Type"), "application/problem+json")
                self.assertEqual(reply.json["status"], status)

    def test_metrics_are_open_to_loopback(self):
        self.assertEqual(self.server.get("/metrics").status, 200)

    def test_orderd_that_dies_is_started_again(self):
        _, token = self.server.customer()
        old = self.server.orderd_pid()
        os.kill(old, signal.SIGKILL)
        harness.wait_for(lambda: self.server.orderd_pid() != old and self.server.healthz(), "another orderd")
        self.assertEqual(self.server.order(token).status, 201)

    def test_an_orderly_stop_takes_orderd_along(self):
        _, token = self.server.customer()
        self.assertEqual(self.server.order(token).status, 201)
        pid = self.server.orderd_pid()
        self.server.processes["lighttpd"].send(self.server.front_signal)
        harness.wait_for(lambda: not program(pid), "the end of orderd")
        self.assertEqual(self.server.processes.pop("lighttpd").wait(), 0)  # a second signal would cut its end short
        self.assertIn("orderd has stopped", (self.server.path / "log/orderd.log").read_text())


if __name__ == "__main__":
    harness.main()
