"""The output of a unit: from its log pipe to its journal and to the console.

If a unit prints faster than we write, only its own processes wait. The console makes nobody wait: lines that do not fit
are dropped and counted. Between two consoles a few lines are kept for the next one.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal import record
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_INFO
from systemctl_replacement.process.console_filter import ConsoleFilter
from systemctl_replacement.process.console_source import ConsoleSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 65536
_ROUNDS_OF_DRAIN = 16
"""A pipe holds at most 1 MiB (fs/pipe-max-size): after this many chunks everything that was in it has been read."""
_ALL_PRIORITIES = 7
_OF_THE_LINE = ("MESSAGE", "PRIORITY")
"""Fields that LogExtraFields= may name and every line has itself: the line's own value counts."""
_INVOCATION = "_SYSTEMD_INVOCATION_ID"
_BLANKS = b" \t\n\r"
"""journald strips these from the end of a line."""

_buffer = bytearray(_CHUNK)
_view = memoryview(_buffer)


class Output:
    """Reads lines, makes records of them, and passes them on."""

    __slots__ = (
        "_fields",
        "_filter",
        "_head",
        "_level",
        "_own",
        "_partial",
        "_pid",
        "_prefix",
        "_shown",
        "_shown_to",
        "_static",
        "_writer",
        "console",
        "identifier",
        "level_prefix",
        "log_fd",
        "max_priority",
        "priority",
        "unit",
    )

    def __init__(
        self,
        unit: str,
        log_fd: int,
        journal: dict[str, Any],
        console_fd: int,
        console_json: bool,
        console_comes: bool = False,
    ) -> None:
        self.log_fd = log_fd
        self.console = ConsoleSource(console_fd, console_json, console_comes)
        self._open(unit, journal)
        self._fields: dict[str, str] = {}
        self.level_prefix = True
        self.priority = LOG_INFO
        self.max_priority = self._level = self._shown = _ALL_PRIORITIES
        self._partial = b""
        self._pid = 0
        self.identifier = unit
        self.configure(journal)

    def _open(self, unit: str, journal: dict[str, Any]) -> None:
        self.unit = unit
        self._static: dict[str, Any] = {"_SYSTEMD_UNIT": unit}
        if "boot" in journal:
            self._static["_BOOT_ID"] = journal["boot"]
        self.console.name(unit, self._static)
        self._own = journal.get("own", {})
        self._filter = ConsoleFilter(journal)
        self._writer: Writer | None = None
        if "path" in journal:
            self._writer = Writer(journal["path"], journal.get("limits"), fields=dict(self._static))

    def rename(self, unit: str, journal: dict[str, Any]) -> None:
        """Switch to the journal of another unit: what is printed from now on belongs to that one."""
        self.drain()
        if self._writer:
            self._writer.finish()
        self._open(unit, journal)
        self._build()

    def rotate(self) -> None:
        """Begin a new file of the journal with the next line."""
        if self._writer:
            self._writer.rotate()

    def configure(self, settings: dict[str, Any]) -> None:
        """Take the settings "fields" (added to every record), "level_prefix", "priority" and "max_priority" (above it
        lines are dropped). Of our own lines the journal gets those up to "own_level", and the console those of them up
        to "own_shown"."""
        self._fields = settings.get("fields", self._fields)
        self.max_priority = settings.get("max_priority", _ALL_PRIORITIES)
        self._level = settings.get("own_level", self._level)
        self._shown = settings.get("own_shown", self._shown)
        self.level_prefix = settings.get("level_prefix", self.level_prefix)
        self.priority = settings.get("priority", self.priority)
        self._build()

    def attribute(self, pid: int, identifier: str) -> None:
        """Set the process to which lines are attributed (one pipe serves all processes of the unit)."""
        if (pid, identifier) != (self._pid, self.identifier):
            self._pid = pid
            self.identifier = identifier
            self._build()

    def _build(self) -> None:
        """Prepare the parts of a record that do not change from line to line."""
        fields = {
            "SYSLOG_FACILITY": "3",
            **{name: value for name, value in self._fields.items() if name not in _OF_THE_LINE},
            **self._static,
            "_TRANSPORT": "stdout",
            "_PID": str(self._pid),
            "SYSLOG_IDENTIFIER": self.identifier,
        }
        self._head = record.encode_fields(fields).replace("%", "%%") + ',"PRIORITY":"%d","MESSAGE":'
        self._prefix = record.format_line(self.identifier, self._pid, b"")[:-1]
        # The highest level that the console gets of the lines.
        self._shown_to = self._filter.level if self._filter.lets_pass(self.identifier, True) else -1

    # --- reading ---

    def read(self) -> bool:
        """Handle one chunk of output. Returns whether the pipe may hold more."""
        if self.log_fd < 0:
            return False
        try:
            size = os.readv(self.log_fd, [_buffer])
        except BlockingIOError:
            return False
        if size == 0:
            return False
        self._consume(self._partial + bytes(_view[:size]))
        return size == _CHUNK

    def drain(self) -> None:
        """Handle everything that was in the pipe at the time of the call."""
        for _ in range(_ROUNDS_OF_DRAIN):
            if not self.read():
                break

    def finish_line(self) -> None:
        """Emit an unfinished last line: the process that wrote it has ended."""
        if self._partial:
            self._emit([self._partial])
            self._partial = b""

    def _consume(self, data: bytes) -> None:
        if b"\0" in data:
            data = data.replace(b"\0", b"\n")  # it ends a line, as for journald
        lines = data.split(b"\n")
        self._partial = lines.pop()
        while len(self._partial) >= record.LINE_MAX:
            lines.append(self._partial[: record.LINE_MAX])
            self._partial = self._partial[record.LINE_MAX :]
        if len(data) > record.LINE_MAX:
            lines = [
                line[start : start + record.LINE_MAX]
                for line in lines
                for start in range(0, max(len(line), 1), record.LINE_MAX)
            ]
        self._emit([line for line in lines if line])

    # --- writing ---

    def log(self, priority: int, message: str, told: dict[str, str] | None = None) -> None:
        """Log a line of our own about the unit as the manager's, up to the same level. told: further fields, and those
        of a process of ours that says it instead."""
        if priority > self._level:
            return
        fields = {
            **self._own,
            "PRIORITY": str(priority),
            "UNIT": self.unit,
            **({"INVOCATION_ID": self._fields[_INVOCATION]} if _INVOCATION in self._fields else {}),
            **(told or {}),
            "MESSAGE": f"{self.unit}: {message}",
        }
        line = record.encode(fields, number=self._writer.next_number if self._writer else 0)
        if self._writer:
            self._writer.write_lines(line, 1)
        if priority > self._shown or not self._filter.shows(priority, "systemd", False):
            return
        if not self.console.as_json:
            line = record.format_line("systemd", os.getpid(), record.printable(fields["MESSAGE"]).encode())
        self.console.show([line])

    def _emit(self, lines: list[bytes]) -> None:
        if not lines:
            return
        realtime, monotonic = record.stamp()
        stamps = f'","__REALTIME_TIMESTAMP":"{realtime}","__MONOTONIC_TIMESTAMP":"{monotonic}"'
        usual = head = stamps + self._head % self.priority
        highest = self.max_priority
        unusual = hidden = self.priority > highest
        records: list[str] = []
        shown: list[bytes] = []
        as_json, shown_to, wanted = self.console.as_json, self._shown_to, self.console.is_wanted
        usually_shown = is_shown = wanted and self.priority <= shown_to
        mark, encode, level_prefix, prefix = record.NUMBER, record.encode_line, self.level_prefix, self._prefix
        number = self._writer.next_number if self._writer else 0
        for line in lines:
            line = line.rstrip(_BLANKS) or line  # a line of nothing but blanks stays, as for journald
            if level_prefix and line[0] == 0x3C:
                priority, line = record.parse_priority(line, self.priority)
                if not line:
                    continue
                head, hidden = stamps + self._head % priority, priority > highest
                is_shown = wanted and priority <= shown_to
            if not hidden:
                records.append(f"{mark}{number}{head}{encode(line)}}}\n")
                number += 1
                if is_shown:
                    shown.append(records[-1].encode() if as_json else b"%s%s\n" % (prefix, line))
            head, hidden, is_shown = usual, unusual, usually_shown
        if self._writer and records:
            self._writer.write_lines("".join(records).encode(), len(records))
        if shown:
            self.console.show(shown)

    def close(self) -> tuple[bytes, int]:
        """Write what is left and close the journal. Returns the lines that were kept for a console that never came, and
        how many dropped lines were not announced."""
        self.drain()
        self.finish_line()
        if self._writer:
            self._writer.finish()
        return self.console.unshown()
