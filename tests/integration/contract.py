"""What the tests of the contract (API.md) stand on: requests are sent byte for byte, and every answer is held against
what holds for all of them. At the end of a test the logs are read: each answer of orderd has one line, under the id
that the client was told, and no secret is in any of them."""

import json
import re
import unittest

import harness
import lighttpd
import openapi
import raw

JSON = ("Content-Type", "application/json")
REALM = 'Bearer realm="orderd"'
INVALID_TOKEN = REALM + ', error="invalid_token"'
INSUFFICIENT_SCOPE = REALM + ', error="insufficient_scope"'

# Problem name -> status.
PROBLEMS = {
    "bad-request": 400, "malformed-json": 400, "payment-failed": 400, "unauthorized": 401, "invalid-token": 401,
    "invalid-credentials": 401, "forbidden": 403, "not-found": 404, "method-not-allowed": 405, "conflict": 409,
    "idempotency-in-progress": 409, "body-too-large": 413, "uri-too-long": 414, "unsupported-media-type": 415,
    "validation": 422, "idempotency-key-reused": 422, "too-many-requests": 429, "internal": 500, "unavailable": 503,
    "payment-unavailable": 503,
}
# Members that a problem has besides those of all problems.
EXTRA_MEMBERS = {"validation": {"errors"}, "conflict": {"errors"}, "payment-failed": {"decline_code"}}
# Statuses that a header field belongs to: it is there always, or (False) sometimes.
HEADERS = {
    "WWW-Authenticate": {401: True, 403: False},
    "Allow": {405: True},
    "Retry-After": {409: False, 429: True, 503: True},
    "Location": {201: False},
    "Link": {200: False},
    "Idempotency-Replayed": {201: False},
}

# Never in a log, nor in an answer but the login's.
SECRETS = ["eyJ", "tok_", "a good password", harness.ADMIN_PASSWORD]
# Says anything: one in some ten thousand looks as if it held the beginning of a token.
CURSOR = re.compile("cursor=[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")
# Part of the values that are sent wrongly, and so must not come back.
MARK = "zq7"


def bearer(token):
    return ("Authorization", "Bearer " + token)


def dump(value):
    """Bytes as they are, anything else as JSON."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def refuse_float(text):
    raise AssertionError(f"a number that is no integer: {text}")


def check_values(value):
    """Times are RFC 3339 in UTC, whole seconds; ids are integers (money is, too, as no number is anything else)."""
    if isinstance(value, list):
        for element in value:
            check_values(element)
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        if name.endswith("_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", member), member
        if name.endswith("_id") or name == "id" and not str(member).startswith("pay_"):
            assert isinstance(member, int), (name, member)
        check_values(member)


def check_problem(reply):
    name, problem = reply.problem, reply.json
    assert PROBLEMS.get(name) == reply.status, reply
    assert set(problem) == harness.PROBLEM_MEMBERS | EXTRA_MEMBERS.get(name, set()), reply
    assert all(isinstance(problem[member], str) and problem[member] for member in ("title", "detail")), reply
    for error in problem.get("errors", []):
        assert set(error) == {"field", "message"} and isinstance(error["field"], str) and error["message"], reply


def check_answer(reply, method="GET"):
    """What API.md, "Everywhere", says of all answers."""
    harness.check_promises(reply, method)
    for name, statuses in HEADERS.items():
        there = reply.header(name) is not None
        assert there <= (reply.status in statuses), f"{name} does not belong there: {reply}"
        assert there >= statuses.get(reply.status, False), f"{name} is missing: {reply}"
    retry_after = reply.header("Retry-After")
    assert retry_after is None or re.fullmatch("[1-9][0-9]*", retry_after), reply
    if method != "HEAD" and reply.status >= 400:
        check_problem(reply)
    elif method != "HEAD" and reply.header("Content-Type") == "application/json; charset=utf-8":
        if b'"openapi"' not in reply.body[:20]:
            check_values(json.loads(reply.body.decode("utf-8"), parse_float=refuse_float))


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

    @property
    def is_behind_lighttpd(self):
        return isinstance(self.server, lighttpd.Server)

    def through_nginx(self, *rows):
        """Rows that lighttpd answers in its own way; lighttpd/orderd.conf.in says which those are."""
        return () if self.is_behind_lighttpd else rows

    # --- requests

    def send(self, sent, method="GET", from_front=False):
        """The bytes of a request. from_front: the front server answers it without orderd."""
        reply = raw.exchange(self.server.port, sent, method)
        if from_front:
            self.check_own_answer(reply, method)
        else:
            check_answer(reply, method)
            self.replies.append(reply)
        return reply

    def check_own_answer(self, reply, method):
        """One that the front server has made. lighttpd's has no request id, sometimes no Cache-Control, and never
        Retry-After."""
        if not self.is_behind_lighttpd:
            check_answer(reply, method)
            return
        self.assertEqual(reply.header("Content-Type"), "application/problem+json", reply)
        self.assertIn(reply.header("Cache-Control"), (None, "no-store"))
        if method != "HEAD":
            self.assertEqual(set(reply.json), harness.PROBLEM_MEMBERS - {"request_id"})
            self.assertIn(reply.problem, PROBLEMS)
            self.assertEqual(reply.json["status"], reply.status)

    def request(self, method, target, headers=(), body=None, token=None, from_front=False):
        """With no header but those that are given, and the token's."""
        headers = list(headers)
        if token is not None:
            headers.append(bearer(token))
        body = None if body is None else dump(body)
        reply = self.send(raw.request(method, target, headers, body), method, from_front)
        if openapi.DOCUMENT and isinstance(target, str) and not (from_front and self.is_behind_lighttpd):
            openapi.DOCUMENT.check(method, target, body, reply)
        return reply

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
            answer = CURSOR.sub("cursor=", reply.body.decode() + repr(reply.headers))
            for secret in SECRETS:
                if not answer.startswith('{"access_token":') and "openapi" not in answer:
                    self.assertNotIn(secret, answer)
