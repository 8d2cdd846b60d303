"""Clients that order, read and repeat as fast as they are answered, while a test does something to the world of the
programs: fills a disk, takes descriptors, sets a clock. Each answer has to be one that the contract knows; what is
confirmed has to stay readable and repeatable; and every order is repeated until its client knows how it ended."""

import collections
import itertools
import json
import random
import threading
import time

import contract
import harness
import judge

CREATED = (201, None)
DECLINED = (400, "payment-failed")
IN_PROGRESS = (409, "idempotency-in-progress")
UNAVAILABLE = (503, "unavailable")
PAYMENT_UNAVAILABLE = (503, "payment-unavailable")
KNOWN = {CREATED, DECLINED}
ANSWERS = KNOWN | {IN_PROGRESS, UNAVAILABLE, PAYMENT_UNAVAILABLE}
FAST = {"spool.retry": 100, "notify.scan": 1}  # what could not be written is tried again at once
END_SECONDS = 60  # for the last order of each client, once it shall stop


class Shops:
    """with Shops(server, ...) as shops: they work inside of the block, and their troubles come out of it."""

    def __init__(self, server, count=8, readers=1, reads_may_fail=False):
        self.server = server
        self.user, self.token = server.customer()
        self.answers = collections.Counter()  # (status, problem) of creates
        self.reads = 0
        self.sent = judge.Sent()
        self.reads_may_fail = reads_may_fail
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._trouble = []
        work = [self._shop] * count + [self._reader] * readers
        self._threads = [threading.Thread(target=self._guard, args=(run, number), daemon=True)
                         for number, run in enumerate(work)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, _value, _traceback):
        self._stop.set()
        if kind is not None:
            return
        for thread in self._threads:
            thread.join(END_SECONDS + 60)
        self.check()
        assert not any(thread.is_alive() for thread in self._threads), "a client waits for ever"

    # --- what the test waits for

    def check(self):
        if self._trouble:
            raise self._trouble[0]

    def wait_for(self, condition, what, seconds=60):
        try:
            harness.wait_for(lambda: self.check() or condition(), what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; answers: {dict(self.answers)}") from None

    def wait_for_orders(self, count):
        """That many more."""
        wanted = len(self.sent.confirmed) + count
        self.wait_for(lambda: len(self.sent.confirmed) >= wanted, f"{count} more orders")

    def wait_for_refusals(self, count):
        """That many more creates that cannot be written: a fresh one gets 503, one that was begun 409 when its key is
        sent again, until its end is written."""
        def refused():
            return self.answers[UNAVAILABLE] + self.answers[IN_PROGRESS]

        wanted = refused() + count
        self.wait_for(lambda: refused() >= wanted, f"{count} more refusals")
        self.wait_for(lambda: self._order_without_key() == UNAVAILABLE, "an order that is not taken")

    def wait_for_reads(self, count):
        """That many more rounds of the readers."""
        wanted = self.reads + count
        self.wait_for(lambda: self.reads >= wanted, f"{count} more reads")

    # --- the clients

    def _guard(self, run, number):
        try:
            run(number)
        except BaseException as error:  # pylint: disable=broad-except
            self._trouble.append(error)

    def _shop(self, number):
        for turn in itertools.count(1):
            if self._stop.is_set():
                return
            token = "tok_declined" if turn % 10 == 0 else "tok_ok"
            key = f"shop{number}-{turn}"
            body = json.dumps(harness.order_body(reference=key, payment_token=token)).encode()
            reply = self._repeat_until_known(key, body)
            with self._lock:
                if reply.status == 201:
                    self.sent.confirmed[key] = (body, reply.body)
                else:
                    self.sent.declined.append(key)

    def _order_without_key(self):
        reply = self.server.order(self.token)
        contract.check_answer(reply, "POST")
        return reply.status, reply.problem

    def _create(self, key, body):
        reply = self.server.post("/orders/create", body, self.token, headers=[("Idempotency-Key", key)])
        contract.check_answer(reply, "POST")
        return reply

    def _repeat_until_known(self, key, body):
        end = None
        while True:
            reply = self._create(key, body)
            answer = (reply.status, reply.problem)
            with self._lock:
                self.answers[answer] += 1
            assert answer in ANSWERS, reply
            if answer in KNOWN:
                return reply
            if self._stop.is_set():
                end = end or time.monotonic() + END_SECONDS
                assert time.monotonic() < end, f"{key} has no end: {reply}"
            time.sleep(0.02)

    def _reader(self, number):
        dice = random.Random(number)
        while not self._stop.is_set():
            with self._lock:
                key, (body, first) = dice.choice(list(self.sent.confirmed.items()) or [(None, (None, None))])
            if key is None:
                time.sleep(0.01)
                continue
            replay = self._create(key, body)
            self._check_read(replay, 201)
            if replay.status == 201:
                assert replay.body == first and replay.header("Idempotency-Replayed") == "true", replay
            for target in (f"/orders/{json.loads(first)['order_id']}", "/orders/mine?limit=3", "/auth/me"):
                self._check_read(self.server.get(target, self.token), 200)
            self._check_read(self.server.get("/healthz"), 200)
            self._check_read(self.server.try_login(self.user["username"], "a good password"), 200)
            self.reads += 1

    def _check_read(self, reply, status):
        contract.check_answer(reply)
        if reply.status != status:
            assert self.reads_may_fail and (reply.status, reply.problem) == UNAVAILABLE, reply


# --- what a test looks at


def health(server):
    """What is degraded; the name of the problem if it does not answer."""
    reply = server.get("/healthz")
    return reply.json.get("degraded", []) if reply.status == 200 else reply.problem


def wait_for_health(server, *degraded):
    harness.wait_for(lambda: health(server) == list(degraded), f"only {degraded or 'nothing'} degraded")


def check_all(case, server, shops, token=None):
    """The judge's three questions; of the replays some, since each home has many."""
    server.wait_until_delivered()
    judge.check_home(case, server, shops.sent)
    judge.check_reconcile(case, server)
    some = judge.Sent()
    some.confirmed = dict(random.sample(sorted(shops.sent.confirmed.items()), min(100, len(shops.sent.confirmed))))
    judge.check_replays(case, server, token or shops.token, some)
