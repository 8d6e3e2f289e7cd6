"""``simulate``: random tasks on a simulated machine, by themselves or beside a run's results."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.errors import RefusedError
from harness.commands.options import Commands, add_command
from harness.random_task import FAMILIES

if TYPE_CHECKING:
    from harness.simulation.validation import Agreement, Measured

SIZES = (1, 2, 4, 8, 16, 32, 64, 120)


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "simulate random tasks, and the runtime's controller on them"
    parser = add_command(commands, "simulate", _simulate, text)
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        help="results of a run with random tasks, to compare the simulation with",
    )
    parser.add_argument("--seeds", default="1-20", help="tasks without results (default: 1-20)")
    parser.add_argument("--family", choices=FAMILIES, help="only tasks of this family")
    parser.add_argument("--cores", type=int, default=1, help="simulated cores (default: 1)")
    parser.add_argument("--without-gil", action="store_true", help="a free-threaded build")
    parser.add_argument(
        "--slow", type=float, default=1.6, help="slow stretches of the machine (default: 1.6)"
    )


def _simulate(arguments: argparse.Namespace) -> int:
    if arguments.results is not None:
        return _beside(arguments.results)
    return _alone(arguments)


def _alone(arguments: argparse.Namespace) -> int:
    """The adaptive pool against a sweep of fixed ones, task by task."""
    import numpy as np

    from harness.random_task import draw
    from harness.simulation import simulate

    shares = []
    print("  seed family     best N   tasks/s  adaptive    N  of it")
    for seed in _seeds(arguments.seeds):
        task = draw(seed, arguments.family)
        run = partial(
            simulate,
            task,
            gil=not arguments.without_gil,
            cores=arguments.cores,
            slow=arguments.slow,
            warmup_s=2.0,
            window_s=2.0,
            seed=seed,
        )
        sweep = {size: run(size=size).goodput for size in SIZES}
        best = max(SIZES, key=lambda size: sweep[size])
        found = run()
        share = found.goodput / sweep[best] if sweep[best] else float("nan")
        shares.append(share)
        print(
            f"{seed:>6} {task.family:<10} {best:>6} {sweep[best]:>9.1f} {found.goodput:>9.1f} "
            f"{found.size:>4} {share:>6.2f}"
        )
    known = np.array([share for share in shares if share > 0])
    print(
        f"{len(shares)} tasks: geometric mean {np.exp(np.log(known).mean()):.3f}, 5th percentile "
        f"{np.quantile(shares, 0.05):.2f}, below .8: {np.mean(np.array(shares) < 0.8):.0%}"
    )
    return 0


def _seeds(text: str) -> Sequence[int]:
    """``7`` or ``1-20``."""
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise RefusedError(f"--seeds: {text!r} is neither a number nor two of them, as in 1-20")
    return range(int(first), int(last or first) + 1)


def _beside(results: Path) -> int:
    from harness.simulation.validation import agreement, machine_speed, simulated

    for interpreter, rows in _measured(results).items():
        speed = machine_speed(rows)
        pairs = simulated(rows, speed)
        print(f"{interpreter}: {len(pairs)} pools, machine speed {speed:.2f}")
        for size in (*sorted({row.size for row in rows if row.size}), None):
            chosen = [pair for pair in pairs if pair.measured.size == size]
            if not chosen:
                continue
            seeds = [pair.measured.seed for pair in chosen]
            name = "adaptive" if size is None else f"N = {size}"
            found = agreement(
                seeds, [p.measured.throughput for p in chosen], [p.throughput for p in chosen]
            )
            print(f"  {name:<10} throughput  {_text(found)}")
            if size is None:
                ended = [pair for pair in chosen if pair.measured.final_size]
                found = agreement(
                    [pair.measured.seed for pair in ended],
                    [pair.measured.final_size or 0.0 for pair in ended],
                    [float(pair.final_size) for pair in ended],
                )
                print(f"  {name:<10} final size  {_text(found)}")
    return 0


def _text(found: "Agreement") -> str:
    return (
        f"{found.n} tasks, rank correlation {found.rank:.2f} [{found.rank_ends[0]:.2f}, "
        f"{found.rank_ends[1]:.2f}], median error {found.error:.0%} [{found.error_ends[0]:.0%}, "
        f"{found.error_ends[1]:.0%}]"
    )


def _measured(results: Path) -> "dict[str, list[Measured]]":
    """Random tasks of a run by interpreter: the geometric mean over blocks of every pool."""
    import numpy as np

    from harness.analysis.data.trials import cells, read_trials, trials_file
    from harness.simulation.validation import Measured
    from harness.store.parameter_text import parse_parameters

    found: dict[str, list[Measured]] = {}
    for cell in cells(read_trials(trials_file(results), "parameters", "gil_enabled")):
        for strategy, size, label, trials in cell.configurations():
            parameters = parse_parameters(trials["parameters"].iloc[0])
            if label or strategy not in ("fixed", "adaptive") or "seed" not in parameters:
                continue
            logs = cell.log_throughput(strategy, size)
            cpu = cell.series("cpu_ms_per_task", strategy, size)
            final = cell.series("final_workers", strategy, size)
            if np.isnan(logs).all():
                continue
            gil = str(trials["gil_enabled"].iloc[0]).lower() in ("true", "1", "1.0")
            found.setdefault(cell.name.interpreter, []).append(
                Measured(
                    seed=int(parameters["seed"]),
                    family=parameters.get("family"),
                    gil=gil,
                    cores=cell.name.cores,
                    size=size if strategy == "fixed" else None,
                    throughput=float(np.exp(np.nanmean(logs))),
                    final_size=None if np.isnan(final).all() else float(np.nanmedian(final)),
                    cpu_s=None if np.isnan(cpu).all() else float(np.nanmean(cpu)) / 1e3,
                )
            )
    if not found:
        raise RefusedError(f"{results}: no random task was measured there")
    return found
