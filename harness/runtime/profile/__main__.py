"""The profiler as a command; it needs nothing but the standard library."""

import sys

from .command import main

sys.exit(main())
