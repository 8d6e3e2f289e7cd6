"""Run inside a worker environment: import every library named on the command line, report JSON.

The GIL state is read after the imports, because an extension module that does not declare
itself safe without the GIL switches it back on.
"""

import importlib
import importlib.metadata
import json
import sys


def report(modules: list[str]) -> dict[str, object]:
    """Import `modules`; return GIL state, installed versions and the imports that failed."""
    failures = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # an import can fail with anything
            failures[module] = f"{type(error).__name__}: {error}"
    installed = {item.metadata["Name"]: item.version for item in importlib.metadata.distributions()}
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {"gil_enabled": bool(gil_enabled), "installed": installed, "failures": failures}


print(json.dumps(report(sys.argv[1:])))
