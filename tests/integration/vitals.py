"""What a running program uses of its machine: processors and descriptors."""

import os
import resource
import time
from pathlib import Path

import harness


def runnable_seconds(process):
    """How long its threads ran or wanted to: so a machine that is busy with others makes no difference."""
    nanoseconds = 0
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        running, waiting, _ = (task / "schedstat").read_text().split()
        nanoseconds += int(running) + int(waiting)
    return nanoseconds / 1e9


def who_spins(processes, seconds=0.5):
    """Names of those that hardly ever wait for anything but a processor."""
    before = [runnable_seconds(process) for process in processes]
    time.sleep(seconds)
    return [process.name for process, first in zip(processes, before)
            if runnable_seconds(process) - first > 0.7 * seconds]


def check_no_spin(*processes):
    """Whoever waits for something waits. What was still to be done may be done first."""
    harness.wait_for(lambda: not who_spins(processes), f"{[process.name for process in processes]} to be quiet")


def open_files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def limit_files(process, count):
    """The soft limit, which it can be given back; what is open stays open."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, hard))
