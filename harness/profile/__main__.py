"""``python -m harness.profile``: needs nothing but the standard library."""

import sys

from harness.profile.command import main

sys.exit(main())
