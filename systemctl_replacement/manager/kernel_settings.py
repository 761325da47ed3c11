"""From a unit's settings to what its processes ask of the kernel: scheduling and sandbox. Source: systemd.exec(5)."""

from __future__ import annotations

from systemctl_replacement.process.exec_spec import Capability, CpuScheduling, IoPriority, Sandbox, Scheduling
from systemctl_replacement.unitfile import capabilities, implied, kernel_values
from systemctl_replacement.unitfile.specifiers import architecture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from systemctl_replacement.unitfile.manager_config import ManagerConfig

    Get = Callable[[str], Any]

_IO_CLASS, _IO_LEVEL = 2, 4  # what the kernel starts from: best-effort, in the middle


def scheduling_of(get: Get, config: ManagerConfig) -> Scheduling:
    """How the kernel is to schedule and treat the processes of a unit."""
    coredump_filter = get("CoredumpFilter")
    personality = get("Personality")
    return Scheduling(
        nice=get("Nice"),
        oom_score_adjust=_either(get("OOMScoreAdjust"), config.default_oom_score_adjust),
        cpu=_cpu_scheduling(get),
        cpu_affinity=tuple(sorted(get("CPUAffinity") or ())),
        io=_io_priority(get),
        timer_slack=_either(get("TimerSlackNSec"), config.timer_slack),
        coredump_filter=None if coredump_filter is None else kernel_values.coredump_filter(coredump_filter),
        personality=("native" if personality == architecture() else "32-bit") if personality else "",
    )


def _either(own: int | None, default: int | None) -> int | None:
    return default if own is None else own


def _cpu_scheduling(get: Get) -> CpuScheduling | None:
    policy, priority = get("CPUSchedulingPolicy"), get("CPUSchedulingPriority")
    if policy is None and priority is None:
        return None
    return CpuScheduling(policy or "other", priority or 0, bool(get("CPUSchedulingResetOnFork")))


def _io_priority(get: Get) -> IoPriority | None:
    kind, level = get("IOSchedulingClass"), get("IOSchedulingPriority")
    if kind is None and level is None:
        return None
    return IoPriority(
        _IO_CLASS if kind is None else kernel_values.io_class(kind), _IO_LEVEL if level is None else level
    )


def sandbox_of(get: Get, config: ManagerConfig) -> Sandbox:
    """What the processes of a unit are to be kept from."""
    bounding = capabilities.mask(get("CapabilityBoundingSet") or (), capabilities.ALL)
    ambient = capabilities.named(capabilities.mask(get("AmbientCapabilities") or (), 0))
    return Sandbox(
        root_directory=get("RootDirectory") or "",
        capability_bounding=None if bounding == capabilities.ALL else bounding,
        ambient_capabilities=tuple([Capability(name, number) for name, number in ambient.items()]),
        secure_bits=kernel_values.secure_bits(get("SecureBits") or frozenset()),
        no_new_privileges=bool(get("NoNewPrivileges") or config.no_new_privileges),
        no_new_privileges_unless_root=implied.needs_filter(get),
        memory_deny_write_execute=bool(get("MemoryDenyWriteExecute")),
    )
