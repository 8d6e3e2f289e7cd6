"""``python -m harness``."""

import sys

if sys.argv[1:2] == ["profile"]:
    # Nothing that the profiled program sees may change, and its interpreter may have none of the
    # pipeline's packages: the command line is not loaded.
    from harness.runtime.profile.command import main as profile_main

    sys.exit(profile_main(sys.argv[2:], prog="python -m harness profile"))

from harness.commands.main import main

sys.exit(main())
