"""How `status` looks: lines made from properties. Nothing here asks the manager.

Without cgroups, `CGroup:` names the group that systemd would use and lists the processes that the unit's supervisor
knows. `Tasks:`, `Memory:` and `CPU:` are sums over them (docs/differences.md).
"""

from __future__ import annotations

import os
import time

from systemctl_replacement import exit_status, signals
from systemctl_replacement.cli import processes as proc
from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.cli.printable import escaped, format_bytes
from systemctl_replacement.cli.terminal import Terminal, tree
from systemctl_replacement.cli.timestamps import format_relative, format_timestamp, next_elapse
from systemctl_replacement.enablement.enablement_state import WITHOUT_PRESET
from systemctl_replacement.journal.unit_log import has_lost_lines, is_access_blocked, last_of_unit
from systemctl_replacement.paths import Paths
from systemctl_replacement.phases import PHASES
from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.unitfile.values import format_time_span
from systemctl_replacement.units.table import traits_of
from systemctl_replacement.wait_status import CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

    Properties = dict[str, Any]
    # By name: the pids of a unit, or what is in a slice.
    Members = dict[str, Any]

_LABEL = 11
_INDENT = " " * (_LABEL + 2)
# The directives whose processes are told of, in systemd's order.
_COMMANDS = (*PHASES[:-2], "ExecStopPre", *PHASES[-2:])
_SINCE = {
    "active": "ActiveEnterTimestamp",
    "reloading": "ActiveEnterTimestamp",
    "inactive": "InactiveEnterTimestamp",
    "failed": "InactiveEnterTimestamp",
    "activating": "InactiveExitTimestamp",
    "deactivating": "ActiveExitTimestamp",
}


def _labelled(label: str, text: str) -> str:
    return f"{label:>{_LABEL}}: {text}"


def unit_lines(
    unit: Properties, processes: Properties, options: Options, terminal: Terminal, paths: Paths
) -> Iterator[str]:
    """The status of one unit."""
    now = time.time_ns() // 1000
    yield _header(unit, terminal)
    if unit.get("Following"):
        yield _labelled("Follows", f"unit currently follows state of {unit['Following']}")
    yield _labelled("Loaded", _loaded(unit, terminal))
    if unit.get("Transient"):
        yield _labelled("Transient", "yes")
    yield from _drop_ins(unit, terminal)
    yield _labelled("Active", _active(unit, options, terminal, now))
    yield from _duration(unit)
    yield from _conditions(unit, options, terminal, now)
    if unit.get("SkipReason"):
        yield _labelled("Skipped", unit["SkipReason"])
    if unit.get("NotApplied"):
        yield _labelled("Not applied", ", ".join(f"{name}=" for name in unit["NotApplied"]))
    yield from _triggers("TriggeredBy", unit, terminal)
    if traits_of(unit["Id"]).shows_next_elapse:
        yield _labelled("Trigger", _next_elapse(unit, options, now))
    yield from _triggers("Triggers", unit, terminal)
    for label, name in (("Device", "SysFSPath"), ("Where", "Where"), ("What", "What")):
        if unit.get(name):
            yield _labelled(label, unit[name])
    yield from _aligned("Docs", unit.get("Documentation") or ())
    yield from _aligned("Listen", [f"{path} ({kind})" for kind, path in unit.get("Listen") or ()])
    if unit.get("Accept"):
        refused = f"   Refused: {unit['NRefused']}" if unit.get("NRefused") else ""
        text = f"{unit.get('NAccepted', 0)}; Connected: {unit.get('NConnections', 0)};{refused}"
        yield _labelled("Accepted", text)
    yield from _commands(unit)
    yield from _pids(unit)
    if unit.get("StatusText"):
        yield _labelled("Status", f'"{escaped(unit["StatusText"])}"')
    if unit.get("StatusErrno"):
        yield _labelled("Error", f"{unit['StatusErrno']} ({os.strerror(unit['StatusErrno'])})")
    yield from _resources(unit, processes, options, terminal)
    yield from _log(unit, options, terminal, paths)


def _header(unit: Properties, terminal: Terminal) -> str:
    line = f"{terminal.state_dot(unit.get('ActiveState', 'inactive'))} {unit['Id']}"
    description = unit.get("Description") or unit["Id"]
    return line if description == unit["Id"] else f"{line} - {description}"


def _loaded(unit: Properties, terminal: Terminal) -> str:
    state = unit.get("LoadState", "loaded")
    message = (unit.get("LoadError") or ["", ""])[1]
    shown = terminal.colored(state, "" if state in ("loaded", "masked") else "red")
    path = unit.get("SourcePath") or unit.get("FragmentPath") or ""
    file_state, preset = unit.get("UnitFileState") or "", unit.get("UnitFilePreset") or ""
    if message:
        return f"{shown} (Reason: {message})"
    if path and file_state:
        colors = {"enabled": "green", "disabled": "yellow"}
        text = terminal.colored(file_state, colors.get(file_state.partition("-")[0], ""))
        if preset and file_state not in WITHOUT_PRESET:
            text += f"; preset: {terminal.colored(preset, colors[preset])}"
        return f"{shown} ({path}; {text})"
    return f"{shown} ({path})" if path else shown


def _drop_ins(unit: Properties, terminal: Terminal) -> Iterator[str]:
    """Drop-ins in the order in which they apply. Consecutive ones from the same directory share a line."""
    groups: list[tuple[str, list[str]]] = []
    for path in unit.get("DropInPaths") or ():
        directory, _, name = path.rpartition("/")
        if not groups or groups[-1][0] != directory:
            groups.append((directory, []))
        groups[-1][1].append(name)
    for position, (directory, names) in enumerate(groups):
        yield _labelled("Drop-In", directory) if position == 0 else _INDENT + directory
        yield f"{_INDENT}{terminal.glyph('last')}{', '.join(names)}"


def _active(unit: Properties, options: Options, terminal: Terminal, now: int) -> str:
    state, sub_state = unit.get("ActiveState", "inactive"), unit.get("SubState", "dead")
    text = state if state == sub_state else f"{state} ({sub_state})"
    text = terminal.colored(text, terminal.state_color(state))
    result = unit.get("Result", "success")
    if result and result != "success":
        text += f" (Result: {result})"
    since = unit.get(_SINCE.get(state, ""), 0)
    if since:
        text += f" since {format_timestamp(since, options.timestamp)}; {format_relative(since, now)}"
    return text


def _duration(unit: Properties) -> Iterator[str]:
    """How long a unit that is no longer active had been. systemctl does not say so of units that only group others."""
    if traits_of(unit["Id"]).groups:
        return
    start, end = unit.get("ActiveEnterTimestampMonotonic", 0), unit.get("ActiveExitTimestampMonotonic", 0)
    if unit.get("ActiveState", "inactive") in ("inactive", "failed") and 0 < start <= end:
        yield _labelled("Duration", format_time_span(end - start, 1000))


def _conditions(unit: Properties, options: Options, terminal: Terminal, now: int) -> Iterator[str]:
    for label, group, result, stamp in (
        ("Condition", "Conditions", "ConditionResult", "ConditionTimestamp"),
        ("Assert", "Asserts", "AssertResult", "AssertTimestamp"),
    ):
        when = unit.get(stamp, 0)
        if when and not unit.get(result, True):
            text = format_timestamp(when, options.timestamp)
            yield _labelled(label, f"start {label.lower()}{'ion' if label == 'Assert' else ''} failed at {text}; "
                                   f"{format_relative(when, now)}")  # fmt: skip
            failed = [entry for entry in unit.get(group) or [] if entry[4] < 0]
            if label == "Assert":
                yield _INDENT + _assertion(failed)
                continue
            for position, entry in enumerate(failed, 1):
                branch = "last" if position == len(failed) else "branch"
                yield f"{_INDENT}{terminal.glyph(branch)} {_unmet(entry)}"


def _assertion(failed: list[Any]) -> str:
    """Of the failed assertions systemd names only one: the last of those that must all hold."""
    needed = [entry for entry in failed if not entry[1]]
    return _unmet(needed[-1]) if needed else "none of the trigger assertions were met"


def _unmet(entry: Any) -> str:
    name, trigger, negate, parameter, _ = entry
    return f"{name}={'|' if trigger else ''}{'!' if negate else ''}{parameter} was not met"


def _triggers(label: str, unit: Properties, terminal: Terminal) -> Iterator[str]:
    """Units that start this one, or that it starts, each with its dot; of the latter systemd shows the colour alone."""
    states = unit.get("_TriggerStates", {})
    lines = []
    for name in unit.get(label) or ():
        state = states.get(name, "inactive")
        dot = terminal.state_dot(state) if label == "TriggeredBy" else terminal.plain_dot(state)
        lines.append(f"{dot} {name}")
    yield from _aligned(label, lines)


def _aligned(label: str, lines: Any) -> Iterator[str]:
    for position, line in enumerate(lines):
        yield _labelled(label, line) if position == 0 else _INDENT + line


def _next_elapse(unit: Properties, options: Options, now: int) -> str:
    elapse = next_elapse(unit)
    text = format_timestamp(elapse, options.timestamp)
    return f"{text}; {format_relative(elapse, now)}" if text else "n/a"


def _commands(unit: Properties) -> Iterator[str]:
    for name in _COMMANDS:
        for command in unit.get(name) or ():
            if command["code"]:
                argv = " ".join(command["argv"])
                yield _labelled(
                    "Process", f"{command['pid']} {name}={argv} ({_ending(command['code'], command['status'])})"
                )


def _ending(code: int, status: int) -> str:
    """ "code=exited, status=1/FAILURE", "code=killed, signal=TERM"."""
    if code == 1:
        name = exit_status.name(status, (exit_status.LIBC, exit_status.SYSTEMD))
        return f"code=exited, status={status}{f'/{name}' if name else ''}"
    return f"code={CODES[code]}, signal={signals.name(status)}"


def _pids(unit: Properties) -> Iterator[str]:
    main = unit.get("MainPID") or unit.get("ExecMainPID") or 0
    control = unit.get("ControlPID") or 0
    if main:
        if unit.get("MainPID"):
            name = proc.command_name(main)
            text = f"{main} ({name})" if name else str(main)
        elif unit.get("ExecMainCode"):
            text = f"{main} ({_ending(unit['ExecMainCode'], unit.get('ExecMainStatus', 0))})"
        else:
            text = str(main)
        if control:
            text += f"; Control PID: {_named(control)}"
        yield _labelled("Main PID", text)
    elif control:
        yield _labelled("Cntrl PID", _named(control))


def _named(pid: int) -> str:
    name = proc.command_name(pid)
    return f"{pid} ({name})" if name else str(pid)


def _resources(unit: Properties, processes: Properties, options: Options, terminal: Terminal) -> Iterator[str]:
    pids, members = processes["pids"], processes.get("members", {})
    everybody = [*pids, *_pids_in(members)]
    if everybody:
        count, memory, cpu = proc.tasks(everybody), proc.memory(everybody), proc.cpu_usec(everybody)
        if count:
            yield _labelled("Tasks", str(count))
        if memory:
            yield _labelled("Memory", format_bytes(memory))
        if cpu:
            yield _labelled("CPU", format_time_span(cpu, 1000))
    elif not (unit.get("ControlGroup") and traits_of(unit["Id"]).keeps_control_group):
        return
    yield _labelled("CGroup", control_group(unit))
    if pids:
        yield from tree(terminal, process_lines(pids, len(_INDENT) + 2, options, terminal), _INDENT)
    yield from member_lines(members, _INDENT, options, terminal)
    if processes.get("degraded"):
        yield f"{_INDENT}(tracking is degraded: the supervisor was killed; processes it knew of may be missing)"


def _pids_in(members: Members) -> Iterator[int]:
    for inside in members.values():
        yield from _pids_in(inside) if isinstance(inside, dict) else inside


def member_lines(members: Members, indent: str, options: Options, terminal: Terminal) -> Iterator[str]:
    """A tree of units with their processes."""
    names = sorted(members)
    for name in names:
        last = name == names[-1]
        yield f"{indent}{terminal.glyph('last' if last else 'branch')}{name}"
        below = indent + ("  " if last else terminal.glyph("vertical"))
        inside = members[name]
        if isinstance(inside, dict):
            yield from member_lines(inside, below, options, terminal)
        else:
            yield from tree(terminal, process_lines(inside, len(below) + 2, options, terminal), below)


def control_group(unit: Properties) -> str:
    """The cgroup that systemd would use for a unit."""
    if unit.get("ControlGroup"):
        return str(unit["ControlGroup"])
    return f"{slice_path(unit.get('Slice') or _default_slice(unit['Id']))}/{unit['Id']}"


def _default_slice(name: str) -> str:
    """Instances of a template share a slice of their own below system.slice."""
    prefix, at, _ = name.partition("@")
    return f"system-{prefix.replace('-', chr(92) + 'x2d')}.slice" if at else "system.slice"


def process_lines(pids: list[int], indent: int, options: Options, terminal: Terminal) -> list[str]:
    """One line per process: pid and command, cut to the width of the terminal."""
    width = len(str(max(pids)))
    lines = []
    for pid in sorted(pids):
        line = f"{pid:>{width}} {proc.command_line(pid)}"
        if terminal.cuts and not options.full:
            line = terminal.ellipsized_end(line, max(terminal.columns - indent, width + 10))
        lines.append(line)
    return lines


def _log(unit: Properties, options: Options, terminal: Terminal, paths: Paths) -> Iterator[str]:
    since = log_begin(unit)
    entries = last_of_unit(paths, unit["Id"], options.lines, since)
    output = make(
        OutputSettings(
            options.output,
            all=options.all,
            full=options.full or not terminal.cuts,
            columns=terminal.columns,
            colors=terminal.colors,
            tty=terminal.tty,
        )
    )
    for position, entry in enumerate(entries):
        if position == 0:
            yield ""
        if text := output.format(entry):
            yield text.decode("utf-8", "surrogateescape")[:-1]
    is_blocked = bool(options.lines) and not entries and is_access_blocked(paths, unit["Id"])
    is_cut = since > 0 and len(entries) < options.lines and has_lost_lines(paths, unit["Id"], since)
    if is_blocked or is_cut:
        if not entries:
            yield ""
        yield _INCOMPLETE[is_cut, is_blocked]
    if output.ellipsized:
        yield "Hint: Some lines were ellipsized, use -l to show in full."


# Why lines may be missing, by: some have been removed since the unit was started; some may not be read.
_INCOMPLETE = {
    (False, True): "Warning: some journal files were not opened due to insufficient permissions.",
    (True, False): "Notice: journal has been rotated since unit was started, output may be incomplete.",
    (True, True): "Warning: journal has been rotated since unit was started and some journal files were not opened"
    " due to insufficient permissions, output may be incomplete.",
}


def log_begin(unit: Properties) -> int:
    """Since when the lines of a unit are shown, in monotonic microseconds: since it was started last. 0, this boot, if
    it never was, or has been forgotten.

    The lines that say why a unit has failed are older if it is being restarted since, or was until the start limit was
    hit: they begin with the first process that it ran.
    """
    since: int = unit.get("InactiveExitTimestampMonotonic", 0)
    if not since or unit.get("SubState") not in ("auto-restart", "failed"):
        return since
    commands = [command for name in PHASES for command in unit.get(name) or ()]
    starts = [unit.get("ExecMainStartTimestamp", 0), *(command["start_time"] for command in commands)]
    earlier = [unit.get("InactiveExitTimestamp", 0) - start for start in starts if start]
    return int(max(since - max([0, *earlier]), 1))


def system_lines(
    manager: Properties,
    units: int,
    jobs: int,
    processes: Members,
    options: Options,
    terminal: Terminal,
) -> Iterator[str]:
    """`status` without a unit: the whole system."""
    state = manager.get("SystemState", "")
    failed = manager.get("NFailedUnits", 0)
    color = {"running": "green", "degraded": "red", "maintenance": "red"}.get(state, "yellow")
    now = time.time_ns() // 1000
    yield f"{terminal.colored(terminal.glyph('active'), color)} {os.uname().nodename}"
    yield f"    State: {terminal.colored(state, color)}"
    yield f"    Units: {units} loaded (incl. loaded aliases)"
    yield f"     Jobs: {jobs} queued"
    yield f"   Failed: {failed} units"
    since = manager.get("UserspaceTimestamp", 0)
    yield f"    Since: {format_timestamp(since, options.timestamp)}; {format_relative(since, now)}"
    yield f"  systemd: {manager.get('Version', '')}"
    yield "   CGroup: /"
    yield from member_lines(processes, " " * _LABEL, options, terminal)
