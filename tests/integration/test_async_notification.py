#!/usr/bin/python3
"""Confirmation mails: they follow the order, never hold it up, and arrive once each, whatever the notifier does."""

import time
import unittest

import harness


class Notification(unittest.TestCase):
    def serve(self, notifier=True, **options):
        self.server = harness.Server(self, options, notifier)
        self.user, self.token = self.server.customer()

    def order(self, **members):
        reply = self.server.order(self.token, **members)
        self.assertEqual(reply.status, 201, reply)
        return reply

    def wait_for_mails(self, count):
        return harness.wait_for(lambda: len(mails := self.server.mails()) >= count and mails, f"{count} mails")

    def assert_once_each(self, order_ids):
        """Each order has one mail, and no Message-ID is there twice."""
        self.server.wait_until_at_rest()
        mails = self.wait_for_mails(len(order_ids))
        self.assertEqual(sorted(int(mail["X-Order-Id"]) for mail in mails), sorted(order_ids))
        self.assertEqual(len({mail["Message-ID"] for mail in mails}), len(order_ids))

    def test_the_mail_says_what_was_ordered(self):
        self.serve()
        items = [
            {"sku": "TEE-250", "name": "Grüner Tee 緑茶, 250 g", "quantity": 2, "unit_price": 1295},
            {"sku": "CUP-1", "quantity": 1, "unit_price": 5},
        ]
        reply = self.order(items=items, reference="WEB-2026-Ü17")
        mail = self.wait_for_mails(1)[0]
        self.assertEqual(mail["To"].addresses[0].addr_spec, self.user["email"])
        self.assertEqual(mail["X-Order-Id"], str(reply.json["order_id"]))
        self.assertEqual(mail["X-Request-Id"], reply.request_id)
        self.assertRegex(mail["Message-ID"], r"^<[0-9a-f]{32}@orderd\.invalid>$")
        self.assertIsNotNone(mail["Date"].datetime)
        self.assertTrue(mail["From"] and mail["Subject"])
        text = mail.get_content()
        for word in (str(reply.json["order_id"]), "WEB-2026-Ü17", "Grüner Tee 緑茶, 250 g", "CUP-1", "25.95", "EUR"):
            self.assertIn(word, text)

    def test_decimals_are_those_of_the_currency(self):
        self.serve()
        for currency, total in (("JPY", "1295"), ("KWD", "1.295"), ("EUR", "12.95"), ("XQQ", "12.95")):
            with self.subTest(currency):
                item = {"sku": "TEA", "quantity": 1, "unit_price": 1295}
                order_id = self.order(currency=currency, items=[item]).json["order_id"]
                mail = harness.wait_for(
                    lambda: [mail for mail in self.server.mails() if mail["X-Order-Id"] == str(order_id)], "the mail")[0]
                self.assertRegex(mail.get_content(), rf"(?<![\d.]){total}(?![\d.])")

    def test_the_answer_does_not_wait_for_the_notifier(self):
        self.serve(notifier=False)
        begun = time.monotonic()
        order_ids = [self.order().json["order_id"] for _ in range(3)]
        self.assertLess(time.monotonic() - begun, 20)
        harness.wait_for(lambda: len(self.server.spooled("new")) == 3, "the messages in the spool")
        self.assertEqual(self.server.mails(), [])
        self.server.start("orderd-notifier")
        self.assert_once_each(order_ids)

    def test_a_stopped_notifier_goes_on_where_it_was(self):
        self.serve()
        order_ids = [self.order().json["order_id"] for _ in range(3)]
        self.server.stop("orderd-notifier")
        order_ids += [self.order().json["order_id"] for _ in range(3)]
        self.server.start("orderd-notifier")
        self.assert_once_each(order_ids)

    def test_a_killed_notifier_loses_nothing_and_repeats_only_the_same(self):
        self.serve()
        order_ids = []
        for _ in range(3):
            order_ids += [self.order().json["order_id"] for _ in range(4)]
            self.server.kill("orderd-notifier")
            self.server.start("orderd-notifier")
        self.server.wait_until_delivered()
        mails = self.server.mails()
        by_order = {}
        for mail in mails:
            by_order.setdefault(int(mail["X-Order-Id"]), set()).add(mail["Message-ID"])
        self.assertEqual(sorted(by_order), order_ids)
        self.assertEqual({len(ids) for ids in by_order.values()}, {1})

    def test_a_declined_order_sends_nothing(self):
        self.serve()
        self.server.order(self.token, payment_token="tok_declined")
        order_id = self.order().json["order_id"]
        self.assert_once_each([order_id])

    def test_a_mail_that_cannot_be_delivered_is_tried_again(self):
        self.serve(notifier=False)
        mail_folder = self.server.path / "mail"
        mail_folder.write_text("in the way of the Maildir")
        self.server.start("orderd-notifier")
        order_id = self.order().json["order_id"]
        harness.wait_for(lambda: self.server.spooled("deferred"), "a deferred message")
        mail_folder.unlink()
        self.assert_once_each([order_id])

    def test_what_is_not_ours_in_the_spool_stops_nothing(self):
        self.serve(notifier=False)
        order_ids = [self.order().json["order_id"] for _ in range(2)]
        harness.wait_for(lambda: len(self.server.spooled("new")) == 2, "the messages in the spool")
        new = self.server.path / "spool/new"
        (new / "not-a-uid").write_text("x")
        (new / ("0" * 32)).write_bytes(b"\0garbage" * 100)
        (new / ("1" * 32)).symlink_to("/etc/passwd")
        (new / ("2" * 32)).mkdir()
        self.server.start("orderd-notifier")
        self.wait_for_mails(2)
        harness.wait_for(lambda: len(self.server.spooled("corrupt")) >= 2, "what is not ours in corrupt/")
        self.assertEqual(sorted(int(mail["X-Order-Id"]) for mail in self.server.mails()), order_ids)
        self.assertTrue(self.server.processes["orderd-notifier"].is_alive())


if __name__ == "__main__":
    harness.main()
