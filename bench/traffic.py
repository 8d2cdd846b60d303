"""Requests, as bytes on the wire, and the files that bench/replay.lua and bench/pace.c send from: each request ends with
a NUL, and the one MARK in it is replaced by the request's number."""

import itertools
import json

MARK = "@" * 12
PASSWORD = "a password for the bench"
CUSTOMERS = 16

# Three items, as every order of the bench.
ITEMS = [
    {"sku": "TEA-250", "name": "Green tea, 250 g", "quantity": 2, "unit_price": 1295},
    {"sku": "POT-1", "name": "Teapot, cast iron", "quantity": 1, "unit_price": 4990},
    {"sku": "CUP-4", "name": "Four cups", "quantity": 1, "unit_price": 1990},
]
TOTAL = sum(item["quantity"] * item["unit_price"] for item in ITEMS)


def get(target, token=None):
    lines = [f"GET {target} HTTP/1.1", "Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(target, body, token=None, key=None):
    body = json.dumps(body)
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             f"Content-Length: {len(body)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def order_body(reference):
    return {"currency": "EUR", "items": ITEMS, "payment_token": "tok_ok", "reference": reference}


def reads(home, count=2000):
    """GET /orders/{id} of orders all over the table, each by its owner."""
    owners = home.order_owners(count)
    return [get(f"/orders/{order}", home.tokens[user]) for order, user in owners]


def creates(home):
    """Three items, and a key of its own each time."""
    return [post("/orders/create", order_body("WEB-2026-00017"), token, key="bench-" + MARK)
            for token in home.tokens.values()]


def logins():
    return [post("/auth/login", {"username": f"customer{number}", "password": PASSWORD})
            for number in range(CUSTOMERS)]


def mixed(*parts):
    """(how many of each turn, requests)..., as one list."""
    turns = [(count, itertools.cycle(requests)) for count, requests in parts]
    longest = max(len(requests) // count for count, requests in parts)
    return [next(requests) for _ in range(longest) for count, requests in turns for _ in range(count)]


def write(path, requests):
    path.write_bytes(b"".join(request + b"\0" for request in requests))
    return path
