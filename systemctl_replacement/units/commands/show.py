"""What `systemctl show` says of the commands of a unit (org.freedesktop.systemd1(5)), raw."""

from __future__ import annotations

from systemctl_replacement.unitfile.properties.of_unit import command_entry, command_flags
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.wait_status import CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.units.commands.state import CommandsConfig, CommandsState


def commands(config: CommandsConfig, state: CommandsState, phases: tuple[str, ...]) -> dict[str, Any]:
    """The properties of directives that hold commands: each command with how it went."""
    found: dict[str, Any] = {}
    for phase in phases:
        entries = _of_phase(config, state, phase)
        if entries:
            found[f"{phase}Ex"] = entries
            found[phase] = [{name: value for name, value in entry.items() if name != "flags"} for entry in entries]
    return found


def _of_phase(config: CommandsConfig, state: CommandsState, phase: str) -> list[dict[str, Any]]:
    """The commands of one directive in both forms: with what may be ignored, with all flags."""
    statuses = {index: status for name, index, status in state.statuses if name == phase}
    found = []
    for index, command in enumerate(config.phase(phase)):
        status = statuses.get(index, ExecStatus())
        ran = {
            "start_time": status.start[0],
            "stop_time": status.exit[0],
            "pid": status.pid,
            "code": CODES.index(status.code),
            "status": status.status,
        }
        found.append({**command_entry(command), **ran, "flags": command_flags(command)})
    return found
