#!/usr/bin/python3
"""What is written looks alike: C by .clang-format, shell by shellcheck. Speaks TAP, a line for each file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(os.environ.get("srcdir") or Path(__file__).resolve().parents[1])
SCRIPTS = ["script/setup", "script/server", "script/test", "script/sanitize", ".ci/run"]


def files():
    """(tool and its arguments, file)"""
    for folder in ("src", "tests", "bench"):
        for path in sorted((TOP / folder).rglob("*.[ch]")):
            yield ["clang-format", "--dry-run", "-Werror", "--style=file"], path
    for name in SCRIPTS:
        yield ["shellcheck"], TOP / name


def check(command, path):
    """What is wrong, or an empty text."""
    done = subprocess.run([*command, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.stdout or f"{command[0]}: exit {done.returncode}" if done.returncode else ""


def main():
    failed = 0
    number = 0
    for number, (command, path) in enumerate(files(), 1):
        name = f"{command[0]} {path.relative_to(TOP)}"
        if not shutil.which(command[0]):
            print(f"ok {number} - {name} # SKIP {command[0]} is not installed")
            continue
        wrong = check(command, path)
        for line in wrong.splitlines():
            print("#", line)
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
