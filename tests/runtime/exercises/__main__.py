"""Runs all of them and names those that fail, on an interpreter without pytest."""

import sys
import time
import traceback

from tests.runtime.exercises import EXERCISES
from tests.runtime.exercises.support import LONG


def main() -> int:
    failed = 0
    for function in EXERCISES:
        began = time.monotonic()
        try:
            function()
        except BaseException:
            failed += 1
            print(f"FAILED {function.__name__}", flush=True)
            traceback.print_exc()
        else:
            print(f"{time.monotonic() - began:6.2f} s  {function.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    import faulthandler

    faulthandler.dump_traceback_later(4 * LONG, exit=True)
    sys.exit(main())
