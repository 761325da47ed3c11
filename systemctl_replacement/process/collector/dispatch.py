"""What becomes of a message: which are kept, where they are passed on to, what their records say."""

from __future__ import annotations

import os

from systemctl_replacement.journal import record
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.process import forward
from systemctl_replacement.process.collector import records
from systemctl_replacement.process.collector.files import OTHER, Files
from systemctl_replacement.process.collector.senders import Place
from systemctl_replacement.process.collector.units import monotonic
from systemctl_replacement.process.console_filter import ConsoleFilter
from systemctl_replacement.process.console_source import ConsoleSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.process.collector.native import Entry
    from systemctl_replacement.process.collector.senders import Sender, Senders
    from systemctl_replacement.process.collector.syslog import Syslog
    from systemctl_replacement.process.collector.units import Unit

_DROPPED_ID = "a596d6fe7bfa4994828e72309e95d61e"
_OURS = "systemd-journald"
"""What our own messages are called, as journald's."""
_UNKNOWN = b"unknown"
_LINES_SIZE_MAX = 256 * 1024
_OVERHEAD = 16 * 1024
"""More than the fields about the sender take."""


class Settings:
    """journald.conf(5), as far as it is about messages."""

    __slots__ = ("console", "forward_syslog", "line_max", "max_level_store", "max_level_syslog")

    def __init__(self, order: dict[str, Any]) -> None:
        self.max_level_store = order.get("max_level_store", 7)
        self.max_level_syslog = order.get("max_level_syslog", 7)
        self.console = ConsoleFilter(order)
        self.forward_syslog = order.get("forward_syslog", False)
        self.line_max = order.get("line_max", record.LINE_MAX)


class Dispatch:
    """Takes messages with their senders, and passes them on at the end of each turn."""

    def __init__(self, senders: Senders, files: Files) -> None:
        self.settings = Settings({})
        self.place = Place()
        self.console = ConsoleSource(-1, False)
        self.console.name(_OURS, {})
        self.syslog = forward.SyslogForward()
        self._senders = senders
        self._files = files
        self._lines: list[bytes] = []  # for the console
        self._lines_size = 0
        self._now = self._space = 0
        self._prefix = (b"", 0, b"")  # of the last sender that was shown: name, pid, and what its lines begin with

    def begin(self) -> None:
        """A turn begins: its messages have one time, and one space."""
        self._now = monotonic()
        self._space = self._files.space()

    # --- messages ---

    def take_syslog(self, sender: Sender, read: Syslog, datagram: bytes, sent: int) -> None:
        """A message to /dev/log."""
        level = read.priority
        if not _is_wanted(sender, level):
            return
        name = read.identifier or sender.name or _UNKNOWN
        self._forward(sender, read.facility << 3 | level, name, read.message, datagram)
        shown, kept = self._show(sender, level, name, read.message), self._is_kept(sender, level)
        if shown or kept:
            extra = sender.unit.extra_text if sender.unit else ""
            tail = f'{extra},"_SOURCE_REALTIME_TIMESTAMP":"{sent}"'
            self._keep(sender, "syslog", (read.text or records.of_syslog(read)) + tail, kept, shown)

    def take_entry(self, sender: Sender, entry: Entry, sent: int) -> None:
        """An entry of the native protocol."""
        level = entry.priority
        if not _is_wanted(sender, level):
            return
        message = entry.last("MESSAGE")
        name = entry.last("SYSLOG_IDENTIFIER") or sender.name or _UNKNOWN
        shown = False
        if message is not None:
            self._forward(sender, entry.facility << 3 | level, name, message, None)
            shown = self._show(sender, level, name, message)
        kept = self._is_kept(sender, level)
        if shown or kept:
            fields = entry.fields
            extra = records.without(sender.unit.extra, fields) if sender.unit and sender.unit.extra else ""
            if entry.object_pid and sender.uid == 0:
                entry.text = ""
                for field, value in self._senders.describe(entry.object_pid).described("OBJECT_").items():
                    fields.setdefault(field, [str(value).encode() if isinstance(value, (int, str)) else value])
            tail = f'{extra},"_SOURCE_REALTIME_TIMESTAMP":"{sent}"'
            self._keep(sender, "journal", (entry.text or records.of_fields(fields)) + tail, kept, shown)

    def take_line(self, sender: Sender, identifier: bytes, stream_id: str, line: tuple[int, bytes, str]) -> None:
        """A line that came over a stream."""
        priority, message, line_break = line
        level = priority & 7
        if not _is_wanted(sender, level):
            return
        name = identifier or sender.name or _UNKNOWN
        self._forward(sender, priority, name, message, None)
        shown, kept = self._show(sender, level, name, message), self._is_kept(sender, level)
        if shown or kept:
            extra = sender.unit.extra_text if sender.unit else ""
            text = records.of_line(priority, identifier, message, stream_id, line_break)
            self._keep(sender, "stdout", text + extra, kept, shown)

    # --- deciding ---

    def _is_kept(self, sender: Sender, level: int) -> bool:
        """Whether a message is stored, which is no matter of those it is passed on to."""
        if level > self.settings.max_level_store:
            return False
        unit = sender.unit
        if unit is None or not unit.limit.interval:
            return True
        allowed, suppressed = unit.limit.admit(level, self._now, self._space)
        if suppressed:
            self._tell_suppressed(unit, suppressed)
        return allowed

    # --- passing on ---

    def _forward(self, sender: Sender, priority: int, name: bytes, message: bytes, datagram: bytes | None) -> None:
        settings = self.settings
        if settings.forward_syslog and priority & 7 <= settings.max_level_syslog:
            self.syslog.send(datagram or forward.as_syslog(priority, name, sender.pid, message))

    def _show(self, sender: Sender, level: int, name: bytes, message: bytes) -> bool:
        """Show a message on the console, if that gets it. Returns whether its record is to be shown instead."""
        console = self.console
        if not console.is_wanted:
            return False
        if not self.settings.console.shows(level, name.decode("utf-8", "replace"), sender.unit is not None):
            return False
        if not console.as_json:
            if self._prefix[0] != name or self._prefix[1] != sender.pid:
                self._prefix = name, sender.pid, forward.prefix(name, sender.pid)
            self._add_lines(forward.as_lines(self._prefix[2], message))
        return console.as_json

    def _keep(self, sender: Sender, transport: str, text: str, kept: bool, shown: bool) -> None:
        self._senders.complete(sender)
        if len(text) > record.RECORD_MAX - _OVERHEAD:
            self.say(LOG_WARNING, f"Message of process {sender.pid} is too large to be stored, ignoring it.")
            return
        text += sender.head(transport, self.place)
        self._files.add(sender.unit.name if sender.unit else OTHER, text, shown, kept)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that it should be written and shown."""
        return self._files.is_full or self._lines_size > _LINES_SIZE_MAX

    def flush(self, ends: bool = False) -> None:
        """Write and show what has been taken since the last time. ends: there is no next time."""
        missed = self.syslog.missed and self.syslog.take_missed(monotonic(), ends)
        if missed:
            self.say(LOG_WARNING, missed)
        shown = self._files.flush()
        if self._lines or shown:
            self.console.show(self._lines or shown)
            self._lines = []
            self._lines_size = 0

    # --- our own messages ---

    def say(self, level: int, text: str) -> None:
        """Log a line of our own that is about no unit."""
        self._driver(OTHER, level, {"MESSAGE": text})

    def _tell_suppressed(self, unit: Unit, suppressed: int) -> None:
        fields: dict[str, record.Value] = {
            "MESSAGE_ID": _DROPPED_ID,
            "MESSAGE": f"Suppressed {suppressed} messages from {unit.name}",
            "N_DROPPED": suppressed,
            "UNIT": unit.name,
            "OBJECT_SYSTEMD_UNIT": unit.name,
        }
        self._driver(unit.name, LOG_INFO, fields)

    def _driver(self, unit: str, level: int, fields: dict[str, record.Value]) -> None:
        """A record as journald makes its own. It is shown by `-u` of its unit as the manager's lines are."""
        whole: dict[str, record.Value] = {
            "PRIORITY": level,
            "SYSLOG_FACILITY": 3,
            "SYSLOG_IDENTIFIER": _OURS,
            **fields,
            "_TRANSPORT": "driver",
            "_PID": 1 if unit else os.getpid(),
            "_UID": 0 if unit else os.getuid(),
            "_SYSTEMD_UNIT": "init.scope",
            **self.place.fields,
        }
        shown = self.console.is_wanted and self.settings.console.shows(level, _OURS, bool(unit))
        self._files.add(unit, record.encode_fields(whole), shown and self.console.as_json)
        if shown and not self.console.as_json:
            prefix = forward.prefix(_OURS.encode(), int(str(whole["_PID"])))
            self._add_lines(forward.as_lines(prefix, str(fields["MESSAGE"]).encode()))

    def _add_lines(self, lines: bytes) -> None:
        self._lines.append(lines)
        self._lines_size += len(lines)


def _is_wanted(sender: Sender, level: int) -> bool:
    return sender.unit is None or level <= sender.unit.max_priority
