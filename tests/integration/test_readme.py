#!/usr/bin/python3
"""The session in the README works when pasted, and says what the README promises of it."""

import json
import os
import re
import subprocess
import unittest

import harness
from script_server import ADMIN_PASSWORD, Run, main


def section(title):
    """The text below a heading, up to the next one."""
    text = (harness.TOP / "README").read_text()
    found = re.search(rf"(?ms)^{title}\n-+\n(.*?)(?=^[^\n]+\n-+\n|\Z)", text)
    assert found, f"the README has no section {title!r}"
    return found[1]


def commands(title):
    """What stands indented in it."""
    return "".join(line[4:] + "\n" for line in section(title).splitlines() if line.startswith("    "))


def documents(text):
    """The JSON documents that follow one another in a text."""
    decoder, position, found = json.JSONDecoder(), 0, []
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        document, position = decoder.raw_decode(text, position)
        found.append(document)
    return found


class Readme(unittest.TestCase):
    def test_the_session(self):
        run = Run(self).wait_until_ready()
        environment = {**os.environ, "ORDERD_PORT": str(run.port), "ORDERD_ADMIN_PASSWORD": ADMIN_PASSWORD}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands("A session")], env=environment, capture_output=True, text=True,
            check=False, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        user, order, again, mine, declined = documents(done.stdout)
        self.assertEqual((user["username"], user["role"]), ("alice", "user"))
        self.assertEqual((order["status"], order["order"]["total"]), ("success", 2590))
        self.assertEqual(again, order)
        self.assertEqual([entry["id"] for entry in mine["orders"]], [order["order_id"]])
        self.assertEqual((declined["status"], declined["detail"]), (400, "Payment failed"))
        harness.wait_for(run.mails, "the mail")

    def test_the_two_commands_are_there(self):
        text = section("Try it")
        for command in ("script/server", "script/test"):
            self.assertIn(f"    {command}\n", text)
            self.assertTrue(os.access(harness.TOP / command, os.X_OK))

    def test_every_file_it_names_is_there(self):
        text = (harness.TOP / "README").read_text()
        for name in re.findall(r"(?<![\w./])((?:bench|doc|src|script|tests|nginx|lighttpd|systemd|man)/[\w./-]+\w)", text):
            self.assertTrue((harness.TOP / name).exists(), name)


if __name__ == "__main__":
    main()
