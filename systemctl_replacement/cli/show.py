"""show: properties of units in systemd's order; and fetching properties, which `status` shares."""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.printable import escaped
from systemctl_replacement.cli.property_text import render
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.names import is_template, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


_UNPRINTABLE = "[unprintable]"
_DEFECT = "org.freedesktop.DBus.Error.Failed"  # a failure inside the manager


def show(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print properties of units, of the units of processes, or of the manager."""
    invocation.page()
    if not words:
        try:
            manager, kinds = _fetch(invocation, [], options.properties)
        except CallError as error:
            raise CommandError(f"Failed to get properties: {error.message}") from None
        _print(manager, kinds, options, invocation)
        return 0
    names = expand([word for word in words if not _is_number(word)], invocation)
    for word in words:
        if _is_number(word):
            # systemctl also shows jobs by number. Ours cannot be shown.
            raise CommandError(f"Failed to get properties: Unknown object '/org/freedesktop/systemd1/job/{word}'.")
    if options.types:
        names = [name for name in names if name.rpartition(".")[2] in options.types]
    status, number = 0, 0
    for name in names:
        check_not_template(name)
        try:
            unit, kinds = _fetch(invocation, [name], options.properties)
        except CallError as error:
            if error.dbus_name != _DEFECT:
                raise CommandError(f"Failed to get properties: {error.message}") from None
            invocation.err(f"Failed to get properties of {name}: {error.message}")
            status = 1  # the other units are still shown
            continue
        if number:
            invocation.out("")
        number += 1
        if unit.get("StatusText") and (invocation.terminal.tty or os.isatty(1)):
            unit["StatusText"] = escaped(unit["StatusText"])  # the service's own words
        _print(unit, kinds, options, invocation)
    return status


def check_not_template(name: str) -> None:
    """Raise CommandError for a template (only instances have properties) and for an invalid name."""
    if is_template(name) or not valid_unit_name(name):
        raise CommandError(
            f"Failed to get properties: Unit name {name} is neither a valid invocation ID nor unit name."
        )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _fetch(
    invocation: Invocation, names: list[str], wanted: list[str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The properties of a unit (of the manager without a name), and their kinds in systemd's order.

    What only depends on the files is added.
    """
    parameters: dict[str, Any] = {"names": names, "kinds": True}
    if wanted is not None:
        parameters["properties"] = [*wanted, "Id", "LoadState", "FragmentPath", "Unprintable"]
    found = invocation.manager_or_files().call("Show", **parameters)["units"][0]
    unit: dict[str, Any] = found["properties"]
    if names and (wanted is None or "UnitFileState" in wanted or "UnitFilePreset" in wanted):
        add_unit_file_state(unit, invocation)
    return unit, found["kinds"]


def add_unit_file_state(unit: dict[str, Any], invocation: Invocation) -> None:
    """Add UnitFileState and UnitFilePreset. The manager leaves them to us, because they only depend on files."""
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
        unit["UnitFileState"] = StateReader(planner).state(name)
    except InstallError:
        unit["UnitFileState"] = "bad"
    # Presets are about the file, which for an instance is that of its template.
    file = unit["FragmentPath"].rpartition("/")[2] if unit.get("LoadState") != "masked" else name
    enable = read_presets(planner.tree, planner.directories).query(file).enable
    unit["UnitFilePreset"] = "enabled" if enable else "disabled"


def _is_empty(kind: str, value: Any) -> bool:
    """Whether a value counts as empty although it has a text: it is shown only with --all or by name."""
    if kind == "filter":
        return not any(value)
    return kind == "maybe-status" and bool(value < 0)


def _print(unit: dict[str, Any], kinds: dict[str, str], options: Options, invocation: Invocation) -> None:
    # A property that is asked for by name is shown even if it is empty.
    everything = options.all or options.properties is not None
    unprintable = unit.get("Unprintable", ())
    for name, kind in kinds.items():
        if options.properties is not None and name not in options.properties:
            continue
        if kind == "unprintable":
            if everything:
                _line(name, _UNPRINTABLE, options, invocation)
            continue
        if name in unprintable:
            _line(name, _UNPRINTABLE, options, invocation)
            continue
        value = unit[name]
        if _is_empty(kind, value) and not everything:
            continue
        for text in _texts(kind, value, options.timestamp):
            if text or everything:
                _line(name, text, options, invocation)


def _texts(kind: str, value: Any, timestamp: str) -> list[str]:
    try:
        return render(kind, value, timestamp)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return [_UNPRINTABLE]  # not a value of this kind: only this property is lost


def _line(name: str, text: str, options: Options, invocation: Invocation) -> None:
    invocation.out(text if options.value else f"{name}={text}")


VERBS = {"show": show}
