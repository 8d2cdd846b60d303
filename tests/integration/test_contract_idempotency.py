#!/usr/bin/python3
"""API.md, "Orders": Idempotency-Key. Which keys there are, what the same key gets with the same and with another
body while the first request runs, when it is done, when it has failed and when nobody knows; and that the first answer
comes again byte for byte, after a restart and on a full disk."""

import concurrent.futures
import json
import unittest

import contract
import disk
import harness
import raw
from contract import JSON, bearer

ORDER = json.dumps(harness.order_body()).encode()
OTHER = json.dumps(harness.order_body(reference="other")).encode()


class KeyTest(contract.ContractTest):
    def create(self, *keys, body=ORDER, token=None, headers=(JSON,)):
        headers = [*headers, *(("Idempotency-Key", key) for key in keys)]
        return self.request("POST", "/orders/create", headers, body, token or self.token)

    def counts(self):
        return self.server.counts()

    def assert_created(self, reply, replayed=False):
        self.assertEqual((reply.status, reply.header("Idempotency-Replayed")), (201, "true" if replayed else None), reply)

    def assert_same(self, first, again):
        """All but what belongs to the request itself."""
        own = ("X-Request-Id", "Date", "Idempotency-Replayed")
        self.assert_created(again, replayed=True)
        self.assertEqual(again.body, first.body)
        self.assertEqual(*([field for field in reply.headers if field[0] not in own] for reply in (first, again)))

    def assert_in_progress(self, reply):
        self.assert_problem(reply, 409, "idempotency-in-progress")
        self.assertEqual(reply.header("Retry-After"), "1")

    def order_ids(self):
        return [row[0] for row in self.server.rows("SELECT id FROM orders ORDER BY id")]

    def states(self):
        return [row[0] for row in self.server.rows("SELECT state FROM payment_attempts ORDER BY started_at, state")]


class Keys(KeyTest):
    def test_each_text_is_a_key_of_its_own(self):
        keys = ["a", '"a"', "A", "'a'", "a,a", "a;a", "!", "~", "%61", "\\", "x" * 254, "x" * 255]
        replies = [self.create(key) for key in keys]
        for reply in replies:
            self.assert_created(reply)
        ids = [reply.json["order_id"] for reply in replies]
        self.assertEqual(len(set(ids)), len(keys))
        for key, order_id in zip(keys, ids):
            reply = self.create(key)
            self.assert_created(reply, replayed=True)
            self.assertEqual(reply.json["order_id"], order_id)
        self.assertEqual(self.create("  a  ").json["order_id"], ids[0], "space around a header's value is not part of it")

    def test_what_is_no_key(self):
        before = self.counts()
        for keys in (["x" * 256], ["a b"], ["a\tb"], ["ä"], [b"\xff"], ["a", "a"], ["a", "b"],
                     *self.through_nginx([""], ["", "a"], ["\x7f"])):
            with self.subTest(keys):
                self.assert_validation(self.create(*keys), "Idempotency-Key")
        self.assertEqual(self.counts(), before)

    def test_where_there_is_no_order_it_means_nothing(self):
        for keys in (["a b"], ["a", "b"]):
            headers = [("Idempotency-Key", key) for key in keys]
            self.assertEqual(self.get("/orders/mine", self.token, headers).status, 200)
            login = {"username": self.user["username"], "password": "a good password"}
            for _ in range(2):
                reply = self.post("/auth/login", login, None, headers)
                self.assertEqual((reply.status, reply.header("Idempotency-Replayed")), (200, None))

    def test_without_a_key_every_request_is_a_new_one(self):
        self.assertEqual(len({self.create().json["order_id"] for _ in range(3)}), 3)

    def test_a_key_belongs_to_its_user(self):
        _, other = self.server.customer()
        mine, others = self.create("k"), self.create("k", token=other)
        self.assert_created(others)
        self.assertNotEqual(mine.json["order_id"], others.json["order_id"])
        self.assert_created(self.create("own", body=OTHER, token=other))
        self.assert_created(self.create("own"))
        self.assert_same(mine, self.create("k"))
        self.assert_same(others, self.create("k", token=other))


class Replays(KeyTest):
    def test_byte_for_byte_whatever_has_come_since(self):
        first = self.create("k")
        self.assert_created(first)
        self.assertEqual(first.header("Location"), f"/orders/{first.json['order_id']}")
        self.assert_same(first, self.create("k"))
        self.server.wait_until_settled()
        self.assertEqual(self.get(first.header("Location"), self.token).json["payment"]["status"], "captured")
        before = self.counts()
        self.assert_same(first, self.create("k"))
        self.assertEqual(self.counts(), before)
        self.server.stop("orderd")
        self.server.start("orderd")
        self.assert_same(first, self.create("k"))
        self.server.kill("orderd")
        self.server.start("orderd")
        self.assert_same(first, self.create("k"))
        self.assertEqual(self.order_ids(), [first.json["order_id"]])

    def test_a_large_order(self):
        items = [{"sku": "s" * 64, "name": "n" * 100 + "\u20ac" * 50, "quantity": 1, "unit_price": i} for i in range(100)]
        body = json.dumps(harness.order_body(items=items), ensure_ascii=False).encode()
        self.assert_same(self.create("k", body=body), self.create("k", body=body))

    def test_with_another_token_of_the_user(self):
        first = self.create("k")
        change = {"current_password": "a good password", "new_password": "another a good password"}
        self.assertEqual(self.post("/auth/password", change, self.token).status, 204)
        token = self.server.login(self.user["username"], "another a good password")
        self.assert_same(first, self.create("k", token=token))

    def test_only_the_body_is_compared(self):
        first = self.create("k")
        self.assert_same(first, self.create("k", headers=[("Content-Type", "application/json; charset=utf-8")]))
        more = [("Content-Encoding", "identity"), ("User-Agent", "other")]
        self.assert_same(first, self.create("k", headers=[JSON, *more]))

    def test_and_it_is_compared_byte_for_byte(self):
        self.create("k")
        self.server.wait_until_settled()
        before = self.counts()
        order = harness.order_body()
        for body in (OTHER, ORDER + b" ", b"\n" + ORDER, ORDER.replace(b"EUR", b"\\u0045UR"),
                     json.dumps(dict(reversed(order.items()))).encode(),
                     json.dumps({**order, "reference": None}).encode()):
            with self.subTest(body):
                self.assertNotEqual(body, ORDER)
                self.assert_problem(self.create("k", body=body), 422, "idempotency-key-reused")
        self.assertEqual(self.counts(), before)

    def test_what_is_wrong_with_the_request_is_told_first(self):
        self.create("k")
        self.assert_problem(self.create("k", body=b"{"), 400, "malformed-json")
        self.assert_validation(self.create("k", body=b"{}"), "currency", "items", "payment_token")
        self.assert_problem(self.create("k", headers=[]), 415, "unsupported-media-type")
        self.assert_problem(self.create("k", token="x.y.z"), 401, "invalid-token")
        self.assert_problem(self.create("k", token=self.admin_token), 403, "forbidden")


    def test_for_72_hours(self):
        """Of which a clock that jumps by a day leaves more than the 24 hours that are promised."""
        kept = {hours: self.create(f"{hours}-hours-ago") for hours in (1, 25, 71, 73, 1000)}
        self.server.wait_until_settled()
        self.server.stop("orderd")
        for hours in kept:
            self.server.change("UPDATE idempotency_keys SET finished_at = finished_at - ? * 3600 WHERE key = ?",
                               hours, f"{hours}-hours-ago")
        self.server.start("orderd")
        harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys") == 3, "keys that are forgotten")
        for hours in (1, 25, 71):
            self.assert_same(kept[hours], self.create(f"{hours}-hours-ago"))
        for hours in (73, 1000):
            self.assert_created(self.create(f"{hours}-hours-ago", body=OTHER))


class Failures(KeyTest):
    options = {"gateway.timeout": 300}

    def test_after_any_answer_but_201_the_key_is_free(self):
        """For the same body, which is another attempt, and for another one."""
        for status, problem, token in ((400, "payment-failed", "tok_declined"), (503, "payment-unavailable", "tok_error"),
                                       (503, "payment-unavailable", "tok_timeout")):
            body = json.dumps(harness.order_body(payment_token=token)).encode()
            for _ in range(2):
                before = len(self.states())
                self.assert_problem(self.create("k", body=body), status, problem)
                self.assertEqual(len(self.states()), before + 1)
                self.assertEqual(self.server.value("SELECT count(*) FROM idempotency_keys"), 0)
        self.assert_problem(self.create("k", body=b"{}"), 422, "validation")
        self.assert_problem(self.create("k", headers=[]), 415, "unsupported-media-type")
        first = self.create("k")
        self.assert_created(first)
        self.assert_same(first, self.create("k"))
        self.assertEqual(self.order_ids(), [first.json["order_id"]])


class Running(KeyTest):
    options = {"gateway.timeout": 60000}

    def start(self, pool, key):
        create = pool.submit(self.create, key)
        harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys"), "the claim of the key")
        return create

    def test_twins_and_others(self):
        user, other = self.server.customer()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            with self.server.gateway_held():
                running = self.start(pool, "k")
                before = self.counts()
                for _ in range(2):
                    self.assert_in_progress(self.create("k"))
                    self.assert_problem(self.create("k", body=OTHER), 422, "idempotency-key-reused")
                self.assertEqual(self.counts(), before)
                others = pool.submit(self.create, "k", token=other)
                harness.wait_for(lambda: len(self.states()) == 2, "the other user's attempt")
                self.assertFalse(running.done())
            first = running.result()
            self.assert_created(first)
            self.assertEqual(others.result().json["order"]["user_id"], user["id"])
        self.assert_same(first, self.create("k"))
        self.assertEqual(len(self.order_ids()), 2)

    def test_a_client_that_goes_away(self):
        """The order is ended all the same, and its answer is there for whoever repeats the request."""
        with self.server.gateway_held():
            sock = raw.connect(self.server.port)
            sock.sendall(raw.request("POST", "/orders/create", [JSON, bearer(self.token), ("Idempotency-Key", "k")], ORDER))
            harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys"), "the claim of the key")
            sock.close()
            self.assert_in_progress(self.create("k"))
        harness.wait_for(self.order_ids, "the order")
        again = self.create("k")
        self.assert_created(again, replayed=True)
        self.assertEqual(self.order_ids(), [again.json["order_id"]])

    def test_orderd_dies_and_nobody_knows(self):
        """503 unavailable; the same key makes the order, once, and the first attempt's money is let go of."""
        with concurrent.futures.ThreadPoolExecutor() as pool, self.server.gateway_held():
            headers = [JSON, ("Idempotency-Key", "k")]
            running = pool.submit(self.request, "POST", "/orders/create", headers, ORDER, self.token, True)
            harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys"), "the claim of the key")
            self.server.kill("orderd")
            self.assert_problem(running.result(), 503, "unavailable")
        self.assert_problem(self.request("POST", "/orders/create", headers, ORDER, self.token, True), 503, "unavailable")
        self.server.configure({})
        self.server.start("orderd")
        first = self.create("k")
        self.assert_created(first)
        self.assert_same(first, self.create("k"))
        self.server.wait_until_settled()
        self.assertEqual(sorted(self.states()), ["ordered", "voided"])
        self.assertEqual(self.order_ids(), [first.json["order_id"]])


class FullDisk(KeyTest):
    make_server = disk.Server
    why_not = None

    def setUp(self):
        if FullDisk.why_not:
            self.skipTest(FullDisk.why_not)
        super().setUp()

    def assert_work_resumes(self):
        self.server.free()
        harness.wait_for(lambda: self.get("/healthz").json == {"status": "ok"}, "/healthz without trouble")

    def test_replays_and_reads_go_on(self):
        first = self.create("k")
        self.server.wait_until_settled()
        self.server.fill()
        for _ in range(2):
            self.assert_problem(self.create("new"), 503, "unavailable")
        self.assert_same(first, self.create("k"))
        self.assert_problem(self.create("k", body=OTHER), 422, "idempotency-key-reused")
        self.assertEqual(self.get(first.header("Location"), self.token).status, 200)
        self.assertEqual(len(self.get("/orders/mine", self.token).json["orders"]), 1)
        self.assertEqual(self.login(self.user["username"], "a good password").status, 200)
        self.assertEqual(self.get("/healthz").json, {"status": "degraded", "degraded": ["writes"]})
        self.assert_work_resumes()
        self.assert_created(self.create("new"))
        self.server.wait_until_settled()
        self.assertEqual(self.states(), ["ordered", "ordered"])

    def test_a_replay_after_a_restart_on_a_full_disk(self):
        first = self.create("k")
        self.server.wait_until_settled()
        self.server.stop("orderd")
        self.server.fill()
        self.server.start("orderd")
        self.assert_same(first, self.create("k"))
        self.assert_problem(self.create("new"), 503, "unavailable")
        self.assert_work_resumes()
        self.assert_created(self.create("new"))

    def test_the_disk_fills_up_while_the_gateway_has_the_order(self):
        """Nobody knows: 503. The key stays taken until it is written that there is no order; then it is free."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            with self.server.gateway_held():
                running = pool.submit(self.create, "k")
                harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys"), "the claim of the key")
                self.server.fill()
            self.assert_problem(running.result(), 503, "unavailable")
        self.assert_in_progress(self.create("k"))
        self.assert_problem(self.create("k", body=OTHER), 422, "idempotency-key-reused")
        self.assertEqual(self.order_ids(), [])
        self.server.free()
        harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys") == 0, "a free key")
        first = self.create("k")
        self.assert_created(first)
        self.assert_same(first, self.create("k"))
        self.server.wait_until_settled()
        self.assertEqual(sorted(self.states()), ["ordered", "voided"])
        voided = [event["reference"] for event in self.server.ledger() if event["event"] == "void"]
        self.assertEqual(len(voided), 1)
        self.assertNotIn(voided[0], first.body.decode())


if __name__ == "__main__":
    FullDisk.why_not = disk.why_not()
    harness.main()
