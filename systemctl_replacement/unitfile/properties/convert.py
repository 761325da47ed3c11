"""Converting typed settings to the raw values of properties, where the two differ.

Source: org.freedesktop.systemd1(5), systemd.exec(5), systemd.resource-control(5), linux/sched.h.
"""

from __future__ import annotations

from systemctl_replacement.booleans import FALSE, TRUE
from systemctl_replacement.unitfile import capabilities, kernel_values, values
from systemctl_replacement.unitfile.properties import convert_resource as resource
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_NAMESPACES = {
    "cgroup": 0x02000000,
    "ipc": 0x08000000,
    "net": 0x40000000,
    "mnt": 0x00020000,
    "pid": 0x20000000,
    "user": 0x10000000,
    "uts": 0x04000000,
}
_MOUNT_FLAGS = {"shared": 1 << 20, "slave": 1 << 19, "private": 1 << 18}
_NUMA_POLICIES = ("default", "preferred", "bind", "interleave", "local")
_CPU_POLICIES = {"other": 0, "fifo": 1, "rr": 2, "batch": 3, "idle": 5}
_KILL = 0x7FFFFFFE  # SystemCallErrorNumber=kill
_DEVICE_LIMITS = (
    "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax", "BlockIOReadBandwidth",
    "BlockIOWriteBandwidth",
)  # fmt: skip
_MEMORY = (
    "MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryLimit", "DefaultMemoryMin",
    "DefaultMemoryLow",
)  # fmt: skip


def _plain(value: Any) -> Any:
    """Tuples as lists, sets as sorted lists, bytes in Base64; anything else as it is."""
    if isinstance(value, bytes):
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return value


def _bits(items: tuple[str, ...], initial: int, bit: Callable[[str], int], whole: Callable[[str], int | None]) -> int:
    """A bit set built by several assignments: the first replaces `initial`, a leading `~` removes bits."""
    found = initial
    for item in items:
        inverted = item.startswith("~")
        known = whole(item)
        if known is not None:
            found = known
            continue
        mask = 0
        for word in item.lstrip("~").split():
            mask |= bit(word)
        if found == initial:
            found = INFINITY & ~mask if inverted else mask
        else:
            found = found & ~mask if inverted else found | mask
    return found


def _namespaces(value: Any) -> int:
    def whole(item: str) -> int | None:
        return 0 if item in TRUE else INFINITY if item in FALSE else None

    return _bits(value, INFINITY, lambda word: _NAMESPACES.get(word, 0), whole)


def _filter(value: tuple[str, ...]) -> list[Any]:
    """[is an allow list, [names]]: the first assignment decides which it is; those of the other sign remove names."""
    allow = not value[0].startswith("~") if value else False
    found: set[str] = set()
    for item in value:
        names = item.lstrip("~").split()
        if item.startswith("~") == (not allow):
            found.update(names)
        else:
            found.difference_update(names)
    return [allow, sorted(found - {"none"})]


def _address_families(value: tuple[str, ...]) -> list[Any]:
    """As `_filter`; `none` allows nothing and drops the assignments before it."""
    nothing = [number for number, item in enumerate(value) if item == "none"]
    later = value[nothing[-1] + 1 :] if nothing else value
    return _filter(later) if later else [True, []]


def _uncompiled(value: tuple[str, ...]) -> list[Any]:
    """RestrictFileSystems=, where systemd was built without BPF: whether it is an allow list, and nothing in it."""
    return [not value[0].startswith("~"), []]


def _interfaces(value: tuple[str, ...]) -> list[Any]:
    """As `_filter`; the first assignment with a name decides which kind of list it is."""
    return _filter(tuple(item for item in value if item not in ("", "~")) or value[-1:])


def _once(value: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(value))


def _pairs(value: Any) -> Any:
    return [item.split() if isinstance(item, str) else _plain(item) for item in value]


def _bind_paths(value: Any) -> list[str]:
    return [
        f"{'-' if optional else ''}{source}:{target}{':rbind' if recursive else ''}"
        for optional, source, target, recursive in value
    ]


def _cpus(value: Any) -> str:
    """Numbers as ranges: `0-3 8`."""
    parts: list[list[int]] = []
    for number in sorted(value):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def _mask_bytes(value: frozenset[int]) -> str:
    """As `_cpus`, for the properties that systemctl writes as bytes: a set of CPUs in the machine's words."""
    size = (max(value) // 64 + 1) * 8
    return sum(1 << number for number in value).to_bytes(size, "little").hex()


def _error_number(value: str) -> int:
    import errno

    if value == "kill":
        return _KILL
    known: int | None = getattr(errno, value, None)
    return values.parse_integer(value) if known is None else known


def _first_word(value: str) -> str:
    """`append` of `append:/path`: the path is not part of the property."""
    return value.partition(":")[0]


_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "CapabilityBoundingSet": lambda value: capabilities.mask(value, capabilities.ALL),
    "AmbientCapabilities": lambda value: capabilities.mask(value, 0),
    "IOSchedulingClass": kernel_values.io_class,
    "SystemCallErrorNumber": _error_number,
    "RestrictAddressFamilies": _address_families,
    "RestrictFileSystems": _uncompiled,
    "RestrictNetworkInterfaces": _interfaces,
    "SocketProtocol": {"udplite": 136, "sctp": 132}.__getitem__,
    "PassEnvironment": _once,
    "UnsetEnvironment": _once,
    "SystemCallArchitectures": lambda value: sorted(set(value)),
    "StartupAllowedCPUs": _mask_bytes,
    "StartupAllowedMemoryNodes": _mask_bytes,
    "DisableControllers": resource.controllers,
    "IODeviceLatencyTargetUSec": resource.latencies,
    "IODeviceWeight": resource.device_values,
    "BlockIODeviceWeight": resource.device_values,
    "Delegate": resource.delegates,
    "DeviceAllow": resource.devices,
    "IPAddressAllow": resource.networks,
    "IPAddressDeny": resource.networks,
    "TasksMax": resource.tasks,
    **dict.fromkeys(_MEMORY, resource.memory),
    "ManagedOOMMemoryPressureLimit": resource.pressure,
    "SocketBindAllow": resource.bind_rules,
    "SocketBindDeny": resource.bind_rules,
    **dict.fromkeys(_DEVICE_LIMITS, resource.device_limits),
    "CPUSchedulingPolicy": lambda value: _CPU_POLICIES[value] if value in _CPU_POLICIES else int(value),
    "SecureBits": kernel_values.secure_bits,
    "CoredumpFilter": kernel_values.coredump_filter,
    "StandardInput": _first_word,
    "StandardOutput": _first_word,
    "StandardError": _first_word,
    "BindPaths": _bind_paths,
    "BindReadOnlyPaths": _bind_paths,
    "TemporaryFileSystem": lambda value: [f"{path}:{options}" if options else path for path, options in value],
}
_BY_KIND: dict[str, Callable[[Any], Any]] = {
    "exit-statuses": lambda value: [sorted(value.statuses), sorted(value.signals)],
    "environment-files": lambda value: [[path, ignore] for ignore, path in value],
    "namespaces": _namespaces,
    "filter": _filter,
    "mount-flags": lambda value: _MOUNT_FLAGS.get(value, 0),
    "numa-policy": _NUMA_POLICIES.index,
    "pairs": _pairs,
}


def raw(name: str, kind: str, value: Any) -> Any:
    """The raw value of a property (see kinds.py) for what its directive is set to."""
    convert = _BY_NAME.get(name) or _BY_KIND.get(kind)
    if convert is not None:
        return convert(value)
    if kind == "strings" and value and isinstance(value, (tuple, list)) and isinstance(value[0], tuple):
        return [entry[0] if isinstance(entry, tuple) else entry for entry in value]
    if kind == "string" and isinstance(value, frozenset):
        return _cpus(value)
    if kind == "string" and isinstance(value, tuple):
        return "".join(("!" if value[0] else "", str(value[1]))) if len(value) == 2 else " ".join(map(str, value))
    return _plain(value)
