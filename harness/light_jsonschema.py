"""jsonschema without the grammar of URIs, which takes longer to load than all else in a command.

Where Jupyter brought rfc3987-syntax along, jsonschema compiles that grammar (1.2 s) when it is
imported, for a format that no schema here asks for. It does without where the package is not
installed, so for the moment of the import it is not.
"""

import sys

_hidden = "rfc3987_syntax" not in sys.modules
if _hidden:
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

import jsonschema  # noqa: E402

if _hidden:
    del sys.modules["rfc3987_syntax"]

__all__ = ["jsonschema"]
