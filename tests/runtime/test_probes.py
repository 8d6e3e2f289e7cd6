"""How much CPU the process may use: affinity and quotas, on invented cgroup trees."""

import os
from pathlib import Path

import pytest

from harness.runtime import probes


class Tree:
    """A cgroup file system under a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.mount = root / "cgroup"
        self.mount.mkdir()
        self.membership = root / "membership"

    def member(self, *lines: str) -> None:
        self.membership.write_text("".join(f"{line}\n" for line in lines))

    def put(self, path: str, text: str) -> None:
        file = self.mount / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def quotas(self) -> list[float]:
        return sorted(probes._cgroup_quotas(str(self.membership), str(self.mount)))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_quota_of_version_2_is_its_share_of_the_period(tree: Tree) -> None:
    tree.member("0::/job")
    tree.put("job/cpu.max", "150000 100000")
    assert tree.quotas() == [1.5]


def test_quotas_of_all_groups_above_count(tree: Tree) -> None:
    tree.member("0::/slice/service/job")
    tree.put("slice/service/job/cpu.max", "max 100000")
    tree.put("slice/service/cpu.max", "300000 100000")
    tree.put("slice/cpu.max", "50000 100000")
    tree.put("cpu.max", "800000 100000")
    assert tree.quotas() == [0.5, 3.0, 8.0]


def test_the_root_group_of_version_2_may_have_a_quota_in_a_container(tree: Tree) -> None:
    tree.member("0::/")
    tree.put("cpu.max", "25000 50000")
    assert tree.quotas() == [0.5]


def test_no_quota_is_no_limit(tree: Tree) -> None:
    tree.member("0::/job", "3:cpu,cpuacct:/job")
    tree.put("job/cpu.max", "max 100000")
    tree.put("cpu/job/cpu.cfs_quota_us", "-1")
    tree.put("cpu/job/cpu.cfs_period_us", "100000")
    assert tree.quotas() == []


@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_version_1_has_its_quota_in_two_files(tree: Tree, controllers: str) -> None:
    tree.member(f"4:{controllers}:/docker/abc", "5:memory:/docker/abc")
    tree.put("cpu/docker/abc/cpu.cfs_quota_us", "200000")
    tree.put("cpu/docker/abc/cpu.cfs_period_us", "100000")
    tree.put("cpu/docker/cpu.cfs_quota_us", "700000")
    tree.put("cpu/docker/cpu.cfs_period_us", "100000")
    assert tree.quotas() == [2.0, 7.0]


def test_a_container_sees_its_own_group_at_the_root_of_version_1(tree: Tree) -> None:
    tree.member("4:cpu,cpuacct:/docker/not-visible-from-inside")
    tree.put("cpu/cpu.cfs_quota_us", "50000")
    tree.put("cpu/cpu.cfs_period_us", "100000")
    assert tree.quotas() == [0.5]


def test_other_controllers_say_nothing_about_the_cpu(tree: Tree) -> None:
    tree.member("1:name=systemd:/job", "2:cpuset:/job", "3:cpuacct:/job", "9:memory:/job")
    tree.put("job/cpu.max", "10000 100000")
    assert tree.quotas() == []


def test_both_versions_side_by_side(tree: Tree) -> None:
    tree.member("3:cpu:/old", "0::/new")
    tree.put("cpu/old/cpu.cfs_quota_us", "100000")
    tree.put("cpu/old/cpu.cfs_period_us", "50000")
    tree.put("new/cpu.max", "300000 100000")
    assert tree.quotas() == [2.0, 3.0]


def test_a_path_with_colons_is_a_path(tree: Tree) -> None:
    tree.member("0::/pod:a:b")
    tree.put("pod:a:b/cpu.max", "100000 100000")
    assert tree.quotas() == [1.0]


@pytest.mark.parametrize("text", ["", "100000", "many 100000", "100000 soon"])
def test_a_file_that_says_nothing_sensible_is_passed_over(tree: Tree, text: str) -> None:
    tree.member("0::/job")
    tree.put("job/cpu.max", text)
    tree.put("cpu.max", "200000 100000")
    assert tree.quotas() == [2.0]


def test_files_above_the_mount_point_are_not_looked_at(tree: Tree) -> None:
    tree.member("0::/job")
    (tree.mount.parent / "cpu.max").write_text("10000 100000\n")
    assert tree.quotas() == []


def test_without_cgroups_there_are_no_quotas(tree: Tree) -> None:
    assert tree.quotas() == []
    tree.member()
    assert tree.quotas() == []


def test_the_tightest_limit_is_what_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    for quotas, granted in (([], 4.0), ([2.5, 8.0], 2.5), ([0.3], 0.3), ([6.0], 4.0)):
        monkeypatch.setattr(probes, "_cgroup_quotas", lambda *where, found=quotas: found)
        assert probes.cpus_granted() == granted


def test_without_affinity_the_number_of_cpus_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(probes, "_cgroup_quotas", lambda *where: [])
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert probes.cpus_granted() == 6.0
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert probes.cpus_granted() == 1.0


def test_this_process_is_granted_something() -> None:
    assert probes.cpus_granted() > 0
