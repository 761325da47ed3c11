"""Values of properties as `systemctl show` writes them, by kind (see unitfile/properties/kinds.py)."""

from __future__ import annotations

from systemctl_replacement.cli.printable import escaped, is_control
from systemctl_replacement.cli.timestamps import format_timestamp
from systemctl_replacement.unitfile.infinity import INFINITY, UNSET_ID
from systemctl_replacement.wait_status import CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SHELL_SPECIAL = frozenset(" \t\n\r\"\\`$*?['()<>|&;!")
_NAMESPACES = (
    (0x02000000, "cgroup"),
    (0x08000000, "ipc"),
    (0x40000000, "net"),
    (0x00020000, "mnt"),
    (0x20000000, "pid"),
    (0x10000000, "user"),
    (0x04000000, "uts"),
)
_MOUNT_FLAGS = {0: "", 1 << 20: "shared", 1 << 19: "slave", 1 << 18: "private"}
_NUMA_POLICIES = {-1: "n/a", 0: "default", 1: "preferred", 2: "bind", 3: "interleave", 4: "local"}


def render(kind: str, value: Any, timestamp_style: str = "pretty") -> list[str]:
    """The texts of a property's lines: one, or for lists of structures one per element (none for an empty list)."""
    if kind == "timestamp":
        return [format_timestamp(value, timestamp_style)]
    if kind in ("commands", "commands-ex"):
        return [_command(command, timestamp_style) for command in value]
    return _RENDER[kind](value)


def _one(function: Callable[[Any], str]) -> Callable[[Any], list[str]]:
    return lambda value: [function(value)]


def _unless(unset: int, text: str) -> Callable[[Any], list[str]]:
    return lambda value: [text if value == unset else str(value)]


def _strings(value: Any) -> str:
    return " ".join(quoted(text) for text in value)


def _needs_quotes(character: str) -> bool:
    return character in _SHELL_SPECIAL or is_control(character)


def quoted(text: str) -> str:
    """The text quoted for a shell: in double quotes if necessary."""
    if text and not any(map(_needs_quotes, text)):
        return text
    inner = "".join("\\" + character if character in '"\\`$' else character for character in text)
    return f'"{escaped(inner)}"'


def _command(command: dict[str, Any], style: str) -> str:
    middle = (
        f"flags={' '.join(command['flags'])}"
        if "flags" in command
        else f"ignore_errors={_yes_no(command['ignore_errors'])}"
    )
    code = command["code"]
    status = str(command["status"])
    if code != 1:
        from systemctl_replacement import signals

        status += f"/{signals.name(command['status']) if command['status'] else '0'}"
    start = format_timestamp(command["start_time"], style) or "n/a"
    stop = format_timestamp(command["stop_time"], style) or "n/a"
    return (
        f"{{ path={command['path']} ; argv[]={' '.join(command['argv'])} ; {middle} ; start_time=[{start}] ; "
        f"stop_time=[{stop}] ; pid={command['pid']} ; code={CODES[code] or '(null)'} ; status={status} }}"
    )


def _yes_no(value: Any) -> str:
    return "yes" if value else "no"


def _exit_statuses(value: Any) -> str:
    from systemctl_replacement import signals

    statuses, numbers = value
    return " ".join([*(str(status) for status in statuses), *(signals.name(number) for number in numbers)])


def _capabilities(value: Any) -> str:
    from systemctl_replacement.unitfile.capabilities import NAMES

    return " ".join(name.lower() for bit, name in enumerate(NAMES) if value >> bit & 1)


def _namespaces(value: Any) -> str:
    every = sum(flag for flag, _ in _NAMESPACES)
    if value & every == every:
        return "no"
    return " ".join(name for flag, name in _NAMESPACES if value & flag) or "yes"


def _filter(value: Any) -> str:
    allow_list, names = value
    return ("" if allow_list else "~") + " ".join(names)


def _member(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ":".join(str(part) for part in value if part not in (None, ""))
    return str(value)


def _span(usec: int) -> str:
    # Imported only when there is one to write: scripts call `show -p ActiveState` hundreds of times.
    from systemctl_replacement.unitfile.values import format_time_span

    return format_time_span(usec)


def _monotonic_timer(timer: Any) -> str:
    base, usec, elapse = timer
    return f"{{ {base}={_span(usec)} ; next_elapse={_span(elapse)} }}"


def _calendar_timer(timer: Any) -> str:
    base, specification, elapse = timer
    return f"{{ {base}={specification} ; next_elapse={format_timestamp(elapse) or '(null)'} }}"


_RENDER: dict[str, Callable[[Any], list[str]]] = {
    "string": _one(lambda value: "[unprintable]" if "\n" in str(value) else str(value)),
    "label": _one(str),
    "bool": _one(_yes_no),
    "integer": _one(str),
    "double": _one(lambda value: f"{value:g}"),
    "octal": _one(lambda value: f"{value:04o}"),
    "hex": _one(lambda value: f"0x{value:x}"),
    "timespan": _one(_span),
    "limit": _unless(INFINITY, "infinity"),
    "maybe": _unless(INFINITY, "[not set]"),
    "weight": _one(lambda value: "idle" if value == 0 else "[not set]" if value == INFINITY else str(value)),
    "maybe-id": _unless(UNSET_ID, "[not set]"),
    "maybe-data": _unless(INFINITY, "[no data]"),
    "maybe-status": _one(lambda value: "[not set]" if value < 0 else str(value)),
    "capabilities": _one(_capabilities),
    "namespaces": _one(_namespaces),
    "numa-policy": _one(lambda value: _NUMA_POLICIES[value]),
    "mount-flags": _one(lambda value: _MOUNT_FLAGS.get(value, f"0x{value:x}")),
    "strings": _one(_strings),
    "filter": _one(_filter),
    "exit-statuses": _one(_exit_statuses),
    "environment-files": lambda value: [f"{path} (ignore_errors={_yes_no(ignore)})" for path, ignore in value],
    "typed-paths": lambda value: [f"{path} ({kind})" for kind, path in value],
    "timers-monotonic": lambda value: [_monotonic_timer(timer) for timer in value],
    "timers-calendar": lambda value: [_calendar_timer(timer) for timer in value],
    "symlinks": lambda value: [escaped(":".join(pair)) for pair in value],
    "pairs": lambda value: [" ".join(str(part) for part in pair) for pair in value],
    "list": _one(lambda value: " ".join(_member(item) for item in value)),
    "job": _one(lambda value: str(value) if value else ""),
    "load-error": _one(lambda value: f'{value[0]} "{value[1]}"' if value[0] else ""),
}
