"""How a program is scheduled and treated by the kernel: nice level, CPU and I/O scheduling, CPUs, timer slack, memory
killer, core dumps, personality. systemd.exec(5).

Nothing here protects anybody, so what a container may not do is left as it is and logged, and the program runs.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.log_levels import LOG_DEBUG
from systemctl_replacement.process.step import APPLIED, NOT_ALLOWED, NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome

_SCHEDULERS = {"other": 0, "fifo": 1, "rr": 2, "batch": 3, "idle": 5}
_SCHED_RESET_ON_FORK = 0x40000000
_PERSONALITIES = {"native": 0, "32-bit": 8}  # PER_LINUX, PER_LINUX32


def set_oom_score(child: Child) -> Outcome:
    """OOMScoreAdjust=. OSError."""
    adjustment = child.spec.scheduling.oom_score_adjust
    if adjustment is not None:
        try:
            _write("/proc/self/oom_score_adj", str(adjustment))
        except OSError as error:
            if error.errno not in NOT_ALLOWED:
                raise
            why = f"Failed to adjust OOM setting, assuming containerized execution, ignoring: {error.strerror}"
            return NotPossible(why, LOG_DEBUG)
    return APPLIED


def set_coredump_filter(child: Child) -> Outcome:
    """CoredumpFilter=. OSError."""
    mask = child.spec.scheduling.coredump_filter
    if mask is not None:
        _write("/proc/self/coredump_filter", f"{mask & 0xFFFFFFFF:#x}")
    return APPLIED


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def set_nice(child: Child) -> Outcome:
    """Nice=; without the privilege PermissionError, and the nearest level that RLIMIT_NICE allows, as under systemd."""
    nice = child.spec.scheduling.nice
    if nice is None:
        return APPLIED
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        soft = syscalls.get_limit("NICE")[0]
        nearest = max(20 - min(soft, 40), nice)
        if nearest < os.getpriority(os.PRIO_PROCESS, 0):
            os.setpriority(os.PRIO_PROCESS, 0, nearest)
        if nearest != nice:
            raise
    return APPLIED


def set_cpu_scheduling(child: Child) -> Outcome:
    """CPUSchedulingPolicy=, CPUSchedulingPriority=, CPUSchedulingResetOnFork=. OSError."""
    wanted = child.spec.scheduling.cpu
    if wanted is not None:
        policy = _SCHEDULERS[wanted.policy] if wanted.policy in _SCHEDULERS else int(wanted.policy)
        if wanted.reset_on_fork:
            policy |= _SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(wanted.priority))
    return APPLIED


def set_cpu_affinity(child: Child) -> Outcome:
    """CPUAffinity=. OSError."""
    cpus = child.spec.scheduling.cpu_affinity
    if cpus:
        os.sched_setaffinity(0, cpus)
    return APPLIED


def set_io_priority(child: Child) -> Outcome:
    """IOSchedulingClass= and IOSchedulingPriority=. OSError."""
    wanted = child.spec.scheduling.io
    if wanted is not None:
        syscalls.set_io_priority(wanted.scheduling_class, wanted.level)
    return APPLIED


def set_timer_slack(child: Child) -> Outcome:
    """TimerSlackNSec=. OSError."""
    nanoseconds = child.spec.scheduling.timer_slack
    if nanoseconds is not None:
        syscalls.prctl(syscalls.PR_SET_TIMERSLACK, nanoseconds)
    return APPLIED


def set_personality(child: Child) -> Outcome:
    """Personality=. OSError."""
    personality = child.spec.scheduling.personality
    if personality:
        syscalls.set_personality(_PERSONALITIES[personality])
    return APPLIED
