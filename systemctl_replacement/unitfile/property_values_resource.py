"""Typed settings of resource control as the raw values that properties have (systemd.resource-control(5)).

The forms are those that systemd 252 shows.
"""

from __future__ import annotations

import os

from systemctl_replacement.unitfile import values

_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
_SHARE = 10000  # what parse_permyriad gives for all
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
    """IPAddressAllow= and IPAddressDeny=: prefixes, sorted; the order of systemd's is one of chance."""
    from ipaddress import ip_network

    found: dict[str, None] = {}
    for word in value:
        found.update(dict.fromkeys(_NETWORKS.get(word) or (str(ip_network(word, strict=False)),)))
    return sorted(found)


def device_limits(value: tuple[str, ...]) -> list[list[str]]:
    """IOReadBandwidthMax= and its sisters: (device, number); those without a limit are not shown."""
    pairs = [entry.split(None, 1) for entry in value]
    return [[device, str(values.parse_size(limit, 1000))] for device, limit in pairs if limit != "infinity"]


def bind_rules(value: tuple[str, ...]) -> list[list[str]]:
    """SocketBindAllow= and SocketBindDeny=, which systemd writes without the colon behind the protocol."""
    return [[rule.replace("tcp:", "tcp").replace("udp:", "udp")] for rule in value]


def delegates(value: object) -> bool:
    """Whether Delegate= is on: without a value, too, and for some of the controllers."""
    return value is not None and value != "no"


def delegated(value: object) -> list[str]:
    """The controllers of Delegate=."""
    return sorted(value) if isinstance(value, tuple) else list(_CONTROLLERS) if value == "yes" else []


def tasks(value: int | str) -> int:
    """TasksMax=, also as a share of what the kernel allows in all."""
    return value if isinstance(value, int) else _all_tasks() * values.parse_permyriad(value) // _SHARE


def default_tasks() -> int:
    """DefaultTasksMax=: 15% of what the kernel allows in all (systemd-system.conf(5))."""
    return _all_tasks() * 15 // 100


def memory(value: int | str) -> int:
    """MemoryMax= and its sisters in bytes, also as a share of the machine's, in whole pages."""
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
