"""Converting typed settings of resource control to the raw values of properties (systemd.resource-control(5))."""

from __future__ import annotations

import os

from systemctl_replacement.unitfile import values
from systemctl_replacement.unitfile.parsers.resource import CONTROLLERS

_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
_SHARE = 10000  # 100% as parse_permyriad gives it
_TASKS_LIMIT = 4194304  # the kernel's own, for 64 bits
_NETWORKS = {
    "any": ("0.0.0.0/0", "::/0"),
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}


def devices(value: tuple[str, ...]) -> list[list[str]]:
    """DeviceAllow=: (node, rights), the last first."""
    pairs = [entry.split(None, 1) for entry in reversed(value)]
    return [[node, *(rights or ["rwm"])] for node, *rights in pairs]


def networks(value: tuple[str, ...]) -> list[str]:
    """IPAddressAllow= and IPAddressDeny=: prefixes, sorted; systemd shows them in no particular order."""
    from ipaddress import ip_network

    found: dict[str, None] = {}
    for word in value:
        found.update(dict.fromkeys(_NETWORKS.get(word) or (str(ip_network(word, strict=False)),)))
    return sorted(found)


def device_values(value: tuple[str, ...]) -> list[list[str]]:
    """IODeviceWeight= and its siblings: (device, value)."""
    pairs = [entry.partition(" ") for entry in value]
    return [[device, setting.strip()] for device, _, setting in pairs]


def device_limits(value: tuple[str, ...]) -> list[list[str]]:
    """IOReadBandwidthMax= and its siblings: (device, number), the last of each device, without those at infinity."""
    last = {entry[0]: entry[1] for entry in device_values(value)}
    return [[device, str(values.parse_size(limit, 1000))] for device, limit in last.items() if limit != "infinity"]


def latencies(value: tuple[str, ...]) -> list[list[str]]:
    """IODeviceLatencyTargetSec=: (device, time span)."""
    return [[device, values.format_time_span(values.parse_time_span(span))] for device, span in device_values(value)]


def bind_rules(value: tuple[str, ...]) -> list[list[str]]:
    """SocketBindAllow= and SocketBindDeny=, the last first; systemd omits the colon after the protocol."""
    return [[_bind_rule(rule)] for rule in reversed(value)]


def _bind_rule(rule: str) -> str:
    *kinds, ports = rule.split(":")
    if ports in ("ipv4", "ipv6", "tcp", "udp"):
        kinds.append(ports)
        ports = "any"
    family = "".join(f"{kind}:" for kind in kinds if kind.startswith("ip"))
    protocol = "".join(kind for kind in kinds if not kind.startswith("ip"))
    numbers = [] if ports == "any" else [str(values.parse_unsigned(port)) for port in ports.split("-")]
    return family + protocol + ("-".join(numbers) or "any")


def controllers(value: tuple[str, ...]) -> list[str]:
    """DisableControllers=, in systemd's order."""
    return [name for name in CONTROLLERS if name in value]


def delegates(value: tuple[str, ...]) -> bool:
    """Whether Delegate= is on, which includes an empty value and a list of controllers."""
    return bool(value) and value[-1] != "no"


def delegated(value: tuple[str, ...]) -> list[str]:
    """The controllers of Delegate=: lists add up, anything else starts anew."""
    found: set[str] = set()
    for word in value:
        if word in ("", "no", "yes"):
            found = set(_CONTROLLERS) if word == "yes" else set()
        else:
            found.update(word.split())
    return sorted(found.intersection(_CONTROLLERS))


def tasks(value: int | str) -> int:
    """TasksMax=, also as a share of what the kernel allows in all; an empty value is the default of services."""
    if value == "":
        return default_tasks()
    return value if isinstance(value, int) else _all_tasks() * values.parse_permyriad(value) // _SHARE


def default_tasks() -> int:
    """DefaultTasksMax=: 15% of what the kernel allows in all (systemd-system.conf(5))."""
    return _all_tasks() * 15 // 100


def memory(value: int | str) -> int:
    """MemoryMax= and its siblings in bytes, also as a share of the machine's, in whole pages."""
    if isinstance(value, int):
        return value
    size = os.sysconf("SC_PAGE_SIZE")
    return os.sysconf("SC_PHYS_PAGES") * values.parse_permyriad(value) // _SHARE * size


def pressure(value: str) -> int:
    """ManagedOOMMemoryPressureLimit= as a share of 2**32 - 1."""
    return ((2**32 - 1) * values.parse_permyriad(value) + _SHARE // 2) // _SHARE


def _all_tasks() -> int:
    allowed = [_TASKS_LIMIT]
    for path in ("/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"):
        try:
            with open(path, encoding="ascii") as file:
                allowed.append(int(file.read()))
        except (OSError, ValueError):
            continue
    return min(allowed)
