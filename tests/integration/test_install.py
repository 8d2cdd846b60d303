#!/usr/bin/python3
"""make install into a folder, and a first installation by hand with what lies there: keys, users, check, the three
processes behind the installed nginx configuration; and make uninstall."""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness
from harness import ADMIN_PASSWORD, BUILD


def make(target, root):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-s", "-C", BUILD, target, f"DESTDIR={root}"], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout


def variable(name):
    """A folder of this build, as its Makefile expands it."""
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", BUILD, "-f", "-", "show"], text=True, capture_output=True, check=True,
        input=f"include Makefile\nshow:\n\t@echo $({name})\n",
        env={key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))})
    return done.stdout.strip()


class InstalledServer(harness.Server):
    """The three processes from an installation."""

    def __init__(self, case, root):
        self.root = root
        super().__init__(case)

    def installed(self, name):
        return Path(f"{self.root}{variable(name)}")

    def configure(self, options):
        """The installed configuration, with each path moved into the home."""
        text = (self.installed("sysconfdir") / "orderd/orderd.conf").read_text()
        text = re.sub(r"/var/(lib|spool)/(orderd(-notify)?)/?", rf"{self.path}/", text)
        text = text.replace(f"path = {self.path}/\n", f"path = {self.path}/spool\n")
        data = self.installed("pkgdatadir")
        text = text.replace("[database]\n", f"[database]\nmigrations = {data}/sql\n")
        text = text.replace("[auth]\n", "[auth]\nhash_memory = 64\nhash_passes = 1\n")
        text += f"\n[server]\ndata = {data}\n"
        self.config.write_text(text)

    def command(self, name):
        return self.installed("sbindir") / name

    def nginx_site(self):
        return (self.installed("pkgdatadir") / "nginx/orderd.conf").read_text()

    def start(self, name):
        self.processes[name] = harness.Process(
            name, [self.command(name), "--config", self.config], self.path / "log" / f"{name}.out")
        if name == "orderd":
            self.wait_for_socket()

    def run_orderctl(self, *arguments, text_in=""):
        return subprocess.run(
            [self.command("orderctl"), "--config", self.config, *arguments], input=text_in, text=True,
            capture_output=True, timeout=60, check=False)

    def orderctl(self, *arguments, text_in=""):
        done = self.run_orderctl(*arguments, text_in=text_in)
        assert done.returncode == 0, done
        return done.stdout


class Install(unittest.TestCase):
    root = None

    def setUp(self):
        """Installed once for all tests."""
        if Install.root is None:
            Install.root = tempfile.mkdtemp(prefix="orderd-test-root-")
            atexit.register(shutil.rmtree, Install.root, ignore_errors=True)
            make("install", Install.root)

    def installed(self, name, path=""):
        return Path(f"{self.root}{variable(name)}") / path

    def test_what_is_installed(self):
        for folder, names in (
            ("sbindir", ["orderd", "orderd-notifier", "orderctl"]),
            ("pkgdatadir", ["openapi.json", "docs/index.html", "sql/0001_initial.sql", "nginx/orderd.conf",
                            "nginx/orderd-http.conf", "nginx/site.conf", "lighttpd/orderd.conf", "lighttpd/status-503.html",
                            "examples/orderd.conf"]),
            ("systemdsystemunitdir", ["orderd.service", "orderd-notifier.service", "orderd.socket"]),
            ("sysconfdir", ["orderd/orderd.conf"]),
            ("mandir", ["man8/orderd.8", "man8/orderd-notifier.8", "man8/orderctl.8"]),
        ):
            for name in names:
                self.assertTrue(self.installed(folder, name).is_file(), f"{folder}/{name}")

    def test_the_manual_tells_the_paths_of_the_installation(self):
        for name in ("orderd", "orderd-notifier", "orderctl"):
            text = self.installed("mandir", f"man8/{name}.8").read_text()
            self.assertIn(f"{variable('sysconfdir')}/orderd/orderd.conf", text)
            self.assertEqual("/usr/local/" in text, variable("prefix") == "/usr/local", name)

    def test_paths_are_those_of_the_installation(self):
        for folder, name in (("pkgdatadir", "nginx/site.conf"), ("pkgdatadir", "lighttpd/orderd.conf"),
                             ("systemdsystemunitdir", "orderd.service"),
                             ("systemdsystemunitdir", "orderd-notifier.service")):
            text = self.installed(folder, name).read_text()
            self.assertNotIn("@", re.sub(r"@(system-service|privileged|resources)|you@|orders@", "", text), name)
        unit = self.installed("systemdsystemunitdir", "orderd.service").read_text()
        self.assertIn(f"ExecStart={variable('sbindir')}/orderd --config {variable('sysconfdir')}/orderd/orderd.conf", unit)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_the_units_are_sound_and_tight(self):
        with tempfile.TemporaryDirectory() as folder:
            units = []
            for name in ("orderd.socket", "orderd.service", "orderd-notifier.service"):
                text = self.installed("systemdsystemunitdir", name).read_text()
                units.append(Path(folder) / name)
                units[-1].write_text(re.sub(r"(?m)^ExecStart=\S+|^Documentation=.*$",
                                            lambda found: "ExecStart=/bin/true" if found[0][0] == "E" else "", text))
            verify = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
            self.assertEqual((verify.returncode, verify.stderr), (0, ""))
            for unit in units[1:]:
                tight = subprocess.run(
                    ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit], capture_output=True,
                    text=True, check=False)
                self.assertEqual(tight.returncode, 0, tight.stdout + tight.stderr)

    def test_a_first_installation_by_hand(self):
        server = InstalledServer(self, self.root)
        _, token = server.customer()
        reply = server.order(token)
        self.assertEqual(reply.status, 201, reply)
        harness.wait_for(server.mails, "the mail")
        self.assertEqual(server.get("/openapi.json").status, 200)
        check = server.run_orderctl("check")
        self.assertEqual(check.returncode, 0, check)
        again = server.run_orderctl("user", "add", "--role", "admin", "--email", "x@example.com", "admin",
                                    text_in=ADMIN_PASSWORD + "\n")
        self.assertEqual(again.returncode, 1, again)
        self.assertIn("taken", again.stderr)

    @unittest.skipUnless(shutil.which("readelf"), "there is no readelf")
    def test_what_renders_mails_links_no_database_and_no_fastcgi(self):
        def libraries(name):
            return subprocess.run(["readelf", "-d", self.installed("sbindir", name)], capture_output=True, text=True,
                                  check=True).stdout
        self.assertIn("libsqlite3", libraries("orderd"))
        for library in ("libsqlite3", "libfcgi", "libjwt", "libargon2", "libjson-c"):
            self.assertNotIn(library, libraries("orderd-notifier"))
        for library in ("libfcgi", "libgmime", "libjson-c"):
            self.assertNotIn(library, libraries("orderctl"))

    def test_the_installed_programs_know_their_folders(self):
        text = subprocess.run(
            [self.installed("sbindir", "orderctl"), "--help"], capture_output=True, text=True, check=True).stdout
        self.assertIn(f"{variable('sysconfdir')}/orderd/orderd.conf", text)

    def test_another_configure_compiles_again_what_knows_a_folder(self):
        """make does so for config.h, but not for other flags: as README has it, programs are there before."""
        text = (BUILD / "config.h").read_text()
        self.assertIn(f"\"{variable('sysconfdir')}/orderd\"", text)
        self.assertIn(f"\"{variable('pkgdatadir')}\"", text)
        for flags in ("AM_CPPFLAGS", "AM_CFLAGS", "CPPFLAGS"):
            self.assertNotIn(variable("prefix") + "/", variable(flags), flags)

    def test_a_configuration_that_is_there_is_kept_and_uninstall_leaves_nothing_else(self):
        with tempfile.TemporaryDirectory(prefix="orderd-test-root-") as root:
            config = Path(f"{root}{variable('sysconfdir')}/orderd/orderd.conf")
            config.parent.mkdir(parents=True)
            config.write_text("# mine\n")
            make("install", root)
            self.assertEqual(config.read_text(), "# mine\n")
            make("uninstall", root)
            self.assertEqual([path for path in Path(root).rglob("*") if path.is_file()], [config])
            config.unlink()
            make("install", root)
            make("uninstall", root)
            self.assertEqual([path for path in Path(root).rglob("*") if path.is_file()], [])


if __name__ == "__main__":
    harness.main()
