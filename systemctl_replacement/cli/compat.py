"""The programs of the older init: telinit, runlevel, shutdown, halt, poweroff, reboot.

Each has its own options and does what a verb of systemctl does. Source: halt(8), shutdown(8), telinit(8), runlevel(8).
"""

from __future__ import annotations

import time

from systemctl_replacement.cli import help_text, verbs
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.main import guarded
from systemctl_replacement.cli.option_table import HelpShown, Options
from systemctl_replacement.cli.options import NO, CommandLine
from systemctl_replacement.cli.system import halt_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HALT_LONG = {
    "help": (NO, "help"),
    "halt": (NO, "halt"),
    "poweroff": (NO, "poweroff"),
    "reboot": (NO, "reboot"),
    "force": (NO, "force"),
    "wtmp-only": (NO, "wtmp-only"),
    "no-wtmp": (NO, "ignored"),
    "no-sync": (NO, "ignored"),
    "no-wall": (NO, "no-wall"),
}
_HALT_SHORT = {
    "p": (NO, "poweroff"),
    "f": (NO, "force"),
    "w": (NO, "wtmp-only"),
    "d": (NO, "ignored"),
    "n": (NO, "ignored"),
    "i": (NO, "ignored"),
    "h": (NO, "ignored"),
}
_SHUTDOWN_LONG = {
    "help": (NO, "help"),
    "halt": (NO, "halt"),
    "poweroff": (NO, "poweroff"),
    "reboot": (NO, "reboot"),
    "kexec": (NO, "kexec"),
    "no-wall": (NO, "no-wall"),
    "show": (NO, "show"),
}
_SHUTDOWN_SHORT = {
    "H": (NO, "halt"),
    "P": (NO, "poweroff"),
    "r": (NO, "reboot"),
    "h": (NO, "h"),
    "k": (NO, "k"),
    "K": (NO, "kexec"),
    "a": (NO, "ignored"),
    "f": (NO, "ignored"),
    "F": (NO, "ignored"),
    "c": (NO, "cancel"),
    "t": (1, "ignored"),
}
_RUNLEVEL_TARGETS = {"1": "rescue", "2": "multi-user", "3": "multi-user", "4": "multi-user", "5": "graphical"}


def main(name: str, argv: Sequence[str]) -> int:
    """Run one of the programs. Returns the exit status."""
    return guarded(lambda: _PROGRAMS[name](name, [name, *argv[1:]]))


def _halt(name: str, argv: Sequence[str]) -> int:
    verb = name
    options = Options()
    wtmp_only = False
    line = CommandLine(argv, _HALT_LONG, _HALT_SHORT)
    for key, _ in line.options():
        if key == "help":
            raise HelpShown(help_text.halt_help(name))
        if key in ("halt", "reboot"):
            verb = key
        elif key == "poweroff":
            verb = "poweroff" if verb != "reboot" else verb
        elif key == "force":
            options.force = 2  # for these programs it means at once
        elif key == "wtmp-only":
            wtmp_only = True
    if len(line.operands) > (1 if verb == "reboot" else 0):
        raise CommandError("Too many arguments.")
    if wtmp_only:
        return 0  # a container keeps no wtmp
    return halt_system(verb, options, Invocation(options))


def _shutdown(_name: str, argv: Sequence[str]) -> int:
    verb = "poweroff"
    options = Options()
    dry = False
    line = CommandLine(argv, _SHUTDOWN_LONG, _SHUTDOWN_SHORT)
    for key, _ in line.options():
        if key == "help":
            raise HelpShown(help_text.SHUTDOWN)
        if key in ("halt", "poweroff", "reboot", "kexec"):
            verb = key
        elif key == "h":
            verb = "poweroff" if verb != "halt" else verb
        elif key == "k":
            dry = True
        elif key == "cancel":
            return 0  # nothing is ever scheduled: see below
        elif key == "show":
            raise CommandError("No scheduled shutdown.")
    delay = _delay(line.operands[0]) if line.operands else 60
    if dry:
        return 0
    if delay > 0:
        # There is no logind to schedule it. If we waited here instead, Ctrl-C would call the shutdown off.
        raise CommandError("Failed to schedule shutdown: only 'now' and '+0' are possible here")
    return halt_system(verb, options, Invocation(options))


def _delay(text: str) -> int:
    """Seconds until a time in the format of shutdown(8): "now", "+5" or "5" minutes, "hh:mm"."""
    if text == "now":
        return 0
    minutes = text[1:] if text.startswith("+") else text
    if minutes.isascii() and minutes.isdigit():
        return 60 * int(minutes)
    hour, colon, minute = text.partition(":")
    if colon and all(part.isascii() and part.isdigit() for part in (hour, minute)):
        now = time.localtime()
        if int(hour) < 24 and int(minute) < 60:
            seconds = (int(hour) - now.tm_hour) * 3600 + (int(minute) - now.tm_min) * 60 - now.tm_sec
            return seconds if seconds > 0 else seconds + 86400
    raise CommandError(f"Failed to parse time specification: {text}")


def _runlevel(_name: str, argv: Sequence[str]) -> int:
    line = CommandLine(argv, {"help": (NO, "help")}, {})
    for _ in line.options():
        raise HelpShown(help_text.RUNLEVEL)
    if line.operands:
        raise CommandError("Too many arguments.")
    invocation = Invocation(Options())
    manager = invocation.manager()
    if manager is None:
        invocation.out("unknown")
        return 1
    targets = ["graphical.target", "multi-user.target", "rescue.target"]
    states = manager.call("States", names=targets)["states"]
    active = [state["name"] for state in states if state["active_state"] == "active"]
    levels = {"graphical.target": "5", "multi-user.target": "3", "rescue.target": "1"}
    if not active:
        invocation.out("unknown")
        return 1
    invocation.out(f"N {levels[active[0]]}")
    return 0


def _telinit(_name: str, argv: Sequence[str]) -> int:
    line = CommandLine(argv, {"help": (NO, "help"), "no-wall": (NO, "no-wall")}, {})
    for key, _ in line.options():
        if key == "help":
            raise HelpShown(help_text.TELINIT)
    if not line.operands:
        raise CommandError("telinit: required argument missing.")
    if len(line.operands) > 1:
        raise CommandError("Too many arguments.")
    level = line.operands[0]
    options = Options()
    invocation = Invocation(options)
    if level in ("0", "6"):
        return halt_system("poweroff" if level == "0" else "reboot", options, invocation)
    if level in ("q", "Q"):
        return verbs.run("daemon-reload", [], options, invocation)
    if level in ("u", "U"):
        return verbs.run("daemon-reexec", [], options, invocation)
    target = "rescue" if level in ("s", "S") else _RUNLEVEL_TARGETS.get(level)
    if target is None:
        raise CommandError("Invalid argument.")
    return verbs.run("isolate", [f"{target}.target"], options, invocation)


_PROGRAMS: dict[str, Callable[[str, Sequence[str]], int]] = {
    "halt": _halt,
    "poweroff": _halt,
    "reboot": _halt,
    "shutdown": _shutdown,
    "runlevel": _runlevel,
    "telinit": _telinit,
}
