"""What share/openapi.json says of a request and its answer. Every answer that the contract's tests get is held against
it, where python3-jsonschema is installed."""

import json
import re

import harness

try:
    import jsonschema
except ImportError:
    jsonschema = None

# Headers that an answer may have only if the document says so.
TOLD = {"retry-after", "www-authenticate", "allow", "location", "link", "idempotency-replayed"}


def match_pattern(_validator, pattern, instance, _schema):
    """As ECMAScript means it, whose $ is the very end."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError("does not match " + pattern)


class Document:
    def __init__(self):
        self.root = json.loads((harness.TOP / "share/openapi.json").read_text())
        self.resolver = jsonschema.RefResolver("", self.root)
        self.validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": match_pattern})
        self.seen = set()  # (operationId, status)

    def resolved(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def errors(self, schema, value):
        validator = self.validator(schema, resolver=self.resolver, format_checker=jsonschema.FormatChecker())
        return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]

    def operation(self, method, target):
        """That of the path and method; for a method that is not allowed, the path's. None: no path of the document."""
        path = target.partition("?")[0]
        if re.fullmatch(r"/orders/[1-9][0-9]*", path):
            path = "/orders/{id}"
        operations = self.root["paths"].get(path)
        if operations is None:
            return None
        return operations.get("get" if method == "HEAD" else method.lower()) or next(iter(operations.values()))

    def check(self, method, target, body, reply):
        operation = self.operation(method, target)
        if operation is None:
            return
        self.seen.add((operation["operationId"], str(reply.status)))
        answer = operation["responses"].get(str(reply.status))
        assert answer, f"{operation['operationId']}: status {reply.status} is not in the document"
        answer = self.resolved(answer)
        self.check_headers(answer.get("headers", {}), reply)
        if method != "HEAD":
            self.check_body(answer.get("content", {}), reply)
        if body is not None and "requestBody" in operation and method == "POST" and "?" not in target:
            self.check_request(operation["requestBody"]["content"]["application/json"]["schema"], body, reply)

    def check_headers(self, told, reply):
        for name, header in told.items():
            header = self.resolved(header)
            value = reply.header(name)
            assert value is not None or not header.get("required"), f"{name} is missing: {reply}"
            if value is not None:
                is_number = header["schema"].get("type") == "integer" or isinstance(header["schema"].get("const"), int)
                wrong = self.errors(header["schema"], int(value) if is_number else value)
                assert not wrong, f"{name}: {wrong} {reply}"
        more = {name.lower() for name, _ in reply.headers} & TOLD - {name.lower() for name in told}
        assert not more, f"{more} is not in the document: {reply}"

    def check_body(self, content, reply):
        if not content:
            assert reply.body == b"", reply
            return
        (media_type, what), = content.items()
        assert reply.header("Content-Type").partition(";")[0] == media_type, reply
        if media_type.endswith("json"):
            wrong = self.errors(what["schema"], reply.json)
            assert not wrong, f"{wrong} {reply}"

    def check_request(self, schema, body, reply):
        """A body is refused for its fields if and only if the document does not allow it. Left out is what JSON Schema
        cannot say: 1.0 and -0 are integers to it, and it does not count bytes."""
        is_refused = reply.status == 422 and reply.problem == "validation"
        is_taken = reply.status < 300 or reply.problem in ("payment-failed", "invalid-credentials", "conflict")
        if not (is_refused or is_taken) or re.search(rb"-0|[0-9][.eE][0-9+-]|@.*[^ -~]|[^ -~].*@", body):
            return
        wrong = self.errors(schema, json.loads(body))
        if is_taken:
            assert not wrong, f"taken, though the document does not allow it: {body[:300]} {wrong}"
        elif "Idempotency-Key" not in reply.fields:
            assert wrong, f"refused, though the document allows it: {body[:300]} {reply}"


DOCUMENT = Document() if jsonschema else None
