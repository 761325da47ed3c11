"""From a unit's settings to what its processes ask of the kernel: capabilities, scheduling, personality and the like.

Part of the spec that process/child.py describes; only what the unit sets is in it. Source: systemd.exec(5).
"""

from __future__ import annotations

from systemctl_replacement.unitfile import capabilities, kernel_values
from systemctl_replacement.unitfile.specifiers import architecture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable

_IO_CLASS, _IO_LEVEL = 2, 4  # what the kernel starts from: best-effort, in the middle


def of(settings: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """The keys of a service's spec."""
    spec: dict[str, Any] = {}
    for directive, key, convert in _CONVERTED:
        value = settings.get(("Service", directive))
        if value is not None:
            spec[key] = convert(value)
    if spec.get("capability_bounding") == capabilities.ALL:
        del spec["capability_bounding"]
    policy = settings.get(("Service", "CPUSchedulingPolicy"))
    priority = settings.get(("Service", "CPUSchedulingPriority"))
    if policy is not None or priority is not None:
        reset = bool(settings.get(("Service", "CPUSchedulingResetOnFork")))
        spec["scheduling"] = {"policy": policy or "other", "priority": priority or 0, "reset_on_fork": reset}
    kind, level = settings.get(("Service", "IOSchedulingClass")), settings.get(("Service", "IOSchedulingPriority"))
    if kind is not None or level is not None:
        number = _IO_CLASS if kind is None else kernel_values.io_class(kind)
        spec["io_priority"] = [number, _IO_LEVEL if level is None else level]
    return spec


def _personality(name: str) -> str:
    return "native" if name == architecture() else "32-bit"


_CONVERTED: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("CapabilityBoundingSet", "capability_bounding", lambda items: capabilities.mask(items, capabilities.ALL)),
    ("AmbientCapabilities", "ambient_capabilities", lambda items: capabilities.named(capabilities.mask(items, 0))),
    ("SecureBits", "secure_bits", kernel_values.secure_bits),
    ("CoredumpFilter", "coredump_filter", kernel_values.coredump_filter),
    ("CPUAffinity", "cpu_affinity", sorted),
    ("TimerSlackNSec", "timer_slack", int),
    ("Personality", "personality", _personality),
)
