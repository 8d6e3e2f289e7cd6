"""The report's sections: what each is about, and which tables and figures it holds.

A table or figure belongs to the section that names the longest beginning of its name; one
that nobody names goes to the last section. So a new table appears without a change here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """``names`` are beginnings of the names of tables and figures, in the order of display."""

    key: str
    title: str
    method: tuple[str, ...]
    names: tuple[str, ...]


SECTIONS = (
    Section(
        "efficiency",
        "Efficiency against the best fixed pool",
        (
            "Within each block, the throughput of a strategy over that of the fixed pool that was "
            "best in the other blocks, so that a lucky trial cannot become its own reference. "
            "Means over blocks are geometric; intervals are 95 % t intervals on log ratios, "
            "widened for the choice of the reference.",
            "Caveat: an efficiency above 1 is no mistake. The reference is the best fixed pool of "
            "threads that was tried, not the best that is possible.",
            "All pools of a cell had been under load for the same time when their windows opened "
            "(warmup_s in trials.csv), but for cold starts: a pool can do less once it has run for "
            "a while.",
        ),
        ("efficiency_summary", "efficiency", "paper_profiles", "throughput_vs_n", "ablation"),
    ),
    Section(
        "cliff",
        "The saturation cliff",
        (
            "Throughput of fixed pools against their size. In steady state the pool is started "
            "and warmed before the window opens; in batch, the paper's protocol, a fixed number "
            "of tasks goes through a new pool and its start-up and shutdown are inside the time.",
            "Caveat: far past the cliff some threads are served and others starve; columns "
            "littles_law_ratio and jain_fairness of trials.csv tell.",
        ),
        ("cliff", "paper_cliff", "pure_io", "paper_pure_io", "why"),
    ),
    Section(
        "gil",
        "With and without a GIL",
        (
            "The same tasks on each interpreter. The cleanest control is the free-threaded binary "
            "with its GIL switched on: nothing else differs.",
        ),
        ("gil", "paper_gil", "paper_interpreters", "single_thread"),
    ),
    Section(
        "controllers",
        "Controllers at work",
        (
            "How pools that size themselves get where they are: from the first submit on, under "
            "tasks that change, and with other settings.",
        ),
        (
            *("cold_start", "phases", "timeline", "paper_timeline", "threshold"),
            *("paper_threshold", "paper_algorithm1", "limits"),
        ),
    ),
    Section(
        "metric",
        "The metric",
        (
            "Naive beta is 1 - cpu/wall and counts waiting for the GIL, for a core and for locks "
            "as blocked time. The decomposed ratio beta* takes those waits apart. Truth is built "
            "independently of both, from what the tasks are known to do.",
        ),
        (
            *("discrimination", "regimes", "matched", "metric", "estimates", "invariance"),
            *("instrumentation", "paper_instrumentation"),
        ),
    ),
    Section(
        "baselines",
        "Other ways of running the same tasks, and their memory",
        (
            "Each strategy is driven through its natural interface under the same constant demand. "
            "Memory is that of the whole process tree: PSS shares pages fairly, USS counts what "
            "only one process has, RSS counts shared pages many times.",
        ),
        (
            *("baselines", "paper_baselines", "paper_solution", "mix", "paper_mix", "memory"),
            "paper_memory",
        ),
    ),
    Section(
        "noise",
        "Noise, exclusions and failures",
        (
            "The A/A twin is the same pool measured twice in a block under two labels; what "
            "differs between them is noise, and no smaller difference is claimed. Trials are left "
            "out by rules fixed in config/config.yaml before anything was measured; the effect of "
            "leaving them out stands beside every efficiency it changes.",
        ),
        ("aa_twin", "exclusions", "noise", "quality", "wall_time"),
    ),
    Section("others", "Further tables and figures", (), ("",)),
)


def section_of(name: str) -> Section:
    """The section of a table or figure."""
    fitting = [
        (len(start), section)
        for section in SECTIONS
        for start in section.names
        if name.startswith(start)
    ]
    return max(fitting, key=lambda item: item[0])[1]


def place(name: str) -> tuple[int, str]:
    """Sorts the items of a section into its order of display."""
    names = section_of(name).names
    fitting = [(len(start), index) for index, start in enumerate(names) if name.startswith(start)]
    return max(fitting)[1], name
