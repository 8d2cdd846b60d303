#!/usr/bin/python3
"""A start in the middle of something else."""

import fcntl
import unittest

import harness


class Start(unittest.TestCase):
    def test_a_tool_that_does_not_let_go_does_not_refuse_the_start(self):
        """Reads are answered meanwhile, and creates as soon as it lets go."""
        server = harness.Server(self, notifier=False)
        token = server.customer()[1]
        self.assertEqual(server.order(token).status, 201)
        server.stop("orderd")
        server.configure({"database.store_timeout": 200})
        with open(server.path / "orders.write", "r+b") as tool:
            fcntl.flock(tool, fcntl.LOCK_EX)
            server.start("orderd")
            self.assertEqual(server.get("/orders/1", token).status, 200)
            self.assertEqual(server.order(token).status, 503)
        harness.wait_for(lambda: server.order(token).status == 201, "an order")


if __name__ == "__main__":
    harness.main()
