"""What figures say in words: names, counts of blocks, what is missing."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from harness.analysis.data.trials import NOT_RUN
from harness.analysis.estimate import speed
from harness.analysis.tables.columns import Columns
from harness.analysis.tables.inputs import Inputs


def series_text(interpreter: str, cores: int, titles: Mapping[str, str]) -> str:
    """``CPython 3.12, 2 cores``."""
    return f"{titled(interpreter, titles)}, {cores_text(cores)}"


def titled(name: object, titles: Mapping[str, str]) -> str:
    """The title of a name, or the name; dollar signs do not start mathematics."""
    return titles.get(str(name), str(name)).replace("$", r"\$")


def ordered(names: Iterable[object], titles: Mapping[str, str]) -> list[str]:
    """Each name once, in the order in which ``titles`` lists them, others behind by name."""
    places = {name: place for place, name in enumerate(titles)}
    return sorted({str(n) for n in names}, key=lambda name: (places.get(name, len(places)), name))


def cores_text(cores: int) -> str:
    """``1 core``, ``2 cores``."""
    return f"{cores} core" if cores == 1 else f"{cores} cores"


def blocks_text(counts: Sequence[int]) -> str:
    """``n = 5 blocks``, or the range where the points of a figure differ."""
    present = [int(count) for count in counts if count > 0]
    if not present:
        return "n = 0 blocks"
    low, high = min(present), max(present)
    if high == 1:
        return "n = 1 block"
    return f"n = {high} blocks" if low == high else f"n = {low} to {high} blocks"


def remarks_text(
    inputs: Inputs, trials: pd.DataFrame | None = None, *, as_measured: bool = False
) -> str:
    """What a reader has to know: cells not run, with their reason, interpreters missing, and
    whether the machine's changes of speed were taken out; not if all is drawn ``as_measured``.

    ``trials`` are those a figure is drawn from; all of the run if not given.
    """
    titles, missing_interpreters = inputs.titles, inputs.missing_interpreters
    trials = inputs.trials if trials is None else trials
    skipped = trials[trials["status"] == NOT_RUN]
    everyone = ordered(trials["interpreter"], titles)
    parts = []
    for reason in sorted(set(skipped["reason"])):
        group = skipped[skipped["reason"] == reason]
        where = ", ".join(cores_text(int(cores)) for cores in sorted(group["cores"].unique()))
        concerned = ordered(group["interpreter"], titles)
        if concerned != everyone:
            where += f" of {', '.join(titled(name, titles) for name in concerned)}"
        parts.append(f"{where} {reason}" if reason else f"{where} not run")
    if missing_interpreters:
        names = ", ".join(titled(name, titles) for name in missing_interpreters)
        parts.append(f"missing interpreters: {names}")
    if not as_measured and speed.has_covariate(trials):
        parts.append("throughputs at equal machine speed")
    return "; ".join(parts)


def bars_text(frame: pd.DataFrame, *columns: Columns) -> str:
    """What the bars are; that some points have none, where that is so."""
    text = "bars: 95% intervals over blocks, open triangle: goes on"
    bare = any((frame[c.value].notna() & c.bare(frame)).any() for c in columns)
    return f"{text}; filled white: no interval" if bare else text
