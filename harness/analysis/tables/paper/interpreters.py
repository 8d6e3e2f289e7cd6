"""One interpreter against another, in the same block: what leaving out the GIL gives and costs."""

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from harness.analysis.data.printed import Printed, build
from harness.analysis.data.trials import Cell, cells, comparable
from harness.analysis.estimate.statistics import Interval, mean_t_interval
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.measured import Quantity
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

RATIO = Quantity("ratio", "Throughput ratio", "ratio", decimals=2)
EXPERIMENTS = ("gil_nogil", "single_thread")
COLUMNS = ["experiment", "workload", "cores", "concurrency", "interpreter", "against"]


def interpreter_tables(inputs: Inputs) -> Iterator[Table]:
    """Ratios of every pair of interpreters at every pool size that both ran at."""
    rows = _rows(inputs.trials, inputs.printed)
    if rows:
        frame = pd.DataFrame(rows)
        texts = view(frame, (RATIO,), COLUMNS, titles=inputs.titles)
        yield Table(
            "paper_interpreters",
            "Throughput of one interpreter over another's (Tables 1 and 2)",
            frame,
            texts,
            "Ratios within a block, geometric mean over blocks; of throughputs as measured where "
            "one of the two cells lacks the machine's speed. Printed: ratio of the printed "
            f"throughputs. {inputs.note}",
        )


def _rows(trials: pd.DataFrame, printed: Printed) -> list[dict[str, object]]:
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells(trials[trials["experiment"].isin(EXPERIMENTS)]):
        if cell.sizes:
            name = cell.name
            groups.setdefault((name.experiment, name.workload, name.cores), []).append(cell)
    rows: list[dict[str, object]] = []
    for (experiment, workload, cores), members in groups.items():
        ordered = sorted(members, key=lambda cell: cell.name.interpreter)
        for base, other in combinations(ordered, 2):
            for size in sorted(set(base.sizes) & set(other.sizes)):
                ratio = _ratio(other, base, size)
                names = (other.name.interpreter, base.name.interpreter)
                place = (experiment, workload, cores, size, *names)
                about: dict[str, object] = dict(zip(COLUMNS, place, strict=True))
                rows.append(
                    {
                        **about,
                        **RATIO.columns.holding(ratio),
                        "n_ok": ratio.n,
                        "status": "" if ratio.n else "no block with both",
                        "printed_ratio": _printed(printed, workload, cores, size, *names),
                        "printed_ratio_low": None,
                        "printed_note": "",
                    }
                )
    return rows


def _ratio(a: Cell, b: Cell, size: int) -> Interval:
    """Throughput of ``a`` over ``b`` with fixed pools of ``size``, paired by block."""
    sides = [
        dict(zip(cell.blocks, cell.log_throughput("fixed", size), strict=True))
        for cell in comparable(a, b)
    ]
    common = sorted(sides[0].keys() & sides[1].keys())
    return mean_t_interval([sides[0][block] - sides[1][block] for block in common]).exp()


def _printed(
    printed: Printed, workload: str, cores: int, size: int, a: str, b: str
) -> float | None:
    facts = printed.about("t1", "t2")
    facts = facts[
        (facts["workload"] == workload)
        & (facts["cores"] == cores)
        & (facts["concurrency"] == size)
        & (facts["quantity"] == "throughput_tps")
    ]
    rates = dict(zip(facts["build"], facts["value"], strict=True))
    kinds = (build(a), build(b))
    if kinds[0] == kinds[1] or not all(kind in rates for kind in kinds):
        return None
    return float(rates[kinds[0]] / rates[kinds[1]])
