"""Whether the settings of a unit make sense as a whole: systemd's checks before it considers a unit loaded.

Each check gives the reason why the unit is bad-setting, in systemd's words, or "". Source: systemd 252's log messages.
"""

from __future__ import annotations

from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Get = Callable[[str, str], Any]


def verify(unit_type: str, unit: str, get: Get) -> str:
    """Why the unit cannot be used ("Service has no ExecStart=, …"), "" if it can."""
    check = _CHECKS.get(unit_type)
    return check(unit, get) if check else ""


def warnings(unit_type: str, get: Get) -> list[str]:
    """What systemd warns about in a unit that it loads nevertheless."""
    found = []
    if unit_type == "service":
        if bool(get("Service", "USBFunctionDescriptors")) != bool(get("Service", "USBFunctionStrings")):
            one, other = "USBFunctionDescriptors", "USBFunctionStrings"
            if not get("Service", one):
                one, other = other, one
            found.append(f"Service has {one}= setting, but no {other}=. Ignoring.")
        if get("Service", "RuntimeMaxSec") != INFINITY and get("Service", "Type") == "oneshot":
            found.append("RuntimeMaxSec= has no effect in combination with Type=oneshot. Ignoring.")
    return found


def _service(unit: str, get: Get) -> str:
    start = get("Service", "ExecStart")
    kind = get("Service", "Type")
    success_action = get("Unit", "SuccessAction") != "none"
    if not start and not get("Service", "ExecStop") and not success_action:
        return "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."
    if kind != "oneshot" and not start:
        return "Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing."
    if not get("Service", "RemainAfterExit") and not start and not success_action:
        lacks = "Service has no ExecStart= and no SuccessAction= settings"
        return f"{lacks} and does not have RemainAfterExit=yes set. Refusing."
    if kind != "oneshot" and len(start) > 1:
        return (
            "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing."
        )
    if kind == "oneshot" and get("Service", "Restart") in ("always", "on-success"):
        chosen = "Service has Restart= set to either always or on-success"
        return f"{chosen}, which isn't allowed for Type=oneshot services. Refusing."
    if kind == "oneshot" and get("Service", "RestartForceExitStatus"):
        return "Service has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services. Refusing."
    if kind == "oneshot" and get("Service", "ExitType") == "cgroup":
        return "Service has ExitType=cgroup set, which isn't allowed for Type=oneshot services. Refusing."
    if kind == "dbus" and not get("Service", "BusName"):
        return "Service is of type D-Bus but no D-Bus service name has been specified. Refusing."
    if get("Service", "PAMName") and get("Service", "KillMode") not in ("control-group", "mixed"):
        return "Service has PAM enabled. Kill mode must be set to 'control-group' or 'mixed'. Refusing."
    return ""


def _socket(unit: str, get: Get) -> str:
    listen = get("Socket", "Listen")
    if not listen:
        return "Unit has no Listen setting (ListenStream=, ListenDatagram=, ListenFIFO=, ...). Refusing."
    accept = get("Socket", "Accept")
    if accept and any(kind not in ("ListenStream", "ListenSequentialPacket") for kind, _ in listen):
        return "Unit configured for accepting sockets, but sockets are non-accepting. Refusing."
    if accept and get("Socket", "MaxConnections") <= 0:
        return "MaxConnection= setting too small. Refusing."
    if accept and get("Socket", "Service"):
        return "Explicit service configuration for accepting socket units not supported. Refusing."
    nodes = [address for kind, address in listen if kind == "ListenFIFO" or _is_unix_path(kind, address)]
    if get("Socket", "Symlinks") and len(nodes) != 1:
        return "Unit has symlinks set but none or more than one node in the file system. Refusing."
    return ""


def _is_unix_path(kind: str, address: str) -> bool:
    return address.startswith("/") and kind in ("ListenStream", "ListenDatagram", "ListenSequentialPacket")


def _timer(unit: str, get: Get) -> str:
    if not get("Timer", "Timers") and not get("Timer", "OnClockChange") and not get("Timer", "OnTimezoneChange"):
        return "Timer unit lacks value setting. Refusing."
    return ""


def _path(unit: str, get: Get) -> str:
    return "" if get("Path", "Paths") else "Path unit lacks path setting. Refusing."


def _mount(unit: str, get: Get) -> str:
    where = get("Mount", "Where")
    if names.escape_path(where) + ".mount" != unit:
        return "Where= setting doesn't match unit name. Refusing."
    if where != "/" and is_api(where):
        return f"Cannot create mount unit for API file system {where}. Refusing."
    if not get("Mount", "What"):
        return "What= setting is missing. Refusing."
    return ""


def _automount(unit: str, get: Get) -> str:
    where = get("Automount", "Where")
    if where == "/":
        return "Cannot have an automount unit for the root directory. Refusing."
    if names.escape_path(where) + ".automount" != unit:
        return "Where= setting doesn't match unit name. Refusing."
    return ""


def _swap(unit: str, get: Get) -> str:
    what = get("Swap", "What")
    if names.escape_path(what) + ".swap" != unit:
        return "Value of What= and unit name do not match, not loading."
    return ""


# Mounted on every system before its manager runs.
_API = frozenset(
    (
        "/proc", "/sys", "/dev", "/dev/shm", "/dev/pts", "/run", "/sys/fs/cgroup", "/sys/fs/pstore", "/sys/fs/bpf",
        "/sys/kernel/security", "/sys/fs/smackfs", "/sys/firmware/efi/efivars", "/sys/fs/selinux", "/dev/console",
        "/proc/kmsg", "/proc/sys", "/proc/sys/kernel/random/boot_id",
    )
)  # fmt: skip


def is_api(path: str) -> bool:
    """Whether a mount point is one of the kernel's file systems that systemd has no units for."""
    return path in _API or path.startswith("/sys/fs/cgroup/")


_CHECKS: dict[str, Callable[[str, Get], str]] = {
    "service": _service,
    "socket": _socket,
    "timer": _timer,
    "path": _path,
    "mount": _mount,
    "automount": _automount,
    "swap": _swap,
}
