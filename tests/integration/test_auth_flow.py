#!/usr/bin/python3
"""Accounts and tokens, through nginx: an administrator registers a user, the user logs in and reaches what is
protected; and every way in which that is refused."""

import hashlib
import json
import time
import unittest

import harness
from tokens import base64url, parts_of, signed


class AuthFlow(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server(self, notifier=False)

    def assert_refused(self, reply, status, problem, challenge=None):
        self.assertEqual((reply.status, reply.problem), (status, problem), reply)
        self.assertEqual(reply.header("WWW-Authenticate"), challenge, reply)

    def assert_invalid_token(self, token, why):
        reply = self.server.get("/auth/me", token)
        with self.subTest(why):
            self.assert_refused(reply, 401, "invalid-token", 'Bearer realm="orderd", error="invalid_token"')

    def test_register_log_in_and_reach_a_protected_route(self):
        reply = self.server.register("alice", role="user")
        self.assertEqual(reply.status, 201, reply)
        user = reply.json
        self.assertEqual(set(user), {"id", "username", "email", "role", "created_at"})
        self.assertEqual((user["username"], user["email"], user["role"]), ("alice", "alice@example.com", "user"))
        self.assertRegex(user["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        login = self.server.try_login("ALICE", "a good password")
        self.assertEqual(login.status, 200, login)
        self.assertEqual(set(login.json), {"access_token", "token_type", "expires_in"})
        self.assertEqual((login.json["token_type"], login.json["expires_in"]), ("Bearer", 3600))
        me = self.server.get("/auth/me", login.json["access_token"])
        self.assertEqual((me.status, me.json), (200, user))

    def test_claims_are_those_of_the_contract(self):
        user, token = self.server.customer()
        header, claims = parts_of(token)
        self.assertEqual((header["alg"], header["typ"]), ("HS256", "JWT"))
        self.assertTrue((self.server.path / "keys" / (header["kid"] + ".key")).exists())
        self.assertEqual(set(claims), {"iss", "aud", "sub", "role", "epoch", "iat", "nbf", "exp", "jti"})
        self.assertEqual((claims["sub"], claims["role"]), (str(user["id"]), "user"))
        self.assertEqual(claims["exp"] - claims["iat"], 3600)

    def test_without_a_token(self):
        for method, target in (("GET", "/auth/me"), ("POST", "/auth/register"), ("POST", "/auth/password"),
                               ("POST", "/orders/create"), ("GET", "/orders/1"), ("GET", "/orders/"),
                               ("GET", "/orders"), ("GET", "/orders/mine")):
            with self.subTest(method + " " + target):
                reply = self.server.request(method, target, b"{}")
                self.assert_refused(reply, 401, "unauthorized", 'Bearer realm="orderd"')
        reply = self.server.get("/auth/me", headers=[("Authorization", "Basic YWRtaW46YWRtaW4=")])
        self.assertEqual(reply.status, 401, reply)

    def test_the_scheme_is_taken_in_any_case(self):
        _, token = self.server.customer()
        for scheme in ("bearer", "BEARER"):
            reply = self.server.get("/auth/me", headers=[("Authorization", f"{scheme} {token}")])
            self.assertEqual(reply.status, 200, reply)

    def test_tokens_that_are_no_tokens(self):
        _, token = self.server.customer()
        head, body, signature = token.split(".")
        for why, bad in {
            "text": "garbage",
            "two parts": f"{head}.{body}",
            "four parts": f"{token}.{signature}",
            "an empty part": f"{head}..{signature}",
            "no signature": f"{head}.{body}.",
            "another signature": f"{head}.{body}.{base64url(bytes(32))}",
            "other claims under the same signature": f"{head}.{base64url(b'{}')}.{signature}",
            "characters that are not base64url": f"{head}.{body}.{signature[:-1]}=",
            "too long": f"{head}.{'A' * 5000}.{signature}",
        }.items():
            self.assert_invalid_token(bad, why)

    def test_tokens_signed_with_our_key_but_wrong(self):
        """What the signature does not save us from: each claim and the algorithm are looked at."""
        _, token = self.server.customer()
        header, claims = parts_of(token)
        key = (self.server.path / "keys" / (header["kid"] + ".key")).read_bytes()
        now = int(time.time())
        self.assertEqual(self.server.get("/auth/me", signed(header, claims, key)).status, 200)
        changes = {
            "expired": {"exp": now - 1},
            "not yet valid": {"nbf": now + 60},
            "made in the future": {"iat": now + 60},
            "expiry is a text": {"exp": str(now + 60)},
            "expiry is a fraction": {"exp": now + 60.5},
            "another issuer": {"iss": "somebody"},
            "another audience": {"aud": "somebody"},
            "a list of audiences": {"aud": ["orderd"]},
            "an epoch that has ended": {"epoch": claims["epoch"] + 1},
            "epoch is a text": {"epoch": str(claims["epoch"])},
            "nobody": {"sub": "999999"},
            "a subject that is no id": {"sub": "1 OR 1=1"},
            "a subject with zeros": {"sub": "0" + claims["sub"]},
            "subject is a number": {"sub": int(claims["sub"])},
        }
        for why, change in changes.items():
            self.assert_invalid_token(signed(header, {**claims, **change}, key), why)
        for name in ("exp", "nbf", "iss", "aud", "sub", "epoch"):
            without = {claim: value for claim, value in claims.items() if claim != name}
            self.assert_invalid_token(signed(header, without, key), f"without {name}")
        self.assert_invalid_token(signed({**header, "alg": "none"}, claims, key), "alg none, signed all the same")
        self.assert_invalid_token(signed({**header, "alg": "HS512"}, claims, key, "sha512"), "HS512")
        self.assert_invalid_token(signed({**header, "kid": "nobody"}, claims, key), "an unknown key")
        self.assert_invalid_token(signed(header, claims, hashlib.sha256(b"guess").digest()), "another key")
        unsigned = ".".join(base64url(json.dumps(part).encode()) for part in ({**header, "alg": "none"}, claims))
        self.assert_invalid_token(unsigned + ".", "alg none, no signature")
        self.assert_invalid_token(unsigned + "." + base64url(b"x"), "alg none, some signature")

    def test_the_database_decides_the_role(self):
        """A token that claims more than its user is, though well signed, gets what the user gets."""
        _, token = self.server.customer()
        header, claims = parts_of(token)
        key = (self.server.path / "keys" / (header["kid"] + ".key")).read_bytes()
        reply = self.server.get("/orders/", signed(header, {**claims, "role": "admin"}, key))
        self.assert_refused(reply, 403, "forbidden", 'Bearer realm="orderd", error="insufficient_scope"')

    def test_only_an_administrator_registers(self):
        _, token = self.server.customer()
        body = {"username": "mallory", "password": "a good password", "email": "m@example.com", "role": "admin"}
        reply = self.server.post("/auth/register", body, token)
        self.assert_refused(reply, 403, "forbidden", 'Bearer realm="orderd", error="insufficient_scope"')
        self.assertEqual(self.server.value("SELECT count(*) FROM users WHERE username = 'mallory'"), 0)

    def test_an_administrator_can_be_registered(self):
        self.assertEqual(self.server.register("boss", role="admin").json["role"], "admin")
        reply = self.server.get("/orders/", self.server.login("boss", "a good password"))
        self.assertEqual(reply.status, 200, reply)

    def test_a_name_and_an_address_are_taken_once(self):
        self.assertEqual(self.server.register("alice").status, 201)
        for why, members, fields in (
            ("the same name in another case", {"username": "Alice", "email": "x@example.com"}, ["username"]),
            ("the same address in another case", {"username": "bob", "email": "ALICE@example.com"}, ["email"]),
            ("both", {"username": "alice", "email": "alice@example.com"}, ["email", "username"]),
        ):
            with self.subTest(why):
                body = {"password": "a good password", **members}
                reply = self.server.post("/auth/register", body, self.server.admin_token)
                self.assert_refused(reply, 409, "conflict")
                self.assertEqual(reply.fields, fields)

    def test_every_field_of_a_registration_that_is_wrong_is_named(self):
        body = {"username": "a b", "password": "short", "email": "nowhere", "role": "king", "extra": 1}
        reply = self.server.post("/auth/register", body, self.server.admin_token)
        self.assert_refused(reply, 422, "validation")
        self.assertEqual(reply.fields, ["email", "extra", "password", "role", "username"])
        self.assertNotIn(b"short\"", reply.body)

    def test_a_wrong_password_an_unknown_and_no_user_look_alike(self):
        self.assertEqual(self.server.register("alice").status, 201)
        answers = []
        for username, password in (("alice", "wrong password"), ("nobody", "a good password"), ("alice", "x")):
            reply = self.server.try_login(username, password)
            self.assert_refused(reply, 401, "invalid-credentials", 'Bearer realm="orderd"')
            answers.append({**reply.json, "request_id": None})
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])

    def test_a_new_password_ends_the_old_tokens(self):
        user, old_token = self.server.customer()
        other_token = self.server.login(user["username"], "a good password")
        change = {"current_password": "a good password", "new_password": "another good one"}
        wrong = self.server.post("/auth/password", {**change, "current_password": "a bad password"}, old_token)
        self.assert_refused(wrong, 401, "invalid-credentials", 'Bearer realm="orderd"')
        self.assertEqual(self.server.get("/auth/me", old_token).status, 200)
        reply = self.server.post("/auth/password", change, old_token)
        self.assertEqual((reply.status, reply.body), (204, b""), reply)
        self.assert_invalid_token(old_token, "of the old password")
        self.assert_invalid_token(other_token, "another one of the old password")
        self.assertEqual(self.server.try_login(user["username"], "a good password").status, 401)
        self.server.login(user["username"], "another good one")

    def assert_throttled(self, reply):
        self.assert_refused(reply, 429, "too-many-requests")
        self.assertRegex(reply.header("Retry-After"), "^[1-8]$")

    def test_too_many_guesses_are_not_heard_for_a_while(self):
        server = harness.Server(self, {"auth.throttle_pair": 3, "auth.throttle_window": 8}, notifier=False)
        user, token = server.customer()
        name = user["username"]
        answers = {}
        for guessed in (name, "nobody"):
            statuses = [server.try_login(guessed, "a bad password").status for _ in range(3)]
            self.assertEqual(statuses, [401, 401, 401])
            reply = server.try_login(guessed, "a good password")
            self.assert_throttled(reply)
            answers[guessed] = {**reply.json, "request_id": None}
        self.assertEqual(answers[name], answers["nobody"])
        change = {"current_password": "a good password", "new_password": "another good one"}
        self.assert_throttled(server.post("/auth/password", change, token))
        reply = server.post("/auth/login", {"username": name, "password": 1})
        self.assert_refused(reply, 422, "validation")
        self.assertEqual(server.get("/auth/me", token).status, 200)
        harness.wait_for(lambda: server.try_login(name, "a good password").status == 200, "the failures to fall out")

    def test_passwords_are_unicode_and_never_truncated(self):
        password = "pässwörd " * 14
        self.assertEqual(self.server.register("umlaut", password=password).status, 201)
        self.server.login("umlaut", password)
        self.assertEqual(self.server.try_login("umlaut", password[:-1]).status, 401)

    def test_no_secret_reaches_a_log(self):
        _, token = self.server.customer()
        self.server.try_login("customer1", "a bad secret word")
        self.server.order(token, payment_token="tok_declined")
        self.server.get("/auth/me", token + "x")
        log = self.server.log_text()
        for secret in ("a good password", "a bad secret word", "tok_declined", token[-20:], harness.ADMIN_PASSWORD):
            self.assertNotIn(secret, log)
        for event in ("auth.login", "auth.register", "order.create", "payment.authorise"):
            self.assertIn(event, log)

    def test_the_log_tells_where_a_failed_login_came_from(self):
        """Whoever wants to keep somebody out has to know whom; what the client says about it does not count."""
        reply = self.server.post(
            "/auth/login", {"username": "admin", "password": "a bad password"},
            headers=[("X-Request-Id", "forged"), ("X-Forwarded-For", "192.0.2.1"), ("Remote-Addr", "192.0.2.1")])
        self.assertEqual(reply.status, 401)
        lines = [line for line in self.server.log_text().splitlines()
                 if f"request_id={reply.request_id} " in line and "kind=request" in line]
        self.assertEqual(len(lines), 1)
        self.assertIn(" outcome=invalid-credentials ", lines[0])
        self.assertRegex(lines[0], r" client=127\.0\.0\.1( |$)")
        self.assertNotIn("forged", self.server.log_text())
        self.assertNotIn("192.0.2.1", self.server.log_text())

    def test_keys_that_others_can_read_refuse_the_start(self):
        self.server.stop("orderd")
        for key in (self.server.path / "keys").glob("*.key"):
            key.chmod(0o640)
        status = harness.Process(
            "orderd", [harness.BUILD / "orderd", "--config", self.server.config],
            self.server.path / "log/refused.out").wait()
        self.assertEqual(status, 1)
        self.assertIn(".key", self.server.log_text())


if __name__ == "__main__":
    harness.main()
