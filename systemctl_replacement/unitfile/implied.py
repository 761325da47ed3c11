"""What settings imply where others are not assigned: Type=, DynamicUser=, PrivateDevices=, JobTimeoutSec= …

Sources: systemd.service(5), systemd.exec(5), systemd.unit(5).
"""

from __future__ import annotations

from systemctl_replacement.unitfile import capabilities, names
from systemctl_replacement.unitfile.infinity import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_SECTIONS = ("Service", "Socket", "Mount", "Swap")
# Capabilities that a setting takes away.
_FORBIDDEN = (
    ("PrivateDevices", "CAP_MKNOD CAP_SYS_RAWIO"),
    ("ProtectKernelModules", "CAP_SYS_MODULE"),
    ("ProtectKernelLogs", "CAP_SYSLOG"),
    ("ProtectClock", "CAP_SYS_TIME CAP_WAKE_ALARM"),
)
# Settings that systemd implements with a system call filter. An unprivileged process may install one only under
# no_new_privs, which also keeps set-user-ID programs from undoing the other settings.
_FILTERS = (
    "SystemCallFilter", "SystemCallLog", "SystemCallArchitectures", "MemoryDenyWriteExecute", "RestrictNamespaces",
    "RestrictRealtime", "RestrictSUIDSGID", "RestrictAddressFamilies", "LockPersonality", "PrivateDevices",
    "ProtectClock", "ProtectHostname", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
)  # fmt: skip
_LEAVE_NOTHING_BEHIND = {"PrivateTmp": True, "RemoveIPC": True, "ProtectSystem": "strict"}
_NEITHER_GAIN_NOR_GIVE = {"NoNewPrivileges": True, "RestrictSUIDSGID": True}
_REALTIME = ("fifo", "rr")
# systemd's key for hashing unit names that cannot be user names.
_NAME_KEY = bytes.fromhex("581aafe628584e96b44ef53b8c9207ec")
_LONGEST_USER_NAME = 31


def complete(unit: str, section: str, settings: dict[tuple[str, str], Any], get: Callable[[str, str], Any]) -> None:
    """Add to the settings of a unit those that follow from them. `get` also gives defaults."""
    if ("Unit", "JobTimeoutSec") in settings:
        settings.setdefault(("Unit", "JobRunningTimeoutSec"), settings[("Unit", "JobTimeoutSec")])
    if section not in _SECTIONS:
        return
    if settings.get((section, "DynamicUser")):
        user = settings.setdefault((section, "User"), user_of(unit))
        settings.setdefault((section, "Group"), user)
        for name, value in (*_LEAVE_NOTHING_BEHIND.items(), *_NEITHER_GAIN_NOR_GIVE.items()):
            settings[(section, name)] = value
        if get(section, "ProtectHome") == "no":
            settings[(section, "ProtectHome")] = "read-only"
    forbidden = [words for name, words in _FORBIDDEN if settings.get((section, name))]
    key = (section, "CapabilityBoundingSet")
    if forbidden and capabilities.mask(settings.get(key, ()), capabilities.ALL):
        settings[key] = (*settings.get(key, ()), "~" + " ".join(forbidden))
    if settings.get((section, "CPUSchedulingPolicy")) in _REALTIME:
        settings.setdefault((section, "CPUSchedulingPriority"), 1)
    if section == "Service":
        _complete_service(settings, get)


def _complete_service(settings: dict[tuple[str, str], Any], get: Callable[[str, str], Any]) -> None:
    def imply(name: str, value: Any) -> None:
        settings.setdefault(("Service", name), value)

    if get("Service", "StandardInputData"):
        imply("StandardInput", "data")
    _complete_output(settings, get)
    imply("Type", "dbus" if get("Service", "BusName") else "simple" if get("Service", "ExecStart") else "oneshot")
    kind = settings[("Service", "Type")]
    if kind == "oneshot":
        imply("TimeoutStartSec", INFINITY)
    notifies = kind in ("notify", "notify-reload") or get("Service", "WatchdogSec") > 0
    if (notifies or get("Service", "FileDescriptorStoreMax") > 0) and get("Service", "NotifyAccess") == "none":
        settings[("Service", "NotifyAccess")] = "main"
    imply("RestartKillSignal", get("Service", "KillSignal"))


def _complete_output(settings: dict[tuple[str, str], Any], get: Callable[[str, str], Any]) -> None:
    """What a service inherits. As in systemd, `inherit` means the manager's default unless there is more than that."""
    output, error = ("Service", "StandardOutput"), ("Service", "StandardError")
    named = settings.get(output, "inherit") != "inherit"
    for_output = get("Service", "StandardInput").startswith(("tty", "socket", "fd"))
    for key, inherits in ((output, for_output), (error, for_output or named)):
        if settings.get(key, "inherit") == "inherit":
            if inherits:
                settings[key] = "inherit"
            else:
                settings.pop(key, None)


def needs_filter(get: Callable[[str], Any]) -> bool:
    """Whether systemd would install a system call filter for these settings. `get` gives the value of each."""
    found = [get(name) for name in _FILTERS]
    # RestrictNamespaces=no cancels the assignments before it.
    return any(value and not (isinstance(value, tuple) and value[-1] == "no") for value in found)


def user_of(unit: str) -> str:
    """The default User= under DynamicUser=: the unit's prefix if that is a valid user name, else a hash of it."""
    prefix = names.prefix_of(unit)
    word = prefix.replace("_", "a").replace("-", "a")
    if len(prefix) <= _LONGEST_USER_NAME and word.isascii() and word.isalnum() and prefix[0] not in "-0123456789":
        return prefix
    from systemctl_replacement.siphash import siphash24

    return f"_du{siphash24(prefix.encode('utf-8', 'surrogateescape'), _NAME_KEY):016x}"
