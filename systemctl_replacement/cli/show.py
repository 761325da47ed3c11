"""show: properties of units, in systemd's order; and how properties are fetched, which status shares."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.printable import escaped
from systemctl_replacement.cli.property_text import render
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.names import is_template, valid_unit_name
from systemctl_replacement.unitfile.properties import kinds as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


_UNPRINTABLE = "[unprintable]"
_DEFECT = "org.freedesktop.DBus.Error.Failed"  # something went wrong in the manager


def show(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print properties of units, of the units of processes, or of the manager."""
    invocation.page()
    if not words:
        try:
            manager = fetch(invocation, [])[0]
        except CallError as error:
            raise CommandError(f"Failed to get properties: {error.message}") from None
        _print(manager, "", options, invocation)
        return 0
    names = expand([word for word in words if not _is_number(word)], invocation)
    for word in words:
        if _is_number(word):
            # systemctl knows jobs by number here; we have none that could be shown.
            raise CommandError(f"Failed to get properties: Unknown object '/org/freedesktop/systemd1/job/{word}'.")
    if options.types:
        names = [name for name in names if name.rpartition(".")[2] in options.types]
    status, number = 0, 0
    for name in names:
        check_not_template(name)
        try:
            unit = fetch(invocation, [name], options.properties)[0]
        except CallError as error:
            if error.dbus_name != _DEFECT:
                raise CommandError(f"Failed to get properties: {error.message}") from None
            invocation.err(f"Failed to get properties of {name}: {error.message}")
            status = 1  # the others are shown
            continue
        if number:
            invocation.out("")
        number += 1
        if unit.get("StatusText") and (invocation.terminal.tty or os.isatty(1)):
            unit["StatusText"] = escaped(unit["StatusText"])  # the service's own words
        _print(unit, name.rpartition(".")[2], options, invocation)
    return status


def check_not_template(name: str) -> None:
    """Raise CommandError for a template: only instances have properties; and for a name that is too long."""
    if is_template(name) or not valid_unit_name(name):
        raise CommandError(
            f"Failed to get properties: Unit name {name} is neither a valid invocation ID nor unit name."
        )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def fetch(invocation: Invocation, names: list[str], wanted: list[str] | None = None) -> list[dict[str, Any]]:
    """The properties of units; of the manager without names. What the files alone decide is added."""
    parameters: dict[str, Any] = {"names": names}
    if wanted is not None:
        parameters["properties"] = [*wanted, "Id", "LoadState", "FragmentPath", "Unprintable"]
    units: list[dict[str, Any]] = [
        unit["properties"] for unit in invocation.asked().call("Show", **parameters)["units"]
    ]
    for unit in units:
        if names and (wanted is None or "UnitFileState" in wanted or "UnitFilePreset" in wanted):
            add_unit_file_state(unit, invocation)
    return units


def add_unit_file_state(unit: dict[str, Any], invocation: Invocation) -> None:
    """UnitFileState and UnitFilePreset: the manager leaves them to us, they only depend on files."""
    if not unit.get("FragmentPath") and unit.get("LoadState") != "masked":
        return
    from systemctl_replacement.cli.unit_files_common import new_planner
    from systemctl_replacement.enablement.changes import InstallError
    from systemctl_replacement.enablement.enablement_state import StateReader
    from systemctl_replacement.enablement.presets import read_presets

    planner = new_planner(invocation.options, invocation)
    name = unit["FragmentPath"].rpartition("/")[2] if unit.get("LoadState") != "masked" else unit["Id"]
    if "@." in name:
        name = unit["Id"]
    try:
        unit.setdefault("UnitFileState", StateReader(planner).state(name))
    except InstallError:
        unit.setdefault("UnitFileState", "bad")
    # Presets are asked about the file, which for an instance is that of its template.
    file = unit["FragmentPath"].rpartition("/")[2] if unit.get("LoadState") != "masked" else name
    enable = read_presets(planner.tree, planner.directories).query(file).enable
    unit.setdefault("UnitFilePreset", "enabled" if enable else "disabled")


def _is_empty(kind: str, value: Any) -> bool:
    """Whether a value that has a text counts as empty: shown only with --all or when it was asked for."""
    if kind == "filter":
        return not any(value)
    return kind == "maybe-status" and bool(value < 0)


def _print(unit: dict[str, Any], unit_type: str, options: Options, invocation: Invocation) -> None:
    # What somebody asked for by name is shown, even if it is empty.
    everything = options.all or options.properties is not None
    unprintable = unit.get("Unprintable", ())
    for known in tables.of_type(unit_type):
        if options.properties is not None and known.name not in options.properties:
            continue
        if known.kind == "unprintable":
            if everything:
                _line(known.name, _UNPRINTABLE, options, invocation)
            continue
        if known.name in unprintable:
            _line(known.name, _UNPRINTABLE, options, invocation)
            continue
        value = unit.get(known.name, known.default)
        if _is_empty(known.kind, value) and not everything:
            continue
        for text in _texts(known.kind, value, options.timestamp):
            if text or everything:
                _line(known.name, text, options, invocation)


def _texts(kind: str, value: Any, timestamp: str) -> list[str]:
    try:
        return render(kind, value, timestamp)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return [_UNPRINTABLE]  # not of this kind: it costs the property


def _line(name: str, text: str, options: Options, invocation: Invocation) -> None:
    invocation.out(text if options.value else f"{name}={text}")


VERBS = {"show": show}
