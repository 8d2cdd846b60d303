"""Runs the test cases of a file, in the order they are written, and speaks TAP; each with a deadline."""

import signal
import sys
import traceback
import unittest


class DeadlinePassed(BaseException):
    """Not an Exception, so that no test catches it by accident."""


def _alarm(_signal, _frame):
    raise DeadlinePassed("the test did not end in time")


def _print_comment(text):
    for line in text.splitlines():
        print("#", line)


def _tests(module):
    """Methods named test_..., in the order of the file."""
    for case in vars(module).values():
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
            continue
        for name in vars(case):
            if name.startswith("test_"):
                yield case(name)


class _Outcome(unittest.TestResult):
    """Keeps the first trouble of a test: a failure in it, or in what cleans up after it."""

    def __init__(self, on_failure):
        super().__init__()
        self.trouble = None
        self.skipped_for = None
        self._on_failure = on_failure

    def _note(self, error):
        if self.trouble is None:
            self.trouble = "".join(traceback.format_exception(*error))
            self._on_failure(_print_comment)

    def addFailure(self, test, err):
        self._note(err)

    def addError(self, test, err):
        self._note(err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            _print_comment(f"in {subtest}")
            self._note(err)

    def addSkip(self, test, reason):
        self.skipped_for = reason


def _run_one(test, deadline_s, on_failure):
    outcome = _Outcome(on_failure)
    signal.alarm(deadline_s)
    try:
        test.run(outcome)
    except DeadlinePassed:
        outcome.addError(test, sys.exc_info())
        test.doCleanups()
    finally:
        signal.alarm(0)
    return outcome


def main(deadline_s=120, on_failure=lambda comment: None):
    """Ends the process. on_failure(comment) may print what helps, while the test's world still stands.

    Names on the command line choose among the tests."""
    signal.signal(signal.SIGALRM, _alarm)
    tests = list(_tests(sys.modules["__main__"]))
    if len(sys.argv) > 1:
        tests = [test for test in tests if any(word in test.id() for word in sys.argv[1:])]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.id().removeprefix("__main__.")
        outcome = _run_one(test, deadline_s, on_failure)
        if outcome.trouble:
            failed += 1
            _print_comment(outcome.trouble)
        skip = f" # SKIP {outcome.skipped_for}" if outcome.skipped_for else ""
        print(f"{'not ok' if outcome.trouble else 'ok'} {number} - {name}{skip}", flush=True)
    sys.exit(1 if failed else 0)
