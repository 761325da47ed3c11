"""Properties that do not come from a single directive, or whose default depends on the unit.

They follow from the unit's name, from several settings, or from the manager's configuration. Defaults are those of
systemd 252; some are only set once a unit is loaded (`Unit.derived`).
"""

from __future__ import annotations

from systemctl_replacement.unitfile import dependencies
from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import Configured, Inherited
from systemctl_replacement.unitfile.infinity import INFINITY
from systemctl_replacement.unitfile.load import Unit
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.properties import convert_resource as resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_CLOCK = (("char-rtc", "r"),)
_IMAGE_DEVICES = (
    ("block-device-mapper", "rwm"), ("block-blkext", "rwm"), ("block-loop", "rwm"), ("/dev/mapper/control", "rw"),
    ("/dev/loop-control", "rw"),
)  # fmt: skip
_SHARED_KEYRING = {"KeyringMode": "shared"}  # the default of all but services
_TRIGGER_INTERVAL = 2_000_000
_PREFERRED = 1  # of the memory policies, by number
_NO_LIMIT = 2**32 - 1


def defaults(unit: Unit, config: ManagerConfig) -> dict[str, Any]:
    """Properties that the settings of the unit may override."""
    found: dict[str, Any] = {"CanFreeze": unit.type in ("service", "scope", "slice")}
    for section in directives.sections_of(unit.type):
        for row in directives.section_table(section).values():
            if row.unset.__class__ in (Configured, Inherited):
                found[row.property] = row.unset.of(config)
    timeout = unit.settings.get(("Unit", "JobTimeoutSec"))
    if timeout is not None:
        found["JobRunningTimeoutUSec"] = timeout
    of_type = _OF_TYPE.get(unit.type)
    if of_type is not None:
        found.update(of_type(unit, config))
    return found


def complete(unit: Unit, found: dict[str, Any]) -> None:
    """Adjust the properties made of settings where they depend on several of them."""
    section = directives.TYPE_SECTIONS.get(unit.type, "")

    def setting(name: str) -> Any:
        return unit.settings.get((section, name))

    delegate = setting("Delegate")
    if delegate:
        found["DelegateControllers"] = resource.delegated(delegate)
    level, facility = setting("SyslogLevel"), setting("SyslogFacility")
    if level is not None or facility is not None:
        found["SyslogPriority"] = (3 if facility is None else facility) << 3 | (6 if level is None else level)
    if (setting("RootDirectory") or setting("RootImage")) and setting("MountAPIVFS") is None:
        found["MountAPIVFS"] = True
    if setting("NUMAMask") and setting("NUMAPolicy") is None:
        found["NUMAPolicy"] = _PREFERRED
    for name in ("RootHash", "RootHashSignature"):
        if (setting(name) or "").startswith("/"):
            found[name], found[f"{name}Path"] = "", setting(name)
    if setting("KillSignal") is not None:
        found.setdefault("RestartKillSignal", setting("KillSignal"))
    if (setting("CPUSchedulingPolicy") or "").isdigit() and setting("CPUSchedulingPriority") is None:
        found["CPUSchedulingPriority"] = -1  # for an unknown policy
    for name in ("StandardInput", "StandardOutput", "StandardError"):
        kind, _, descriptor = (setting(name) or "").partition(":")
        if kind == "fd":
            found[f"{name}FileDescriptorName"] = descriptor
    if not unit.derived:
        return
    if found.get("TriggerLimitIntervalUSec") == INFINITY:
        found["TriggerLimitIntervalUSec"] = _TRIGGER_INTERVAL
    if found.get("TriggerLimitBurst") == _NO_LIMIT:
        found["TriggerLimitBurst"] = _trigger_burst(unit)
    if setting("PrivateDevices") and found.get("DevicePolicy", "auto") == "auto":
        found["DevicePolicy"] = "closed"
    images = setting("RootImage") or setting("MountImages")
    devices = [*(_CLOCK if setting("ProtectClock") else ()), *(_IMAGE_DEVICES if images else ())]
    if devices and dependencies.restricts_devices(section, unit.get):
        found["DeviceAllow"] = [*map(list, devices), *found.get("DeviceAllow", ())]


def _service(unit: Unit, config: ManagerConfig) -> dict[str, Any]:
    stop = unit.settings.get(("Service", "TimeoutStopSec"))
    found: dict[str, Any] = {"TimeoutAbortUSec": config.default_timeout_stop if stop is None else stop}
    if config.default_timeout_abort is not None:
        found["TimeoutAbortUSec"] = config.default_timeout_abort
    if unit.derived:
        delegates = resource.delegates(unit.get("Service", "Delegate"))
        found["OOMPolicy"] = "continue" if delegates else config.default_oom_policy
    else:
        found.update({"Type": "", "OOMPolicy": "", "StandardOutput": "inherit", "StandardError": "inherit"})
    return found


def _socket(unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    return {
        **_SHARED_KEYRING,
        "FileDescriptorName": unit.id,
        "Listen": [[kind.removeprefix("Listen"), shown_address(kind, text)] for kind, text in _list(unit, "Listen")],
        **_trigger_limit(unit),
    }


def _timer(unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    timers = list(reversed(_list(unit, "Timers")))  # systemd shows the last one first
    return {
        "Unit": _triggered(unit),
        "TimersMonotonic": [[f"{kind[:-3]}USec", value, 0] for kind, value in timers if kind != "OnCalendar"],
        "TimersCalendar": [[kind, value, 0] for kind, value in timers if kind == "OnCalendar"],
    }


def _path(unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    paths = [list(entry) for entry in reversed(_list(unit, "Paths"))]
    return {"Unit": _triggered(unit), "Paths": paths, **_trigger_limit(unit)}


def _mount(_unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    return {**_SHARED_KEYRING, "SameProcessGroup": True}


def _swap(_unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    return _SHARED_KEYRING


def _scope(unit: Unit, _config: ManagerConfig) -> dict[str, Any]:
    return {"Transient": True} if unit.derived else {"OOMPolicy": ""}


def _device(_unit: Unit, config: ManagerConfig) -> dict[str, Any]:
    return {"JobRunningTimeoutUSec": config.default_device_timeout}


def _list(unit: Unit, group: str) -> tuple[tuple[str, Any], ...]:
    entries: tuple[tuple[str, Any], ...] = unit.get(unit.type.capitalize(), group)
    return entries


def _triggered(unit: Unit) -> str:
    return next(iter(unit.dependencies.get("Triggers", ())), "")


def _trigger_burst(unit: Unit) -> int:
    return 20 if unit.type == "socket" and not unit.get("Socket", "Accept") else 200


def _trigger_limit(unit: Unit) -> dict[str, Any]:
    interval, burst = (_TRIGGER_INTERVAL, _trigger_burst(unit)) if unit.derived else (INFINITY, _NO_LIMIT)
    return {"TriggerLimitIntervalUSec": interval, "TriggerLimitBurst": burst}


def shown_address(kind: str, text: str) -> str:
    """An address to listen on as systemd writes it: a port alone means that port on every address."""
    alone = text.isdigit() and kind in ("ListenStream", "ListenDatagram", "ListenSequentialPacket")
    return f"[::]:{text}" if alone else text


_OF_TYPE: dict[str, Callable[[Unit, ManagerConfig], dict[str, Any]]] = {
    "service": _service,
    "socket": _socket,
    "timer": _timer,
    "path": _path,
    "mount": _mount,
    "swap": _swap,
    "scope": _scope,
    "device": _device,
}
