"""Settings shared by all tests."""

import os

from hypothesis import settings

# On shared machines a single slow example proves nothing; in CI a failure must be repeatable.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
