"""Dependencies that no file states: implicit ones, which follow from a unit's settings, and default ones.

Source: the "IMPLICIT DEPENDENCIES" and "DEFAULT DEPENDENCIES" parts of systemd.unit(5), systemd.service(5) and the
other types, systemd.exec(5), systemd.resource-control(5). One rule needs both units to be loaded (a target is
ordered after what it pulls in): the manager asks `target_orders_after` about each pair.

Dependencies on device units are left out, as systemd does in a container, which has no udev.
"""

from __future__ import annotations

from systemctl_replacement import exec_directories
from systemctl_replacement.unitfile import names, perpetual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    Get = Callable[[str, str], Any]


KINDS = (
    "Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "Before", "After", "OnFailure",
    "OnSuccess", "PropagatesReloadTo", "ReloadPropagatedFrom", "PropagatesStopTo", "StopPropagatedFrom",
    "JoinsNamespaceOf", "Triggers", "TriggeredBy", "RequiresMountsFor",
)  # fmt: skip
"""Forward kinds in which a unit may name others."""

_RUN_TYPES = {"service": "Service", "socket": "Socket", "mount": "Mount", "swap": "Swap"}
_IMAGE_MODULES = ("modprobe@loop.service", "modprobe@dm_mod.service", "modprobe@dm_verity.service")
_JOURNAL_OUTPUTS = frozenset(("journal", "journal+console", "kmsg", "kmsg+console"))
_EXTRINSIC = ("/proc/", "/sys/", "/dev/", "/run/initramfs/", "/run/systemd/")
_PULLS = ("Wants", "Requires", "Requisite", "BindsTo", "PartOf", "Upholds")
_NETWORK_FILE_SYSTEMS = frozenset(
    ("afs", "ceph", "cifs", "smb3", "smbfs", "sshfs", "ncpfs", "ncp", "nfs", "nfs4", "gfs", "gfs2", "glusterfs",
     "pvfs2", "ocfs2", "lustre", "davfs")
)  # fmt: skip


class _Collector:
    def __init__(self, unit: str, exists: Callable[[str], bool]) -> None:
        self.unit = unit
        self.exists = exists
        self.found: dict[str, dict[str, None]] = {}

    def add(self, kinds: str, *others: str) -> None:
        """Add `others` under each of the space-separated `kinds`; a unit never depends on itself."""
        for kind in kinds.split():
            known = self.found.setdefault(kind, {})
            for other in others:
                if other != self.unit or kind == "RequiresMountsFor":
                    known.setdefault(other)


def complete(
    unit: str,
    unit_type: str,
    get: Get,
    explicit: Mapping[str, Iterable[str]],
    *,
    loaded: bool = True,
    exists: Callable[[str], bool] = lambda _unit: True,
) -> dict[str, tuple[str, ...]]:
    """All forward dependencies of a unit by kind: `explicit` ones first, then implicit, then default ones.

    A unit that fails the checks as a whole, so is not `loaded`, gets all of them but those on its slice. `exists` tells
    whether a unit has a file.
    """
    collector = _Collector(unit, exists)
    for kind, others in explicit.items():
        collector.add(kind, *others)
    _slice(collector, unit_type, get, "After Requires Slice" if loaded else "Slice")
    section = _RUN_TYPES.get(unit_type)
    if section and unit not in perpetual.UNITS and (unit_type != "socket" or _has_commands(get)):
        _execution(collector, section, get)
    handler = _IMPLICIT.get(unit_type)
    if handler:
        handler(collector, get)
    if get("Unit", "DefaultDependencies") and unit not in perpetual.UNITS:
        default = _DEFAULT.get(unit_type)
        if default:
            default(collector, get)
    return {kind: tuple(others) for kind, others in collector.found.items() if others}


def target_orders_after(
    target: str, target_dependencies: Mapping[str, Iterable[str]], other: str, pulled_in: bool, both_default: bool
) -> bool:
    """Whether a target gets After= a unit it pulls in (Wants=, Requires= …), as systemd.target(5) has it.

    `pulled_in`: the target has a requirement dependency on `other`, from either side's file. `both_default`: both are
    loaded and have DefaultDependencies=yes. An explicit Before= of the target wins.
    """
    return pulled_in and both_default and other not in target_dependencies.get("Before", ())


def pulls_in(dependencies: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything a unit wants, requires or otherwise pulls in by its own dependencies."""
    return {other for kind in _PULLS for other in dependencies.get(kind, ())}


def mounts_above(path: str) -> Iterator[str]:
    """The mount units that may hold a path, from the root on: those of the path itself and of what is above it."""
    path = names.simplify_path(path)
    yield "-.mount"
    end = 0
    while 0 <= end < len(path) and path != "/" and names.is_normalized_path(path):
        end = path.find("/", end + 1)
        name = names.escape_path(path if end < 0 else path[:end]) + ".mount"
        if names.valid_unit_name(name):  # not too long
            yield name


def default_slice(unit: str, unit_type: str, get: Get) -> str:
    """The slice of a unit without Slice=: system-PREFIX.slice for instances, system.slice for other units.

    init.scope and the mounts that come with the container are in -.slice.
    """
    if names.is_instance(unit):
        return f"system-{names.escape(names.prefix_of(unit))}.slice"
    if unit == "init.scope" or (unit_type == "mount" and _is_extrinsic(get("Mount", "Where"))):
        return "-.slice"
    return "system.slice"


def _slice(collector: _Collector, unit_type: str, get: Get, kinds: str) -> None:
    if unit_type == "slice":
        parent = names.slice_parent(collector.unit)
        if parent:
            collector.add(kinds, parent)
    elif unit_type in _RUN_TYPES or unit_type == "scope":
        section = _RUN_TYPES.get(unit_type, "Scope")
        chosen = get(section, "Slice") or default_slice(collector.unit, unit_type, get)
        collector.add(kinds, chosen)


def _has_commands(get: Get) -> bool:
    return any(get("Socket", key) for key in ("ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"))


def _execution(collector: _Collector, section: str, get: Get) -> None:
    working = get(section, "WorkingDirectory")
    if working and not working[0] and working[1] != "~":
        collector.add("RequiresMountsFor", working[1])
    for key in ("RootDirectory", "RootImage"):
        if get(section, key):
            collector.add("RequiresMountsFor", get(section, key))
    if get(section, "RootImage"):
        collector.add("After", "systemd-udevd.service")
    if (get(section, "RootImage") or get(section, "MountImages")) and restricts_devices(section, get):
        collector.add("Wants After", *_IMAGE_MODULES)
    for kind in exec_directories.KINDS:
        for entry in get(section, kind.directive):
            collector.add("RequiresMountsFor", f"{kind.base}/{entry[0]}")
    if any(get(section, key) for key in ("StateDirectory", "CacheDirectory", "LogsDirectory")):
        collector.add("After", "systemd-remount-fs.service")
    if get(section, "PrivateTmp"):
        collector.add("RequiresMountsFor", "/var/tmp")
        collector.add("Wants After", "tmp.mount")
        collector.add("After", "systemd-tmpfiles-setup.service")
    namespace = get(section, "LogNamespace")
    if namespace:
        for pattern in ("systemd-journald@{}.socket", "systemd-journald-varlink@{}.socket"):
            collector.add("After Requires", pattern.format(namespace))
    elif (get(section, "StandardOutput") or "journal") in _JOURNAL_OUTPUTS or get(
        section, "StandardError"
    ) in _JOURNAL_OUTPUTS:
        collector.add("After", "systemd-journald.socket")


def restricts_devices(section: str, get: Get) -> bool:
    """Whether access to devices is restricted to a list. Other settings then add the devices that they need."""
    policy = get(section, "DevicePolicy") or "auto"
    return policy != "auto" or bool(get(section, "PrivateDevices") or get(section, "DeviceAllow"))


def _service_implicit(collector: _Collector, get: Get) -> None:
    if get("Service", "Type") == "dbus" and get("Service", "BusName"):
        # Where there is no bus such a service starts without (docs/differences.md).
        collector.add("Requires After" if collector.exists("dbus.socket") else "Wants After", "dbus.socket")
    collector.add("Wants After TriggeredBy", *get("Service", "Sockets"))


def _service_default(collector: _Collector, get: Get) -> None:
    collector.add("Requires After", "sysinit.target")
    collector.add("After", "basic.target")
    _shutdown(collector)


def _shutdown(collector: _Collector) -> None:
    collector.add("Before Conflicts", "shutdown.target")


def _target_default(collector: _Collector, get: Get) -> None:
    if collector.unit != "shutdown.target":
        _shutdown(collector)


def _triggered(collector: _Collector, section: str, get: Get) -> str:
    chosen = get(section, "Service" if section == "Socket" else "Unit")
    return chosen or collector.unit[: collector.unit.rfind(".")] + ".service"


def _socket_implicit(collector: _Collector, get: Get) -> None:
    if not get("Socket", "Accept"):
        collector.add("Before Triggers", _triggered(collector, "Socket", get))
    for kind, address in get("Socket", "Listen"):
        if address.startswith("/") and kind != "ListenMessageQueue":
            collector.add("RequiresMountsFor", address)


def _socket_default(collector: _Collector, get: Get) -> None:
    collector.add("Before", "sockets.target")
    collector.add("After Requires", "sysinit.target")
    _shutdown(collector)


def _timer_implicit(collector: _Collector, get: Get) -> None:
    collector.add("Before Triggers", _triggered(collector, "Timer", get))
    if get("Timer", "Persistent"):
        collector.add("RequiresMountsFor", "/var/lib/systemd/timers")


def _timer_default(collector: _Collector, get: Get) -> None:
    collector.add("Before", "timers.target")
    collector.add("After Requires", "sysinit.target")
    if any(kind == "OnCalendar" for kind, _ in get("Timer", "Timers")):
        collector.add("After", "time-sync.target", "time-set.target")
    _shutdown(collector)


def _path_implicit(collector: _Collector, get: Get) -> None:
    collector.add("Before Triggers", _triggered(collector, "Path", get))
    for _, path in get("Path", "Paths"):
        collector.add("RequiresMountsFor", path)


def _path_default(collector: _Collector, get: Get) -> None:
    collector.add("Before", "paths.target")
    collector.add("After Requires", "sysinit.target")
    _shutdown(collector)


def _mount_implicit(collector: _Collector, get: Get) -> None:
    where = get("Mount", "Where")
    parent = where.rpartition("/")[0] or "/"
    if where != "/":
        collector.add("RequiresMountsFor", parent)
    what = get("Mount", "What")
    if what.startswith("/") and not _is_network_mount(get):
        collector.add("RequiresMountsFor", what)


def _is_network_mount(get: Get) -> bool:
    kind = get("Mount", "Type")
    return "_netdev" in get("Mount", "Options").split(",") or kind.removeprefix("fuse.") in _NETWORK_FILE_SYSTEMS


def _is_extrinsic(where: str) -> bool:
    """Whether a mount comes with the container and is not ordered: the root, the kernel's file systems, /dev."""
    return where in ("/", "/usr") or any((where + "/").startswith(base) for base in _EXTRINSIC)


def _mount_default(collector: _Collector, get: Get) -> None:
    where = get("Mount", "Where")
    if _is_extrinsic(where):
        return
    options = get("Mount", "Options").split(",")
    if _is_network_mount(get):
        collector.add("After", "remote-fs-pre.target", "network.target")
        collector.add("After Wants", "network-online.target")
        before = "remote-fs.target"
    else:
        collector.add("After", "local-fs-pre.target")
        before = "local-fs.target"
    if "nofail" not in options:
        collector.add("Before", before)
    if get("Mount", "Type") == "tmpfs":
        collector.add("After", "swap.target")
    collector.add("Before Conflicts", "umount.target")


def _automount_implicit(collector: _Collector, get: Get) -> None:
    collector.add("Before Triggers", names.prefix_of(collector.unit) + ".mount")
    collector.add("RequiresMountsFor", get("Automount", "Where").rpartition("/")[0] or "/")


def _automount_default(collector: _Collector, get: Get) -> None:
    collector.add("Before", "local-fs.target")
    collector.add("After", "local-fs-pre.target")
    collector.add("Before Conflicts", "umount.target")


def _swap_implicit(collector: _Collector, get: Get) -> None:
    # No default dependencies: systemd gives swaps none in a container.
    what = get("Swap", "What")
    collector.add("RequiresMountsFor", what)
    if not what.startswith("/dev/"):
        collector.add("After", "systemd-remount-fs.service")


def _just_shutdown(collector: _Collector, get: Get) -> None:
    _shutdown(collector)


_IMPLICIT: dict[str, Callable[[_Collector, Get], None]] = {
    "service": _service_implicit,
    "socket": _socket_implicit,
    "timer": _timer_implicit,
    "path": _path_implicit,
    "mount": _mount_implicit,
    "automount": _automount_implicit,
    "swap": _swap_implicit,
}
_DEFAULT: dict[str, Callable[[_Collector, Get], None]] = {
    "service": _service_default,
    "target": _target_default,
    "socket": _socket_default,
    "timer": _timer_default,
    "path": _path_default,
    "mount": _mount_default,
    "automount": _automount_default,
    "slice": _just_shutdown,
    "scope": _just_shutdown,
}
