"""What a running program uses of its machine: processors and descriptors."""

import os
import resource
import time
from pathlib import Path

import harness


def cpu_seconds(process):
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    user, system = stat.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def who_is_busy(processes, seconds=0.5):
    """Names of those that get a quarter of a processor, or more."""
    before = [cpu_seconds(process) for process in processes]
    time.sleep(seconds)
    return [process.name for process, used in zip(processes, before) if cpu_seconds(process) - used >= seconds / 4]


def check_no_spin(*processes):
    """Whoever waits for something waits: a loop that does not would take a processor, or what it gets of one."""
    harness.wait_for(lambda: not who_is_busy(processes), f"{[process.name for process in processes]} to be quiet")


def open_files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def limit_files(process, count):
    """The soft limit, which it can be given back; what is open stays open."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, hard))
