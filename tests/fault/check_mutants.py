#!/usr/bin/python3
"""Builds each program of mutants.py and runs the tests that must catch it.

  check_mutants.py WORK_FOLDER [NAME...]   these mutants, or all, in a folder that is made anew

A line for each mutant, "ok - NAME is caught by TEST" or "not ok - ...". First the tests must pass on the program as it
is, else their failures would say nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mutants import MUTANTS

TOP = Path(os.environ.get("srcdir") or Path(__file__).resolve().parents[2]).resolve()
CONFIGURE = "--enable-werror --enable-sanitizers=address,undefined --enable-fault-points"
TEST_SECONDS = 900


def look():
    """Speaks TAP: does every change still fit the source? The exit status."""
    print(f"1..{len(MUTANTS)}")
    failed = False
    for number, mutant in enumerate(MUTANTS, 1):
        wrong = [change for change in mutant.changes if (TOP / change.file).read_text().count(change.old) != 1]
        missing = [test for test in mutant.tests if not (TOP / test).exists()]
        failed = failed or wrong or missing
        print(f"{'not ok' if wrong or missing else 'ok'} {number} - {mutant.name} fits")
        for change in wrong:
            print(f"# not there exactly once in {change.file}:\n# " + change.old.replace("\n", "\n# "))
        for test in missing:
            print(f"# there is no {test}")
    return 1 if failed else 0


class Workshop:
    """A copy of the source and one build of it, of which only what a mutant changes is built anew."""

    def __init__(self, folder):
        self.source = folder / "source"
        self.build = folder / "build"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(TOP, self.source, ignore=shutil.ignore_patterns(".git", "build*", "var", "autom4te.cache"))
        self.run([self.source / "script/setup", "build"], "the build",
                 ORDERD_BUILD=self.build, ORDERD_CONFIGURE=CONFIGURE)
        self.make()

    def run(self, argv, what, **variables):
        done = subprocess.run(
            [*map(str, argv)], env={**os.environ, **{name: str(value) for name, value in variables.items()}},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode:
            sys.exit(f"{done.stdout}{what} failed")

    def make(self):
        self.run(["make", "-s", f"-j{os.cpu_count()}", "-C", self.build, "all", "fault-tools", "CFLAGS=-O2 -g -w"], "make")

    def change(self, mutant):
        """What the files were, for change_back()."""
        before = {}
        for change in mutant.changes:
            path = self.source / change.file
            text = path.read_text()
            if text.count(change.old) != 1:
                sys.exit(f"{mutant.name} does not fit {change.file}; see tests/fault/test_mutants.py")
            before.setdefault(path, text)
            path.write_text(text.replace(change.old, change.new))
        self.make()
        return before

    def change_back(self, before):
        for path, text in before.items():
            path.write_text(text)

    def failures(self, test):
        """Names of the tests of that file that fail; a file that ends too early or too late is one of them."""
        env = {**os.environ, "srcdir": str(self.source), "builddir": str(self.build)}
        try:
            done = subprocess.run(
                ["/usr/bin/python3", str(self.source / test)], env=env, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return [f"no end within {TEST_SECONDS} s"]
        names = re.findall(r"(?m)^not ok \d+ - (\S+)", done.stdout)
        if done.returncode and not names:
            names = [f"exit status {done.returncode}: {done.stdout[-300:]}"]
        return names


def check_as_it_is(workshop, mutants):
    for test in sorted({test for mutant in mutants for test in mutant.tests}):
        names = workshop.failures(test)
        print(f"{'not ok' if names else 'ok'} - as it is, {test} passes {' '.join(names)}".rstrip(), flush=True)
        if names:
            return False
    return True


def check(workshop, mutant):
    before = workshop.change(mutant)
    caught = None
    for test in mutant.tests:
        names = workshop.failures(test)
        if names:
            caught = f"{test}: {names[0]}"
            break
    workshop.change_back(before)
    print(f"ok - {mutant.name} is caught by {caught}" if caught else f"not ok - {mutant.name} is caught by nothing",
          flush=True)
    return caught is not None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wanted = sys.argv[2:]
    mutants = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    workshop = Workshop(Path(sys.argv[1]).resolve())
    if not mutants or not check_as_it_is(workshop, mutants):
        return 1
    results = [check(workshop, mutant) for mutant in mutants]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
