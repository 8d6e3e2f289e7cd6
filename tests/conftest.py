"""Settings shared by all tests."""

import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import settings

from harness.machine.lock import TEST_VARIABLE

# On shared machines a single slow example proves nothing; in CI a failure must be repeatable.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """With several workers: files are not split, for what their tests share, and tests that
    measure real processes run one after the other.

    Marker ``measures``: takes part in that. Marker ``real``: starts processes of its own, so
    that ``make test-quick`` leaves it out, as it does ``slow``; whatever measures is real.
    """
    for item in items:
        measures = item.get_closest_marker("measures") is not None
        if measures:
            item.add_marker(pytest.mark.real)
        group = "measures" if measures else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def lock_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests that measure take turns with each other, and do not wait for anybody else's run."""
    os.environ[TEST_VARIABLE] = str(tmp_path_factory.mktemp("lock") / "machine.lock")
    yield
    del os.environ[TEST_VARIABLE]
