"""Answers from the unit files when no manager runs: the same calls, as if by a manager that has started nothing.

Queries start no manager. In a `docker build`, or in a container whose PID 1 is something else, `is-active`, `show` and
`status` answer from the files.
"""

from __future__ import annotations

from systemctl_replacement.control.client import CallError
from systemctl_replacement.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

_FAILED = "io.systemctl-replacement.Manager.Failed"
_NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
_DEFAULT_ENVIRONMENT = ["LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


class FileManager:
    """Stands in for a Client: `call` answers those of the manager's methods that files can answer."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._units: dict[str, Unit] = {}
        self._load: Callable[[str], Unit] | None = None
        self._methods: dict[str, Callable[..., dict[str, Any]]] = {
            "States": self._states,
            "Units": lambda patterns: {"units": []},
            "Show": self._show,
            "Processes": lambda name: {"supervisor": 0, "main": 0, "control": 0, "degraded": False, "pids": []},
            "UnitByPID": self._unit_by_pid,
            "Kill": lambda name, whom, signal: self._refuse_unloaded([name]),
            "ResetFailed": lambda names: self._refuse_unloaded(names),
            "Jobs": lambda: {"jobs": []},
            "CancelJobs": self._cancel_jobs,
            "GetEnvironment": lambda: {"environment": list(_DEFAULT_ENVIRONMENT)},
            "Log": lambda: {"level": "info", "target": "journal-or-kmsg"},
        }

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Like Client.call."""
        return self._methods[method](**parameters)

    def _states(self, names: list[str]) -> dict[str, Any]:
        # Nothing is active, whatever the files say. They are not read, so that the hot path stays fast.
        return {"states": [_state(name) for name in names]}

    def _show(self, names: list[str], properties: list[str] | None = None, kinds: bool = False) -> dict[str, Any]:
        if not names:
            raise _error("org.freedesktop.DBus.Error.Disconnected", "Host is down")
        units = []
        for name in names:
            unit = self.unit(name)
            found = self._properties(unit)
            shown: dict[str, Any] = {"name": name, "id": unit.id, "properties": found}
            if kinds:
                from systemctl_replacement.unitfile.properties.kinds import complete

                shown["kinds"] = complete(unit.type, found, None if properties is None else frozenset(properties))
            if properties is not None:
                shown["properties"] = {key: value for key, value in found.items() if key in properties}
            units.append(shown)
        return {"units": units}

    def unit(self, name: str) -> Unit:
        """The unit as its files describe it. CallError for a template or an invalid name."""
        from systemctl_replacement.unitfile.names import is_template, valid_unit_name

        if not valid_unit_name(name):
            raise _error("org.freedesktop.DBus.Error.InvalidArgs", f"Unit name {name} is not valid.")
        if is_template(name):
            raise _error("org.freedesktop.DBus.Error.InvalidArgs", f"Unit name {name} is missing the instance name.")
        if self._load is None:
            from systemctl_replacement.unitfile.load import load
            from systemctl_replacement.unitfile.loadpath import Index
            from systemctl_replacement.unitfile.specifiers import Host

            index, host = Index(self._paths.unit_path(), self._paths.root), Host.current(self._paths.root)
            self._load = lambda wanted: load(wanted, index, host)
        if name not in self._units:
            self._units[name] = self._load(name)
        return self._units[name]

    def _properties(self, unit: Unit) -> dict[str, Any]:
        from systemctl_replacement.unitfile import perpetual
        from systemctl_replacement.unitfile.manager_config import read_manager_config
        from systemctl_replacement.unitfile.properties.of_unit import of_file
        from systemctl_replacement.units.table import traits_of

        config = read_manager_config(self._paths.root)
        found = of_file(unit, config)
        traits = traits_of(unit.id)
        startable = unit.load_state == "loaded" and traits.startable
        stoppable = unit.id not in perpetual.UNITS and traits.stoppable
        kind = traits.load()
        settings = kind.configure(unit, config, lambda: True)
        reloadable = kind.can_reload(settings)
        if reloadable is None:
            reloadable = bool(unit.dependencies.get("PropagatesReloadTo"))
        found.update(
            {
                "Id": unit.id,
                "Names": list(unit.names),
                "LoadState": unit.load_state,
                "LoadError": list(unit.load_error or ("", "")),
                "ActiveState": "inactive",
                "SubState": "dead",
                "CanStart": startable and not unit.get("Unit", "RefuseManualStart"),
                "CanStop": stoppable and not unit.get("Unit", "RefuseManualStop"),
                "CanReload": reloadable,
                "FragmentPath": unit.fragment_path,
                "SourcePath": unit.source_path,
                "DropInPaths": list(unit.dropin_paths),
            }
        )
        if stamp_file := kind.stamp_file(settings):
            found["StampFile"] = stamp_file
        for relation, others in unit.dependencies.items():
            if relation != "Slice":  # a single name, which of_file() has
                found[relation] = list(others)
        found["Description"] = unit.get("Unit", "Description") or unit.id
        return found

    def _refuse_unloaded(self, names: list[str]) -> dict[str, Any]:
        for name in names:
            raise _error(_NO_SUCH_UNIT, f"Unit {name} not loaded.")
        return {}

    def _cancel_jobs(self, ids: list[int]) -> dict[str, Any]:
        for number in ids:
            raise _error("org.freedesktop.systemd1.NoSuchJob", f"Job {number} does not exist.")
        return {}

    def _unit_by_pid(self, pid: int) -> dict[str, Any]:
        raise _error("org.freedesktop.systemd1.NoUnitForPID", f"PID {pid} does not belong to any loaded unit.")


def _error(dbus_name: str, message: str) -> CallError:
    return CallError(_FAILED, {"dbus_name": dbus_name, "message": message})


def _state(name: str) -> dict[str, str]:
    return {"name": name, "id": name, "load_state": "loaded", "active_state": "inactive", "sub_state": "dead"}
