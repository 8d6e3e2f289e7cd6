"""CPython's own tests of thread pools pass with the adaptive executor in their place."""

import pytest

from tests.runtime.cpython_suite import NO_TESTS
from tests.runtime.interpreters import NAMES, run_script

pytestmark = pytest.mark.measures

# Test, the private attribute it looks at, and why it does not apply. The other tests that look
# at private attributes (_threads, _max_workers, _broken) find what they expect there.
EXCLUDED = (
    ("test_default_workers", "_max_workers", "the default is the bound of a pool that grows"),
)


@pytest.mark.parametrize("name", NAMES)
def test_the_interpreters_own_tests_pass(name: str) -> None:
    done = run_script(name, "cpython_suite.py", [test for test, _, _ in EXCLUDED])
    if done.returncode == NO_TESTS:
        pytest.skip(f"{name}: {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
