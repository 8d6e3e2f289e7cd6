"""Groups of processes with limits, on made-up cgroup file systems of both versions."""

import shutil
from pathlib import Path

import pytest

from harness.base.errors import ConfigError
from harness.design import config as configuration
from harness.design.device import Device, read_devices
from harness.design.plan import make_plan
from harness.machine import cgroups
from harness.machine.cgroups import Limits, Usage, make_group, remove_stale
from harness.machine.noise import Roots
from tests.samples import ROOT, a_config, an_experiment, copy_project

SMALL = Limits(memory_mb=512, cpu_cores=0.5, pids=64)
GONE = 4_200_000  # above any pid that Linux gives out


@pytest.fixture(autouse=True)
def rmdir_as_the_kernel_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group's folder goes with its files; only groups inside would keep it."""
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def v1(tmp_path: Path) -> Roots:
    """A machine with version 1, where the harness lies in a group of its own for memory."""
    write(tmp_path / "self/cgroup", "8:pids:/\n4:memory:/box\n2:cpu,cpuacct:/\n")
    for folder in ("memory/box", "pids", "cpu,cpuacct"):
        write(tmp_path / folder / "cgroup.procs")
    return Roots(tmp_path, tmp_path, tmp_path)


def v2(tmp_path: Path, controllers: str = "cpu memory pids") -> Roots:
    """A machine with version 2, where the harness lies in a group below a slice."""
    write(tmp_path / "self/cgroup", "0::/slice/run\n")
    for folder in ("", "slice", "slice/run"):
        write(tmp_path / folder / "cgroup.controllers", controllers)
        write(tmp_path / folder / "cgroup.subtree_control", "")
    # a group with processes may not hand out its controllers
    (tmp_path / "slice/run/cgroup.subtree_control").unlink()
    (tmp_path / "slice/run/cgroup.subtree_control").mkdir()
    return Roots(tmp_path, tmp_path, tmp_path)


def test_version_1_sets_each_limit_below_the_harness_own_group(tmp_path: Path) -> None:
    group = make_group(SMALL, "t", v1(tmp_path))
    memory = group.folders["memory"].folder
    assert memory.parent == tmp_path / "memory/box"
    assert (memory / "memory.limit_in_bytes").read_text() == str(512 * 2**20)
    assert (group.folders["pids"].folder / "pids.max").read_text() == "64"
    assert (group.folders["cpu"].folder / "cpu.cfs_quota_us").read_text() == "50000"
    assert len(group.join) == 3
    assert group.enforced == [
        "memory 512 MB (cgroup v1)",
        "64 processes and threads (cgroup v1)",
        "CPU quota of 0.5 cores (cgroup v1)",
    ]
    assert group.not_enforced == ["no swap: the kernel does not account for it"]


def test_version_2_takes_the_next_group_that_hands_out_controllers(tmp_path: Path) -> None:
    group = make_group(SMALL, "t", v2(tmp_path))
    folders = {place.folder.parent for place in group.folders.values()}
    assert folders == {tmp_path / "slice"}
    folder = group.folders["memory"].folder
    assert (folder / "memory.max").read_text() == str(512 * 2**20)
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert (folder / "pids.max").read_text() == "64"
    assert len(group.join) == 1
    assert [text.endswith("(cgroup v2)") for text in group.enforced] == [True] * 3


def test_swap_is_forbidden_where_the_kernel_accounts_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path.mkdir

    def mkdir(path: Path, *args: object, **kwargs: object) -> None:
        made(path, *args, **kwargs)  # type: ignore[arg-type]
        if cgroups.PREFIX in path.name:
            (path / "memory.swap.max").write_text("max")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    group = make_group(Limits(memory_mb=100), "t", v2(tmp_path))
    assert "no swap" in group.enforced
    assert (group.folders["memory"].folder / "memory.swap.max").read_text() == "0"


@pytest.mark.parametrize("controllers", ["", "cpu"])
def test_what_cannot_be_limited_is_said_in_words(tmp_path: Path, controllers: str) -> None:
    group = make_group(SMALL, "t", v2(tmp_path, controllers))
    assert any("memory 512 MB: no cgroup with the memory" in text for text in group.not_enforced)
    assert group.usage().oom_kills is None
    assert bool(group.enforced) == bool(controllers)


def test_machine_without_cgroups_enforces_nothing_and_tells_nothing(tmp_path: Path) -> None:
    group = make_group(SMALL, "t", Roots(tmp_path, tmp_path, tmp_path))
    assert (group.enforced, group.join, group.usage()) == ([], [], Usage())
    assert len(group.not_enforced) == 3


def test_group_that_may_not_be_made_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, limits: Limits) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(cgroups._SET, (1, "memory"), refuse)  # type: ignore[misc]
    group = make_group(Limits(memory_mb=100), "t", v1(tmp_path))
    assert group.not_enforced[0].endswith("box: Permission denied")
    assert not list(tmp_path.rglob(f"{cgroups.PREFIX}*"))


def test_usage_is_read_in_the_words_of_each_version(tmp_path: Path) -> None:
    group = make_group(SMALL, "t", v1(tmp_path / "one"))
    memory, pids, cpu = (group.folders[name].folder for name in ("memory", "pids", "cpu"))
    write(memory / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    write(memory / "memory.max_usage_in_bytes", f"{100 * 2**20}\n")
    write(pids / "pids.events", "max 7\n")
    write(cpu / "cpu.stat", "nr_throttled 3\nthrottled_time 500000000\n")
    assert group.usage() == Usage(2, 100.0, 7, 0.5)

    group = make_group(SMALL, "t", v2(tmp_path / "two"))
    folder = group.folders["memory"].folder
    write(folder / "memory.events", "max 5\noom 2\noom_kill 1\n")
    write(folder / "memory.peak", f"{200 * 2**20}\n")
    write(folder / "pids.events", "max 0\n")
    write(folder / "cpu.stat", "usage_usec 5\nthrottled_usec 250000\n")
    assert group.usage() == Usage(1, 200.0, 0, 0.25)


def test_groups_are_removed_afterwards_and_those_of_killed_runs_too(tmp_path: Path) -> None:
    roots = v1(tmp_path)
    with make_group(SMALL, "t", roots) as group:
        alive = [place.folder for place in group.folders.values()]
        left = tmp_path / f"memory/box/{cgroups.PREFIX}{GONE}-trial"
        write(left / "cgroup.procs")
        assert remove_stale(roots) == [left]
        assert not left.exists()
        assert all(folder.exists() for folder in alive)
    assert not any(folder.exists() for folder in alive)


# --- devices ---


def test_shipped_devices_have_cores_and_memory_and_no_brand() -> None:
    devices = read_devices(ROOT / "config/devices.yaml")
    assert devices["edge_1c_512mb"].limits == Limits(512)
    assert devices["edge_4c_2gb"].cores == 4
    assert "raspberry" not in (ROOT / "config/devices.yaml").read_text().lower()


def test_unknown_device_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    path = folder / "experiments.yaml"
    text = path.read_text().replace("\n  cliff:\n", "\n  cliff:\n    conditions: {device: moon}\n")
    path.write_text(text)
    with pytest.raises(
        ConfigError, match=r"conditions\.device: 'moon' is not known.*edge_1c_512mb"
    ):
        configuration.read(folder, preset="short")


def test_pinning_larger_than_the_device_is_a_row_that_says_so() -> None:
    experiment = an_experiment(conditions={"device": "tiny"}, pinnings=(1, 2))
    config = a_config(
        experiment=experiment, devices={"tiny": Device(title="Tiny", cores=1, memory_mb=64)}
    )
    plan = make_plan(config, (0, 1, 2, 3))
    assert {cell.cores for cell in plan.cell_blocks} == {1}
    assert {(cell.cores, cell.reason) for cell in plan.not_run} == {(2, "not run: tiny has 1 core")}


@pytest.mark.parametrize(("pinned", "enforced"), [(1, False), (4, True)])
def test_cores_are_enforced_by_affinity_or_said_to_be_missing(pinned: int, enforced: bool) -> None:
    there, missing = Device(title="D", cores=4, memory_mb=64).cores_in_words(pinned)
    assert (bool(there), bool(missing)) == (enforced, not enforced)
