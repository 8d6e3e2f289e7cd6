"""Settings shared by all tests."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from harness.machine.lock import TEST_VARIABLE

# On shared machines a single slow example proves nothing; in CI a failure must be repeatable.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session", autouse=True)
def lock_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests that measure take turns with each other, and do not wait for anybody else's run."""
    os.environ[TEST_VARIABLE] = str(tmp_path_factory.mktemp("lock") / "machine.lock")
    yield
    del os.environ[TEST_VARIABLE]
