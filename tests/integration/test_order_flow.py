#!/usr/bin/python3
"""Orders and their payments, through nginx: what is confirmed is paid and stands, and of what is refused nothing
is left but an attempt that says why."""

import concurrent.futures
import json
import threading
import unittest

import harness

DECLINES = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
    "tok_nobody_knows": "invalid_token",
}


class OrderTest(unittest.TestCase):
    options = {}

    def setUp(self):
        self.server = harness.Server(self, self.options, notifier=False)
        self.user, self.token = self.server.customer()

    def change(self, before):
        """How the number of rows of each table has changed."""
        after = self.server.counts()
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}

    def attempts(self):
        return self.server.rows("SELECT state, reason FROM payment_attempts ORDER BY started_at, uid")

    def settle(self):
        self.server.wait_until_settled()

    def events(self):
        """The gateway's events, by reference."""
        by_reference = {}
        for event in self.server.ledger():
            by_reference.setdefault(event["reference"], []).append(event["event"])
        return by_reference


class Create(OrderTest):
    def test_an_order_is_paid_and_can_be_read(self):
        items = [
            {"sku": "TEA-250", "name": "Grüner Tee, 250 g", "quantity": 2, "unit_price": 1295},
            {"sku": "CUP", "quantity": 3, "unit_price": 0},
            {"sku": "POT", "name": None, "quantity": 1, "unit_price": 4999},
        ]
        reply = self.server.order(self.token, items=items, reference="WEB-2026-00017")
        self.assertEqual(reply.status, 201, reply)
        order = reply.json["order"]
        self.assertEqual(reply.json, {"status": "success", "order_id": order["id"], "order": order})
        self.assertEqual(reply.header("Location"), f"/orders/{order['id']}")
        self.assertEqual((order["user_id"], order["status"], order["currency"], order["total"], order["reference"]),
                         (self.user["id"], "confirmed", "EUR", 2 * 1295 + 4999, "WEB-2026-00017"))
        self.assertEqual([(item["sku"], item["name"], item["line_total"]) for item in order["items"]],
                         [("TEA-250", "Grüner Tee, 250 g", 2590), ("CUP", None, 0), ("POT", None, 4999)])
        self.assertEqual(order["payment"]["status"], "authorized")
        self.settle()
        read = self.server.get(reply.header("Location"), self.token)
        self.assertEqual(read.status, 200, read)
        self.assertEqual(read.json, {**order, "payment": {**order["payment"], "status": "captured"}})

    def test_the_payment_is_reserved_and_then_captured_once(self):
        order = self.server.order(self.token).json["order"]
        self.settle()
        reference = order["payment"]["id"].removeprefix("pay_")
        self.assertEqual(self.events(), {reference: ["authorise", "capture"]})
        event = self.server.ledger()[0]
        self.assertEqual((event["amount"], event["currency"]), ("2590", "EUR"))

    def test_rows_of_an_order(self):
        before = self.server.counts()
        self.server.order(self.token)
        change = self.change(before)
        for table in ("payment_attempts", "orders", "order_items", "payments"):
            self.assertEqual(change[table], 1, change)
        self.assertGreaterEqual(change["order_events"], 1)
        self.assertNotIn("users", change)

    def test_every_field_that_is_wrong_is_named_and_nothing_is_begun(self):
        before = self.server.counts()
        reply = self.server.order(
            self.token, currency="eur", payment_token="", colour="red",
            items=[{"sku": "", "quantity": 0, "unit_price": -1}, {"quantity": 1.5, "unit_price": "1"}])
        self.assertEqual((reply.status, reply.problem), (422, "validation"), reply)
        self.assertEqual(reply.fields, [
            "colour", "currency", "items[0].quantity", "items[0].sku", "items[0].unit_price", "items[1].quantity",
            "items[1].sku", "items[1].unit_price", "payment_token"])
        self.assertEqual(self.change(before), {})
        self.assertEqual(self.server.ledger(), [])

    def test_bodies_that_are_no_orders(self):
        for body, status, problem in (
            (b"", 400, "malformed-json"),
            (b"{", 400, "malformed-json"),
            (b"{} {}", 400, "malformed-json"),
            (b"[]", 422, "validation"),
            (b"null", 422, "validation"),
            (b"{}", 422, "validation"),
            (b"{\"currency\":\"EUR\",\"currency\":\"EUR\"}", 400, "malformed-json"),
            (b" " * 65537, 413, "body-too-large"),
        ):
            with self.subTest(body[:40]):
                reply = self.server.post("/orders/create", body, self.token)
                self.assertEqual((reply.status, reply.problem), (status, problem), reply)
        for content_type in (None, "text/plain", "application/json; charset=latin1", "application/jsonx"):
            with self.subTest(content_type):
                reply = self.server.post("/orders/create", harness.order_body(), self.token, content_type=content_type)
                self.assertEqual((reply.status, reply.problem), (415, "unsupported-media-type"), reply)

    def test_an_administrator_may_not_order(self):
        reply = self.server.order(self.server.admin_token)
        self.assertEqual((reply.status, reply.problem), (403, "forbidden"), reply)

    def test_somebody_elses_order_does_not_exist(self):
        order_id = self.server.order(self.token).json["order_id"]
        _, other_token = self.server.customer()
        reply = self.server.get(f"/orders/{order_id}", other_token)
        self.assertEqual((reply.status, reply.problem), (404, "not-found"), reply)
        missing = self.server.get("/orders/999999", other_token)
        self.assertEqual({**reply.json, "request_id": 0}, {**missing.json, "request_id": 0})
        self.assertEqual(self.server.get(f"/orders/{order_id}", self.server.admin_token).status, 200)

    def test_paths_are_taken_byte_for_byte(self):
        order_id = self.server.order(self.token).json["order_id"]
        for target in (f"/orders/0{order_id}", f"/orders/{order_id}/", f"//orders/{order_id}", "/orders/%31",
                       f"/orders/{order_id}.0", "/orders/-1", "/orders/0", "/orders/99999999999999999999", "/Orders/1"):
            with self.subTest(target):
                self.assertEqual(self.server.get(target, self.token).status, 404)

    def test_other_methods(self):
        for method, target, allow in (("GET", "/orders/create", "POST"), ("DELETE", "/orders/1", "GET, HEAD"),
                                      ("POST", "/orders/", "GET, HEAD"), ("OPTIONS", "/auth/login", "POST"),
                                      ("TRACE", "/orders/mine", "GET, HEAD")):
            with self.subTest(method + " " + target):
                reply = self.server.request(method, target)
                self.assertEqual((reply.status, reply.problem, reply.header("Allow")),
                                 (405, "method-not-allowed", allow), reply)


class PaymentFails(OrderTest):
    options = {"gateway.timeout": 300}

    def assert_only_an_attempt(self, before, state, reason):
        self.assertEqual(self.change(before), {"payment_attempts": 1})
        self.settle()
        self.assertEqual(self.attempts()[-1], (state, reason))

    def assert_nothing_reserved(self):
        for reference, events in self.events().items():
            self.assertTrue("authorise" not in events or events[-1] == "void", (reference, events))

    def test_declined(self):
        for payment_token, code in DECLINES.items():
            with self.subTest(payment_token):
                before = self.server.counts()
                reply = self.server.order(self.token, payment_token=payment_token)
                self.assertEqual((reply.status, reply.problem), (400, "payment-failed"), reply)
                self.assertEqual((reply.json["detail"], reply.json["decline_code"]), ("Payment failed", code))
                self.assertEqual(self.change(before), {"payment_attempts": 1})
                self.settle()
        self.assertEqual(sorted(self.attempts()), sorted(("declined", code) for code in DECLINES.values()))
        self.assert_nothing_reserved()
        self.assertEqual(self.server.get("/orders/mine", self.token).json["orders"], [])

    def test_the_gateway_fails(self):
        before = self.server.counts()
        reply = self.server.order(self.token, payment_token="tok_error")
        self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)
        self.assert_only_an_attempt(before, "voided", "payment-unavailable")
        self.assert_nothing_reserved()

    def test_the_gateway_approves_too_late(self):
        before = self.server.counts()
        reply = self.server.order(self.token, payment_token="tok_timeout")
        self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)
        self.assert_only_an_attempt(before, "voided", "payment-unavailable")
        harness.wait_for(self.server.ledger, "the late approval, or its void, in the ledger")
        self.assert_nothing_reserved()
        self.assertEqual(self.server.get("/orders/mine", self.token).json["orders"], [])

    def test_a_capture_that_is_refused_leaves_the_order(self):
        reply = self.server.order(self.token, payment_token="tok_capture_fails")
        self.assertEqual(reply.status, 201, reply)
        self.settle()
        order = self.server.get(reply.header("Location"), self.token).json
        self.assertEqual((order["status"], order["payment"]["status"]), ("confirmed", "capture_failed"))


class Slow(OrderTest):
    options = {"gateway.timeout": 60000}

    def test_another_body_and_a_twin_while_the_first_runs(self):
        key = [("Idempotency-Key", "slow")]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            with self.server.gateway_held():
                first = pool.submit(self.server.order, self.token, key)
                harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys"), "the claim of the key")
                twin = self.server.order(self.token, key)
                other = self.server.order(self.token, key, reference="other")
            self.assertEqual(first.result().status, 201)
        self.assertEqual((twin.status, twin.problem, twin.header("Retry-After")), (409, "idempotency-in-progress", "1"), twin)
        self.assertEqual((other.status, other.problem), (422, "idempotency-key-reused"), other)


class Idempotency(OrderTest):
    def key(self, text):
        return [("Idempotency-Key", text)]

    def test_the_same_answer_again_byte_for_byte(self):
        first = self.server.order(self.token, self.key("k1"))
        self.assertEqual((first.status, first.header("Idempotency-Replayed")), (201, None), first)
        self.settle()
        before = self.server.counts()
        again = self.server.order(self.token, self.key("k1"))
        self.assertEqual((again.status, again.header("Idempotency-Replayed")), (201, "true"), again)
        self.assertEqual((again.body, again.header("Location")), (first.body, first.header("Location")))
        self.assertEqual(self.change(before), {})

    def test_also_after_a_restart(self):
        first = self.server.order(self.token, self.key("k1"))
        self.server.stop("orderd")
        self.server.start("orderd")
        again = self.server.order(self.token, self.key("k1"))
        self.assertEqual((again.status, again.body), (201, first.body), again)

    def test_another_body_under_the_same_key(self):
        self.assertEqual(self.server.order(self.token, self.key("k1")).status, 201)
        self.settle()
        before = self.server.counts()
        reply = self.server.order(self.token, self.key("k1"), reference="other")
        self.assertEqual((reply.status, reply.problem), (422, "idempotency-key-reused"), reply)
        self.assertEqual(self.change(before), {})

    def test_a_key_belongs_to_its_user(self):
        _, other_token = self.server.customer()
        first = self.server.order(self.token, self.key("k1"))
        second = self.server.order(other_token, self.key("k1"))
        self.assertEqual((first.status, second.status), (201, 201))
        self.assertNotEqual(first.json["order_id"], second.json["order_id"])

    def test_a_declined_payment_frees_the_key(self):
        for payment_token, status in (("tok_declined", 400), ("tok_error", 503), ("tok_ok", 201)):
            reply = self.server.order(self.token, self.key("k1"), payment_token=payment_token)
            self.assertEqual(reply.status, status, reply)

    def test_keys_that_are_no_keys(self):
        for headers in (self.key(""), self.key("a b"), self.key("x" * 256), self.key("k1") + self.key("k1")):
            with self.subTest(headers):
                reply = self.server.order(self.token, headers)
                self.assertEqual((reply.status, reply.problem), (422, "validation"), reply)
                self.assertEqual(reply.fields, ["Idempotency-Key"])
        self.assertEqual(self.server.order(self.token, self.key('"' + "x" * 254)).status, 201)

    def test_twenty_twins_at_once_make_one_order(self):
        barrier = threading.Barrier(20)

        def twin(_):
            barrier.wait()
            return self.server.order(self.token, self.key("twins"))

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(twin, range(20)))
        statuses = {reply.status for reply in replies}
        self.assertLessEqual(statuses, {201, 409}, replies)
        created = [reply for reply in replies if reply.status == 201]
        self.assertEqual(len({reply.body for reply in created}), 1)
        self.assertEqual(sum(reply.header("Idempotency-Replayed") is None for reply in created), 1)
        self.assertEqual({reply.problem for reply in replies if reply.status == 409} - {"idempotency-in-progress"}, set())
        self.assertEqual(self.server.value("SELECT count(*) FROM orders"), 1)
        self.settle()
        self.assertEqual([events for events in self.events().values() if "authorise" in events], [["authorise", "capture"]])


class Lists(OrderTest):
    def walk(self, target, token):
        """Every order of the pages from target on, and how many pages there were."""
        orders, pages = [], 0
        while target:
            reply = self.server.get(target, token)
            self.assertEqual(reply.status, 200, reply)
            pages += 1
            orders += reply.json["orders"]
            target = reply.json["next"]
            self.assertEqual(reply.header("Link"), f'<{target}>; rel="next"' if target else None)
        return orders, pages

    def test_who_may_see_what(self):
        self.assertEqual(self.server.get("/orders/", self.token).status, 403)
        self.assertEqual(self.server.get("/orders/mine", self.server.admin_token).status, 403)
        _, other_token = self.server.customer()
        mine = [self.server.order(self.token).json["order_id"] for _ in range(2)]
        other = self.server.order(other_token).json["order_id"]
        for token, target, ids in ((self.token, "/orders/mine", mine[::-1]), (other_token, "/orders/mine", [other]),
                                   (self.server.admin_token, "/orders/", [other] + mine[::-1]),
                                   (self.server.admin_token, "/orders", [other] + mine[::-1]),
                                   (self.server.admin_token, f"/orders/?user_id={self.user['id']}", mine[::-1]),
                                   (self.server.admin_token, "/orders/?user_id=999", [])):
            with self.subTest(target):
                self.assertEqual([order["id"] for order in self.walk(target, token)[0]], ids)

    def test_by_reference(self):
        ids = [self.server.order(self.token, reference=reference).json["order_id"] for reference in ("a b", "A B", "a b")]
        orders, _ = self.walk("/orders/mine?reference=a%20b&limit=1", self.token)
        self.assertEqual([order["id"] for order in orders], [ids[2], ids[0]])

    def test_queries_that_are_wrong(self):
        for query, field in (("limit=0", "limit"), ("limit=201", "limit"), ("limit=05", "limit"), ("limit=+5", "limit"),
                             ("limit=", "limit"), ("limit=1&limit=1", "limit"), ("colour=red", "colour"),
                             ("user_id=1", "user_id"), ("reference=%zz", "reference"), ("reference=%00", "reference"),
                             ("cursor=garbage", "cursor")):
            with self.subTest(query):
                reply = self.server.get("/orders/mine?" + query, self.token)
                self.assertEqual((reply.status, reply.problem), (422, "validation"), reply)
                self.assertEqual(reply.fields, [field])

    def test_a_cursor_is_bound_to_its_list(self):
        for _ in range(3):
            self.server.order(self.token)
        _, other_token = self.server.customer()
        self.server.order(other_token)
        following = self.server.get("/orders/mine?limit=1", self.token).json["next"]
        cursor = following.split("cursor=")[1].split("&")[0]
        for why, target, token in (("another user", f"/orders/mine?cursor={cursor}", other_token),
                                   ("another list", f"/orders/?cursor={cursor}", self.server.admin_token),
                                   ("another filter", f"/orders/mine?cursor={cursor}&reference=x", self.token),
                                   ("forged", f"/orders/mine?cursor={cursor[:-2]}AA", self.token)):
            with self.subTest(why):
                reply = self.server.get(target, token)
                self.assertEqual((reply.status, reply.fields), (422, ["cursor"]), reply)
        self.assertEqual(self.server.get(f"/orders/mine?cursor={cursor}&limit=2", self.token).status, 200)

    def test_a_walk_while_orders_arrive_shows_each_exactly_once(self):
        standing = {self.server.order(self.token).json["order_id"] for _ in range(30)}
        stop = threading.Event()

        def arrive():
            while not stop.is_set():
                self.server.order(self.token)

        with concurrent.futures.ThreadPoolExecutor() as pool:
            arriving = [pool.submit(arrive) for _ in range(3)]
            try:
                harness.wait_for(lambda: self.server.value("SELECT count(*) FROM orders") > 35, "orders that arrive")
                walks = [self.walk(f"/orders/?limit={limit}", self.server.admin_token) for limit in (1, 7, 50)]
            finally:
                stop.set()
            for thread in arriving:
                thread.result()
        for orders, pages in walks:
            ids = [order["id"] for order in orders]
            self.assertEqual(ids, sorted(set(ids), reverse=True))
            self.assertLessEqual(standing, set(ids))
        self.assertGreaterEqual(walks[0][1], 30)

    def test_head_is_get_without_a_body(self):
        self.server.order(self.token)
        self.settle()
        get = self.server.get("/orders/mine", self.token)
        head = self.server.request("HEAD", "/orders/mine", token=self.token)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.header("Content-Length"), str(len(get.body)))


class FrontServer(OrderTest):
    """What nginx answers by itself, and what it must leave alone."""

    def test_request_ids(self):
        reply = self.server.get("/healthz", headers=[("X-Request-Id", "mine")])
        self.assertNotEqual(reply.request_id, "mine")
        harness.wait_for(lambda: reply.request_id in self.server.log_text(), "the request's id in the log")

    def test_without_orderd_all_is_503(self):
        self.server.stop("orderd")
        for method, target in (("GET", "/healthz"), ("POST", "/orders/create"), ("HEAD", "/orders/"), ("TRACE", "/")):
            reply = self.server.request(method, target)
            self.assertEqual(reply.status, 503, reply)
            if method != "HEAD":
                self.assertEqual(reply.problem, "unavailable")
        self.server.start("orderd")
        self.assertEqual(self.server.get("/healthz").json, {"status": "ok"})

    def test_what_nginx_refuses(self):
        for target, headers, status, problem in (
            ("/" + "a" * 9000, [], 414, "uri-too-long"),
            ("/healthz", [("X-Long", "a" * 9000)], 400, "bad-request"),
            ("/healthz", [("Host", "a"), ("Host", "b")], 400, "bad-request"),
            ("/../etc/passwd", [], 400, "bad-request"),
            ("/%00", [], 400, "bad-request"),
            ("/.orderd/internal", [], 404, "not-found"),
            ("/.orderd/method", [], 404, "not-found"),
        ):
            with self.subTest(target[:40]):
                reply = self.server.get(target, headers=headers)
                self.assertEqual((reply.status, reply.problem), (status, problem), reply)

    def test_documents_and_metrics(self):
        self.server.order(self.token)
        document = json.loads(self.server.get("/openapi.json").body)
        self.assertIn("/orders/create", document["paths"])
        self.assertIn("text/html", self.server.get("/docs/").header("Content-Type"))
        metrics = self.server.get("/metrics")
        self.assertRegex(metrics.body.decode(), r"(?m)^orderd_orders_total 1$")


if __name__ == "__main__":
    harness.main()
