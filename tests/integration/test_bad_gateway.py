#!/usr/bin/python3
"""A gateway that answers too late, fails, or lies: no order is confirmed on the strength of nonsense, nothing stays
reserved or uncaptured, and what fails for long is shown."""

import collections
import concurrent.futures
import json

import harness
import judge
import orderctl
from gateway import GatewayTest, events_of, metric, reconcile
from harness import order_body, wait_for


class Late(GatewayTest):
    def all_fail(self, server, tokens):
        _, token = server.customer()
        with concurrent.futures.ThreadPoolExecutor(len(tokens)) as pool:
            for reply in pool.map(lambda one: server.order(token, payment_token=one), tokens):
                self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)

    def test_an_approval_after_the_time_out_is_voided_whichever_comes_first(self):
        # as long again comes the late approval, and before it the void
        server = harness.Server(self, {"gateway.timeout": 3000})
        self.all_fail(server, ["tok_timeout", "tok_late"] * 6)
        server.wait_until_settled()
        self.restart(server, {})  # by then, what was still to come from the gateway has come
        self.check(server)
        self.assertEqual(collections.Counter(map(tuple, events_of(server).values())),
                         {("authorise", "void"): 6, ("void",): 6})
        self.assertEqual(server.value("SELECT count(*) FROM payment_attempts WHERE state = 'voided'"), 12)

    def test_a_gateway_slower_than_the_time_out_is_asked_until_it_is_quick_enough(self):
        """It does all it is asked, but we never hear of it: neither that it has approved, nor that it has voided."""
        server = harness.Server(self, {"gateway.timeout": 300, "gateway.latency": 600})
        self.all_fail(server, ["tok_ok"] * 4)
        wait_for(lambda: server.value("SELECT min(tries) FROM payment_attempts") >= 3, "three voids")
        self.assertEqual(reconcile(server), [("void_failing", None)] * 4)
        self.assertEqual(server.value("SELECT count(*) FROM payment_attempts WHERE state = 'voiding'"), 4)
        self.restart(server, {})
        self.check(server)
        self.assertEqual(list(events_of(server).values()), [["authorise", "void"]] * 4)


class Failing(GatewayTest):
    def test_a_capture_that_fails_is_tried_again_shown_and_done_when_the_gateway_recovers(self):
        server = harness.Server(self, {"gateway.settle_error_rate": 100})
        _, token = server.customer()
        sent = judge.Sent()
        for key, payment_token in (("a", "tok_ok"), ("b", "tok_ok"), ("c", "tok_capture_fails")):
            body = json.dumps(order_body(reference=key, payment_token=payment_token)).encode()
            reply = server.post("/orders/create", body, token, headers=[("Idempotency-Key", key)])
            self.assertEqual(reply.status, 201, reply)
            sent.confirmed[key] = (body, reply.body)
        wait_for(lambda: server.value("SELECT min(tries) FROM payments") >= 3, "three tries of each")
        self.assertEqual(reconcile(server), [("capture_failing", number) for number in (1, 2, 3)])
        wait_for(lambda: metric(server, "orderd_settle_retries_total") >= 9, "all of them in the metric")
        self.assertEqual(server.get("/orders/1", token).json["payment"]["status"], "authorized")
        self.assertEqual({tuple(events) for events in events_of(server).values()}, {("authorise",)})
        self.restart(server, {})
        server.wait_until_at_rest()
        statuses = [server.get(f"/orders/{number}", token).json["payment"]["status"] for number in (1, 2, 3)]
        self.assertEqual(statuses, ["captured", "captured", "capture_failed"])
        self.assertEqual(reconcile(server), [("capture_failed", 3)])
        shown = orderctl.run("--config", server.config, "--json", "order", "show", "3").json
        self.assertEqual(shown["payment"]["status"], "capture_failed", shown)
        judge.check_database(self, server)
        judge.check_orders(self, server, sent)
        judge.check_mails(self, server)
        judge.check_replays(self, server, token, sent)


class Lying(GatewayTest):
    def order_until_confirmed(self, server, token, key):
        """How often it was told that the payment is unavailable; and what it sent and got."""
        body = json.dumps(order_body(reference=key)).encode()
        for tries in range(100):
            reply = server.post("/orders/create", body, token, headers=[("Idempotency-Key", key)])
            if reply.status == 201:
                return tries, body, reply.body
            self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)
        raise AssertionError("never confirmed")

    def test_garbage_is_as_good_as_no_answer(self):
        """Whether it is to an authorise, a capture or a void, and although the gateway did what it was asked."""
        server = harness.Server(self, {"gateway.garbage_rate": 35})
        _, token = server.customer()
        keys = [f"key-{number}" for number in range(40)]
        sent, failed = judge.Sent(), 0
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = pool.map(lambda key: self.order_until_confirmed(server, token, key), keys)
            for key, (tries, body, answer) in zip(keys, results):
                sent.confirmed[key] = (body, answer)
                failed += tries
        self.assertGreater(failed, 0)
        self.check(server, sent)
        judge.check_replays(self, server, token, sent)
        garbage = metric(server, "orderd_gateway_garbage_total")
        self.assertGreater(garbage, failed)  # that many to an authorise, the others to captures and voids
        self.assertEqual(garbage, failed + metric(server, "orderd_settle_retries_total"))
        self.assertEqual(collections.Counter(map(tuple, events_of(server).values())),
                         {("authorise", "capture"): len(keys), ("authorise", "void"): failed})

    def test_what_garbage_may_have_reserved_is_voided(self):
        server = harness.Server(self, notifier=False)
        _, token = server.customer()
        reply = server.order(token, payment_token="tok_garbage")
        self.assertEqual((reply.status, reply.problem), (503, "payment-unavailable"), reply)
        self.check(server)
        self.assertEqual(list(events_of(server).values()), [["authorise", "void"]])
        self.assertEqual(metric(server, "orderd_gateway_garbage_total"), 1)


if __name__ == "__main__":
    harness.main()
