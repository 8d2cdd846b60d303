#!/usr/bin/python3
"""Two servers with ports and homes of their own, side by side on one machine."""

import signal
import subprocess
import unittest

from script_server import ADMIN_PASSWORD, Run, main
from harness import json, wait_for


class TwoServers(unittest.TestCase):
    def test_neither_knows_of_the_other(self):
        runs = [Run(self), Run(self)]
        for run in runs:
            run.wait_until_ready()
        for run, orders in zip(runs, (3, 1)):
            for _ in range(orders):
                subprocess.run(["bash", "-c", run.session()], capture_output=True, check=True)
            wait_for(lambda: len(run.mails()) == orders, f"{orders} mails")
        tokens = [run.login("admin", ADMIN_PASSWORD) for run in runs]
        for run, token, orders in zip(runs, tokens, (3, 1)):
            self.assertEqual(len(run.get("/orders/", token).json["orders"]), orders)
        self.assertEqual(runs[0].get("/orders/", tokens[1]).status, 401)

    def test_one_ends_and_the_other_goes_on(self):
        first, second = Run(self), Run(self)
        first.wait_until_ready()
        second.wait_until_ready()
        self.assertEqual(first.stop(signal.SIGINT), 0)
        done = subprocess.run(["bash", "-c", second.session()], capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(done.stdout)["status"], "confirmed")


if __name__ == "__main__":
    main()
