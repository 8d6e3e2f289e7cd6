"""Commands whose output or errors meet an odd terminal, a closed pipe or a full disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.base import console
from tests import ROOT

COMMAND = """
import sys
from harness.base import console
from harness.base.errors import RefusedError
def command():
    {body}
    return 0
sys.exit(console.run(command))
"""
WHERE = ("standard output", "system")  # while it says something, it is any file of the system
SAYS = "print('caf\\u00e9 \\u2026 \\u03b2 \\udce9' * {times})"


def run(body: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own; ``shell`` puts redirections behind it."""
    script = COMMAND.format(body=body)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    environment |= options.pop("env", {})  # type: ignore[operator]
    redirection = str(options.pop("shell", ""))
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$0" -c "$1" {redirection}', sys.executable, script],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_no_report_is_lost_for_a_character(encoding: str) -> None:
    done = run(SAYS.format(times=1), env={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf" in done.stdout and "udce9" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("times", [1, 100_000], ids=["at the end", "in the middle"])
def test_a_reader_that_went_away_ends_the_command_in_silence(times: int, unbuffered: str) -> None:
    gone = "import select; poll = select.poll(); poll.register(1, 0); poll.poll()"
    body = f"{gone}; {SAYS.format(times=times)}"
    done = run(body, shell="| true", env={"PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (console.NOBODY_LISTENS, "")


@pytest.mark.parametrize("times", [1, 100_000], ids=["at the end", "in the middle"])
def test_output_that_cannot_be_written_is_an_error(times: int) -> None:
    done = run(SAYS.format(times=times), shell="> /dev/full")
    assert done.returncode == 1
    assert done.stderr in [f"{where}: No space left on device\n" for where in WHERE]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_stream_that_is_closed(closed: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    body = (
        f"import os; stream = open({str(file)!r}, 'w'); print('said');"
        " print('told', file=sys.stderr); os.system('echo child; echo child >&2')"
    )
    done = run(body, shell=closed)
    assert done.returncode == 0
    assert file.read_text() == ""
    assert "told" not in done.stdout


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("raise RefusedError('file line 3: no')", 1, "file line 3: no\n"),
        ("open('/nonexistent/x')", 1, "/nonexistent/x: No such file or directory\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("raise SystemExit(4)", 4, ""),
    ],
)
def test_errors_are_sentences(body: str, status: int, said: str) -> None:
    done = run(body)
    assert (done.returncode, done.stderr, done.stdout) == (status, said, "")


@pytest.mark.parametrize("shell", ["| true", "> /dev/full", ">&-"])
def test_the_commands_take_part(shell: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m harness --help {shell}', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
