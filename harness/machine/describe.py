"""machine.json: what was measured on, as pyperf collects it and as the harness sees it."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import pyperf

from harness import __version__
from harness.machine.cpus import available_cpus

# What pyperf tells about its own process says nothing about the machine.
# The host's name is nobody's business.
NOT_PUBLISHED = (
    "hostname",
    "command_max_rss",
    "mem_max_rss",
    "runnable_threads",
    "uptime",
    "python_executable",
)


def build_options(config_args: str) -> str:
    """The options of ``configure`` that shape an interpreter, without the paths among them."""
    return " ".join(
        re.findall(r"--(?:enable|disable|with|without)-[\w-]+(?:=[\w-]+)?", config_args)
    )


def pyperf_metadata() -> dict[str, str]:
    """System metadata by pyperf's own collectors, formatted as it prints them."""
    run = pyperf.Run([1.0], collect_metadata=True)
    return {
        name: build_options(str(value)) if name == "python_config_args" else str(value)
        for name, value in sorted(run.get_metadata().items())
        if name not in NOT_PUBLISHED
    }


def memory_total_mb() -> float | None:
    """Physical memory in MiB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    except (ValueError, OSError):
        return None


def describe_machine(interpreters: dict[str, Any]) -> dict[str, Any]:
    """Everything a reader needs to judge where the numbers come from.

    ``interpreters`` is the content of ``interpreters.json``; paths of this machine's user
    are left out of what is published.
    """
    own = ("executable", "python")
    return {
        "harness": __version__,
        "system": platform.platform(),
        "architecture": platform.machine(),
        "cpus_usable": list(available_cpus()),
        "memory_mb": memory_total_mb(),
        "pressure_stall_information": Path("/proc/pressure/cpu").exists(),
        "pyperf": pyperf_metadata(),
        "interpreters": {
            name: {
                key: build_options(value) if key == "config_args" else value
                for key, value in entry.items()
                if key not in own
            }
            for name, entry in interpreters.items()
        },
    }
