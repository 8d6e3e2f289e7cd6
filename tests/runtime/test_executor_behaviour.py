"""What the executor promises, here and with the other interpreters on this machine."""

from collections.abc import Callable

import pytest

from tests.runtime.exercises import EXERCISES
from tests.runtime.interpreters import NAMES, RUNNING, run_script

pytestmark = pytest.mark.measures


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("behaviour", EXERCISES, ids=lambda function: function.__name__)
def test_the_executor_does_as_promised(behaviour: Callable[[], None]) -> None:
    behaviour()


@pytest.mark.parametrize("name", [name for name in NAMES if name != RUNNING])
def test_the_executor_does_as_promised_elsewhere(name: str) -> None:
    done = run_script(name, "exercises/__main__.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
