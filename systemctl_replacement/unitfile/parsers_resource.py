"""Parsers of resource control directives (systemd.resource-control(5)). Messages from systemd 252.

A container cannot act on most of these; they are checked all the same, so that warnings and `show` are right.
Percentages are kept as text: what they are a share of is known only at run time.
"""

from __future__ import annotations

from typing import Any

from systemctl_replacement.unitfile import parsers, values
from systemctl_replacement.unitfile.parsers import choice
from systemctl_replacement.unitfile.scope import UNSET, Refused, Scope

CONTROLLERS = frozenset(
    (
        "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf-firewall", "bpf-devices",
        "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces",
    )
)  # fmt: skip

device_policy = choice(("auto", "closed", "strict"), "device policy")


def _weight(text: str, low: int, high: int, complaint: str) -> Any:
    if not text:
        return UNSET
    try:
        weight = values.parse_unsigned(text, values.INFINITY)
    except (ValueError, OverflowError):
        raise Refused(f"{complaint}, ignoring: {text}") from None
    if not low <= weight <= high:
        raise Refused(f"{complaint}, ignoring: {text}")
    return weight


def cpu_weight(scope: Scope, key: str, text: str) -> Any:
    """CPUWeight=: 1 to 10000, or idle (0)."""
    return 0 if text == "idle" else _weight(text, 1, 10000, "Invalid CPU weight")


def cpu_shares(scope: Scope, key: str, text: str) -> Any:
    """CPUShares=, deprecated."""
    scope.warn(f"Unit uses {key}=; please use CPUWeight= instead. Support for {key}= will be removed soon.", 5)
    return _weight(text, 2, 262144, "Invalid CPU shares")


def io_weight(scope: Scope, key: str, text: str) -> Any:
    """IOWeight=: 1 to 10000."""
    return _weight(text, 1, 10000, "Invalid weight")


def block_io_weight(scope: Scope, key: str, text: str) -> Any:
    """BlockIOWeight=, deprecated."""
    return _weight(text, 10, 1000, "Invalid block IO weight")


def block_io_item(scope: Scope, key: str, text: str) -> tuple[str, ...]:
    """BlockIODeviceWeight= and its like, deprecated."""
    scope.warn(f"Unit uses {key}=; please use IO*= settings instead. Support for {key}= will be removed soon.", 5)
    return (text,)


def cpu_quota(scope: Scope, key: str, text: str) -> Any:
    """CPUQuota=: microseconds of CPU time per second."""
    if not text:
        return UNSET
    try:
        percent, point, fraction = text[:-1].partition(".") if text.endswith("%") else ("", "", "")
        quota = values.parse_unsigned(percent, 2**31) * 100 + (int(fraction.ljust(2, "0")[:2]) if point else 0)
    except (ValueError, OverflowError):
        quota = 0
    if quota <= 0:
        raise Refused(f"Invalid CPU quota '{text}', ignoring.")
    return quota * 100


def cpu_quota_period(scope: Scope, key: str, text: str) -> Any:
    """CPUQuotaPeriodSec=."""
    if not text:
        return UNSET
    try:
        return values.parse_time_span(text)
    except ValueError:
        raise Refused(f"Failed to parse sec_def_infinity value, ignoring: {text}") from None


def memory_limit(scope: Scope, key: str, text: str) -> Any:
    """MemoryMax= and its like: bytes, INFINITY, or a percentage as text."""
    if not text or text == "infinity":
        return UNSET if not text else values.INFINITY
    if text[-1] in "%‰‱":
        try:
            share = values.parse_permyriad(text)
        except (ValueError, OverflowError):
            raise Refused(f"Invalid memory limit '{text}', ignoring: Invalid argument") from None
        amount: int | str = text if share else 0
    else:
        try:
            amount = values.parse_size(text)
        except ValueError:
            raise Refused(f"Invalid memory limit '{text}', ignoring: Invalid argument") from None
    may_be_zero = key in ("MemoryMin", "MemoryLow", "DefaultMemoryMin", "DefaultMemoryLow", "MemorySwapMax")
    if amount == values.INFINITY or (amount == 0 and not may_be_zero):
        raise Refused(f"Memory limit '{text}' out of range, ignoring.")
    return amount


def tasks_max(scope: Scope, key: str, text: str) -> Any:
    """TasksMax=: a number, INFINITY, or a percentage as text."""
    if not text:
        return UNSET
    if text == "infinity":
        return values.INFINITY
    try:
        amount: int | str = (
            (text if values.parse_permyriad(text) else 0)
            if text[-1] in "%‰‱"
            else values.parse_unsigned(text, values.INFINITY)
        )
    except (ValueError, OverflowError):
        raise Refused(f"Invalid maximum tasks value '{text}', ignoring: Invalid argument") from None
    if amount in (0, values.INFINITY):
        raise Refused(f"Maximum tasks value '{text}' out of range, ignoring.")
    return amount


def device_allow(scope: Scope, key: str, text: str) -> tuple[str, ...]:
    """DeviceAllow=: a device node or class and its access."""
    node = text.split(None, 1)[0]
    if not node.startswith(("/dev/", "/run/systemd/inaccessible/", "block-", "char-")):
        raise Refused(f"Invalid device node path '{node}', ignoring.")
    return (text,)


def delegate(scope: Scope, key: str, text: str) -> Any:
    """Delegate=: "yes", "no", or a tuple of controllers."""
    if not text:
        return ()
    try:
        return "yes" if values.parse_bool(text) else "no"
    except ValueError:
        pass

    def convert(word: str) -> str:
        if word not in CONTROLLERS:
            raise Refused(f"Invalid controller name '{word}', ignoring")
        return word

    return parsers.each(scope, parsers.words(scope, key, text), convert)


def managed_oom(scope: Scope, key: str, text: str) -> Any:
    """ManagedOOMSwap=, ManagedOOMMemoryPressure=."""
    if text not in ("", "auto", "kill"):
        raise Refused(f"Invalid syntax, ignoring: {text}")
    return text or UNSET


def managed_oom_preference(scope: Scope, key: str, text: str) -> str:
    """ManagedOOMPreference=."""
    if text not in ("none", "avoid", "omit"):
        raise Refused(f"Failed to parse {key}=, ignoring: {text}")
    return text


def memory_pressure_limit(scope: Scope, key: str, text: str) -> Any:
    """ManagedOOMMemoryPressureLimit=."""
    if not text:
        return UNSET
    try:
        values.parse_permyriad(text)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse memory pressure limit value, ignoring: {text}") from None
    return text
