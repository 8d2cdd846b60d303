"""script/server as a user runs it, from the programs of this build."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import harness

ADMIN_PASSWORD = harness.ADMIN_PASSWORD


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def program(pid):
    """What the process runs, at most 15 bytes of it; an empty text when it is gone, or has ended and only waits for
    its parent to notice."""
    try:
        command, rest = Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if rest.split()[0] in "ZX" else command


def processes_below(folder):
    """Everybody who has the folder, or something in it, open or in the command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            open_files = [os.readlink(path) for path in (entry / "fd").iterdir()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if int(entry.name) != os.getpid() and (
                os.fsencode(folder) in command or any(path.startswith(str(folder)) for path in open_files)):
            found.append(f"{entry.name}: {command!r}")
    return found


class Run(harness.Client, harness.Home):
    """One run. Its output is a file, so that nothing waits for us to read it."""

    alive = []

    def __init__(self, case, home=None, port=None, password=ADMIN_PASSWORD, is_untouched=False, **options):
        """is_untouched: the home is left to script/server, with its slow hashes."""
        harness.Home.__init__(self, home or tempfile.mkdtemp(prefix="orderd-test-"))
        harness.Client.__init__(self, port or harness.free_port())
        self.output = Path(tempfile.mkstemp(prefix="orderd-test-output-")[1])
        variables = {
            **os.environ, "ORDERD_HOME": str(self.path), "ORDERD_PORT": str(self.port),
            "ORDERD_BUILD": str(harness.BUILD),
        }
        variables.pop("ORDERD_ADMIN_PASSWORD", None)
        if password is not None:
            variables["ORDERD_ADMIN_PASSWORD"] = password
        if not is_untouched:
            self.fast_hashes()
        self.process = harness.Process(
            "script/server", [harness.TOP / "script/server"], self.output, env=variables, **options)
        Run.alive.append(self)
        case.addCleanup(self.close)

    def fast_hashes(self):
        """A configuration that is there already is kept: ours hashes quickly."""
        self.path.mkdir(exist_ok=True)
        config = self.path / "orderd.conf"
        if not config.exists():
            config.write_text(
                f"[server]\ndata = {harness.TOP}/share\n[database]\nmigrations = {harness.TOP}/sql\n"
                "[auth]\nhash_memory = 64\nhash_passes = 1\n"
                "[log]\nfile = log/orderd.log\nnotifier_file = log/orderd-notifier.log\n")

    @property
    def text(self):
        return self.output.read_text(errors="replace")

    def wait_until_ready(self):
        def is_ready():
            assert self.process.is_alive(), f"it ended: {self.text}"
            return "Ctrl-C ends it all." in self.text
        harness.wait_for(is_ready, "the three lines", 60)
        return self

    def wait_for_failure(self):
        """Its output, after it has ended with exit status 1."""
        status = self.process.wait(60)
        assert status == 1, f"exit {status}: {self.text}"
        return self.text

    def session(self):
        """The lines to paste."""
        lines = re.findall(r"(?m)^(?:TOKEN=|ORDER=|curl ).*$", self.text)
        assert len(lines) == 3, self.text
        return "\n".join(lines)

    def pid_of(self, name):
        """The child that is orderd, orderd-notifier or nginx."""
        def find():
            return [pid for pid in children(self.process.pid) if program(pid) == name]
        return harness.wait_for(find, f"the process {name}")[0]

    def three_pids(self):
        """Its children, when it has no other ones any more, such as the cat that printed the last line."""
        def find():
            pids = children(self.process.pid)
            return pids if len(pids) == 3 else None
        return harness.wait_for(find, "three children")

    def stop(self, number=signal.SIGTERM):
        """The exit status of an orderly end, after which nothing may be left."""
        self.process.send(number)
        status = self.process.wait(60)
        left = processes_below(self.path)
        assert not left, left
        assert os.listdir(self.path / "run") == [], os.listdir(self.path / "run")
        return status

    def close(self):
        if self.process.is_alive():
            self.process.send(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        Run.alive.remove(self)
        self.output.unlink()
        shutil.rmtree(self.path, ignore_errors=True)


def comment_logs(comment):
    for run in Run.alive:
        comment(f"--- output of script/server on {run.path}")
        comment(run.text)
        for path in run.log_files():
            comment(f"--- {path}")
            comment("\n".join(path.read_text(errors="replace").splitlines()[-40:]))


def main(deadline_s=180):
    harness.tap.main(deadline_s, comment_logs)
