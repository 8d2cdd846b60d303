"""What the tests of a bad gateway share."""

import collections
import unittest

import judge
import orderctl


def reconcile(server):
    """[(kind, order id)], sorted."""
    result = orderctl.run("--config", server.config, "--json", "reconcile")
    return sorted((one["kind"], one["order_id"]) for one in result.json["disagreements"])


def events_of(server):
    """What happened at the gateway, by reference."""
    events = collections.defaultdict(list)
    for event in server.ledger():
        events[event["reference"]].append(event["event"])
    return events


def metric(server, name):
    for line in server.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    raise AssertionError(f"there is no {name}")


class GatewayTest(unittest.TestCase):
    def restart(self, server, options):
        server.stop("orderd")
        server.configure(options)
        server.start("orderd")

    def check(self, server, sent=None):
        """At rest, and all books agree."""
        server.wait_until_at_rest(60)
        judge.check_home(self, server, sent or judge.Sent())
        judge.check_reconcile(self, server)
