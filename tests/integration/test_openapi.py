#!/usr/bin/python3
"""share/openapi.json against the service: its schemas are schemas, it knows every route, its examples work as they
stand, and each status that it promises is one that comes. What openapi.py says of an answer holds for every request
of the contract's tests, and for those made here."""

import concurrent.futures
import unittest

import contract
import harness
import openapi
from contract import JSON
from test_contract_everywhere import ROUTES
from test_contract_front import Nginx


@unittest.skipUnless(openapi.DOCUMENT, "python3-jsonschema is not installed")
class OpenApi(contract.ContractTest):
    make_server = Nginx

    def operations(self):
        """(path, method, operation)"""
        return [(path, method.upper(), operation) for path, operations in openapi.DOCUMENT.root["paths"].items()
                for method, operation in operations.items()]

    def example(self, path, method="post"):
        content = openapi.DOCUMENT.root["paths"][path][method]["requestBody"]["content"]
        return content["application/json"]["example"]

    def test_schemas_and_examples(self):
        document = openapi.DOCUMENT
        found = 0

        def look_at(node):
            nonlocal found
            if isinstance(node, list):
                for element in node:
                    look_at(element)
            if not isinstance(node, dict):
                return
            if isinstance(node.get("schema"), dict):
                document.validator.check_schema(node["schema"])
                examples = [value["value"] for value in node.get("examples", {}).values()]
                if "example" in node:
                    examples.append(node["example"])
                for value in examples:
                    found += 1
                    self.assertEqual(document.errors(node["schema"], value), [], value)
            for value in node.values():
                look_at(value)

        look_at(document.root)
        for schema in document.root["components"]["schemas"].values():
            document.validator.check_schema(schema)
        self.assertGreater(found, 20)

    def test_it_knows_every_route(self):
        served = {path.replace("/orders/1",
                               "/orders/{id}") for path in ROUTES if "docs." not in path and "922" not in path}
        self.assertEqual({path for path, _, _ in self.operations()}, served)
        for path, method, operation in self.operations():
            self.assertIn(method, ROUTES[path.replace("{id}", "1")][0])
            self.assertEqual(operation.get("security") == [], ROUTES[path.replace("{id}", "1")][1] == "anyone", path)

    def test_its_examples_work(self):
        user = self.example("/auth/register")
        self.assertEqual(self.post("/auth/register", user, self.admin_token).status, 201)
        reply = self.login(user["username"], user["password"])
        self.assertEqual(reply.status, 200, reply)
        token = reply.json["access_token"]
        order = self.post("/orders/create", self.example("/orders/create"), token)
        self.assertEqual(order.status, 201, order)
        self.assertEqual(self.post("/auth/password", self.example("/auth/password"), token).status, 204)
        for path in ("/auth/login", "/auth/password"):
            self.assertEqual(openapi.DOCUMENT.errors(
                openapi.DOCUMENT.root["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"],
                self.example(path)), [])

    def ask_everything(self):
        """Of each operation: without and with each token, another method, and what is wrong in each way."""
        self.order(reference="WEB-1")
        for path, method, _ in self.operations():
            target = path.replace("{id}", "1")
            body = b"" if method == "POST" else None
            for token in (None, "x.y.z", self.token, self.admin_token):
                self.request(method, target, [JSON], body, token)
                self.request(method, target + "?x=1&limit=05", [JSON], b"{}" if body is not None else None, token)
                if method == "POST":
                    self.request(method, target, [], b"{}", token)
                    self.request(method, target, [JSON], b"{}", token)
            self.request("DELETE", target)
            for headers, query, sent in (([("X", "x" * 9000)], "", None), ([], "?" + "x" * 9000, None),
                                         ([JSON], "", b" " * 65537)):
                self.request(method, target + query, headers, sent, from_front=True)
        self.get("/orders/999", self.token)

    def ask_for_the_rest(self):
        user = self.example("/auth/register")
        for _ in range(2):
            self.post("/auth/register", user, self.admin_token)
        self.login(user["username"], user["password"])
        for _ in range(11):
            self.login(user["username"], "wrong")
        key = [("Idempotency-Key", "k")]
        for payment_token in ("tok_declined", "tok_error", "tok_ok", "tok_ok", "other"):
            self.order(headers=key, payment_token=payment_token)
        self.twins()
        self.request("GET", "/metrics", [("X-Test-Address", "192.0.2.1")], from_front=True)
        change = {"current_password": "wrong", "new_password": "another good one"}
        for _ in range(11):
            self.post("/auth/password", change, self.token)
        self.server.stop("orderd")
        self.server.start("orderd")  # which forgets the failures
        self.post("/auth/password", {**change, "current_password": "a good password"}, self.token)

    def twins(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            with self.server.gateway_held():
                running = pool.submit(self.order, headers=[("Idempotency-Key", "twins")])
                harness.wait_for(lambda: self.server.value("SELECT count(*) FROM idempotency_keys WHERE answer IS NULL"),
                                 "a claim")
                self.order(headers=[("Idempotency-Key", "twins")])
            running.result()

    def test_each_status_that_it_promises_comes(self):
        openapi.DOCUMENT.seen.clear()
        self.ask_everything()
        self.ask_for_the_rest()
        self.server.stop("orderd")
        for path, method, _ in self.operations():
            self.request(method, path.replace("{id}", "1"), [JSON], b"{}", self.token, from_front=True)
        promised = {(operation["operationId"], status) for path, _, operation in self.operations()
                    for status in operation["responses"] if self.can_be_brought_about(path, status)}
        self.assertEqual(sorted(promised - openapi.DOCUMENT.seen), [])

    def can_be_brought_about(self, path, status):
        """Not our own bugs, nor the limits that an administrator may set in nginx."""
        return status != "500" and (status != "429" or path in ("/auth/login", "/auth/password"))


if __name__ == "__main__":
    harness.main()
