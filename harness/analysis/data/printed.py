"""The paper's printed numbers, and how they find their place beside measured ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.base.errors import ConfigError
from harness.base.models import read_model
from harness.design.printed import FILE, PrintedFile, SourceEntry

#: the one of this checkout, for those who name no folder
PRINTED_FILE = Path(__file__).resolve().parents[3] / "config" / FILE
KEYS = ["workload", "benchmark", "build", "cores", "strategy", "concurrency"]
FACT_COLUMNS = ["source", *KEYS, "quantity", "value", "margin", "provenance", "printed"]
_ABOUT = {*KEYS, "provenance", "printed"}
_FREE_THREADED = re.compile(r".*\dt")
_VARIANT = re.compile(r".*\dt?-\w+")


@dataclass(frozen=True, slots=True)
class Source:
    """A table or figure of the paper, or raw results of its authors."""

    id: str
    title: str
    where: str
    method: str
    note: str
    experiments: tuple[str, ...]


@dataclass(frozen=True)
class Printed:
    """Everything in printed.yaml.

    ``facts`` has one row per number: ``source``, the keys of what it is about (missing where
    the paper does not tell them apart), ``quantity``, ``value`` and ``margin`` (half width of
    the printed 95 % interval, NaN without one), ``provenance``, and ``printed``: False for
    numbers that only the authors' raw results hold. ``without_counterpart`` maps figures of
    the paper to why nothing is drawn beside them.
    """

    sources: Mapping[str, Source]
    facts: pd.DataFrame
    without_counterpart: Mapping[str, str]

    def about(self, *sources: str) -> pd.DataFrame:
        """The facts of some sources."""
        return self.facts[self.facts["source"].isin(sources)]

    def remark(self, source: str) -> str:
        """What is to be known of a source's numbers, as a sentence with a blank behind it;
        nothing for a source that has no note or is not in the file."""
        note = self.sources[source].note if source in self.sources else ""
        return f"In the paper: {note}. " if note else ""


def read_printed(path: Path = PRINTED_FILE) -> Printed:
    """Read and check printed.yaml; raises ``ConfigError`` naming file, key and reason.

    A configuration without that file has nothing to show beside what it measured.
    """
    if not path.exists():
        return _printed({}, {}, path)
    data = read_model(path, PrintedFile)
    absent = {name: entry.reason for name, entry in data.without_counterpart.items()}
    return _printed(data.sources, absent, path)


def _printed(
    entries: Mapping[str, SourceEntry], without_counterpart: Mapping[str, str], path: Path
) -> Printed:
    sources = {}
    rows: list[dict[str, object]] = []
    for name, entry in entries.items():
        sources[name] = Source(
            name, entry.title, entry.where, entry.method, entry.note, entry.experiments
        )
        common = entry.common.model_dump(exclude_unset=True)
        for number, fact in enumerate(entry.facts, 1):
            merged = common | fact.model_dump(exclude_unset=True)
            for key in ("provenance", "printed"):
                if key not in merged:
                    raise ConfigError(
                        f"{path}: sources.{name}.facts: fact {number} lacks {key!r}; "
                        "give it there or in common"
                    )
            rows += _numbers(name, merged)
    facts = pd.DataFrame(rows, columns=FACT_COLUMNS)
    for key in ("cores", "concurrency"):
        facts[key] = facts[key].astype("Int64")
    for key in ("value", "margin"):
        facts[key] = facts[key].astype(float)
    return Printed(sources, facts, without_counterpart)


def _numbers(source: str, fact: Mapping[str, Any]) -> list[dict[str, object]]:
    """One row per strategy and quantity of a fact."""
    strategies = fact.get("strategy")
    rows = []
    for strategy in strategies if isinstance(strategies, list) else [strategies]:
        for quantity in fact.keys() - _ABOUT:
            number = fact[quantity]
            value, margin = number if isinstance(number, list) else (number, None)
            about = {key: fact.get(key) for key in KEYS} | {"strategy": strategy}
            rows.append(
                {"source": source, **about, "quantity": quantity, "value": value}
                | {"margin": margin, "provenance": fact["provenance"], "printed": fact["printed"]}
            )
    return sorted(rows, key=lambda row: str(row["quantity"]))


def build(interpreter: str) -> str | None:
    """The kind of build an interpreter's name stands for: ``gil`` or ``free_threaded``.

    None for variants, such as a free-threaded build with its GIL switched on: the paper has
    no numbers for them.
    """
    if _FREE_THREADED.fullmatch(interpreter):
        return "free_threaded"
    return None if _VARIANT.fullmatch(interpreter) else "gil"
