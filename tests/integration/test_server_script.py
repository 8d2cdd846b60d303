#!/usr/bin/python3
"""script/server, clause by clause: what it reads from its environment, prints, restarts, refuses and leaves."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import harness
from script_server import ADMIN_PASSWORD, Run, main, processes_below, program


class Start(unittest.TestCase):
    def test_the_lines_it_prints_work_and_work_again(self):
        run = Run(self).wait_until_ready()
        self.assertRegex(run.session(), "^TOKEN=.* -d @- ", "a password on a command line can be seen by others")
        for number in (1, 2):
            done = subprocess.run(["bash", "-c", run.session()], capture_output=True, text=True, check=True)
            order = harness.json.loads(done.stdout)
            self.assertEqual((order["id"], order["status"], order["total"]), (number, "confirmed", 2590))
        harness.wait_for(lambda: len(run.mails()) == 2, "two mails")

    def test_what_lies_in_the_home(self):
        run = Run(self).wait_until_ready()
        wanted = {"orders.db", "spool", "mail", "log", "keys", "run", "gateway.ledger", "orderd.conf", "nginx.conf"}
        self.assertLessEqual(wanted, set(os.listdir(run.path)))

    def test_nothing_in_the_home_is_open_to_others(self):
        base = Path(tempfile.mkdtemp(prefix="orderd-test-"))
        self.addCleanup(shutil.rmtree, base, ignore_errors=True)
        run = Run(self, home=base / "home", is_untouched=True, umask=0).wait_until_ready()
        subprocess.run(["bash", "-c", run.session()], capture_output=True, check=True)
        harness.wait_for(lambda: run.mails() and run.has_delivered_all(), "the mail, and nothing that moves any more")
        paths = [run.path, *run.path.rglob("*")]
        self.assertEqual([path for path in paths if path.stat().st_mode & 0o007], [])
        secrets = [run.path / "keys", run.path / "shop.password", *(run.path / "keys").iterdir(),
                   *run.path.glob("orders.*"), run.path / "gateway.ledger", *run.path.rglob("mail/**/*")]
        self.assertGreater(len(secrets), 8)
        self.assertEqual([path for path in secrets if path.stat().st_mode & 0o077], [])

    def test_the_password_is_in_no_environment(self):
        run = Run(self).wait_until_ready()
        for pid in run.three_pids():
            if not os.access(f"/proc/{pid}/environ", os.R_OK):
                continue # it is closed to us, and so to everybody but root
            self.assertNotIn(ADMIN_PASSWORD.encode(), Path(f"/proc/{pid}/environ").read_bytes())

    def test_the_first_administrator(self):
        run = Run(self).wait_until_ready()
        me = run.get("/auth/me", run.login("admin", ADMIN_PASSWORD)).json
        self.assertEqual((me["username"], me["email"], me["role"]), ("admin", "admin@example.invalid", "admin"))
        self.assertNotIn(ADMIN_PASSWORD, run.text)

    def test_without_a_password_one_is_made_and_shown_once(self):
        run = Run(self, password=None).wait_until_ready()
        password = re.search(r"(?m)^The first user is admin, the password \(shown only now\): (\S+)$", run.text)[1]
        self.assertGreaterEqual(len(password), 20)
        run.login("admin", password)
        self.assertEqual(run.stop(), 0)
        again = Run(self, home=run.path, password=None).wait_until_ready()
        self.assertNotIn("password (shown", again.text)
        again.login("admin", password)

    def test_a_second_start_keeps_data_and_password(self):
        run = Run(self).wait_until_ready()
        subprocess.run(["bash", "-c", run.session()], capture_output=True, check=True)
        harness.wait_for(run.mails, "the mail")
        self.assertEqual(run.stop(), 0)
        again = Run(self, home=run.path, password="another password").wait_until_ready()
        token = again.login("admin", ADMIN_PASSWORD)
        self.assertEqual([order["id"] for order in again.get("/orders/", token).json["orders"]], [1])
        self.assertEqual(again.try_login("admin", "another password").status, 401)
        self.assertEqual(len(again.mails()), 1)
        done = subprocess.run(["bash", "-c", again.session()], capture_output=True, text=True, check=True)
        self.assertEqual(harness.json.loads(done.stdout)["id"], 2)

    def test_listens_on_loopback_alone(self):
        run = Run(self).wait_until_ready()
        addresses = {
            fields[1].split(":")[0]
            for name in ("tcp", "tcp6")
            for fields in map(str.split, Path(f"/proc/net/{name}").read_text().splitlines()[1:])
            if fields[1].endswith(f":{run.port:04X}") and fields[3] == "0A"}
        self.assertEqual(addresses, {"0100007F"})

    def test_a_home_with_a_space_and_a_quote(self):
        base = Path(tempfile.mkdtemp(prefix="orderd-test-"))
        self.addCleanup(shutil.rmtree, base, ignore_errors=True)
        run = Run(self, home=base / "it's a home").wait_until_ready()
        done = subprocess.run(["bash", "-c", run.session()], capture_output=True, text=True, check=True)
        self.assertEqual(harness.json.loads(done.stdout)["id"], 1)

    @unittest.skipUnless(os.getuid() == 0, "only root can become another user")
    def test_as_an_ordinary_user(self):
        run = Run.__new__(Run)
        home = Path(tempfile.mkdtemp(prefix="orderd-test-"))
        os.chown(home, 65534, 65534)
        reachable = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-x", harness.BUILD / "orderd",
             "-a", "-r", harness.TOP / "script/server"], check=False).returncode == 0
        if not reachable:
            shutil.rmtree(home)
            self.skipTest("this tree is closed to other users")
        harness.Home.__init__(run, home)
        harness.Client.__init__(run, harness.free_port())
        run.output = Path(tempfile.mkstemp(prefix="orderd-test-output-")[1])
        run.fast_hashes()
        os.chown(home / "orderd.conf", 65534, 65534)
        run.process = harness.Process(
            "script/server", ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              harness.TOP / "script/server"], run.output,
            env={"PATH": "/usr/bin:/bin", "ORDERD_HOME": str(home), "ORDERD_PORT": str(run.port), "HOME": "/nonexistent",
                 "ORDERD_BUILD": str(harness.BUILD), "ORDERD_ADMIN_PASSWORD": ADMIN_PASSWORD})
        Run.alive.append(run)
        self.addCleanup(run.close)
        run.wait_until_ready()
        done = subprocess.run(["bash", "-c", run.session()], capture_output=True, text=True, check=True)
        self.assertEqual(harness.json.loads(done.stdout)["id"], 1)
        self.assertEqual({path.stat().st_uid for path in home.iterdir()}, {65534})
        self.assertEqual(run.stop(), 0)


class Refusals(unittest.TestCase):
    def test_a_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            run = Run(self, port=other.getsockname()[1])
            self.assertIn(f"port {run.port} is taken", run.wait_for_failure())
        self.assertEqual(processes_below(run.path), [])

    def test_a_home_that_is_in_use(self):
        run = Run(self).wait_until_ready()
        other = subprocess.run(
            [harness.TOP / "script/server"], capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "ORDERD_HOME": str(run.path), "ORDERD_PORT": str(harness.free_port()),
                 "ORDERD_BUILD": str(harness.BUILD)})
        self.assertEqual(other.returncode, 1)
        self.assertIn("is in use", other.stderr)
        self.assertTrue(run.healthz())

    def test_a_home_that_others_have_a_hand_in(self):
        home = Path(tempfile.mkdtemp(prefix="orderd-test-"))
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o777)
        self.assertIn("can be written to by anybody", Run(self, home=home).wait_for_failure())
        home.chmod(0o700)
        if os.getuid() == 0:
            os.chown(home, 65534, 65534)
            self.assertRegex(Run(self, home=home).wait_for_failure(), "belongs to [^ ]+, and you are root")
        self.assertFalse((home / "keys").exists())

    def test_a_password_that_is_too_short(self):
        run = Run(self, password="short")
        self.assertIn("the first user could not be made", run.wait_for_failure())
        self.assertEqual(processes_below(run.path), [])
        Run(self, home=run.path).wait_until_ready().login("admin", ADMIN_PASSWORD)

    def test_values_that_are_none(self):
        base = tempfile.mkdtemp(prefix="orderd-test-")
        self.addCleanup(shutil.rmtree, base, ignore_errors=True)
        for variables, word in (
            ({"ORDERD_PORT": "0"}, "ORDERD_PORT"), ({"ORDERD_PORT": "65536"}, "ORDERD_PORT"),
            ({"ORDERD_PORT": "http"}, "ORDERD_PORT"), ({"ORDERD_HOME": "/dev/null/x"}, "ORDERD_HOME"),
            ({"ORDERD_HOME": 'a"b'}, "ORDERD_HOME"), ({"ORDERD_HOME": base + "/" + "x" * 120}, "ORDERD_HOME is too long"),
        ):
            with self.subTest(variables):
                done = subprocess.run(
                    [harness.TOP / "script/server"], capture_output=True, text=True, check=False, timeout=60,
                    env={**os.environ, "ORDERD_BUILD": str(harness.BUILD), **variables})
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                self.assertIn(word, done.stderr)

    def test_a_configuration_that_is_wrong(self):
        run = Run(self).wait_until_ready()
        self.assertEqual(run.stop(), 0)
        with open(run.path / "orderd.conf", "a") as config:
            config.write("[server]\nno_such_option = 1\n")
        self.assertIn("no_such_option", Run(self, home=run.path).wait_for_failure())
        self.assertEqual(processes_below(run.path), [])


class Deaths(unittest.TestCase):
    def test_whatever_dies_runs_again_within_a_second(self):
        run = Run(self).wait_until_ready()
        for name in ("orderd", "orderd-notifier", "nginx"):
            with self.subTest(name):
                old = run.pid_of(name)
                time.sleep(max(0, 2.5 - run_time(old)))
                os.kill(old, signal.SIGKILL)
                begun = time.monotonic()
                harness.wait_for(lambda: run.pid_of(name) != old, f"another {name}")
                self.assertLess(time.monotonic() - begun, 10)  # a second, on a machine that has nothing else to do
                harness.wait_for(run.healthz, "/healthz")
                line = rf"(?m)^server: {name} \({old}\) died, killed by signal KILL; it runs again as \d+$"
                harness.wait_for(lambda: re.search(line, run.text), f"the line about {name}")
        done = subprocess.run(["bash", "-c", run.session()], capture_output=True, text=True, check=True)
        self.assertEqual(harness.json.loads(done.stdout)["status"], "confirmed")
        harness.wait_for(run.mails, "the mail")
        self.assertEqual(run.stop(), 0)

    def test_signals_end_it_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                run = Run(self).wait_until_ready()
                self.assertEqual(run.stop(number), 0)
                log = (run.path / "log/orderd.log").read_text()
                self.assertIn("orderd has stopped", log)
                self.assertFalse(run.healthz())

    def test_ended_while_it_starts(self):
        """At any moment: nothing is left, and the next start works."""
        run = Run(self)
        run.process.send(signal.SIGTERM)
        run.process.wait(60)
        for delay in (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6):
            again = Run(self, home=run.path)
            time.sleep(delay)
            again.process.send(signal.SIGTERM)
            again.process.wait(60)
            harness.wait_for(lambda: not processes_below(run.path), f"no process, {delay} s after the start")
        Run(self, home=run.path).wait_until_ready().login("admin", ADMIN_PASSWORD)

    def test_killed_without_a_word(self):
        run = Run(self).wait_until_ready()
        pids = run.three_pids()
        os.kill(run.process.pid, signal.SIGKILL)
        again = Run(self, home=run.path, port=run.port)
        harness.wait_for(lambda: not any(map(program, pids)), "the end of the programs that lost their starter")
        again.wait_until_ready()
        again.login("admin", ADMIN_PASSWORD)
        self.assertEqual(again.stop(), 0)


def run_time(pid):
    """Seconds since the process began."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
