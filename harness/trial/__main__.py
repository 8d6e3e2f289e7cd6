"""The zygote: a process of the measured interpreter that forks one child per trial.

It imports what the workload needs once, stays single-threaded, and for each order read from
standard input (one JSON line) probes the machine's speed, forks the trial, waits for its
end, sweeps away whatever the trial left running and probes the speed again. Forking from
it costs about ten milliseconds where a fresh interpreter with its imports costs hundreds.

Every line on the control descriptor is a JSON object with an ``event``:
``hello``, ``started``, (from the trial: ``ready``, ``report``), ``ended``.
"""

import argparse
import importlib.util
import os
import signal
import sys
import sysconfig
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.base.lifeline import die_with_parent
from harness.trial import offspring
from harness.trial.co_tenants import co_tenants
from harness.trial.execute import gil_enabled, run_trial, tell
from harness.trial.spec import TrialOrder
from harness.trial.speed import spin_rate


def _preload(workload_file: Path) -> None:
    """Execute the workload's imports, so that every trial inherits them."""
    spec = importlib.util.spec_from_file_location("preloaded_workload", workload_file)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def thread_count() -> int:
    """Threads of this process; 1 where the kernel does not list them."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 1


def _hello() -> dict[str, Any]:
    """What is measured: interpreter, build and the versions of what it has loaded."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    versions = {
        dist.metadata["Name"]: dist.version
        for dist in metadata.distributions()
        if dist.metadata["Name"] in loaded
    }
    return {
        "event": "hello",
        "version": sys.version,
        "config_args": sysconfig.get_config_var("CONFIG_ARGS"),
        "gil_enabled": gil_enabled(),
        "switch_interval_s": sys.getswitchinterval(),
        "wheels": dict(sorted(versions.items())),
    }


def _fork_trial(order: TrialOrder, control_fd: int, recorder_fd: int, speed_before: float) -> int:
    """Fork the process that runs a trial and say so; returns its pid (and process group).

    The trial waits until that has been said: it may get the CPU before its parent does, and its
    own messages must not come first.
    """
    zygote = os.getpid()
    said_read, said_write = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(said_read)
        tell(control_fd, {"event": "started", "pid": pid, "speed_before": speed_before})
        os.close(said_write)
        return pid
    code = 1
    try:
        os.close(said_write)
        os.read(said_read, 1)  # until the other end is closed
        os.close(said_read)
        os.setsid()
        die_with_parent(zygote)
        offspring.adopt_orphans(False)
        with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor, not a document
            os.dup2(nothing.fileno(), 0)
        run_trial(order, control_fd, recorder_fd)
        code = 0
        signal.pause()  # the runner reads what it needs from the living process, then kills
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def main() -> None:
    """Serve trials until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m harness.trial")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--recorder-fd", type=int, required=True)
    parser.add_argument("--workload", type=Path, required=True)
    parser.add_argument("--no-preload", action="store_true")
    arguments = parser.parse_args()
    die_with_parent()
    offspring.adopt_orphans(True)

    if not arguments.no_preload:
        _preload(arguments.workload)
        if thread_count() > 1:
            # Some library started a thread as it was imported. Forking beside it would not
            # be safe: start again, and let every trial import for itself.
            os.execv(sys.executable, [*sys.orig_argv, "--no-preload"])
    tell(arguments.control_fd, _hello())
    for line in sys.stdin:
        order = TrialOrder.from_json(line)
        os.sched_setaffinity(0, order.cpus)
        speed_before = spin_rate()
        cpu_before = offspring.cpu_seconds()
        with co_tenants(order.spec.conditions.get("co_tenants", 0)):
            pid = _fork_trial(order, arguments.control_fd, arguments.recorder_fd, speed_before)
            offspring.await_end(pid)
        wait_status, usage, strays = offspring.reap(pid)
        tell(
            arguments.control_fd,
            {
                "event": "ended",
                "exit_code": os.waitstatus_to_exitcode(wait_status),
                "strays_killed": strays,
                "voluntary_switches": usage.ru_nvcsw,
                "involuntary_switches": usage.ru_nivcsw,
                "rss_peak_kib": usage.ru_maxrss,
                "cpu_s": offspring.cpu_seconds() - cpu_before,
                "speed_after": spin_rate(),
            },
        )


if __name__ == "__main__":
    main()
