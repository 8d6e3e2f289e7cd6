"""Which figures there are, what each shows, and which figure or table of the paper it answers.

A figure is written as NAME.pdf, NAME.png and NAME.csv; one that comes once per pinning or
workload has the entry of the name that its own begins with (see ``entry``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

MACHINES = (
    "Printed throughputs come from another machine, so measured and printed curves are each "
    "divided by their own peak: compare shapes, not heights. "
)
BATCH = (
    "Batch is the paper's protocol (all tasks through a new pool, its start-up and shutdown "
    "inside the time); steady counts completions in a window after warm-up. "
)
BARS = (
    "Bars: 95 % intervals over blocks; filled white: too few blocks for an interval. Axes follow "
    "the points: an open triangle at the edge marks a bar that goes on. "
)
MARKS = "Hollow diamonds: printed in the paper; crosses: only in its authors' raw results. "


@dataclass(frozen=True, slots=True)
class Entry:
    """A figure of the catalogue; ``answers`` names figures and tables of the paper, if any."""

    name: str
    title: str
    caption: str
    answers: str
    experiments: tuple[str, ...]


CATALOGUE = (
    Entry(
        "paper_cliff_throughput",
        "The saturation cliff: throughput against threads",
        f"Share of its own peak that each pool size reaches. {BATCH}{MACHINES}{MARKS}{BARS}"
        "The peak is the highest mean, so points near it are flattered a little; the losses in "
        "the table are taken against a peak chosen on other blocks.",
        "Figure 2, Tables 4 and 6",
        ("cliff", "cliff_batch"),
    ),
    Entry(
        "paper_cliff_tail",
        "The saturation cliff: P99 latency against threads",
        f"99th percentile of service time, from a task's start in a worker to its end. {BATCH}"
        f"{MARKS}{BARS}Printed latencies are absolute and come from another machine.",
        "Figure 3, Tables 4 and 6",
        ("cliff", "cliff_batch"),
    ),
    Entry(
        "paper_gil_nogil",
        "With and without a GIL",
        "Tasks of 10 ms CPU time and 50 ms sleep: a core can do at most 100 a second, on any "
        f"machine, so throughputs are absolute. {MARKS}No raw data were found for the printed "
        "3.13t curves; single raw runs of the authors are shown beside them. The build named "
        f"GIL on is the free-threaded binary with PYTHON_GIL=1. {BARS}",
        "Tables 1 and 2",
        ("gil_nogil",),
    ),
    Entry(
        "paper_pure_io",
        "Pure I/O: speed-up with threads",
        "Tasks that only sleep 0.6 ms: throughput over that of one thread, measured and printed "
        f"each over its own. The thin line is N times one thread. {MARKS}{BARS}",
        "Table 5",
        ("pure_io",),
    ),
    Entry(
        "paper_solution",
        "Naive, optimal and adaptive pool",
        "Throughput over that of the best fixed pool, which is chosen on other blocks; P99 "
        "service time beside it. Algorithm 1 really runs here; no raw data were found for the "
        f"printed adaptive row. {MARKS}{BARS}",
        "Tables 7 and 8",
        ("baselines",),
    ),
    Entry(
        "paper_memory",
        "Memory of threads and processes",
        "Memory of the whole process tree by number of workers. PSS divides shared pages among "
        "their users, USS leaves them out, RSS counts them once per process. Printed: resident "
        f"set size; its start method is not stated. {MARKS}{BARS}",
        "Table 9",
        ("memory",),
    ),
    Entry(
        "paper_baselines",
        "Baselines: threads, processes, asyncio, queue scaler",
        "Throughput over that of the best fixed pool in the same block (printed: over the best "
        f"printed fixed pool), and P99 service time, of the micro task. {MARKS}{BARS}",
        "Figure 7, Table 10",
        ("baselines",),
    ),
    Entry(
        "paper_mix_sweep",
        "Six mixes of CPU and I/O",
        f"Share of its own peak that each pool size reaches. {MACHINES}{MARKS}{BARS}",
        "Figure 8, Table 11",
        ("mix_sweep",),
    ),
    Entry(
        "paper_threshold",
        "The threshold of Algorithm 1",
        "The controller really runs, at each threshold: throughput over that of the best fixed "
        "pool, and the size it ends at. In the paper fixed pools ran: its throughput is shown "
        "over the best of its row, its N is the best of the sizes tried. The adaptive runtime "
        f"has no threshold; it is shown for each value of the headroom it keeps. {MARKS}{BARS}",
        "Table 12",
        ("threshold",),
    ),
    Entry(
        "paper_timeline",
        "Controllers over time",
        "Pool size and throughput from the first submit on: Algorithm 1 at its published tick "
        "of 500 ms, and the adaptive runtime. Thin lines are blocks, the thick one their "
        "median. The paper's figure is a picture of one run without numbers to compare with.",
        "Figure 9",
        ("timeline",),
    ),
    Entry(
        "paper_profiles",
        "Seven workload profiles: efficiency printed and measured",
        "Efficiency against the best fixed pool, chosen on other blocks, of Algorithm 1 really "
        "run and of the adaptive runtime. In the paper no controller ran: the adaptive N was "
        f"computed from the swept optimum by a formula. {MARKS}{BARS}",
        "Table 13",
        ("profiles",),
    ),
    Entry(
        "cliff",
        "Throughput and P99 against threads",
        f"The cliff experiment in steady state, absolute. {BARS}A cross on the axis marks a "
        "size at which every trial failed.",
        "Figures 2 and 3",
        ("cliff",),
    ),
    Entry(
        "throughput_vs_n",
        "Throughput of fixed pools against their size",
        f"Every profile, interpreter and pinning, in steady state. {BARS}",
        "",
        ("profiles",),
    ),
    Entry(
        "efficiency",
        "Efficiency of every strategy in every cell",
        "Throughput over that of the best fixed pool in the same block; the best is chosen on "
        f"the other blocks. The A/A twin is the noise floor. {BARS}",
        "Table 13",
        ("profiles",),
    ),
    Entry(
        "memory_vs_throughput",
        "Memory against throughput",
        "Peak PSS of the process tree against throughput: fixed pools as a line from the "
        f"smallest to the largest, other strategies as points. {BARS}",
        "Tables 9 and 10",
        ("profiles",),
    ),
    Entry(
        "cold_start",
        "Cold start of the adaptive runtime",
        "Throughput from the first submit on over the trial's last 0.6 s, mean over blocks.",
        "Figure 9",
        ("profiles",),
    ),
    Entry(
        "metric",
        "Blocking ratios of the same tasks at every pool size",
        "Naive beta (1 - cpu/wall), the decomposed beta*, and the GIL's share of occupied time "
        f"as the runtime samples it and as it is known from the tasks' own sleep. {BARS}",
        "",
        ("estimates",),
    ),
    Entry(
        "discrimination",
        "What each metric can tell apart",
        "Macro-F1 over five regimes (four without a GIL) on held-out trials; below the line, the "
        "same metrics with the throughput response given to them or taken away. Right: trials by "
        "true regime and regime told, all interpreters together. Truth follows from configured "
        "times, pool size and cores. Bars: 95 % bootstrap intervals over configurations.",
        "",
        ("discrimination",),
    ),
    Entry(
        "invariance",
        "beta* under everything that should not matter to it",
        "beta* less wait / (wait + cpu) as configured, for each thing changed and each size at "
        f"which the pool was held; naive beta beside it. {BARS}",
        "",
        (
            "invariance",
            "invariance_switch_1ms",
            "invariance_switch_20ms",
            "invariance_co_tenant",
        ),
    ),
    Entry(
        "cliff_causes",
        "Why throughput falls past the peak",
        "Core time per task (cores / throughput) with its CPU part and idle rest, and context "
        f"switches, on the smallest pinning measured. {BATCH}{BARS}",
        "",
        ("cliff", "cliff_batch"),
    ),
)


def entry(figure: str) -> Entry | None:
    """The entry of a figure's file name, also of one per pinning or workload; None if unknown."""
    fitting = [e for e in CATALOGUE if figure == e.name or figure.startswith(f"{e.name}_")]
    return max(fitting, key=lambda e: len(e.name), default=None)


def not_drawn(figures: Sequence[str]) -> list[Entry]:
    """Entries of which there is no figure among ``figures``, in the catalogue's order."""
    drawn = {found.name for name in figures if (found := entry(name)) is not None}
    return [item for item in CATALOGUE if item.name not in drawn]
