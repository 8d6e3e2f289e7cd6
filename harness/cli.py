"""``python -m harness``: the commands people use, and the steps the Snakefile calls."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.pipeline import SETTINGS, Run, freeze, open_run
from harness.strict_yaml import ConfigError


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", help="smoke, short or paper (default: config.yaml's)")
    parser.add_argument("--interpreters", help="comma-separated names instead of the preset's")
    parser.add_argument("--io", help="sleep or socket (default: config.yaml's)")
    parser.add_argument("--config-folder", help="default: config")
    parser.add_argument("--partial", help="yes: a look at what an unfinished run has measured")
    parser.add_argument("--claim", help="only what this claim needs, such as C17")


def _run_of(arguments: argparse.Namespace) -> Run:
    chosen = {key: getattr(arguments, key) for key in SETTINGS}
    return open_run({key: value for key, value in chosen.items() if value is not None})


def _plan(arguments: argparse.Namespace) -> int:
    from harness.plan_report import describe

    run = _run_of(arguments)
    if arguments.freeze:
        freeze(run)
        return 0
    print(describe(run.plan, run.claims()))
    return 0


def _model(arguments: argparse.Namespace) -> int:
    from harness.provide_model import provide_model
    from harness.trials import write_json

    run = _run_of(arguments)
    wanted = [w for w in run.config.workloads.values() if w.needs_model]
    found: dict[str, Any] = {}
    for workload in wanted:
        found[workload.name] = provide_model(workload.model, run.results / "model")
    write_json(arguments.out, found)
    return 0


def _run_block(arguments: argparse.Namespace) -> int:
    from harness.lifeline import die_with_parent
    from harness.measure.session import measure

    die_with_parent()
    measure(_run_of(arguments), arguments.experiment, arguments.block)
    return 0


def _repeat(arguments: argparse.Namespace) -> int:
    from harness.lifeline import die_with_parent
    from harness.measure.session import repeat

    die_with_parent()
    repeat(_run_of(arguments))
    return 0


def _collect(arguments: argparse.Namespace) -> int:
    from itertools import chain

    from harness import trials
    from harness.libraries import note_on_differences
    from harness.trials import write_json, write_table

    run = _run_of(arguments)
    measured = chain(
        trials.planned_records(run.plan, run.raw), trials.repeated_records(run.plan, run.raw)
    )
    note = note_on_differences(measured, run.config.allow_version_differences)
    timelines = trials.timeline_rows(run.plan, run.raw, run.config.exclusion)
    write_table(run.results / "timelines.csv", timelines, trials.TIMELINE_COLUMNS)
    decisions = trials.decision_rows(run.plan, run.raw, run.config.exclusion)
    write_table(run.results / "decisions.csv", decisions, trials.DECISION_COLUMNS)
    rows = trials.rows(run.plan, run.raw, run.config.exclusion, run.config.clocked())
    count = write_table(arguments.trials, trials.noted(rows, note))
    write_json(arguments.titles, run.config.titles())
    print(f"{arguments.trials}: {count} rows", file=sys.stderr)
    return 0


def _machine(arguments: argparse.Namespace) -> int:
    from harness.machine.describe import describe_machine
    from harness.trials import write_json
    from harness.whole_files import read_json

    interpreters = read_json(arguments.interpreters_json)
    write_json(arguments.out, describe_machine(interpreters))
    return 0


def _micro(arguments: argparse.Namespace) -> int:
    from harness.lifeline import die_with_parent
    from harness.measure.micro_benchmarks import run_micro_benchmarks
    from harness.measure.session import read_interpreters
    from harness.plan import available_cpus

    die_with_parent()
    run = _run_of(arguments)
    found = read_interpreters(run.results / "interpreters.json")
    interpreters = {name: found[name] for name in run.config.common_interpreters}
    folder = run.results / "pyperf"
    run_micro_benchmarks(interpreters, folder, run.config.preset, available_cpus())
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from harness.interpreters.obtain import look_for
    from harness.machine.doctor import examine, report
    from harness.machine.surroundings import interpreters_check

    found = interpreters_check(lambda: look_for(Path("config/interpreters.yaml")))
    findings = examine(extra=[found])
    print(
        json.dumps([f.to_json() for f in findings], indent=1)
        if arguments.json
        else report(findings)
    )
    return int(any(finding.serious for finding in findings))


def _compare(arguments: argparse.Namespace) -> int:
    from harness.analysis.compare import compare_files
    from harness.analysis.trials import TrialsError

    try:
        print(compare_files(arguments.a, arguments.b))
    except TrialsError as error:
        raise ConfigError(str(error)) from None
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, action: Any, text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        return command

    doctor = add("doctor", _doctor, "say what this machine can measure and what disturbs it")
    doctor.add_argument("--json", action="store_true")
    plan = add("plan", _plan, "say what will run, how many trials, how long, how much disk")
    _add_run_options(plan)
    plan.add_argument("--freeze", action="store_true", help="save the plan (pipeline step)")
    commands.add_parser(
        "interpreters", help="find, provision and verify interpreters", add_help=False
    )
    commands.add_parser(
        "profile", help="what a program's thread pools wait for, and their size", add_help=False
    )
    compare = add("compare", _compare, "compare two result sets, configuration by configuration")
    compare.add_argument("a", type=Path, help="a results/<preset> folder or trials.csv")
    compare.add_argument("b", type=Path)

    model = add("model", _model, "generate or check the network file (pipeline step)")
    _add_run_options(model)
    model.add_argument("--out", type=Path, required=True)
    block = add("run-block", _run_block, "measure one block of an experiment (pipeline step)")
    _add_run_options(block)
    block.add_argument("--experiment", required=True)
    block.add_argument("--block", type=int, required=True)
    _add_run_options(add("repeat", _repeat, "measure excluded trials again (pipeline step)"))
    collect = add("collect", _collect, "records to trials.csv (pipeline step)")
    _add_run_options(collect)
    collect.add_argument("--trials", type=Path, required=True)
    collect.add_argument("--titles", type=Path, required=True)
    _add_run_options(add("micro", _micro, "run the pyperf micro-benchmarks (pipeline step)"))
    machine = add("machine", _machine, "describe the machine (pipeline step)")
    machine.add_argument("--interpreters-json", type=Path, required=True)
    machine.add_argument("--out", type=Path, required=True)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 with the reason on stderr, 130 on Ctrl-C."""
    from harness.interpreters import InterpreterError
    from harness.machine.busy import BusyMachineError
    from harness.measure.micro_benchmarks import MicroBenchmarkError
    from harness.records import RecordError
    from harness.trials import IncompleteError

    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["interpreters"]:
        from harness.interpreters import main as interpreters_main

        return interpreters_main(arguments[1:])
    if arguments[:1] == ["profile"]:
        from harness.profile.command import main as profile_main

        return profile_main(arguments[1:])
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.action(parsed)
    except (
        ConfigError,
        RecordError,
        IncompleteError,
        InterpreterError,
        BusyMachineError,
        MicroBenchmarkError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status
