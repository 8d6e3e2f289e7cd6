"""Run inside a candidate interpreter: print what it is as one line of JSON.

Any Python 3 has to understand this file, so it uses nothing newer than annotations.
"""

import json
import os
import platform
import sys
import sysconfig

# What the worker libraries and the workloads need of the standard library; a Python
# compiled on a machine without the headers lacks them silently.
NEEDED = ("bz2", "ctypes", "sqlite3", "zlib")


def describe() -> dict:  # type: ignore[type-arg]
    """Return the description as plain data."""
    missing = []
    for module in NEEDED:
        try:
            __import__(module)
        except ImportError:
            missing.append(module)
    executable = getattr(sys, "_base_executable", None) or sys.executable
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "build_text": sys.version,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_enabled": bool(gil_enabled),
        "debug": hasattr(sys, "gettotalrefcount"),
        "config_args": sysconfig.get_config_var("CONFIG_ARGS") or "",
        "compiler": platform.python_compiler(),
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "base_executable": os.path.abspath(executable),  # noqa: PTH100 (a link stays as it is)
        "base_prefix": getattr(sys, "base_prefix", sys.prefix),
        "missing_modules": missing,
    }


print(json.dumps(describe()))
