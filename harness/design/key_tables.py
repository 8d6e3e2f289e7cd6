"""The tables of keys in config/README.md, written from the models that the files are held against.

``python -m harness.design.key_tables config/README.md`` brings them up to date.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from harness.base.models import Entry
from harness.base.whole_files import write_whole
from harness.design.claims import ClaimsFile, PartEntry
from harness.design.config import Main
from harness.design.device import Devices
from harness.design.experiment import ExperimentEntry, Preset
from harness.design.printed import PrintedFile
from harness.design.strategies import PARAMETERS, StrategyEntry
from harness.design.workloads import WorkloadsFile
from harness.interpreters.config import InterpretersFile

#: by the name that the page calls a table
MODELS: dict[str, type[Entry]] = {
    "config.yaml": Main,
    "devices.yaml": Devices,
    "presets": Preset,
    "strategies": StrategyEntry,
    **{f"parameters of {kind}": model for kind, model in PARAMETERS.items()},
    "experiments": ExperimentEntry,
    "workloads.yaml": WorkloadsFile,
    "claims.yaml": ClaimsFile,
    "parts of a claim": PartEntry,
    "interpreters.yaml": InterpretersFile,
    "printed.yaml": PrintedFile,
}
_PLACE = re.compile(r"(<!-- keys: (.+?) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with its tables as the models say."""
    return _PLACE.sub(lambda place: f"{place[1]}{table(MODELS[place[2]])}{place[3]}", page)


def table(model: type[Entry]) -> str:
    """One row per key that has a meaning of its own, in the model's order."""
    rows = "".join(f"| `{key}` | {meaning} |\n" for key, meaning in _rows(model, ""))
    return f"| key | meaning |\n| --- | --- |\n{rows}"


def _rows(model: type[Entry], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if field.description:
            optional = "" if field.is_required() else "optional: "
            yield f"{prefix}{name}", optional + field.description
        else:
            for inner, many in _entries(field.annotation):
                yield from _rows(inner, f"{prefix}{name}{many}.")


def _entries(annotation: Any, many: str = "") -> Iterator[tuple[type[Entry], str]]:
    """The models inside a type, with ``.NAME`` for those that stand under names."""
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        yield annotation, many
        return
    named = ".NAME" if getattr(annotation, "__origin__", None) is dict else many
    for inner in get_args(annotation):
        yield from _entries(inner, named)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    write_whole(place, with_tables(place.read_text(encoding="utf-8")))
