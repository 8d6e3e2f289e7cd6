"""Any configuration at all is planned or refused: no traceback, no file outside the results.

Continuous integration tries a few hundred examples, always the same. For more:

    FUZZ_EXAMPLES=10000 python -m pytest tests/design/test_fuzzed.py --timeout 0
"""

import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.base.errors import ConfigError
from harness.commands import main as cli
from harness.commands.run import Run, open_run
from tests.design import mutations

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
LONGEST_MESSAGE = 5000
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project two folders down, so that what leaves it is seen; the working folder meanwhile."""
    folder = tmp_path_factory.mktemp("fuzz") / "outer" / "project"
    before = Path.cwd()
    mutations.make_project(folder)
    os.chdir(folder)
    yield folder
    os.chdir(before)


def snapshot(project: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change of everything around the project but its results."""
    outer = project.parents[1]
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in outer.rglob("*")
        if project / "results" not in (path, *path.parents) and path.is_file()
    }


def outcome_of_command(arguments: list[str]) -> tuple[int, str]:
    """Exit status and standard error of ``python -m harness`` with these arguments."""
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        status = cli.main(arguments)
    return status, said.getvalue()


@fuzzed
@given(spoilt=mutations.spoilt_files(), freeze=st.booleans())
def test_any_configuration_file_is_planned_or_refused(
    project: Path, spoilt: tuple[str, bytes], freeze: bool
) -> None:
    name, content = spoilt
    (project / "config" / name).write_bytes(content)
    before = snapshot(project)
    try:
        status, said = outcome_of_command(
            ["plan", "--preset", "smoke", *(["--freeze"] if freeze else [])]
        )
        assert snapshot(project) == before
    finally:
        mutations.restore(project, name)
        shutil.rmtree(project / "results", ignore_errors=True)
    assert status in (0, 1)
    if status == 1:
        assert "config/" in said, "the refusal names a file"
        assert 10 < len(said) < LONGEST_MESSAGE
        assert "Traceback" not in said
        said.encode()  # can be printed anywhere


@fuzzed
@given(settings_given=mutations.OVERRIDES)
def test_any_setting_on_the_command_line_is_planned_or_refused(
    project: Path, settings_given: Mapping[str, Any]
) -> None:
    before = snapshot(project)
    try:
        outcome: object = open_run(settings_given)
    except ConfigError as error:
        outcome = error
        assert 10 < len(str(error)) < LONGEST_MESSAGE
        str(error).encode()
    assert isinstance(outcome, (Run, ConfigError))
    if isinstance(outcome, Run):
        assert outcome.results.parent == Path("results")
    assert snapshot(project) == before


def test_the_fuzzer_reaches_both_ends(project: Path) -> None:
    assert outcome_of_command(["plan", "--preset", "smoke"])[0] == 0
    (project / "config" / "config.yaml").write_text("seed: !!python/name:os.system ''\n")
    try:
        status, said = outcome_of_command(["plan", "--preset", "smoke"])
    finally:
        mutations.restore(project, "config.yaml")
    assert status == 1
    assert "config/config.yaml line 1" in said
