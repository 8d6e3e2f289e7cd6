"""What surrounds a measurement: other programs, limits, clocks, the kind of machine."""

from collections.abc import Callable

from harness.base.errors import RefusedError
from harness.machine.busy import take_sample
from harness.machine.cgroups import Limits, make_group
from harness.machine.counters import read_text
from harness.machine.cpus import available_cpus
from harness.machine.finding import Check, Finding, finding
from harness.machine.lock import current_holder
from harness.machine.noise import Roots, busy_seconds

SAMPLE_S = 0.5
BUSY_SHARE = 0.1
PROBED = Limits(memory_mb=64, pids=64)
GOOD_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")


def _line(roots: Roots, *names: str) -> str:
    """The content of the first file below the CPUs' folder that exists, or nothing."""
    texts = (read_text(roots.cpu / name) for name in names)
    return next((text.strip() for text in texts if text), "")


def _others(roots: Roots) -> Finding:
    sample = take_sample(available_cpus(), SAMPLE_S, roots=roots)
    if sample.foreign_cpu_share is None:
        return Finding("other programs", "unavailable", advice="look at top before measuring")
    return finding(
        "other programs",
        sample.describe(),
        sample.is_busy(BUSY_SHARE),
        "end them, or expect excluded trials",
        serious=True,
    )


def _other_run(_: Roots) -> Finding:
    holder = current_holder()
    return finding(
        "other measuring run",
        holder or "none",
        bool(holder),
        "a second one waits until it has finished",
        serious=False,
    )


def _attribution(roots: Roots) -> Finding:
    _, source = busy_seconds(available_cpus(), roots)
    words = {
        "cpuacct": "exact (cgroup v1 cpuacct)",
        "schedstat": "exact (/proc/schedstat)",
        "ticks": "sampled at clock ticks (/proc/stat)",
    }
    return finding(
        "CPU use of others per trial",
        words.get(source, "unavailable"),
        source in ("", "ticks"),
        "short trials are marked only when much disturbed"
        if source
        else "trials disturbed by other programs are not marked",
        serious=False,
    )


def _cgroups(roots: Roots) -> Finding:
    with make_group(PROBED, "doctor", roots) as group:
        enforced, missing = "; ".join(group.enforced), "; ".join(group.not_enforced)
    return finding(
        "cgroups",
        f"writable: {enforced}" if enforced else "not writable",
        bool(missing),
        f"not enforced here: {missing}; run as root, or with `systemd-run --user --scope -p "
        "Delegate=yes`. Without, small devices are only emulated in part and a killed trial's "
        "cause is unknown",
        serious=False,
    )


def _governor(roots: Roots) -> Finding:
    governor = _line(roots, "cpu0/cpufreq/scaling_governor")
    if not governor:
        return Finding("CPU frequency governor", "not visible (as in most virtual machines)")
    return finding(
        "CPU frequency governor",
        governor,
        governor != "performance",
        "`cpupower frequency-set -g performance` keeps the clock steady",
        serious=False,
    )


def _turbo(roots: Roots) -> Finding:
    no_turbo, boost = _line(roots, "intel_pstate/no_turbo"), _line(roots, "cpufreq/boost")
    if not no_turbo and not boost:
        return Finding("turbo", "not visible")
    on = no_turbo == "0" or boost == "1"
    advice = "the clock depends on heat and on other cores; switch turbo off for steady numbers"
    return finding("turbo", "on" if on else "off", on, advice, serious=False)


def _thermal(roots: Roots) -> Finding:
    there = bool(_line(roots, "cpu0/thermal_throttle/core_throttle_count"))
    state = "available" if there else "unavailable"
    return finding("thermal throttling", state, not there, "its column stays empty", serious=False)


def _swap(roots: Roots) -> Finding:
    lines = (read_text(roots.proc / "swaps") or "").splitlines()[1:]
    used = sum(int(line.split()[3]) for line in lines) // 1024
    return finding(
        "swap",
        f"{used} MB used of {len(lines)} area(s)" if lines else "none",
        used > 0,
        "memory has been short: trials during which the machine swaps are left out",
        serious=False,
    )


def _clock(roots: Roots) -> Finding:
    name = _line(roots, "../clocksource/clocksource0/current_clocksource")
    return finding(
        "clock source",
        name or "unavailable",
        bool(name) and name not in GOOD_CLOCKS,
        "reading this clock is slow and adds to every task; tsc is better",
        serious=False,
    )


def _virtual(roots: Roots) -> Finding:
    virtual = " hypervisor" in (read_text(roots.proc / "cpuinfo") or "")
    return finding(
        "virtual machine",
        "yes" if virtual else "no sign of one",
        virtual,
        "its speed depends on neighbours: throughput is adjusted for the speed in the window",
        serious=False,
    )


def _perf(roots: Roots) -> Finding:
    level = (read_text(roots.proc / "sys/kernel/perf_event_paranoid") or "").strip()
    hardware = (roots.cpu / "../../../bus/event_source/devices/cpu").exists()
    state = f"hardware {'there' if hardware else 'missing'}, perf_event_paranoid {level or '?'}"
    advice = "cache misses cannot be counted here; nothing in the tables needs them"
    return finding("perf counters", state, not hardware or not level, advice, serious=False)


SURROUNDINGS: tuple[Check, ...] = (
    _others,
    _other_run,
    _attribution,
    _cgroups,
    _governor,
    _turbo,
    _thermal,
    _swap,
    _clock,
    _virtual,
    _perf,
)


def interpreters_check(look: Callable[[], tuple[list[str], list[str]]]) -> Check:
    """A check of which interpreters are there; ``look`` gives found and missing ones."""

    def check(_: Roots) -> Finding:
        try:
            found, missing = look()
        except RefusedError as error:
            return Finding("interpreters", "not looked for", advice=str(error))
        return finding(
            "interpreters",
            ", ".join(found) or "none",
            bool(missing),
            f"{', '.join(missing)}: not found; `python -m harness interpreters` provides them",
            serious=False,
        )

    return check
