#!/usr/bin/python3
"""API.md, "Everywhere": paths, methods, tokens, claims, and what every response has. Through nginx, byte for byte."""

import concurrent.futures
import contextlib
import json
import shutil
import time
import unittest

import contract
import harness
import raw
import tokens
from contract import INSUFFICIENT_SCOPE, INVALID_TOKEN, JSON, REALM, bearer

ID_MAX = 2**63 - 1

# Every path that there is: the methods it takes, and who may.
ROUTES = {
    "/auth/register": ("POST", "admin"),
    "/auth/login": ("POST", "anyone"),
    "/auth/password": ("POST", "any token"),
    "/auth/me": ("GET, HEAD", "any token"),
    "/orders/create": ("POST", "user"),
    "/orders/mine": ("GET, HEAD", "user"),
    "/orders/": ("GET, HEAD", "admin"),
    "/orders": ("GET, HEAD", "admin"),
    "/orders/1": ("GET, HEAD", "any token"),
    f"/orders/{ID_MAX}": ("GET, HEAD", "any token"),
    "/healthz": ("GET, HEAD", "anyone"),
    "/metrics": ("GET, HEAD", "anyone"),
    "/openapi.json": ("GET, HEAD", "anyone"),
    "/docs/": ("GET, HEAD", "anyone"),
    "/docs/docs.css": ("GET, HEAD", "anyone"),
    "/docs/docs.js": ("GET, HEAD", "anyone"),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
UNKNOWN_METHODS = ("PURGE", "FOO-BAR", "GETT")


class Paths(contract.ContractTest):
    def test_they_are_matched_byte_for_byte(self):
        order_id = self.order().json["order_id"]
        self.assertEqual(self.get(f"/orders/{order_id}", self.admin_token).status, 200)
        for target in (
            "/", "/orders/007", "/orders/0", f"/orders/{order_id}/", f"//orders/{order_id}", f"/orders//{order_id}",
            "/orders/%31", f"/orders/{order_id}%20", f"/%6frders/{order_id}", f"/orders%2f{order_id}",
            f"/orders/+{order_id}", f"/orders/-{order_id}", f"/orders/{order_id}.0", f"/orders/{order_id}e0",
            "/orders/0x1", "/orders/\u0661",
            f"/orders/{ID_MAX + 1}", f"/orders/{2**64 + order_id}", "/orders/" + "9" * 1000, f"/orders/{order_id};x",
            f"/orders/{order_id}#x", "/orders/{id}", "/orders//", "/orders/.", "/orders/mine/", "/orders/./mine",
            "/orders/x/../mine", "/Orders/mine", "/orders/MINE", "/orders/mine\\", "/orders/create/",
            "//orders/mine", "/./orders/mine", "/auth", "/auth/", "/auth/me/", "/auth//me", "/auth/me/..;/me", "/AUTH/ME",
            "/healthz/", "//healthz", "/health", "/metrics/", "/docs", "/docs/index.html", "/docs/../openapi.json",
            "/docs/docs.css/", "/openapi.json/", "/openapi", "/favicon.ico", "/\xff",
        ):
            for method in ("GET", "POST", "OPTIONS"):
                with self.subTest(method=method, target=target):
                    reply = self.request(method, target, [JSON], b"{}" if method == "POST" else None)
                    self.assert_problem(reply, 404, "not-found")

    def test_the_largest_id_is_one(self):
        self.assert_problem(self.get(f"/orders/{ID_MAX}", self.token), 404, "not-found")
        self.assert_problem(self.get(f"/orders/{ID_MAX}"), 401, "unauthorized")
        self.assert_problem(self.get(f"/orders/{ID_MAX + 1}"), 404, "not-found")

    def test_the_path_ends_at_the_question_mark(self):
        self.assertEqual(self.get("/auth/me?", self.token).status, 200)
        self.assert_validation(self.get("/auth/me?/../x?y", self.token), "/../x?y")
        self.assertEqual(self.get("/healthz?/metrics").json, {"status": "ok"})

    def test_a_target_with_scheme_and_host_is_that_path(self):
        for target in ("http://localhost/auth/me", *self.through_nginx("http://elsewhere.example:81/auth/me")):
            self.assertEqual(self.get(target, self.token).status, 200)
        self.assert_problem(self.get("http://localhost/", self.token), 404, "not-found")


class Methods(contract.ContractTest):
    def test_every_path_with_every_method(self):
        for target, (allowed, _) in ROUTES.items():
            for method in METHODS + self.through_nginx(*UNKNOWN_METHODS):
                with self.subTest(method=method, target=target):
                    reply = self.request(method, target, [JSON], b"{" if method == "POST" else None)
                    if method in allowed.split(", "):
                        self.assertNotIn(reply.status, (404, 405), reply)
                    else:
                        self.assertEqual((reply.status, reply.header("Allow")), (405, allowed), reply)

    def test_head_works_wherever_get_does(self):
        self.order()
        self.order()
        self.server.wait_until_settled()
        for target in [*ROUTES, "/orders/?limit=1", "/orders/mine?limit=1", "/orders/mine?limit=0", "/nowhere",
                       "/auth/login"]:
            for token in (None, self.token, self.admin_token):
                with self.subTest(target=target):
                    get, head = self.get(target, token), self.request("HEAD", target, token=token)
                    self.assertEqual((head.status, head.body), (get.status, b""))
                    different = {"X-Request-Id", "Date", *["Content-Length"] * (target == "/metrics")}
                    self.assertEqual(*([field for field in reply.headers if field[0] not in different]
                                       for reply in (get, head)))


class Tokens(contract.ContractTest):
    def assert_refused(self, reply, status, problem, challenge):
        self.assert_problem(reply, status, problem)
        self.assertEqual(reply.header("WWW-Authenticate"), challenge, reply)

    def call(self, target, headers):
        method = ROUTES[target][0].split(", ", maxsplit=1)[0]
        return self.request(method, target, [*headers, JSON], b"{}" if method == "POST" else None)

    def test_who_may_call_what(self):
        for target, (_, who) in ROUTES.items():
            with self.subTest(target):
                self.order()
                answers = {caller: self.call(target, headers) for caller, headers in (
                    ("nobody", []), ("bad", [bearer("x.y.z")]), ("user", [bearer(self.token)]),
                    ("admin", [bearer(self.admin_token)]))}
                if who == "anyone":
                    self.assertEqual({401, 403} & {reply.status for reply in answers.values()}, set())
                    continue
                self.assert_refused(answers["nobody"], 401, "unauthorized", REALM)
                self.assert_refused(answers["bad"], 401, "invalid-token", INVALID_TOKEN)
                for caller in ("user", "admin"):
                    if who in (caller, "any token"):
                        self.assertIn(answers[caller].status, (200, 404, 422), answers[caller])
                    else:
                        self.assert_refused(answers[caller], 403, "forbidden", INSUFFICIENT_SCOPE)

    def test_forms_of_the_header(self):
        for values, problem in (
            (["bearer " + self.token], None), (["BEARER " + self.token], None), (["bEaReR " + self.token], None),
            ([], "unauthorized"), ([""], "unauthorized"), (["Bearer"], "unauthorized"), ([self.token], "unauthorized"),
            (["Basic YTpi"], "unauthorized"), (["Token " + self.token], "unauthorized"),
            (["Bearer\t" + self.token], "unauthorized"), (["Bearer:" + self.token], "unauthorized"),
            (["Bearer x"], "invalid-token"), (["Bearer " + self.token + " x"], "invalid-token"),
            (["Bearer " + self.token + ","], "invalid-token"), (['Bearer "' + self.token + '"'], "invalid-token"),
        ):
            with self.subTest(values):
                reply = self.call("/auth/me", [("Authorization", value) for value in values])
                if not problem:
                    self.assertEqual(reply.status, 200, reply)
                else:
                    challenge = {"unauthorized": REALM, "invalid-token": INVALID_TOKEN}[problem]
                    self.assert_refused(reply, 401, problem, challenge)

    def test_a_token_elsewhere_is_none(self):
        for target, headers in (("/auth/me", [("Cookie", "access_token=" + self.token)]),
                                ("/auth/me", [("X-Authorization", "Bearer " + self.token)]),
                                ("/auth/me", [("Proxy-Authorization", "Bearer " + self.token)])):
            self.assert_refused(self.call(target, headers), 401, "unauthorized", REALM)

    def test_claims(self):
        before = int(time.time())
        token = self.server.login(self.user["username"], "a good password")
        header, claims = tokens.parts_of(token)
        self.assertEqual(set(header), {"alg", "typ", "kid"})
        self.assertEqual((header["alg"], header["typ"]), ("HS256", "JWT"))
        self.assertEqual(set(claims), {"iss", "aud", "sub", "role", "epoch", "iat", "nbf", "exp", "jti"})
        self.assertEqual((claims["sub"], claims["role"]), (str(self.user["id"]), "user"))
        self.assertIsInstance(claims["epoch"], int)
        self.assertTrue(before <= claims["iat"] <= time.time())
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        other = tokens.parts_of(self.server.login(self.user["username"], "a good password"))[1]
        self.assertNotEqual(claims["jti"], other["jti"])

    def test_bad_tokens(self):
        """test_auth_flow and tests/unit/test_token.c have every form; here is one of each kind that is named."""
        now = int(time.time())
        self.assertEqual(self.get("/auth/me", tokens.changed(self.server, self.token)).status, 200)
        header, claims = tokens.parts_of(self.token)
        for why, token in {
            "bad": self.token[:-4] + "AAAA",
            "expired": tokens.changed(self.server, self.token, exp=now - 1),
            "not yet valid": tokens.changed(self.server, self.token, nbf=now + 60),
            "wrong iss": tokens.changed(self.server, self.token, iss="other"),
            "wrong aud": tokens.changed(self.server, self.token, aud="other"),
            "wrong alg": tokens.signed({**header, "alg": "HS384"}, claims, self.key(header), "sha384"),
            "no alg": tokens.signed({**header, "alg": "none"}, claims, self.key(header)),
            "ended early": tokens.changed(self.server, self.token, epoch=claims["epoch"] + 1),
            "unknown user": tokens.changed(self.server, self.token, sub="999"),
        }.items():
            with self.subTest(why):
                self.assert_refused(self.get("/auth/me", token), 401, "invalid-token", INVALID_TOKEN)

    def key(self, header):
        return (self.server.path / "keys" / (header["kid"] + ".key")).read_bytes()

    def test_the_database_decides_the_role_and_ends_tokens(self):
        lying = tokens.changed(self.server, self.token, role="admin")
        self.assert_refused(self.get("/orders/", lying), 403, "forbidden", INSUFFICIENT_SCOPE)
        self.assertEqual(self.get("/auth/me", lying).json["role"], "user")
        changed = {"current_password": "a good password", "new_password": "another good password"}
        self.assertEqual(self.post("/auth/password", changed, self.token).status, 204)
        self.assert_refused(self.get("/auth/me", self.token), 401, "invalid-token", INVALID_TOKEN)
        reply = self.login(self.user["username"], "another good password")
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(self.get("/auth/me", reply.json["access_token"]).status, 200)

    def test_a_disabled_user_and_a_new_role_end_tokens_at_once(self):
        name = self.user["username"]
        self.server.orderctl("user", "disable", name)
        self.assert_refused(self.get("/auth/me", self.token), 401, "invalid-token", INVALID_TOKEN)
        unknown = self.login("nobody", "a good password")
        for password in ("a good password", "wrong"):
            disabled = self.login(name, password)
            self.assert_refused(disabled, 401, "invalid-credentials", REALM)
            self.assertEqual({**disabled.json, "request_id": 0}, {**unknown.json, "request_id": 0})
        self.server.orderctl("user", "enable", name)
        self.assert_refused(self.get("/auth/me", self.token), 401, "invalid-token", INVALID_TOKEN)
        token = self.server.login(name, "a good password")
        self.assertEqual(self.get("/orders/mine", token).status, 200)
        self.server.orderctl("user", "role", "--role", "admin", name)
        self.assert_refused(self.get("/auth/me", token), 401, "invalid-token", INVALID_TOKEN)
        token = self.server.login(name, "a good password")
        self.assertEqual(self.get("/orders/", token).status, 200)
        self.assert_refused(self.get("/orders/mine", token), 403, "forbidden", INSUFFICIENT_SCOPE)


class Responses(contract.ContractTest):
    def test_a_request_id_of_the_clients_own_is_not_taken_over(self):
        for name in ("X-Request-Id", "x-request-id", "Request-Id", "REQUEST_ID", "X_Request_Id"):
            for target, token in (("/healthz", None), ("/auth/me", self.token), ("/auth/me", None), ("/nowhere", None)):
                reply = self.get(target, token, [(name, "a" * 32)])
                self.assertNotEqual(reply.request_id, "a" * 32)
                self.assertNotIn("a" * 32, reply.body.decode())
        own = self.request("GET", "/healthz", [("X-Long", "b" * 9000), ("X-Request-Id", "a" * 32)], from_front=True)
        self.assertNotIn("a" * 32, repr(own))

    def test_each_request_of_a_connection_has_its_own(self):
        sent = raw.request("GET", "/healthz", close=False) + raw.request("GET", "/nowhere", close=False)
        received = raw.converse(self.server.port, sent + raw.request("GET", "/auth/me"))
        ids = set()
        for status in (200, 404, 401):
            reply, received = raw.parse(received)
            contract.check_answer(reply)
            self.replies.append(reply)
            self.assertEqual(reply.status, status)
            ids.add(reply.request_id)
        self.assertEqual((received, len(ids)), (b"", 3))

    def test_the_same_id_is_on_each_log_line_of_the_request(self):
        for members, events in (
            ({}, ["payment.authorise", "order.create", "order.create"]),
            ({"payment_token": "tok_declined"}, ["payment.authorise", "order.create", "order.create"]),
            ({"currency": "eur"}, ["order.create"]),
        ):
            reply = self.order(**members)
            lines = [line for line in self.log_lines() if line.get("request_id") == reply.request_id]
            self.assertEqual([line["event"] for line in lines], events)
            self.assertEqual(lines[-1]["kind"], "request")
            self.assertEqual({line["user_id"] for line in lines}, {str(self.user["id"])})

    def test_nothing_that_is_sent_makes_a_line_of_its_own(self):
        before = len(self.log_lines())
        for target in ("/x\u2028event=forged", "/%0aevent=forged", "/x\u0085event=forged", '/x"event=forged',
                       "/x\\nevent=forged"):
            self.assert_problem(self.get(target), 404, "not-found")
        lines = self.log_lines()[before:]
        self.assertEqual([line["event"] for line in lines], ["none"] * 5)

    def test_problems_name_and_do_not_repeat(self):
        """One answer of each problem that a client can bring about at once; contract.py looks at each in full."""
        key = [("Idempotency-Key", "one")]
        self.assertEqual(self.order(headers=key).status, 201)
        user = {"username": self.user["username"], "password": "a good password", "email": self.user["email"].upper()}
        for status, problem, reply in (
            (400, "malformed-json", self.post("/auth/login", b'{"password":"zq7')),
            (400, "payment-failed", self.order(payment_token="tok_declined")),
            (401, "unauthorized", self.get("/auth/me")),
            (401, "invalid-token", self.get("/auth/me", "zq7.zq7.zq7")),
            (401, "invalid-credentials", self.login("nobody.zq7", "zq7")),
            (403, "forbidden", self.get("/orders/", self.token)),
            (404, "not-found", self.get("/zq7")),
            (405, "method-not-allowed", self.request("PROPFIND", "/auth/me")),
            (409, "conflict", self.post("/auth/register", user, self.admin_token)),
            (415, "unsupported-media-type", self.request("POST", "/auth/login", [("Content-Type", "text/zq7")], b"")),
            (422, "validation", self.login(["zq7"], {"zq7": 1})),
            (422, "idempotency-key-reused", self.order(headers=key, reference="zq7")),
            (503, "payment-unavailable", self.order(payment_token="tok_error")),
        ):
            with self.subTest(problem):
                self.assert_problem(reply, status, problem)
        self.assertEqual(self.order(payment_token="tok_declined").json["detail"], "Payment failed")
        self.assertEqual(self.post("/auth/register", user, self.admin_token).fields, ["email", "username"])


class Overload(contract.ContractTest):
    def setUp(self):
        super().setUp()
        self.pool = concurrent.futures.ThreadPoolExecutor(10)
        self.addCleanup(self.pool.shutdown)

    @contextlib.contextmanager
    def occupied(self, options, count):
        """Creates that are all at the gateway, until the block ends."""
        self.server.stop("orderd")
        self.server.configure({"gateway.timeout": 60000, **options})
        self.server.start("orderd")
        with self.server.gateway_held():
            running = [self.pool.submit(self.order) for _ in range(count)]
            harness.wait_for(
                lambda: self.server.value("SELECT count(*) FROM payment_attempts WHERE state = 'started'") == count,
                "creates at the gateway")
            yield running

    def assert_reads_go_on(self, running):
        self.assertEqual(self.get("/orders/mine", self.token).status, 200)
        self.assertEqual(self.get("/healthz").json, {"status": "ok"})
        self.assertEqual([create.done() for create in running], [False] * len(running), "something has waited for others")

    def assert_work_resumes(self, running):
        self.assertEqual([create.result().status for create in running], [201] * len(running))
        self.assertEqual(self.order().status, 201)

    def test_no_slow_worker_is_free(self):
        """Of the creates, which leave one of two workers to others: one runs, one more waits, three are refused. A
        login goes through."""
        with self.occupied({"server.slow_workers": 2, "server.queue": 1}, 1) as running:
            others = [self.pool.submit(self.order) for _ in range(4)]
            harness.wait_for(lambda: sum(other.done() for other in others) >= 3, "creates that are refused")
            for other in others:
                if other.done():
                    self.assert_problem(other.result(), 503, "unavailable")
                else:
                    running.append(other)
            self.assert_problem(self.login("nobody", "x"), 401, "invalid-credentials")
            self.assert_reads_go_on(running)
        self.assert_work_resumes(running)

    def test_a_spool_that_cannot_be_written_stops_no_order(self):
        spool = self.server.path / "spool"
        self.server.stop("orderd")
        shutil.rmtree(spool)
        spool.write_text("in the way")
        self.server.start("orderd")
        for _ in range(3):
            self.assertEqual(self.order().status, 201)
        harness.wait_for(lambda: self.get("/healthz").json == {"status": "degraded", "degraded": ["spool"]}, "/healthz")
        spool.unlink()  # it is made anew
        harness.wait_for(lambda: len(self.server.spooled("new")) == 3, "mails that follow")
        harness.wait_for(lambda: self.get("/healthz").json == {"status": "ok"}, "/healthz")

    def test_the_gateway_is_full(self):
        with self.occupied({"gateway.permits": 2, "gateway.permit_timeout": 0}, 2) as running:
            self.assert_problem(self.order(), 503, "unavailable")
            self.assert_reads_go_on(running)
        self.assert_work_resumes(running)


if __name__ == "__main__":
    harness.main()
