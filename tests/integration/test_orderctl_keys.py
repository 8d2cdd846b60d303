#!/usr/bin/python3
"""orderctl key: making, listing and retiring the keys that sign tokens, and orderd's reading them again."""

import calendar
import json
import os
import signal
import stat
import threading
import time
import unittest
from pathlib import Path

import harness
import tokens
from harness import Server, wait_for
from orderctl import Bed

def reload(server):
    server.processes["orderd"].send(signal.SIGHUP)


def key_of(token):
    return tokens.parts_of(token)[0]["kid"]


class TestKeys(unittest.TestCase):
    def test_new_keys_are_secret_and_listed_newest_first(self):
        bed = Bed(self)
        first = bed.run("--json", "key", "new").json
        second = bed.run("--json", "key", "new").json
        keys = bed.run("--json", "key", "list").json["keys"]
        self.assertEqual([(key["id"], key["state"]) for key in keys],
                         [(second["id"], "signs"), (first["id"], "verifies")])
        for key in (first, second):
            status = os.stat(key["file"])
            self.assertEqual((stat.S_IMODE(status.st_mode), status.st_size), (0o600, 32))
            self.assertNotIn(Path(key["file"]).read_bytes().hex(), bed.run("key", "list").out)
        self.assertEqual(stat.S_IMODE(os.stat(bed.path / "keys").st_mode), 0o700)

    def test_keys_that_are_not_as_they_should_be_are_told(self):
        bed = Bed(self)
        self.assertEqual(bed.run("key", "list").status, 1)
        path = Path(bed.run("--json", "key", "new").json["file"])
        path.chmod(0o644)
        result = bed.run("key", "list")
        self.assertEqual(result.status, 1)
        self.assertIn(str(path), result.err)

    def test_orderd_takes_up_a_new_key_and_older_tokens_stay_good(self):
        server = Server(self, notifier=False)
        old = server.login("admin", harness.ADMIN_PASSWORD)
        new_id = json.loads(server.orderctl("--json", "key", "new"))["id"]
        reload(server)

        def new_token():
            token = server.login("admin", harness.ADMIN_PASSWORD)
            return token if key_of(token) == new_id else None

        new = wait_for(new_token, "a token signed with the new key")
        for token in (old, new):
            self.assertEqual(server.get("/auth/me", token).status, 200)

    def test_keys_of_the_same_second_are_in_the_order_they_were_made(self):
        bed = Bed(self)
        made = [bed.run("--json", "key", "new").json["id"] for _ in range(8)]
        self.assertEqual([key["id"] for key in bed.run("--json", "key", "list").json["keys"]], made[::-1])

    def test_keys_that_are_made_at_once_differ(self):
        bed = Bed(self)
        self.assertEqual(bed.run("key", "new").status, 0)
        made = []
        threads = [threading.Thread(target=lambda: made.append(bed.run("--json", "key", "new").json["id"]))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({key_id[:16] for key_id in made}), 8, made)


class TestRetire(unittest.TestCase):
    def test_what_cannot_be_retired_is_told_and_nothing_changes(self):
        bed = Bed(self)
        only = bed.run("--json", "key", "new").json["id"]
        before = bed.files()
        for key_id, why in [(only, "make a new one"), ("", "no such key"), ("x" * 300, "no such key"),
                            ("../keys/" + only, "no such key"), (only[:-1], "no such key")]:
            result = bed.run("key", "retire", "--", key_id)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn(why, result.err)
        self.assertEqual(bed.files(), before)

    def test_a_retired_key_is_listed_until_its_time_is_over_and_after(self):
        bed = Bed(self, **{"auth.token_lifetime": 1})
        old, new = [bed.run("--json", "key", "new").json["id"] for _ in range(2)]
        retired = bed.run("--json", "key", "retire", new).json
        self.assertEqual(retired["id"], new)
        self.assertTrue(os.path.exists(retired["file"]))
        self.assertEqual(stat.S_IMODE(os.stat(retired["file"]).st_mode), 0o600)
        keys = bed.run("--json", "key", "list").json["keys"]
        self.assertEqual([key["id"] for key in keys], [new, old])
        self.assertEqual(keys[0]["retired_at"], retired["retired_at"])
        self.assertEqual(keys[0]["verifies_until"], retired["verifies_until"])
        self.assertEqual((keys[1]["state"], keys[1]["retired_at"], keys[1]["verifies_until"]), ("signs", None, None))
        wait_for(lambda: bed.run("--json", "key", "list").json["keys"][0]["state"] == "expired", "the end of its time")
        self.assertEqual(bed.run("--json", "key", "retire", new).json, retired, "a second time changed something")
        self.assertEqual(bed.run("key", "retire", old).status, 1)
        bed.add("alice")
        self.assertEqual(bed.run("check").status, 0)

    def test_of_two_that_are_retired_at_once_one_remains(self):
        bed = Bed(self)
        ids = [bed.run("--json", "key", "new").json["id"] for _ in range(2)]
        statuses = []
        threads = [threading.Thread(target=lambda i=i: statuses.append(bed.run("key", "retire", i).status)) for i in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [0, 1])

    def test_orderd_drops_a_retired_key_when_its_time_is_over_while_it_runs(self):
        lifetime = 8
        server = Server(self, {"auth.token_lifetime": lifetime}, notifier=False)
        token = server.login("admin", harness.ADMIN_PASSWORD)
        old_id = key_of(token)
        forged = tokens.changed(server, token, exp=int(time.time()) + 3600)
        new_id = json.loads(server.orderctl("--json", "key", "new"))["id"]
        retired = json.loads(server.orderctl("--json", "key", "retire", old_id))
        reload(server)
        wait_for(lambda: f"signing_key={new_id}" in server.log_text(), "the reload")
        self.assertEqual(key_of(server.login("admin", harness.ADMIN_PASSWORD)), new_id)
        self.assertEqual(server.get("/auth/me", forged).status, 200, "it verifies for a while")
        until = calendar.timegm(time.strptime(retired["verifies_until"], "%Y-%m-%dT%H:%M:%SZ"))
        wait_for(lambda: server.get("/auth/me", forged).status == 401, "the end of the retired key", lifetime + 20)
        self.assertGreaterEqual(time.time(), until)
        self.assertEqual(server.get("/auth/me", server.login("admin", harness.ADMIN_PASSWORD)).status, 200)

    def test_a_reload_takes_the_folder_that_the_configuration_names_by_now(self):
        server = Server(self, notifier=False)
        other = server.path / "other"
        old = server.login("admin", harness.ADMIN_PASSWORD)
        server.configure({"auth.keys": other})
        new_id = json.loads(server.orderctl("--json", "key", "new"))["id"]
        self.assertEqual([path.name for path in other.iterdir()], [new_id + ".key"])
        reload(server)
        wait_for(lambda: f"signing_key={new_id}" in server.log_text(), "the reload")
        self.assertEqual(key_of(server.login("admin", harness.ADMIN_PASSWORD)), new_id)
        self.assertEqual(server.get("/auth/me", old).status, 401)

    def test_a_reload_of_keys_that_are_not_as_they_should_be_changes_nothing(self):
        server = Server(self, notifier=False)
        token = server.login("admin", harness.ADMIN_PASSWORD)
        (server.path / "keys/short.key").write_bytes(b"short")
        reload(server)
        wait_for(lambda: "reload refused" in server.log_text(), "the refusal")
        self.assertIn("short.key", server.log_text())
        self.assertEqual(server.get("/auth/me", token).status, 200)
        self.assertEqual(server.try_login("admin", harness.ADMIN_PASSWORD).status, 200)


if __name__ == "__main__":
    harness.main()
