"""What the tests of the contract (API.md) stand on: requests are sent byte for byte, and every answer is held against
what holds for all of them. At the end of a test the logs are read: each answer of orderd has one line, under the id
that the client was told, and no secret is in any of them."""

import json
import re
import unittest

import harness
import raw

JSON = ("Content-Type", "application/json")
REALM = 'Bearer realm="orderd"'
INVALID_TOKEN = REALM + ', error="invalid_token"'
INSUFFICIENT_SCOPE = REALM + ', error="insufficient_scope"'

# Never in a log, nor in an answer but the login's.
SECRETS = ["eyJ", "tok_", "a good password", harness.ADMIN_PASSWORD]
# Part of the values that are sent wrongly, and so must not come back.
MARK = "zq7"


def bearer(token):
    return ("Authorization", "Bearer " + token)


def dump(value):
    """Bytes as they are, anything else as JSON."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class ContractTest(unittest.TestCase):
    options = {}
    make_server = harness.Server
    maxDiff = None

    def setUp(self):
        self.server = type(self).make_server(self, self.options, notifier=False)
        self.replies = []  # those of orderd
        self.addCleanup(self.check_logs)
        self.user, self.token = self.server.customer()
        self.admin_token = self.server.admin_token

    # --- requests

    def send(self, sent, method="GET", from_front=False):
        """The bytes of a request. from_front: the front server answers it without orderd."""
        reply = raw.exchange(self.server.port, sent, method)
        harness.check_promises(reply, method)
        if not from_front:
            self.replies.append(reply)
        return reply

    def request(self, method, target, headers=(), body=None, token=None, from_front=False):
        """With no header but those that are given, and the token's."""
        headers = list(headers)
        if token is not None:
            headers.append(bearer(token))
        body = None if body is None else dump(body)
        return self.send(raw.request(method, target, headers, body), method, from_front)

    def get(self, target, token=None, headers=()):
        return self.request("GET", target, headers, None, token)

    def post(self, target, body, token=None, headers=()):
        return self.request("POST", target, [JSON, *headers], body, token)

    def order(self, token=None, headers=(), **members):
        return self.post("/orders/create", harness.order_body(**members), token or self.token, headers)

    def login(self, username, password):
        return self.post("/auth/login", {"username": username, "password": password})

    # --- answers

    def assert_problem(self, reply, status, problem, fields=None):
        self.assertEqual((reply.status, reply.problem), (status, problem), reply)
        self.assertNotIn(MARK, reply.body.decode() + repr(reply.headers))
        if fields is not None:
            self.assertEqual(reply.fields, sorted(fields), reply)
        self.assert_headers_belong(reply)

    def assert_headers_belong(self, reply):
        """Those that an answer has only if its status wants them."""
        for name, statuses in (("WWW-Authenticate", (401, 403)), ("Allow", (405,)), ("Retry-After", (409, 429, 503)),
                               ("Location", (201,)), ("Link", (200,)), ("Idempotency-Replayed", (201,))):
            if reply.status not in statuses:
                self.assertIsNone(reply.header(name), reply)

    def assert_validation(self, reply, *fields):
        self.assert_problem(reply, 422, "validation", fields)

    # --- logs

    def log_lines(self):
        """orderd's, each a dictionary; values with spaces in them are cut there."""
        text = "".join(path.read_text() for path in self.server.log_files() if path.name.startswith("orderd.log"))
        return [dict(re.findall(r"([a-z_]+)=(\S*)", line)) for line in text.splitlines()]

    def check_logs(self):
        requests = {}
        for line in self.log_lines():
            if line.get("kind") == "request":
                requests.setdefault(line["request_id"], []).append(int(line["status"]))
        for reply in self.replies:
            self.assertEqual(requests.get(reply.request_id), [reply.status], f"lines in the log about {reply}")
        self.assertEqual(len({reply.request_id for reply in self.replies}), len(self.replies))
        for path in self.server.log_files():
            text = path.read_text(errors="replace")
            for secret in SECRETS:
                self.assertNotIn(secret, text, f"in {path.name}")
        for reply in self.replies:
            answer = reply.body.decode() + repr(reply.headers)
            for secret in SECRETS:
                if not answer.startswith('{"access_token":') and "openapi" not in answer:
                    self.assertNotIn(secret, answer)
