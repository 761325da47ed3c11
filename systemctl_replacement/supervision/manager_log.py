"""The log of the manager itself.

Its records go to its own journal file, marked with the unit that they are about (UNIT=), as systemd's are. The
container's output gets those that `shows` lets through.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal.record import NUMBER, encode_fields, printable, stamp
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_INFO, LOG_WARNING
from systemctl_replacement.process.console_filter import ConsoleFilter
from systemctl_replacement.process.forward import SyslogForward, as_syslog
from systemctl_replacement.supervision.console import ConsoleHandle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from systemctl_replacement.journal.record import Value

    # Names and values.
    Fields = Iterable[tuple[str, str]]

# What the container's output gets beside the services' own (init --show-status=): warnings and errors; also what
# becomes of services; everything that goes to the journal.
SHOW_PROBLEMS, SHOW_CHANGES, SHOW_ALL = "problems", "changes", "all"
_DAEMON = 3 << 3  # the facility of a manager's lines
# The word of --show-status= for SHOW_ALL, which is none of systemd's.
_FULL = "full"


def shown(asked: str) -> str:
    """What the container's output gets beside status lines. asked: --show-status= or ShowStatus=, "" for neither."""
    if asked == _FULL:
        return SHOW_ALL
    return SHOW_CHANGES if asked in ("", "yes") else SHOW_PROBLEMS


def status_lines(asked: str, is_tty: bool) -> str:
    """When status lines are shown (a mode of systemd(1) "--show-status="). A terminal shows them unless something else
    was asked for, and `full` asks for log lines."""
    if asked == _FULL:
        return "no"
    return asked or ("yes" if is_tty else "no")


def highest_shown(shows: str, news: bool) -> int:
    """The highest log level of the manager's lines that the container's output gets."""
    if shows == SHOW_ALL:
        return LOG_DEBUG
    return LOG_INFO if shows == SHOW_CHANGES and news else LOG_WARNING


def own_fields(boot_id: str, machine_id: str) -> dict[str, str]:
    """What all records have in common in which the manager speaks, or a supervisor for it."""
    fields = {
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": "systemd",
        "_TRANSPORT": "journal",
        "_PID": str(os.getpid()),
        "_UID": str(os.geteuid()),
        "_GID": str(os.getegid()),
        "_COMM": "systemd",
        "_SYSTEMD_UNIT": "init.scope",
        "_BOOT_ID": boot_id,
        "_MACHINE_ID": machine_id,
        "_HOSTNAME": os.uname().nodename,
        "_RUNTIME_SCOPE": "system",
    }
    return {name: value for name, value in fields.items() if value}


class ManagerLog:
    """Writes log lines to the manager's journal, if it has one, and to the console. Levels above `maximum` are left
    out.

    own: the fields that all records have in common, from `own_fields`.
    """

    def __init__(
        self, writer: Writer | None, console: ConsoleHandle | None, own: dict[str, str], maximum: int = LOG_INFO
    ) -> None:
        self.maximum = maximum
        self.shows = SHOW_CHANGES
        self.status_lines = "no"  # when they are shown, from `status_lines()`
        self.filter = ConsoleFilter({})  # what the console is to get of anybody's lines
        self.syslog = SyslogForward()  # gets the lines up to `syslog_level`, too
        self.syslog_level = LOG_DEBUG
        self.stored_level = LOG_DEBUG  # the journal gets the lines up to this level
        self._writer = writer
        self._console = console
        if console is not None:
            console.on_room = lambda count: self.manager(LOG_WARNING, f"{count} lines dropped, the console was blocked")
        self.own = own
        self._head = encode_fields(own)

    def rotate(self) -> None:
        """Begin a new file of the journal with the next line."""
        if self._writer is not None:
            self._writer.rotate()

    def move(self, path: str, limits: Mapping[str, int]) -> None:
        """Go on in another file of the journal."""
        if self._writer is not None:
            self._writer.move(path, limits)

    def tell_missed(self) -> None:
        """Say what has been counted and is not told yet: nobody goes on counting."""
        missed = self.syslog.take_missed(stamp()[1], ends=True)
        if missed:
            self.manager(LOG_WARNING, missed)

    def manager(self, level: int, message: str, news: bool = True, fields: Fields = ()) -> None:
        """Log a line about no unit in particular. With SHOW_CHANGES only news is shown. fields: further ones of the
        record."""
        self._write(level, message, dict(fields), news)

    def unit(
        self, unit: str, level: int, message: str, invocation_id: str = "", news: bool = True, fields: Fields = ()
    ) -> None:
        """Log a line about a unit, as `unit: message`."""
        self.about(unit, level, f"{unit}: {message}", invocation_id, news, fields=fields)

    def about(
        self,
        unit: str,
        level: int,
        message: str,
        invocation_id: str = "",
        news: bool = True,
        said: bool = False,
        fields: Fields = (),
    ) -> None:
        """Log a line about a unit whose text names the unit itself. With SHOW_CHANGES only news is shown. said: the
        container's output has it already."""
        told: dict[str, Value] = {"UNIT": unit}
        if invocation_id:
            told["INVOCATION_ID"] = invocation_id
        told.update(fields)
        self._write(level, message, told, news, said)

    def _write(self, level: int, message: str, fields: dict[str, Value], news: bool = True, said: bool = False) -> None:
        if level > self.maximum:
            return
        realtime, monotonic = stamp()
        rest = {"PRIORITY": str(level), **fields, "MESSAGE": message}
        if self._writer is not None and level <= self.stored_level:
            stamps = f'","__REALTIME_TIMESTAMP":"{realtime}","__MONOTONIC_TIMESTAMP":"{monotonic}"'
            line = f"{NUMBER}{self._writer.next_number}{stamps}{self._head}{encode_fields(rest)}}}\n"
            self._writer.write_lines(line.encode(), 1)
        if level <= self.syslog_level and (self.syslog.is_wanted(monotonic) or self.syslog.has_come()):
            text = message.encode("utf-8", "surrogateescape")
            self.syslog.send(as_syslog(_DAEMON | level, b"systemd", os.getpid(), text), monotonic)
        is_shown = level <= highest_shown(self.shows, news) and self.filter.shows(level, "systemd", False)
        if self._console is not None and not said and is_shown:
            shown: dict[str, object] = {}
            if self._console.as_json:
                shown.update(__REALTIME_TIMESTAMP=str(realtime), __MONOTONIC_TIMESTAMP=str(monotonic))
                shown.update({**self.own, **rest})
            self._console.write(shown, f"systemd[{os.getpid()}]: {printable(message)}\n")
        missed = self.syslog.missed and self.syslog.take_missed(monotonic)
        if missed:
            self.manager(LOG_WARNING, missed)
