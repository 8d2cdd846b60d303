#!/usr/bin/python3
"""API.md, "Everywhere": what a request must be: media type, size, JSON, fields, queries, and in which order it is
looked at. Through nginx, byte for byte; each rule at its limit and one past it."""

import json
import unittest

import contract
import harness
import raw
from contract import JSON, MARK, bearer

LOGIN = {"username": "nobody", "password": "wrong " + MARK}
ITEM = {"sku": "TEA", "quantity": 1, "unit_price": 1}

BODY_MAX = 65536
POSTS = ("/auth/register", "/auth/login", "/auth/password", "/orders/create")


def nested(depth):
    return b"[" * depth + b"1" + b"]" * depth


def padded(body, size):
    """The same JSON in so many bytes."""
    text = json.dumps(body).encode()
    return text + b" " * (size - len(text))


class MediaTypes(contract.ContractTest):
    def test_content_types(self):
        for accepted, values in (
            (True, ("application/json", "APPLICATION/Json", "application/json; charset=utf-8",
                    "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
                    'application/json ; CHARSET="Utf-8"')),
            (False, ("", "json", "text/json", "application/problem+json", "application/jsonx", "application/json+x",
                     "application/x-www-form-urlencoded", "application/json; charset=utf8",
                     "application/json; charset=latin1", "application/json; charset=", "application/json; charset",
                     "application/json; charset='utf-8'", 'application/json; charset="utf-8',
                     "application/json; charset=utf-8; charset=utf-8", "application/json; charset=utf-8; q=1",
                     "application/json; boundary=x", "application/json, application/json", "application/json;",
                     "*/*")),
        ):
            for value in values:
                with self.subTest(value):
                    reply = self.request("POST", "/auth/login", [("Content-Type", value)], {})
                    if accepted:
                        self.assert_problem(reply, 422, "validation")
                    else:
                        self.assert_problem(reply, 415, "unsupported-media-type")

    def test_content_type_is_required_on_every_post_once(self):
        for target in POSTS:
            token = self.admin_token if target == "/auth/register" else self.token
            for headers, body in (([], b"{}"), ([], b""), *self.through_nginx(
                    ([], None), ([JSON, JSON], b"{}"), ([JSON, ("content-type", "text/plain")], b"{}"))):
                with self.subTest(target=target, headers=headers, body=body):
                    reply = self.request("POST", target, headers, body, token)
                    self.assert_problem(reply, 415, "unsupported-media-type")

    def test_content_encodings(self):
        for accepted, values in ((True, (["identity"], ["IDENTITY"])),
                                 (False, (["gzip"], ["br"], ["identity, identity"], ["identity;q=1"],
                                          ["identity", "identity"], ["identity", "gzip"],
                                          *self.through_nginx([""])))):
            for value in values:
                with self.subTest(value):
                    headers = [JSON] + [("Content-Encoding", coding) for coding in value]
                    reply = self.request("POST", "/auth/login", headers, {})
                    if accepted:
                        self.assert_problem(reply, 422, "validation")
                    else:
                        self.assert_problem(reply, 415, "unsupported-media-type")


class Sizes(contract.ContractTest):
    def test_a_body_of_64_kib_and_one_byte_more(self):
        self.assertEqual(self.post("/orders/create", padded(harness.order_body(), BODY_MAX), self.token).status, 201)
        sent = raw.request("POST", "/orders/create", [JSON, bearer(self.token)], b" " * (BODY_MAX + 1))
        self.assert_problem(self.send(sent, from_front=True), 413, "body-too-large")

    def test_a_chunked_body_of_64_kib_and_one_byte_more(self):
        headers = [JSON, bearer(self.token), ("Transfer-Encoding", "chunked")]
        for size, from_front in ((BODY_MAX, False), (BODY_MAX + 1, True)):
            body = padded(harness.order_body(), size)
            half = size // 2
            chunks = b"%x\r\n%b\r\n%x;name=value\r\n%b\r\n0\r\n\r\n" % (half, body[:half], size - half, body[half:])
            reply = self.send(raw.request("POST", "/orders/create", headers) + chunks, from_front=from_front)
            if from_front:
                self.assert_problem(reply, 413, "body-too-large")
            else:
                self.assertEqual(reply.status, 201, reply)

    def test_orderd_itself_refuses_a_body_that_its_front_server_lets_through(self):
        self.server.stop("orderd")
        self.server.configure({"server.body_max": 2048})
        self.server.start("orderd")
        for target, token in (("/orders/create", self.token), ("/orders/create", None), ("/nowhere", None)):
            self.assert_problem(self.post(target, b" " * 2049, token), 413, "body-too-large")
        self.assertEqual(self.post("/orders/create", padded(harness.order_body(), 2048), self.token).status, 201)

    def test_a_body_on_get_is_ignored(self):
        for headers, body in (([], b"{"), ([JSON], b"\xff" * 1000), ([("Content-Type", "a/b")], b"{}"),
                              ([("Content-Encoding", "gzip")], b"x")):
            for method, target in (("GET", "/auth/me"), ("GET", "/orders/mine"), ("HEAD", "/auth/me"),
                                   ("GET", "/healthz")):
                with self.subTest(target=target, headers=headers):
                    self.assertEqual(self.request(method, target, headers, body, self.token).status, 200)
        chunked = raw.request("GET", "/auth/me", [bearer(self.token), ("Transfer-Encoding", "chunked")])
        self.assertEqual(self.send(chunked + b"1\r\n{\r\n0\r\n\r\n").status, 200)


class Grammar(contract.ContractTest):
    """A sample of each rule; tests/unit/test_json.c has them all."""

    def test_what_is_no_json(self):
        for body in (b"", b" ", b"{", b"}", b"{}{}", b"{} x", b"{}\0", b"\0", b"[1,]", b'{"a":1,}', b"{a:1}", b"{'a':1}",
                     b"// x\n{}", b"/* x */{}", b"#\n{}", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b'{"a":"\xff"}',
                     b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":"\\ud800"}',
                     b'{"a":"\\udc00\\ud800"}', b'{"a":"\\x41"}', b'{"a":"\\u12G4"}', b'{"a":"\n"}', b'{"a":"\x1f"}',
                     b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":0x10}', b'{"a":NaN}',
                     b'{"a":Infinity}', b'{"a":-}', b"TRUE", b"nul", b'"', b'{"a"}', b'{"a" 1}', b'{1:1}', nested(33),
                     b'{"a":' * 33 + b"1" + b"}" * 33, b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}',
                     b'{"username":"a","password":"b","user\\u006eame":"c"}', b'{"a":{"b":1,"b":1}}',
                     b'{"\\u0000":1,"\\u0000":2}', b'\x0b{}', b'\xc2\xa0{}'):
            with self.subTest(body[:60]):
                self.assert_problem(self.post("/auth/login", body), 400, "malformed-json")

    def test_what_is_json_but_not_a_body_of_ours(self):
        for body in (b"[]", b"null", b"true", b"0", b'"{}"', b" \t\r\n[1] \n", nested(32), b'"\\ud83d\\ude00"', b"-0",
                     b"1E+2",
                     b"1e999", b"123456789012345678901234567890", b'"\x7f"', b'"\\/"'):
            with self.subTest(body[:60]):
                self.assert_validation(self.post("/auth/login", body), "")

    def test_names_that_are_equal_only_almost(self):
        self.assert_validation(self.post("/auth/login", b'{"username":"a","password":"b","Username":"c"}'), "Username")
        reply = self.post("/auth/login", b'{"username":"a","password":"b","\\u0000":1,"\\u0000\\u0000":2}')
        self.assertEqual((reply.status, len(reply.fields)), (422, 2), reply)


class Fields(contract.ContractTest):
    def test_every_offending_field_is_named_at_once(self):
        items = [{"sku": MARK * 30, "name": "", "quantity": 0, "unit_price": -1, "colour": MARK}, 7,
                 {"quantity": 10001, "unit_price": 1000000001}]
        self.assert_validation(
            self.order(currency="e" + MARK, items=items, payment_token="a b " + MARK, reference=MARK * 30, note=MARK),
            "currency", "items[0].sku", "items[0].name", "items[0].quantity", "items[0].unit_price", "items[0].colour",
            "items[1]", "items[2].sku", "items[2].quantity", "items[2].unit_price", "payment_token", "reference", "note")
        self.assert_validation(self.post("/orders/create", {}, self.token), "currency", "items", "payment_token")
        self.assert_validation(self.post("/auth/register", {"x": 1}, self.admin_token), "username", "password", "email", "x")
        self.assert_validation(self.post("/auth/login", {}), "username", "password")
        self.assert_validation(self.post("/auth/password", {}, self.token), "current_password", "new_password")

    def test_at_most_100_of_them(self):
        for count, named in ((99, 99), (100, 100), (101, 100), (3000, 100)):
            body = {**LOGIN, **{f"x{i}": MARK for i in range(count)}}
            reply = self.post("/auth/login", body)
            self.assertEqual((reply.status, len(reply.json["errors"])), (422, named))

    def test_body_query_and_key_are_looked_at_together(self):
        body = harness.order_body(currency="eur")
        reply = self.post("/orders/create?colour=red&limit=1", body, self.token, [("Idempotency-Key", "a b")])
        self.assert_validation(reply, "currency", "colour", "limit", "Idempotency-Key")

    def test_null_is_left_out_where_that_is_possible(self):
        order = self.post("/orders/create", {**harness.order_body(), "reference": None, "items": [{**ITEM, "name": None}]},
                          self.token)
        self.assertEqual(order.status, 201, order)
        self.assertEqual((order.json["order"]["reference"], order.json["order"]["items"][0]["name"]), (None, None))
        user = {"username": "nullrole", "password": "a good password", "email": "n@example.com", "role": None}
        self.assertEqual(self.post("/auth/register", user, self.admin_token).json["role"], "user")
        self.assert_validation(
            self.post("/orders/create", {"currency": None, "payment_token": None, "items": None}, self.token),
            "currency", "payment_token", "items")
        self.assert_validation(self.post("/orders/create", {**harness.order_body(), "items": [None]}, self.token),
                               "items[0]")
        self.assert_validation(self.post("/auth/login", {**LOGIN, "role": None}), "role")

    def test_numbers_must_be_integers(self):
        for number in ("2.0", '"2"', "1e3", "-0", "0.5", "true", "[1]", "{}", "9223372036854775808", "1e400",
                       "123456789012345678901234567890", "-1"):
            for field in ("quantity", "unit_price"):
                with self.subTest(number=number, field=field):
                    body = json.dumps(harness.order_body(items=[{**ITEM, field: 99}])).replace("99", number)
                    self.assert_validation(self.post("/orders/create", body.encode(), self.token), f"items[0].{field}")

    def assert_limits(self, target, token, template, field, good, bad):
        """good values are taken, at least so far that this field is not named; bad ones are named, and alone."""
        for value in good:
            with self.subTest(field=field, good=value):
                reply = self.post(target, template(value), token)
                self.assertTrue(reply.status != 422, reply)
        for value in bad:
            with self.subTest(field=field, bad=value):
                self.assert_validation(self.post(target, template(value), token), field)

    def test_limits_of_an_order(self):
        def order(name):
            return lambda value: {**harness.order_body(), name: value}

        def item(name):
            return lambda value: harness.order_body(items=[{**ITEM, name: value}])

        astral = "\U0001f375"
        control = [f"a{chr(code)}b" for code in (0, 1, 9, 10, 13, 31, 127)]
        odd = [" ", "\x80", "\u2028", "\ufeff", "\uffff", "'\"<&>\\"]
        for template, field, good, bad in (
            (order("currency"), "currency", ("EUR", "XXX"), ("EU", "EURO", "eur", "E1R", "", "ÄÖÜ", 1, ["EUR"], "EU\0")),
            (order("items"), "items", ([ITEM], [ITEM] * 100), ([], [ITEM] * 101, {}, "x", ITEM)),
            (order("payment_token"), "payment_token", ("!", "~" * 255), ("", "~" * 256, "a b", "ä", "a\x7f", 5)),
            (order("reference"), "reference", ("a", astral * 64, *odd), ("", astral * 65, *control, 17)),
            (item("sku"), "items[0].sku", ("a", astral * 64, *odd), ("", astral * 65, *control, 17, None)),
            (item("name"), "items[0].name", ("a", astral * 200, *odd), ("", astral * 201, *control, {})),
            (item("quantity"), "items[0].quantity", (1, 10000), (0, 10001, -1, None)),
            (item("unit_price"), "items[0].unit_price", (0, 1000000000), (-1, 1000000001, None)),
        ):
            self.assert_limits("/orders/create", self.token, template, field, good, bad)

    def test_the_largest_order(self):
        """100 items of 64 and 200 characters, the longest token, and the largest possible total."""
        items = [{"sku": "s" * 64, "name": "n" * 200, "quantity": 10000, "unit_price": 1000000000}] * 100
        reply = self.order(items=items, payment_token="tok_ok", reference="r" * 64)
        self.assertEqual(reply.status, 201, reply)
        self.assertIn(b'"total":1000000000000000,', reply.body)
        self.assertEqual(self.get("/orders/mine", self.token).json["orders"][0]["total"], 10**15)

    def test_limits_of_a_registration(self):
        names = iter(f"user{i}" for i in range(1000))

        def user(name):
            def template(value):
                username = next(names)
                return {"username": username, "password": "a good password", "email": f"{username}@example.com",
                        name: value}
            return template

        astral = "\U0001f375"
        for field, good, bad in (
            ("username", ("abc", "A-Z.0_9", "x" * 64), ("ab", "x" * 65, "a b", "äöü", "a@b", "a\0b", "", 1)),
            ("password", ("12345678", astral * 8, astral * 128, "\x01\x7f\n\u2028 \x80 x"),
             ("1234567", astral * 7, astral * 129, "12345678\0", "\0" * 8, 12345678)),
            ("email", ("a@b.c", "ä@bücher.example", "a" * 242 + "@example.com"),
             ("a", "a@b", "a@@b.c", "@b.c", "a@b.c d", "a b@c.de", "a@b.c\n", "a\x7f@b.c", "a@b@c.d",
              "a" * 243 + "@example.com", "ä" * 122 + "@example.com", "", 5)),
            ("role", ("user", "admin"), ("king", "", "User", "user\0", 1)),
        ):
            self.assert_limits("/auth/register", self.admin_token, user(field), field, good, bad)

    def test_login_checks_only_types_and_upper_bounds(self):
        for username, password in (("", ""), ("a", "b"), ("a b", "x\x01"), ("ä" * 64, "ä" * 128)):
            self.assert_problem(self.login(username, password), 401, "invalid-credentials")
        for username, password in ((1, None), ("x" * 65, "x" * 129), (["a"], {}), ("a\0", "b\0")):
            self.assert_validation(self.login(username, password), "username", "password")


class Queries(contract.ContractTest):
    def assert_query(self, target, token, *fields):
        with self.subTest(target):
            reply = self.get(target, token)
            if fields:
                self.assert_validation(reply, *fields)
            else:
                self.assertEqual(reply.status, 200, reply)

    def test_of_lists(self):
        for query, *fields in (
            ("",), ("?",), ("?limit=1",), ("?limit=200",), ("?reference=%41&limit=2",), ("?l%69mit=1",),
            ("?reference=a+b",), ("?reference=%c3%a4",), ("?reference=a=b",), ("?reference=%26%3D",),
            ("?limit=0", "limit"), ("?limit=201", "limit"), ("?limit=05", "limit"), ("?limit=+5", "limit"),
            ("?limit=%2B5", "limit"), ("?limit=-1", "limit"), ("?limit=5.0", "limit"), ("?limit=5x", "limit"),
            ("?limit=%205", "limit"), ("?limit=99999999999999999999", "limit"), ("?limit=", "limit"), ("?limit", "limit"),
            ("?limit=1&limit=1", "limit"), ("?limit=1&l%69mit=2", "limit"), ("?Limit=1", "Limit"),
            ("?reference=", "reference"), ("?reference=%", "reference"), ("?reference=%4", "reference"),
            ("?reference=%zz", "reference"), ("?reference=%ff", "reference"), ("?reference=%c0%af", "reference"),
            ("?reference=%ed%a0%80", "reference"), ("?reference=%00", "reference"), ("?reference=a%0Ab", "reference"),
            (b"?reference=\xff", "reference"), ("?reference=" + "x" * 65, "reference"),
            ("?cursor=" + MARK, "cursor"), ("?cursor=", "cursor"), ("?user_id=1", "user_id"), ("?colour=red", "colour"),
            ("?&", "", ""), ("?=x", ""), ("?%zz=1", ""), ("?limit=1&", ""), ("?%00=1", ""),
            ("?colour=red&limit=0&reference=%&cursor=" + MARK + "&size=1", "colour", "limit", "reference", "cursor",
             "size"),
        ):
            self.assert_query(b"/orders/mine" + raw.as_bytes(query), self.token, *fields)
        for query, *fields in (("?user_id=1",), ("?user_id=9223372036854775807",), ("?user_id=0", "user_id"),
                               ("?user_id=-1", "user_id"), ("?user_id=01", "user_id"),
                               ("?user_id=9223372036854775808", "user_id"), ("?user_id=1&user_id=1", "user_id")):
            for path in ("/orders/", "/orders"):
                self.assert_query(path + query, self.admin_token, *fields)

    def test_of_routes_that_have_none(self):
        order_id = self.order().json["order_id"]
        for target in ("/auth/me", f"/orders/{order_id}"):
            self.assert_query(target + "?", self.token)
            self.assert_query(target + "?limit=1&x", self.token, "limit", "x")
        for target, token in (("/auth/login", None), ("/auth/register", self.admin_token), ("/auth/password", self.token),
                              ("/orders/create", self.token)):
            reply = self.post(target + "?x=" + MARK, {}, token)
            self.assertEqual((reply.status, reply.problem), (422, "validation"), reply)
            self.assertIn("x", reply.fields)

    def test_a_name_is_named_but_cut(self):
        reply = self.get("/auth/me?" + "ä" * 100 + "=1", self.token)
        self.assert_validation(reply, "ä" * 32)

    def test_the_routes_beside_the_api_ignore_theirs(self):
        for target in ("/healthz", "/metrics", "/openapi.json", "/docs/", "/docs/docs.js"):
            for query in ("?", "?x", "?a=1&a=2", "?%zz", "?&&="):
                with self.subTest(target + query):
                    self.assertEqual(self.get(target + query).status, 200)


class OrderOfChecks(contract.ContractTest):
    """Each request is wrong in all that comes after what is told."""

    def test_path_method_token_role_media_type_json_fields(self):
        good, other = self.token, self.admin_token
        query = "?x=" + MARK
        text, broken, wrong = ("Content-Type", "text/plain"), b"{", b'{"currency":1}'
        for why, method, target, headers, body, token, status, problem in (
            ("path", "POST", "/orders/nowhere", [text], broken, "bad", 404, "not-found"),
            ("method", "PUT", "/orders/create", [text], broken, "bad", 405, "method-not-allowed"),
            ("no token", "POST", "/orders/create", [text], broken, None, 401, "unauthorized"),
            ("token", "POST", "/orders/create", [text], broken, "bad", 401, "invalid-token"),
            ("role", "POST", "/orders/create", [text], broken, other, 403, "forbidden"),
            ("media type", "POST", "/orders/create", [text], broken, good, 415, "unsupported-media-type"),
            ("JSON", "POST", "/orders/create", [JSON], broken, good, 400, "malformed-json"),
            ("fields", "POST", "/orders/create", [JSON], wrong, good, 422, "validation"),
            ("path of an order", "PUT", "/orders/01", [], None, "bad", 404, "not-found"),
            ("method of an order", "PUT", "/orders/999", [], None, "bad", 405, "method-not-allowed"),
            ("token of an order", "GET", "/orders/999", [], None, "bad", 401, "invalid-token"),
            ("query of an order", "GET", "/orders/999", [], None, good, 422, "validation"),
            ("role of a list", "GET", "/orders/", [], None, good, 403, "forbidden"),
            ("role of the other list", "GET", "/orders/mine", [], None, other, 403, "forbidden"),
        ):
            with self.subTest(why):
                headers = [*headers, ("Idempotency-Key", "")]
                self.assert_problem(self.request(method, target + query, headers, body, token), status, problem)
        self.assert_problem(self.get("/orders/999", good), 404, "not-found")

    def test_what_is_wrong_is_told_before_the_throttle_and_what_exists_after_it(self):
        for _ in range(10):
            self.assert_problem(self.login(self.user["username"], "wrong"), 401, "invalid-credentials")
        name = self.user["username"]
        self.assert_problem(self.login(name, 5), 422, "validation")
        self.assert_problem(self.request("POST", "/auth/login", [], b"{"), 415, "unsupported-media-type")
        self.assert_problem(self.login(name, "a good password"), 429, "too-many-requests")
        change = {"current_password": "wrong", "new_password": "another good one"}
        self.assert_problem(self.post("/auth/password", change, self.token), 429, "too-many-requests")
        self.assert_problem(self.post("/auth/password", {**change, "new_password": ""}, self.token), 422, "validation")

    def test_a_conflict_is_told_last(self):
        taken = {"username": self.user["username"], "password": "a good password", "email": "new@example.com"}
        self.assert_problem(self.post("/auth/register", taken, self.admin_token), 409, "conflict", ["username"])
        self.assert_validation(self.post("/auth/register", {**taken, "role": "king"}, self.admin_token), "role")


if __name__ == "__main__":
    harness.main()
