"""Measuring: processor time and memory of processes, as the kernel counts them, and the load generators."""

import json
import os
import statistics
import subprocess
from pathlib import Path

GRACE_S = 30  # a generator that is not done by then is killed
HERE = Path(__file__).resolve().parent


class CheckFailed(Exception):
    """What was answered, or written, is not what it should be: no figure of it counts."""


def family(pid):
    """The process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_us(pids):
    """Processor time of all their threads. In nanoseconds of the scheduler, for a clock tick is 10 ms; a thread that
    ended is not counted, but none of ours ends while it is measured."""
    total = 0
    for pid in pids:
        for thread in os.scandir(f"/proc/{pid}/task"):
            total += int(Path(thread.path, "schedstat").read_text().split()[0])
    return total / 1000


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise CheckFailed(f"process {pid} has no memory any more")


def medians(samples):
    """Of each figure of the rounds."""
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


class Generator:
    """A load that runs; bounded in time, and ended with us."""

    def __init__(self, argv, seconds):
        self.limit_s = seconds + GRACE_S
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True)

    def output(self):
        try:
            out, trouble = self.popen.communicate(timeout=self.limit_s)
        except subprocess.TimeoutExpired:
            raise CheckFailed(f"{self.popen.args[3]} does not end") from None
        finally:
            self.popen.kill()
        if self.popen.returncode:
            raise CheckFailed(f"{self.popen.args[3]}: exit {self.popen.returncode}: {out}{trouble}")
        return out


class Wrk(Generator):
    """As many requests as the answers allow, over that many connections."""

    def __init__(self, port, connections, seconds, requests, first):
        super().__init__(["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s",
                          HERE / "replay.lua", f"http://127.0.0.1:{port}/", "--", requests, first], seconds)

    def finish(self):
        """What replay.lua says; every answer must have been a success."""
        out = self.output()
        for line in out.splitlines():
            if line.startswith("BENCH "):
                result = json.loads(line.removeprefix("BENCH "))
                if result["refused"] or result["broken"] or not result["requests"]:
                    raise CheckFailed(f"of {result['requests']} answers {result['refused']} were no success, and "
                                      f"{result['broken']} connections broke")
                return {**result, "rate": result["requests"] / result["seconds"]}
        raise CheckFailed(f"wrk says nothing: {out}")


class Pace(Generator):
    """Requests at a rate of their own."""

    def __init__(self, program, port, connections, rate, seconds, requests, first):
        super().__init__([program, port, connections, f"{rate:.1f}", seconds, requests, first], seconds)

    def finish(self, status):
        """What bench/pace.c says; every answer must have had that status."""
        result = json.loads(self.output())
        if list(result["statuses"]) != [str(status)] or result["broken"]:
            raise CheckFailed(f"pace: {result}")
        answered = result["statuses"][str(status)]
        return {**result, "answered": answered, "rate": answered / result["seconds"]}


def commits(program, folder, migrations, seconds):
    return json.loads(Generator([program, folder, migrations, seconds], seconds).output())
