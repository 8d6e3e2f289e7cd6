"""A GIL that is on where it should be off is seen, whatever switched it on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.interpreters.environment import check
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.probe import run_json
from harness.measure.summarise import summarise
from tests.trial.conftest import Trial, free_threaded_python

pytestmark = pytest.mark.measures

EXTENSION = """
#include <Python.h>
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "wants_the_gil", .m_size = 0
};
PyMODINIT_FUNC PyInit_wants_the_gil(void) { return PyModule_Create(&definition); }
"""
WHERE = """
import json, sysconfig
suffix = sysconfig.get_config_var("EXT_SUFFIX")
print(json.dumps({"include": sysconfig.get_path("include"), "suffix": suffix}))
"""
IMPORTING = """
import sys
def setup(wait_ms):
    sys.path.insert(0, {folder!r})
    class Importing:
        variants = 1
        def __init__(self):
            self.runs = 0
        def task(self, index):
            self.runs += 1
            if self.runs > {after}:
                import wants_the_gil
            yield wait_ms / 1e3
            return 1
    return Importing()
"""


@pytest.fixture(scope="module")
def free_threaded() -> Path:
    """The worker python of the free-threaded build; skips where there is none."""
    python = free_threaded_python()
    if python is None:
        pytest.skip("the free-threaded build is not on this machine; make reproduce builds it")
    return python


@pytest.fixture(scope="module")
def python(free_threaded: Path) -> Path:
    """These trials run on the free-threaded build only: the other has no other state."""
    return free_threaded


@pytest.fixture(scope="module")
def extension(free_threaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a compiled module that does not declare itself safe without the GIL."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a module that wants the GIL takes a C compiler: none is installed")
    said = run_json([str(free_threaded), "-c", WHERE], {}, 60)
    include, suffix = said["include"], said["suffix"]
    if not (Path(include) / "Python.h").exists():
        pytest.skip(f"a module that wants the GIL takes the headers: no Python.h in {include}")
    folder = tmp_path_factory.mktemp("extension")
    (folder / "wants_the_gil.c").write_text(EXTENSION)
    subprocess.run(
        [
            compiler,
            "-shared",
            "-fPIC",
            f"-I{include}",
            "wants_the_gil.c",
            "-o",
            f"wants_the_gil{suffix}",
        ],
        cwd=folder,
        check=True,
    )
    return folder


@pytest.mark.parametrize("after", [0, 5], ids=["before the pool starts", "in the pool"])
def test_a_package_that_switches_the_gil_on_makes_the_trial_invalid(
    run_trial: Trial, extension: Path, after: int
) -> None:
    seen = run_trial(IMPORTING.format(folder=str(extension), after=after), window_s=0.4)
    assert seen.hello["gil_enabled"] is False
    result = summarise(seen, expect_gil=False)
    assert result["status"] == "invalid_gil"
    assert result["gil_enabled"] is True
    assert result["metrics"].get("throughput_tps") is None
    assert "wants_the_gil switched it on; pin a version" in result["reason"]


@pytest.mark.parametrize(("setting", "expected"), [("1", False), ("0", True)])
def test_the_variable_that_switches_the_gil_makes_a_trial_invalid_where_it_is_not_expected(
    run_trial: Trial, setting: str, expected: bool
) -> None:
    seen = run_trial(environment={"PYTHON_GIL": setting})
    assert summarise(seen, expect_gil=expected)["status"] == "invalid_gil"
    assert summarise(seen, expect_gil=not expected)["status"] == "ok"


def test_the_gil_variable_of_the_users_own_environment_does_not_reach_a_trial(
    monkeypatch: pytest.MonkeyPatch, run_trial: Trial
) -> None:
    monkeypatch.setenv("PYTHON_GIL", "1")
    assert run_trial().hello["gil_enabled"] is False


def test_a_worker_library_that_switches_the_gil_on_is_refused_before_anything_is_measured(
    free_threaded: Path, extension: Path
) -> None:
    script = Path("harness/interpreters/verify_script.py").read_text()
    preamble = f"import sys; sys.path.insert(0, {str(extension)!r})\n"
    answer = run_json([str(free_threaded), "-c", preamble + script, "wants_the_gil"], {}, 60)
    wanted = WantedInterpreter("cpython-3.13t", "3.13", free_threaded=True)
    with pytest.raises(InterpreterError, match=r"the GIL is on; a library in .* pin a version"):
        check(wanted, answer, {}, ["wants_the_gil"], Path("env"))
