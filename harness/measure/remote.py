"""The far end of the socket waits of trials, as a process beside them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.base.lifeline import die_with_parent
from harness.measure.watch import worker_environment
from harness.trial.spec import TrialSpec


@dataclass(frozen=True, slots=True)
class Remote:
    """The port it listens on and its process."""

    port: int
    pid: int


@contextmanager
def remote_for(first: TrialSpec, inherit: Sequence[int]) -> Iterator[Remote | None]:
    """The far end for trials that wait like ``first``; None where they sleep.

    ``inherit`` are descriptors that the process keeps open.
    """
    if first.io != "socket":
        yield None
        return
    servers = [] if first.remote_servers is None else [f"--servers={first.remote_servers}"]
    parent = os.getpid()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.trial.remote", *servers],
        stdout=subprocess.PIPE,
        env=worker_environment({}),
        pass_fds=tuple(inherit),
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - no threads here
    )
    try:
        assert process.stdout is not None
        yield Remote(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.wait()
