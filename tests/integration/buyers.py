"""Clients that order without a pause, each order under a key of its own, and keep what they were told."""

import json
import threading

import harness
import judge


class Buyers:
    """As many threads, from the start until end(). pause_s: after a 503. items: of each order, or None."""

    def __init__(self, server, token, count, pause_s=0.1, items=None):
        self.server = server
        self.token = token
        self.pause_s = pause_s
        self.items = items
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.sent = judge.Sent()
        self.refused = 0
        self.unknown = 0  # how often there was no answer, or one that is none
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, client):
        number = 0
        while not self.stop.is_set():
            number += 1
            key = f"{client}-{number}"
            members = {"items": self.items} if self.items else {}
            body = json.dumps(harness.order_body(reference=key, **members)).encode()
            reply = self.server.try_order(self.token, key, body, timeout=120)
            self.take(key, body, reply)
            if reply is None or reply.status != 201:
                self.stop.wait(self.pause_s)

    def take(self, key, body, reply):
        with self.lock:
            if reply is not None and reply.status == 201:
                self.sent.confirmed[key] = (body, reply.body)
            elif reply is not None and reply.status == 503:
                self.refused += 1
            else:
                self.unknown += 1

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client that never gets an answer"
