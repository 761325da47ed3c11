"""How a program is scheduled and treated by the kernel: nice level, CPU and I/O scheduling, CPUs, timer slack, memory
killer, core dumps, personality. systemd.exec(5).

Nothing here protects anybody, so what a container may not do is left as it is and told, and the program runs.
"""

from __future__ import annotations

import os

from systemctl_replacement import exit_status, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

_SCHEDULERS = {"other": 0, "fifo": 1, "rr": 2, "batch": 3, "idle": 5}
_SCHED_RESET_ON_FORK = 0x40000000
_PERSONALITIES = {"native": 0, "32-bit": 8}  # PER_LINUX, PER_LINUX32


def set_oom_score(adjustment: int) -> None:
    """OOMScoreAdjust=."""
    _write("/proc/self/oom_score_adj", str(adjustment))


def set_coredump_filter(mask: int) -> None:
    """CoredumpFilter=, the bits of core(5)."""
    _write("/proc/self/coredump_filter", f"{mask & 0xFFFFFFFF:#x}")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def set_nice(nice: int) -> None:
    """Sets the nice level. PermissionError without the privilege; then it is the nearest that RLIMIT_NICE allows, as
    under systemd."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        soft = syscalls.get_limit("NICE")[0]
        nearest = max(20 - min(soft, 40), nice)
        if nearest < os.getpriority(os.PRIO_PROCESS, 0):
            os.setpriority(os.PRIO_PROCESS, 0, nearest)
        if nearest != nice:
            raise


def set_scheduling(scheduling: dict[str, Any]) -> None:
    """{"policy": "fifo", "priority": 10, "reset_on_fork": false}; policies that systemd has no name for by number."""
    chosen = scheduling["policy"]
    policy = _SCHEDULERS[chosen] if chosen in _SCHEDULERS else int(chosen)
    if scheduling.get("reset_on_fork"):
        policy |= _SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(scheduling.get("priority", 0)))


def set_affinity(cpus: Iterable[int]) -> None:
    """CPUAffinity=."""
    os.sched_setaffinity(0, cpus)


def set_io_priority(priority: list[int]) -> None:
    """[class, level] of ioprio_set(2)."""
    syscalls.set_io_priority(*priority)


def set_timer_slack(nanoseconds: int) -> None:
    """TimerSlackNSec=."""
    syscalls.prctl(syscalls.PR_SET_TIMERSLACK, nanoseconds)


def set_personality(kind: str) -> None:
    """Personality=: "native", or "32-bit" for the architecture's smaller sister."""
    syscalls.set_personality(_PERSONALITIES[kind])


STEPS: tuple[tuple[str, int, str, Callable[[Any], None]], ...] = (
    ("oom_score_adjust", exit_status.EXIT_OOM_ADJUST, "Failed to adjust OOM setting", set_oom_score),
    ("coredump_filter", exit_status.EXIT_LIMITS, "Failed to adjust coredump_filter", set_coredump_filter),
    ("nice", exit_status.EXIT_NICE, "Failed to set up process scheduling priority (nice level)", set_nice),
    ("scheduling", exit_status.EXIT_SETSCHEDULER, "Failed to set up CPU scheduling", set_scheduling),
    ("cpu_affinity", exit_status.EXIT_CPUAFFINITY, "Failed to set up CPU affinity", set_affinity),
    ("io_priority", exit_status.EXIT_IOPRIO, "Failed to set up IO scheduling priority", set_io_priority),
    ("timer_slack", exit_status.EXIT_TIMERSLACK, "Failed to set up timer slack", set_timer_slack),
    (
        "personality",
        exit_status.EXIT_PERSONALITY,
        "Failed to set up execution domain (personality)",
        set_personality,
    ),
)
"""(key of the spec, exit status, words of systemd, function), in systemd's order."""
