"""``python -m harness.profile`` and ``from harness.profile import Profile``.

The profiler itself lies in ``harness.runtime.profile``.
"""

from harness.runtime.profile import FunctionRow, PoolRow, Profile, Report

__all__ = ["FunctionRow", "PoolRow", "Profile", "Report"]

if __name__ == "__main__":
    import sys

    from harness.runtime.profile.command import main

    sys.exit(main(prog="python -m harness.profile"))
