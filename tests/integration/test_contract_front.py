#!/usr/bin/python3
"""API.md, "Everywhere": the front server's own answers, to what it refuses itself and where orderd does not answer:
it is dead, stuck, slow, or talks nonsense. For nginx, and for lighttpd with the differences that
lighttpd/orderd.conf.in names."""

import concurrent.futures
import json
import re
import signal
import socket
import threading
import unittest
from pathlib import Path

import contract
import harness
import lighttpd
import raw
from contract import JSON, MARK, bearer

CREATE = json.dumps(harness.order_body()).encode()


def patient(text, pattern):
    """The front server's configuration, with a few seconds of patience with orderd."""
    text, count = re.subn(pattern, r"\g<1>3\2", text)
    assert count == 1, pattern
    return text


class Nginx(harness.Server):
    def nginx_site(self):
        """With what an administrator may add, a log and a limit, and with a way to come from another address."""
        site = patient(super().nginx_site(), r"(fastcgi_read_timeout +)60(s;)")
        site, count = re.subn(r"access_log +off;", "access_log log/access.log orderd;", site)
        assert count == 1
        return site + """
            set_real_ip_from 127.0.0.1;
            real_ip_header X-Test-Address;
            location = /limited {
                return 429;
            }
            location = /broken {
                return 500;
            }
            """


class Lighttpd(lighttpd.Server):
    def site(self):
        return patient(super().site(), r'("read-timeout" +=> )60()')


class Responder:
    """Something that is not orderd, at orderd's socket: reads a little, answers with the bytes, and closes."""

    def __init__(self, path, answer):
        path.unlink(missing_ok=True)
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.sendall(self.answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def record(kind, content):
    """FastCGI 1.0, section 3.3."""
    return bytes([1, kind, 0, 1, len(content) >> 8, len(content) & 255, 0, 0]) + content


NONSENSE = {
    "nothing": b"",
    "no FastCGI": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 9,
    "an end without an answer": record(6, b"") + record(3, bytes(8)),
    "a header that does not end": record(6, b"Status: 200 OK\r\nX: y") + record(6, b"") + record(3, bytes(8)),
}


class FrontTest(contract.ContractTest):
    dead, stuck, late = (503,), (503,), (503,)

    @property
    def socket_path(self):
        return self.server.path / "run/orderd.sock"

    def assert_unavailable(self, statuses):
        """Whatever is asked."""
        for method, target, body in (("GET", "/healthz", None), ("HEAD", "/orders/mine", None),
                                     ("GET", "/metrics", None), ("POST", "/orders/create", CREATE),
                                     ("OPTIONS", "/nowhere", None), ("TRACE", "/healthz", None)):
            reply = self.request(method, target, [JSON] * (method == "POST"), body, self.token, from_front=True)
            self.assertIn(reply.status, statuses, reply)
            if method != "HEAD":
                self.assertEqual(reply.json["type"], "urn:orderd:problem:unavailable", reply)

    def assert_works_again(self):
        """nginx at once; lighttpd gives orderd a second's rest."""
        harness.wait_for(self.server.healthz, "/healthz")
        self.assertEqual(self.order().status, 201)

    def freeze(self):
        """Each thread of orderd stands still."""
        orderd = self.server.processes["orderd"]
        orderd.send(signal.SIGSTOP)
        threads = Path(f"/proc/{orderd.pid}/task")
        harness.wait_for(lambda: all(b") T " in (thread / "stat").read_bytes() for thread in threads.iterdir()),
                         "threads that stand still")

    def orderd_is_dead(self):
        self.server.kill("orderd")
        self.assertTrue(self.socket_path.exists())
        self.assert_unavailable(self.dead)
        self.socket_path.unlink()
        self.assert_unavailable(self.dead)
        self.server.start("orderd")
        self.assert_works_again()

    def orderd_dies_in_the_middle(self):
        self.server.stop("orderd")
        self.server.configure({"gateway.latency": 60000})
        self.server.start("orderd")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            create = pool.submit(self.request, "POST", "/orders/create", [JSON], CREATE, self.token, True)
            harness.wait_for(lambda: self.server.value("SELECT count(*) FROM payment_attempts"), "an attempt")
            self.server.kill("orderd")
            reply = create.result()
        self.assertIn(reply.status, self.dead + self.stuck, reply)
        self.assertEqual(reply.json["type"], "urn:orderd:problem:unavailable", reply)
        self.server.configure({})
        self.server.start("orderd")
        self.assert_works_again()

    def the_backlog_is_full(self):
        self.server.stop("orderd")
        self.server.configure({"server.backlog": 1})
        self.server.start("orderd")
        self.freeze()
        waiting = []
        try:
            for _ in range(8):
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                full = waiting[-1].connect_ex(str(self.socket_path))
            self.assertNotEqual(full, 0)
            self.assert_unavailable(self.stuck)
        finally:
            self.server.processes["orderd"].send(signal.SIGCONT)
            for connection in waiting:
                connection.close()
        self.assert_works_again()

    def orderd_is_too_slow(self):
        self.freeze()
        try:
            reply = self.request("GET", "/healthz", from_front=True)
        finally:
            self.server.processes["orderd"].send(signal.SIGCONT)
        self.assertIn(reply.status, self.late, reply)
        self.assertEqual(reply.json["type"], "urn:orderd:problem:unavailable", reply)
        self.assert_works_again()

    def somebody_else_talks_nonsense(self):
        self.server.stop("orderd")
        for why, answer in NONSENSE.items():
            with self.subTest(why):
                responder = Responder(self.socket_path, answer)
                try:
                    self.assert_unavailable(self.dead + self.stuck)
                finally:
                    responder.close()
        self.socket_path.unlink()
        self.server.start("orderd")
        self.assert_works_again()


class BehindNginx(FrontTest):
    make_server = Nginx

    def test_orderd_is_dead(self):
        self.orderd_is_dead()

    def test_orderd_dies_in_the_middle(self):
        self.orderd_dies_in_the_middle()

    def test_the_backlog_is_full(self):
        self.the_backlog_is_full()

    def test_orderd_is_too_slow(self):
        self.orderd_is_too_slow()

    def test_somebody_else_talks_nonsense(self):
        self.somebody_else_talks_nonsense()

    def test_what_it_refuses_itself(self):
        def get(target="/healthz", headers=(), **options):
            return raw.request("GET", target, headers, **options)

        def post(headers, behind):
            return raw.request("POST", "/auth/login", [JSON, *headers]) + behind

        for why, sent, status, problem in (
            ("no method", b"/ HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("small letters", raw.request("get", "/healthz"), 400, "bad-request"),
            ("no path", get("healthz"), 400, "bad-request"),
            ("*", raw.request("OPTIONS", "*"), 400, "bad-request"),
            ("a host as the path", raw.request("CONNECT", "localhost:80"), 400, "bad-request"),
            ("a space in the path", get("/a b"), 400, "bad-request"),
            ("a control character in the path", get("/a\x01"), 400, "bad-request"),
            ("a NUL in the path", get("/a\0b"), 400, "bad-request"),
            ("a bad escape in the path", get("/%zz"), 400, "bad-request"),
            ("an escaped NUL in the path", get("/orders/%00"), 400, "bad-request"),
            ("out of the root", get("/../orders/"), 400, "bad-request"),
            ("HTTP/2.0", get(version="HTTP/2.0"), 400, "bad-request"),
            ("another protocol", get(version="XTTP/1.1"), 400, "bad-request"),
            ("a preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-request"),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n", 400, "bad-request"),
            ("no Host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad-request"),
            ("two Hosts", get(headers=[("Host", "other")]), 400, "bad-request"),
            ("two tokens", get("/auth/me", [bearer("x")] * 2), 400, "bad-request"),
            ("a space in a header's name", get(headers=[("a b", "c")]), 400, "bad-request"),
            ("a NUL in a header", get(headers=[("a", "b\0c")]), 400, "bad-request"),
            ("a folded header", get(headers=[("a", "b\r\n c")]), 400, "bad-request"),
            ("a header over 8 KiB", get(headers=[("X", "a" * 9000)]), 400, "bad-request"),
            ("a long token", get("/auth/me", [bearer("a" * 9000)]), 400, "bad-request"),
            ("a large header", get(headers=[(f"X{i}", "a" * 1000) for i in range(40)]), 400, "bad-request"),
            ("a length that is none", post([("Content-Length", "1x")], b"1"), 400, "bad-request"),
            ("a negative length", post([("Content-Length", "-1")], b""), 400, "bad-request"),
            ("a length past 2^63", post([("Content-Length", "9" * 30)], b""), 400, "bad-request"),
            ("two lengths", post([("Content-Length", "2")] * 2, b"{}"), 400, "bad-request"),
            ("a length and chunks", post([("Content-Length", "2"), ("Transfer-Encoding", "chunked")], b"{}"), 400,
             "bad-request"),
            ("bad chunks", post([("Transfer-Encoding", "chunked")], b"zz\r\n{}\r\n0\r\n\r\n"), 400, "bad-request"),
            ("another transfer encoding", post([("Transfer-Encoding", "gzip")], b""), 400, "bad-request"),
            ("a large body", post([("Content-Length", "65537")], b" " * 65537), 413, "body-too-large"),
            ("a very large body", post([("Content-Length", str(10**15))], b" " * 99), 413, "body-too-large"),
            ("a large body of GET", raw.request("GET", "/healthz", (), b" " * 65537), 413, "body-too-large"),
            ("a long path", get("/" + "a" * 9000), 414, "uri-too-long"),
            ("a long query", get("/orders/mine?reference=" + "a" * 9000), 414, "uri-too-long"),
            ("what is its own", get("/.orderd/unavailable"), 404, "not-found"),
            ("the same, in other words", get("//x/../%2eorderd/method"), 404, "not-found"),
            ("metrics from elsewhere", get("/metrics", [("X-Test-Address", "192.0.2.1")]), 403, "forbidden"),
            ("a limit of the administrator's", get("/limited"), 429, "too-many-requests"),
            ("trouble of its own", get("/broken"), 500, "internal"),
        ):
            with self.subTest(why):
                self.assert_problem(self.send(sent, from_front=True), status, problem)

    def test_its_request_ids_are_everybodys(self):
        """Its own log has them for what it answers and for what orderd does; and no query, which may hold anything."""
        replies = [self.get("/healthz"), self.get("/orders/mine?reference=" + MARK, self.token), self.order(),
                   self.request("GET", "/a%zz", from_front=True), self.request("TRACE", "/nowhere?" + MARK)]
        log = self.server.path / "log/access.log"
        harness.wait_for(lambda: all(reply.request_id in log.read_text() for reply in replies), "nginx's log")
        lines = [line.split() for line in log.read_text().splitlines()]
        for reply in replies:
            self.assertEqual([line[4] for line in lines if line[-1] == reply.request_id], [str(reply.status)])
        self.assertNotIn(MARK, log.read_text())

    def test_head_of_what_it_refuses(self):
        for target, status in (("/" + "a" * 9000, 414), ("/%zz", 400), ("/.orderd/method", 404)):
            self.assertEqual(self.request("HEAD", target, from_front=True).status, status)

    def test_methods_that_it_would_refuse_are_orderds_matter(self):
        for method, target, status, allow in (
            ("TRACE", "/healthz", 405, "GET, HEAD"), ("TRACE", "/orders/create?x", 405, "POST"),
            ("TRACE", "/nowhere", 404, None), ("CONNECT", "/orders/mine", 405, "GET, HEAD"),
            ("TRACE", "//healthz", 404, None),
        ):
            with self.subTest(method=method, target=target):
                reply = self.request(method, target)
                self.assertEqual((reply.status, reply.header("Allow")), (status, allow), reply)

    def test_http_0_9_gets_no_answer_and_1_0_does(self):
        self.assertEqual(raw.converse(self.server.port, b"GET /healthz\r\n"), b"")
        self.assertEqual(self.send(b"GET /healthz HTTP/1.0\r\n\r\n").json, {"status": "ok"})


@unittest.skipUnless(lighttpd.PROGRAM, "lighttpd is not installed")
class BehindLighttpd(FrontTest):
    make_server = Lighttpd
    dead, stuck, late = (503,), (500, 503), (504,)

    def test_orderd_is_dead(self):
        self.orderd_is_dead()

    def test_orderd_dies_in_the_middle(self):
        self.orderd_dies_in_the_middle()

    def test_the_backlog_is_full(self):
        self.the_backlog_is_full()

    def test_orderd_is_too_slow(self):
        self.orderd_is_too_slow()

    def test_somebody_else_talks_nonsense(self):
        self.somebody_else_talks_nonsense()

    def test_what_it_refuses_itself(self):
        chunked = ("Transfer-Encoding", "chunked")
        for why, sent, status, problem in (
            ("no path", raw.request("GET", "healthz"), 400, "bad-request"),
            ("no Host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad-request"),
            ("two Hosts", raw.request("GET", "/healthz", [("Host", "other")]), 400, "bad-request"),
            ("a space in a header's name", raw.request("GET", "/healthz", [("a b", "c")]), 400, "bad-request"),
            ("two lengths", raw.request("POST", "/auth/login", [JSON] + [("Content-Length", "2")] * 2) + b"{}", 400,
             "bad-request"),
            ("bad chunks", raw.request("POST", "/auth/login", [JSON, chunked]) + b"zz\r\n", 400, "bad-request"),
            ("no length", raw.request("POST", "/auth/login", [JSON]), 411, "bad-request"),
            ("a large body", raw.request("POST", "/auth/login", [JSON], b" " * 65537), 413, "body-too-large"),
            ("a large chunk", raw.request("POST", "/auth/login", [JSON, chunked]) + b"10001\r\n" + b" " * 65537, 413,
             "body-too-large"),
            ("a long path", raw.request("GET", "/" + "a" * 9000), 431, "bad-request"),
            ("a header over 8 KiB", raw.request("GET", "/healthz", [("X", "a" * 9000)]), 431, "bad-request"),
            ("a method that it does not know", raw.request("FOO", "/healthz"), 501, "bad-request"),
            ("another transfer encoding", raw.request("POST", "/auth/login", [("Transfer-Encoding", "gzip")]), 501,
             "bad-request"),
            ("HTTP/2.0", raw.request("GET", "/healthz", version="HTTP/2.0"), 505, "bad-request"),
        ):
            with self.subTest(why):
                self.assert_problem(self.send(sent, from_front=True), status, problem)
        self.assertEqual(raw.exchange(self.server.port, raw.request("OPTIONS", "*")).status, 200)

    def test_every_answer_has_its_page(self):
        """lighttpd would answer in HTML where one is missing."""
        for line in (harness.TOP / "lighttpd/problems").read_text().splitlines():
            if line.startswith("#"):
                continue
            status, problem, title, detail = line.split("|")
            page = json.loads((harness.BUILD / f"lighttpd/status-{status}.html").read_text())
            self.assertEqual(page, {"type": "urn:orderd:problem:" + problem, "title": title, "status": int(status),
                                    "detail": detail})
            self.assertIn(problem, contract.PROBLEMS)


if __name__ == "__main__":
    harness.main()
