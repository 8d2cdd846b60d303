#!/usr/bin/python3
"""API.md, "Orders": the two lists. Cursors are bound to route, caller and filters, and cannot be forged; a walk shows
what was there at its first page exactly once, whatever arrives meanwhile; a reference is found by whatever it is made
of."""

import concurrent.futures
import re
import threading
import unittest
import urllib.parse

import contract
import harness

REFERENCES = [
    "plain", "PLAIN", " plain", "plain ", "a b", "a+b", "a%20b", "a%2Bb", "%", "%%", "%41", "&", "a&limit=1", "=", "a=b",
    "?", "#", "/", "//", "..", ";", ",", "<", ">", '<x>; rel="next"', '"', "'", "\\", "\\u0041", "{}", "[]", "@", ":",
    "~", "-._~", "*", "$", "|", "^", "`", "null", "0", "\u00e4", "a\u0308", "\u00df", "SS", "\u20ac", "\u0439", "\u4e2d\u6587",
    "\u202e", "\u200b", "\u2028", "\ufeff", "\u0080", "\u00a0", "\ufffd", "\uffff", "\U0001f375", "\U0010ffff", "\U0001f468\u200d\U0001f469",
    "x" * 64, "\U0001f375" * 64, "' OR 1=1 --", "a\u0130", "I\u0131",
]


def quote(text):
    return urllib.parse.quote(text, safe="")


def cursor_of(following):
    return re.search(r"cursor=([^&]+)", following)[1]


class ListTest(contract.ContractTest):
    def page(self, target, token):
        """A page that is as all are: next stands in the body and, if there is one, in Link."""
        reply = self.get(target, token)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(set(reply.json), {"orders", "next"})
        following = reply.json["next"]
        self.assertEqual(reply.header("Link"), following and f'<{following}>; rel="next"')
        return reply

    def walk(self, target, token):
        """The ids of each page from target on."""
        pages = []
        while target:
            reply = self.page(target, token)
            pages.append([order["id"] for order in reply.json["orders"]])
            target = reply.json["next"]
        return pages

    def orders(self, count, token=None, **members):
        """Their ids, newest first."""
        return [self.order(token, **members).json["order_id"] for _ in range(count)][::-1]


class Pages(ListTest):
    def test_newest_first_and_null_on_the_last_page(self):
        self.assertEqual(self.page("/orders/mine", self.token).json, {"orders": [], "next": None})
        self.assertEqual(self.page("/orders/", self.admin_token).json, {"orders": [], "next": None})
        ids = self.orders(7)
        for target, token in (("/orders/mine", self.token), ("/orders/", self.admin_token), ("/orders", self.admin_token)):
            for limit, sizes in ((1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (8, [7]), (200, [7])):
                with self.subTest(target=target, limit=limit):
                    pages = self.walk(f"{target}?limit={limit}", token)
                    self.assertEqual([len(page) for page in pages], sizes)
                    self.assertEqual(sum(pages, []), ids)
            self.assertEqual(self.walk(target, token), [ids])

    def test_fifty_and_two_hundred(self):
        ids = self.orders(201)
        self.assertEqual([len(page) for page in self.walk("/orders/mine", self.token)], [50, 50, 50, 50, 1])
        self.assertEqual(self.walk("/orders/?limit=200", self.admin_token), [ids[:200], ids[200:]])

    def test_next_is_relative_and_repeats_limit_and_filters(self):
        self.orders(2, reference="a b&c")
        query = f"user_id={self.user['id']}&reference=a%20b%26c&limit=1"
        for target in ("/orders/", "/orders"):
            following = self.page(f"{target}?{query}", self.admin_token).json["next"]
            path, _, text = following.partition("?")
            self.assertEqual(path, "/orders/")
            self.assertEqual(urllib.parse.parse_qs(text), {
                "limit": ["1"], "user_id": [str(self.user["id"])], "reference": ["a b&c"],
                "cursor": [cursor_of(following)]})
        following = self.page("/orders/mine?limit=1", self.token).json["next"]
        self.assertRegex(following, r"^/orders/mine\?limit=1&cursor=[A-Za-z0-9_-]+$")

    def test_an_order_in_a_list_is_the_order(self):
        reply = self.order(reference="WEB-1", items=[{"sku": "A", "quantity": 1, "unit_price": 5},
                                                     {"sku": "B", "name": "b", "quantity": 2, "unit_price": 7}])
        self.server.wait_until_settled()
        order = self.get(reply.header("Location"), self.token).json
        self.assertEqual(self.page("/orders/mine", self.token).json["orders"], [order])
        self.assertEqual(self.page("/orders/", self.admin_token).json["orders"], [order])

    def test_head(self):
        self.orders(2)
        self.server.wait_until_settled()
        for target in ("/orders/mine", "/orders/mine?limit=1"):
            get, head = self.page(target, self.token), self.request("HEAD", target, token=self.token)
            self.assertEqual((head.status, head.body), (200, b""))
            for name in ("Content-Length", "Content-Type", "Link"):
                self.assertEqual(head.header(name), get.header(name))

    def test_whose(self):
        user, token = self.server.customer()
        mine, others = self.orders(2), self.orders(1, token)
        self.assertEqual(self.walk("/orders/mine", self.token), [mine])
        self.assertEqual(self.walk("/orders/mine", token), [others])
        self.assertEqual(self.walk("/orders/", self.admin_token), [others + mine])
        self.assertEqual(self.walk(f"/orders/?user_id={user['id']}", self.admin_token), [others])
        self.assertEqual(self.walk(f"/orders/?user_id={self.user['id']}&limit=1", self.admin_token), [[i] for i in mine])
        self.assertEqual(self.walk("/orders/?user_id=999999", self.admin_token), [[]])
        self.assertEqual(self.walk("/orders/?user_id=1", self.admin_token), [[]])


class References(ListTest):
    def test_each_is_found_and_nothing_else(self):
        ids = {reference: self.orders(1, reference=reference) for reference in REFERENCES}
        self.assertEqual(len(ids), len(REFERENCES))
        self.orders(1)
        for reference, found in ids.items():
            with self.subTest(reference):
                self.assertEqual(self.walk("/orders/mine?reference=" + quote(reference), self.token), [found])
                orders = self.page("/orders/?reference=" + quote(reference), self.admin_token).json["orders"]
                self.assertEqual([order["reference"] for order in orders], [reference])

    def test_each_survives_the_way_to_the_next_page(self):
        chosen = [reference for reference in REFERENCES if not reference.isalnum()][::3]
        for reference in chosen:
            with self.subTest(reference):
                ids = self.orders(2, reference=reference)
                self.assertEqual(self.walk("/orders/mine?limit=1&reference=" + quote(reference), self.token),
                                 [[i] for i in ids])

    def test_it_is_not_unique_and_not_everybodys(self):
        _, token = self.server.customer()
        mine, others = self.orders(3, reference="same"), self.orders(2, token, reference="same")
        self.assertEqual(self.walk("/orders/mine?reference=same&limit=2", self.token), [mine[:2], mine[2:]])
        self.assertEqual(self.walk("/orders/?reference=same&limit=2", self.admin_token),
                         [others, mine[:2], mine[2:]])
        self.assertEqual(self.walk(f"/orders/?reference=same&user_id={self.user['id']}", self.admin_token), [mine])
        self.assertEqual(self.walk("/orders/mine?reference=other", self.token), [[]])


class Cursors(ListTest):
    def setUp(self):
        super().setUp()
        self.other_user, self.other_token = self.server.customer()
        self.ids = self.orders(6, reference="r")
        self.orders(3, self.other_token, reference="r")

    def cursor(self, target, token=None):
        return cursor_of(self.page(target, token or self.token).json["next"])

    def assert_good_for(self, cursor, target, token):
        with self.subTest(target):
            reply = self.page(f"{target}cursor={cursor}", token)
            self.assertNotEqual(reply.json["orders"], [])

    def assert_no_good_for(self, cursor, target, token):
        with self.subTest(target):
            self.assert_validation(self.get(f"{target}cursor={cursor}", token), "cursor")

    def test_they_are_bound_to_route_caller_and_filters(self):
        admin = self.admin_token
        self.assertEqual(self.server.register("boss", role="admin").status, 201)
        other_admin = self.server.login("boss", "a good password")
        user_id, other_id = self.user["id"], self.other_user["id"]
        mine = self.cursor("/orders/mine?limit=2")
        mine_r = self.cursor("/orders/mine?limit=2&reference=r")
        everybodys = self.cursor("/orders/?limit=2", admin)
        of_one = self.cursor(f"/orders/?limit=2&user_id={user_id}", admin)
        of_one_r = self.cursor(f"/orders/?limit=2&user_id={user_id}&reference=r", admin)
        for cursor, good, bad in (
            (mine, [("/orders/mine?", self.token)],
             [("/orders/mine?", self.other_token), ("/orders/mine?reference=r&", self.token), ("/orders/?", admin),
              (f"/orders/?user_id={user_id}&", admin)]),
            (mine_r, [("/orders/mine?reference=r&", self.token), ("/orders/mine?reference=%72&", self.token)],
             [("/orders/mine?", self.token), ("/orders/mine?reference=R&", self.token),
              ("/orders/mine?reference=r&", self.other_token), ("/orders/?reference=r&", admin)]),
            (everybodys, [("/orders/?", admin), ("/orders?", admin)],
             [("/orders/?", other_admin), (f"/orders/?user_id={user_id}&", admin), ("/orders/?reference=r&", admin),
              ("/orders/mine?", self.token)]),
            (of_one, [(f"/orders/?user_id={user_id}&", admin)],
             [("/orders/?", admin), (f"/orders/?user_id={other_id}&", admin), ("/orders/mine?", self.token),
              (f"/orders/?user_id={user_id}&reference=r&", admin), (f"/orders/?user_id={user_id}&", other_admin)]),
            (of_one_r, [(f"/orders/?reference=r&user_id={user_id}&", admin)],
             [(f"/orders/?user_id={user_id}&", admin), ("/orders/?reference=r&", admin),
              ("/orders/mine?reference=r&", self.token)]),
        ):
            for target, token in good:
                self.assert_good_for(cursor, target, token)
                for limit in (1, 3, 200):
                    self.assert_good_for(cursor, f"{target}limit={limit}&", token)
            for target, token in bad:
                self.assert_no_good_for(cursor, target, token)

    def test_they_are_bound_to_the_route_whatever_the_caller_becomes(self):
        cursor = self.cursor("/orders/mine?limit=2")
        self.server.orderctl("user", "role", "--role", "admin", self.user["username"])
        token = self.server.login(self.user["username"], "a good password")
        self.assert_no_good_for(cursor, "/orders/?", token)
        cursor = self.cursor("/orders/?limit=2", token)
        self.server.orderctl("user", "role", "--role", "user", self.user["username"])
        token = self.server.login(self.user["username"], "a good password")
        self.assert_no_good_for(cursor, "/orders/mine?", token)

    def test_they_cannot_be_forged(self):
        cursor = self.cursor("/orders/mine?limit=2")
        self.assertEqual(len(cursor), 32)
        for i in range(len(cursor)):
            changed = "A" if cursor[i] != "A" else "B"
            self.assert_no_good_for(cursor[:i] + changed + cursor[i + 1:], "/orders/mine?", self.token)
        other = self.cursor("/orders/mine?limit=3")
        for forged in (cursor[:11] + other[11:], other[:11] + cursor[11:], cursor[:-1], cursor + "A", cursor + "AA",
                       cursor[1:], cursor + "=", cursor.lower(), "A" * 32, "_" * 32, str(self.ids[1]), "1", "-1", "x" * 200,
                       "%00" * 32,
                       cursor + "%20", "+" + cursor, "null"):
            self.assert_no_good_for(forged, "/orders/mine?", self.token)
        self.assert_good_for(cursor, "/orders/mine?", self.token)

    def test_they_do_not_expire(self):
        """Not with orderd, not with the token, and not by what comes after them."""
        cursor = self.cursor("/orders/mine?limit=2")
        self.orders(1)
        self.server.stop("orderd")
        self.server.start("orderd")
        token = self.server.login(self.user["username"], "a good password")
        reply = self.page("/orders/mine?cursor=" + cursor, token)
        self.assertEqual([order["id"] for order in reply.json["orders"]], self.ids[2:])


class Walks(ListTest):
    def ids(self):
        return {row[0] for row in self.server.rows("SELECT id FROM orders")}

    def test_what_was_there_is_shown_once_while_orders_arrive(self):
        standing = self.orders(24)
        stop = threading.Event()

        def arrive():
            token = self.server.customer()[1]
            while not stop.is_set():
                self.assertEqual(self.order(token).status, 201)

        with concurrent.futures.ThreadPoolExecutor() as pool:
            arriving = [pool.submit(arrive) for _ in range(2)]
            try:
                harness.wait_for(lambda: self.server.value("SELECT count(*) FROM orders") > 30, "orders that arrive")
                before = self.ids()
                walks = [self.walk(f"/orders/?limit={limit}", self.admin_token) for limit in (1, 5)]
                own = self.walk("/orders/mine?limit=2", self.token)
                self.assertGreater(len(self.ids()), len(before), "none has arrived meanwhile")
            finally:
                stop.set()
            for future in arriving:
                future.result()
        self.assertEqual(sum(own, []), standing)
        for walk in walks:
            ids = sum(walk, [])
            self.assertEqual(ids, sorted(set(ids), reverse=True))
            self.assertLessEqual(before, set(ids))


if __name__ == "__main__":
    harness.main()
