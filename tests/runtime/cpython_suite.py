"""Runs CPython's own tests of thread pools with the adaptive executor in their place.

A script for any interpreter, standard library only. Arguments: names of tests to leave out.
Exit status 0: all passed, 1: some failed, 3: this interpreter has no such tests.
"""

import concurrent.futures
import importlib
import sys
import unittest
from collections.abc import Iterator

from tests import ROOT

PACKAGE = "test.test_concurrent_futures"
MODULES = ("test_thread_pool", "test_init", "test_shutdown", "test_wait", "test_as_completed")
NO_TESTS = 3

# The tests start interpreters of their own, isolated from the environment.
SUBSTITUTE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import concurrent.futures
from harness.runtime import AdaptiveThreadPoolExecutor
concurrent.futures.ThreadPoolExecutor = AdaptiveThreadPoolExecutor
concurrent.futures.AdaptiveThreadPoolExecutor = AdaptiveThreadPoolExecutor
"""


def flattened(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flattened(test)
        else:
            yield test


def main(excluded: list[str]) -> int:
    exec(SUBSTITUTE)
    try:
        helper = importlib.import_module("test.support.script_helper")
        importlib.import_module(PACKAGE)
    except ImportError as error:
        print(f"this interpreter ships no {PACKAGE}: {error}")
        return NO_TESTS
    run_python = helper.assert_python_ok

    def run_substituted(*arguments: str, **environment: str) -> object:
        option, code = arguments
        assert option == "-c"
        return run_python(option, SUBSTITUTE + code, **environment)

    helper.assert_python_ok = run_substituted
    suite = unittest.TestSuite()
    for name in MODULES:
        module = importlib.import_module(f"{PACKAGE}.{name}")
        suite.addTests(
            test
            for test in flattened(unittest.defaultTestLoader.loadTestsFromModule(module))
            if getattr(test, "executor_type", None) is concurrent.futures.ThreadPoolExecutor
            and test.id().rpartition(".")[2] not in excluded
        )
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun > 20 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
