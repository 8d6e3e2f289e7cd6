"""``doctor``: what this machine can measure, and what disturbs it."""

import argparse
import json

from harness.commands.options import Commands, add_command, add_config_folder


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "say what this machine can measure and what disturbs it"
    doctor = add_command(commands, "doctor", _doctor, text)
    doctor.add_argument("--json", action="store_true")
    add_config_folder(doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from harness.interpreters import config
    from harness.interpreters.obtain import look_for
    from harness.machine.doctor import examine, report
    from harness.machine.surroundings import interpreters_check

    file = arguments.config_folder / config.FILE
    findings = examine(extra=[interpreters_check(lambda: look_for(file))])
    if arguments.json:
        print(json.dumps([finding.to_json() for finding in findings], indent=1))
    else:
        print(report(findings))
    return int(any(finding.serious for finding in findings))
