"""The runtime as a distribution of its own: built, and used where nothing else is installed."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import ROOT
from tests.runtime.interpreters import NAMES, interpreter

pytestmark = pytest.mark.measures

BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
USE = """
import sys
from gil_aware_pool import AdaptiveThreadPoolExecutor
from gil_aware_pool.profile import Profile
with Profile() as profile, AdaptiveThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, range(-100, 0), buffersize=8)) == list(range(100, 0, -1))
    assert pool.stats().completed == 100
assert profile.report().pools[0].total.calls == 100
known = sys.stdlib_module_names | {"gil_aware_pool", "__main__", "sitecustomize", "_virtualenv"}
assert {name.partition(".")[0] for name in sys.modules} <= known, sorted(sys.modules)
"""


PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    print(len(list(pool.map(abs, range(10)))))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the folder: building leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("distribution")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "harness" / "runtime", source, ignore=ignored)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=source, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_its_types_and_its_description(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    folder = ROOT / "harness" / "runtime"
    modules = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    assert {f"gil_aware_pool/{name}" for name in modules} <= names
    assert "gil_aware_pool/py.typed" in names
    assert "Requires-Dist" not in metadata
    assert "# gil-aware-pool" in metadata


def test_nothing_in_it_imports_the_harness(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sources = [archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")]
    imports = [
        line
        for source in sources
        for line in source.splitlines()
        if line.strip().startswith(("import harness", "from harness"))
    ]
    assert imports == []


@pytest.mark.parametrize("name", NAMES)
def test_it_works_in_an_empty_environment(name: str, wheel: Path, tmp_path: Path) -> None:
    chosen = interpreter(name)
    if chosen is None:
        pytest.skip(f"{name} is not on this machine")
    python, environment = chosen
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    (place,) = (tmp_path / "env").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    alone = tmp_path / "env" / "bin" / "python"

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [alone, *command],
            cwd=tmp_path,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = run("-c", USE)
    assert done.returncode == 0, done.stderr
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run("-m", "gil_aware_pool.profile", "program.py")
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr
    assert "pool 1  ThreadPoolExecutor" in done.stderr
