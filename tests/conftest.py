"""Settings shared by all tests."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from harness.machine.lock import TEST_VARIABLE

# On shared machines a single slow example proves nothing; in CI a failure must be repeatable.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


#: folders whose tests start processes that measure, or count what the machine does
REAL = ("engine", "interpreters", "pipeline", "profile", "runtime")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """With several workers: files are not split, for what their tests share, and tests of real
    processes run one after the other."""
    for item in items:
        folder = item.path.parent.relative_to(Path(__file__).parent).as_posix()
        group = "real" if folder.partition("/")[0] in REAL else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def lock_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests that measure take turns with each other, and do not wait for anybody else's run."""
    os.environ[TEST_VARIABLE] = str(tmp_path_factory.mktemp("lock") / "machine.lock")
    yield
    del os.environ[TEST_VARIABLE]
