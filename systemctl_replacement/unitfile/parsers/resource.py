"""Parsers of resource control directives (systemd.resource-control(5)). Messages from systemd 252.

A container cannot act on most of them; they are checked nevertheless, so that warnings and `show` are right.
Percentages are kept as text: what they refer to is known only at run time.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_NOTICE
from systemctl_replacement.unitfile import names, quoting, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.common import choice
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CONTROLLERS = (
    "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf-firewall", "bpf-devices",
    "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces",
)  # fmt: skip
"""The names of control group controllers, in systemd's order."""

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


def cpu_weight(context: ParseContext, key: str, text: str) -> Any:
    """CPUWeight=: 1 to 10000, or idle (0)."""
    return 0 if text == "idle" else _weight(text, 1, 10000, "Invalid CPU weight")


def cpu_shares(context: ParseContext, key: str, text: str) -> Any:
    """CPUShares=, deprecated."""
    context.warn(
        f"Unit uses {key}=; please use CPUWeight= instead. Support for {key}= will be removed soon.", LOG_NOTICE
    )
    return _weight(text, 2, 262144, "Invalid CPU shares")


def io_weight(context: ParseContext, key: str, text: str) -> Any:
    """IOWeight=: 1 to 10000."""
    return _weight(text, 1, 10000, "Invalid weight")


def block_io_weight(context: ParseContext, key: str, text: str) -> Any:
    """BlockIOWeight=, deprecated."""
    return _weight(text, 10, 1000, "Invalid block IO weight")


def _device_setting(text: str, complaint: str, value_of: Callable[[str], Any], value_complaint: str = "") -> None:
    _, _, value = text.partition(" ")
    value = value.strip()
    if not value:
        raise Refused(f"{complaint} specified in '{text}', ignoring.")
    try:
        value_of(value)
    except (ValueError, OverflowError) as error:
        shown = value_complaint.format(value, parsers.message_of(error))
        raise Refused(shown or f"{complaint} specified in '{text}', ignoring.") from None


def _io_weight(text: str) -> int:
    weight = values.parse_unsigned(text, 10000)
    if weight == 0:
        raise OverflowError(text)
    return weight


def _bandwidth(text: str) -> int:
    return values.INFINITY if text == "infinity" else values.parse_size(text, 1000)


def block_io_item(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """BlockIODeviceWeight= and its siblings, deprecated: a device and a number."""
    context.warn(
        f"Unit uses {key}=; please use IO*= settings instead. Support for {key}= will be removed soon.", LOG_NOTICE
    )
    if key.endswith("Weight"):
        _device_setting(text, "Invalid device node or weight", values.parse_unsigned)
    else:
        _device_setting(
            text, "Invalid device node or bandwidth", _bandwidth, "Invalid Block IO Bandwidth '{}', ignoring."
        )
    return (text,)


def io_item(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """IODeviceWeight=, IOReadBandwidthMax= and their siblings: a device and a value."""
    if key == "IODeviceWeight":
        _device_setting(text, "Invalid device path or weight", _io_weight, "IO weight '{}' invalid, ignoring: {}")
    elif key == "IODeviceLatencyTargetSec":
        complaint = "Failed to parse timer value, ignoring: {}"
        _device_setting(text, "Invalid device path or latency", values.parse_time_span, complaint)
    else:
        _device_setting(text, "Invalid device node or bandwidth", _bandwidth, "Invalid IO limit '{}', ignoring.")
    return (text,)


def ip_address(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """IPAddressAllow=, IPAddressDeny=: addresses with prefix lengths, or any, localhost, link-local, multicast."""

    def convert(word: str) -> str:
        if word in ("any", "localhost", "link-local", "multicast"):
            return word
        from ipaddress import ip_interface

        try:
            ip_interface(word)
        except ValueError:
            raise Refused(f"Address prefix is invalid, ignoring assignment: {word}") from None
        return word

    return parsers.each(context, parsers.words(context, key, text), convert)


def disable_controllers(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """DisableControllers=."""
    items = parsers.words(context, key, text)
    if any(word not in CONTROLLERS for word in items):
        raise Refused(f"Invalid cgroup string: {text}, ignoring")
    return tuple(items)


_BPF_ATTACH = frozenset(
    (
        "ingress", "egress", "sock_create", "sock_ops", "device", "bind4", "bind6", "connect4", "connect6",
        "post_bind4", "post_bind6", "sendmsg4", "sendmsg6", "sysctl", "recvmsg4", "recvmsg6", "getsockopt",
        "setsockopt",
    )
)  # fmt: skip


def bpf_program(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """BPFProgram=: attach type and path."""
    kind, colon, path = text.partition(":")
    if not colon:
        raise Refused(f"Invalid syntax in {key}=, ignoring: {text}")
    if kind not in _BPF_ATTACH:
        raise Refused(f"Unknown BPF attach type={kind}, ignoring: {text}")
    return (f"{kind}:{parsers.check_path(key, parsers.expanded(context, path))}",)


def socket_bind(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """SocketBindAllow=, SocketBindDeny=: `any`, or family, protocol and ports."""
    parts = text.split(":")
    if parts[0] in ("ipv4", "ipv6"):
        parts.pop(0)
    if parts and parts[0] in ("tcp", "udp"):
        parts.pop(0)
    low, dash, high = parts[0].partition("-") if parts else ("", "", "")
    try:
        ports = [] if parts in ([], ["any"]) else [values.parse_unsigned(port, 65535) for port in (low, high or low)]
        fits = bool(high or not dash) and (not ports or 0 < ports[0] <= ports[1])
    except (ValueError, OverflowError):
        fits = False
    if not fits or len(parts) > 1:
        raise Refused(f"Unable to parse {key}= assignment, ignoring: {text}")
    return (text,)


def network_interfaces(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """RestrictNetworkInterfaces=."""
    invert = "~" if text.startswith("~") else ""

    def convert(word: str) -> str:
        strange = any(not "!" <= letter <= "~" or letter in ":/%" for letter in word)
        if strange or word.isdigit() or word in (".", "..", "all", "default") or len(word) > 15:
            raise Refused(f"Invalid interface name, ignoring: {word}")
        return word

    try:
        items = quoting.split(text[len(invert) :], unescape=False)
    except quoting.QuotingError:
        raise Refused(f"Trailing garbage in {key}, ignoring: {text}") from None
    return (invert + " ".join(parsers.each(context, items, convert)),)


def filter_program(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """IPIngressFilterPath=, IPEgressFilterPath=: a path, blanks and all."""
    return (parsers.check_path(key, parsers.expanded(context, text)),)


def cpu_quota(context: ParseContext, key: str, text: str) -> Any:
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


def cpu_quota_period(context: ParseContext, key: str, text: str) -> Any:
    """CPUQuotaPeriodSec=."""
    if not text:
        return UNSET
    try:
        return values.parse_time_span(text)
    except ValueError:
        raise Refused(f"Failed to parse sec_def_infinity value, ignoring: {text}") from None


def memory_limit(context: ParseContext, key: str, text: str) -> Any:
    """MemoryMax= and its siblings: bytes, INFINITY, or a percentage as text."""
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


def tasks_max(context: ParseContext, key: str, text: str) -> Any:
    """TasksMax=: a number, INFINITY, a percentage as text, or an empty text for the default of services."""
    if not text:
        return ""
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


def device_allow(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """DeviceAllow=: a device node or class and its access."""
    node = text.split(None, 1)[0]
    if not node.startswith(("/dev/", "/run/systemd/inaccessible/", "block-", "char-")):
        raise Refused(f"Invalid device node path '{node}', ignoring.")
    rights = text[len(node) :].strip()
    if any(right not in "rwm" for right in rights):
        raise Refused(f"Invalid device rights '{rights}', ignoring.")
    return (text,)


def delegate(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """Delegate=: "yes", "no", "" (on, without controllers), or a list of controllers, which adds to earlier ones."""
    _only_for(context, ("service", "scope"), "Delegate= setting not supported for this unit type, ignoring.")
    if not text:
        return ("",)
    try:
        return ("yes" if values.parse_bool(text) else "no",)
    except ValueError:
        pass

    def convert(word: str) -> str:
        if word not in CONTROLLERS:
            raise Refused(f"Invalid controller name '{word}', ignoring")
        return word

    return (" ".join(parsers.each(context, parsers.words(context, key, text), convert)) or " ",)


def _only_for(context: ParseContext, types: tuple[str, ...], complaint: str) -> None:
    if names.unit_type(context.subject.unit) not in types:
        raise Refused(complaint)


def managed_oom(context: ParseContext, key: str, text: str) -> Any:
    """ManagedOOMSwap=, ManagedOOMMemoryPressure=."""
    _only_for(context, ("service", "scope", "slice"), f"{key}= is not supported for this unit type, ignoring.")
    if text not in ("", "auto", "kill"):
        raise Refused(f"Invalid syntax, ignoring: {text}")
    return text or UNSET


def managed_oom_preference(context: ParseContext, key: str, text: str) -> str:
    """ManagedOOMPreference=."""
    if text not in ("none", "avoid", "omit"):
        raise Refused(f"Failed to parse {key}=, ignoring: {text}")
    return text


def memory_pressure_limit(context: ParseContext, key: str, text: str) -> Any:
    """ManagedOOMMemoryPressureLimit=."""
    if not text:
        return UNSET
    try:
        values.parse_permyriad(text)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse memory pressure limit value, ignoring: {text}") from None
    return text
