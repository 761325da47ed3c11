"""status: what a unit is, its state, its processes and its last log lines."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.show import add_unit_file_state, check_not_template
from systemctl_replacement.cli.start import warn_of_changes
from systemctl_replacement.cli.status_text import unit_lines
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.control.client import CallError
from systemctl_replacement.exit_status import EXIT_NOT_ACTIVE, EXIT_UNKNOWN_UNIT
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


def status(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the status of units, or of the whole system. Returns an exit status of the LSB."""
    invocation.page()
    terminal = invocation.terminal
    shown = 0
    if not words and not (options.types or options.states):
        _system_status(terminal, options, invocation)
        if not options.all:
            return 0
        shown = 1
    result = 0
    for name in _names(words, options, invocation):
        check_not_template(name)
        unit = _fetch(name, invocation)
        if unit.get("LoadState") == "not-found" and unit.get("ActiveState", "inactive") == "inactive":
            invocation.err(f"Unit {name} could not be found.")
            result = result or EXIT_UNKNOWN_UNIT
            continue
        if unit.get("NeedDaemonReload"):
            warn_of_changes(name, invocation)
        if shown:
            invocation.out("")
        shown += 1
        for line in unit_lines(unit, _processes(unit, invocation), options, terminal, invocation.paths):
            invocation.out(line)
        if unit.get("ActiveState", "inactive") not in ("active", "reloading"):
            result = result or EXIT_NOT_ACTIVE
    return result


def _names(words: list[str], options: Options, invocation: Invocation) -> list[str]:
    if words:
        return unit_names(words, invocation)
    from systemctl_replacement.cli.list_units import selected_units

    return [unit["id"] for unit in selected_units([], options, invocation)]


def unit_names(words: list[str], invocation: Invocation) -> list[str]:
    """The units that words mean. Numbers are pids, whose units come first."""
    pids = [word for word in words if word.isascii() and word.isdigit()]
    found = [_name_of_pid(int(pid), invocation) for pid in pids]
    return found + expand([word for word in words if word not in pids], invocation)


def _name_of_pid(pid: int, invocation: Invocation) -> str:
    try:
        name: str = invocation.manager_or_files().call("UnitByPID", pid=pid)["name"]
    except CallError as error:
        raise CommandError(f"Failed to get unit for PID {pid}: {error.message}") from None
    return name


def _fetch(name: str, invocation: Invocation) -> dict[str, Any]:
    source = invocation.manager_or_files()
    try:
        unit: dict[str, Any] = source.call("Show", names=[name])["units"][0]["properties"]
        add_unit_file_state(unit, invocation)
        triggers = [*(unit.get("Triggers") or ()), *(unit.get("TriggeredBy") or ())]
        if triggers:
            states = source.call("States", names=triggers)["states"]
            unit["_TriggerStates"] = {state["name"]: state["active_state"] for state in states}
    except CallError as error:
        raise CommandError(f"Failed to get properties: {error.message}") from None
    return unit


def _processes(unit: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    """The processes of a unit, and of those that are in it."""
    if unit.get("ActiveState", "inactive") == "inactive" and unit.get("LoadState") != "loaded":
        return {"pids": [], "degraded": False}
    manager = invocation.manager_or_files()
    processes: dict[str, Any] = manager.call("Processes", name=unit["Id"])
    if traits_of(unit["Id"]).holds_members:
        processes["members"] = _members(unit, manager)
    return processes


def _members(unit: dict[str, Any], manager: Any) -> dict[str, Any]:
    """What is in a slice, by name: the pids of a unit, or what is in a slice; without what has no processes."""
    found = {}
    for name in unit.get("SliceOf") or ():
        if traits_of(name).holds_members:
            shown = manager.call("Show", names=[name], properties=["SliceOf"])["units"][0]["properties"]
            inside = _members(shown, manager)
        else:
            inside = manager.call("Processes", name=name)["pids"]
        if inside:
            found[name] = inside
    return found


def _system_status(terminal: Terminal, options: Options, invocation: Invocation) -> None:
    from systemctl_replacement.cli.status_text import system_lines

    manager = invocation.manager()
    if manager is None:
        invocation.out(f"{terminal.glyph('inactive')} {os.uname().nodename}")
        invocation.out("    State: offline")
        hint = (
            "No service manager is running: 'systemctl start UNIT' starts one, 'systemctl status UNIT' reads the files."
        )
        raise CommandError("" if invocation.refusal or options.root else hint)
    properties = manager.call("Show", names=[])["units"][0]["properties"]
    units = manager.call("Units", patterns=[])["units"]
    active = [unit["id"] for unit in units if unit["active_state"] != "inactive"]
    processes = {}
    for name in active:
        pids = manager.call("Processes", name=name)["pids"]
        if pids:
            processes[name] = pids
    jobs = len(manager.call("Jobs")["jobs"])
    for line in system_lines(properties, len(units), jobs, processes, options, terminal):
        invocation.out(line)


VERBS = {"status": status}
