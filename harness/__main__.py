"""``python -m harness``."""

import sys

if sys.argv[1:2] == ["profile"]:
    # A user's program may run on an interpreter that has none of the pipeline's packages.
    from harness.profile.command import main as profile_main

    sys.exit(profile_main(sys.argv[2:]))

from harness.cli import main

sys.exit(main())
