"""The output of a unit: from its log pipe to its journal and to the console.

If a unit prints faster than we write, only its own processes wait. The console makes nobody wait: lines that do not fit
are dropped and counted. Between two consoles a few lines are kept for the next one.
"""

from __future__ import annotations

import os

from systemctl_replacement.journal import record
from systemctl_replacement.journal.writer import Writer
from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.process import seen_process
from systemctl_replacement.process.console_filter import ConsoleFilter
from systemctl_replacement.process.console_source import ConsoleSource
from systemctl_replacement.process.forward import SyslogForward, as_syslog
from systemctl_replacement.process.rate_limit import RateLimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 65536
_ROUNDS_OF_DRAIN = 16
"""A pipe holds at most 1 MiB (fs/pipe-max-size): after this many chunks everything that was in it has been read."""
_ALL_PRIORITIES = 7
_INVOCATION = "_SYSTEMD_INVOCATION_ID"
_OF_THE_PLACE = ("_MACHINE_ID", "_HOSTNAME", "_RUNTIME_SCOPE")
"""Fields that the manager's records and those of all units have in common."""
_BELIEVED_USEC = 1_000_000
"""So long what /proc says of a process is believed, as by journald."""
_USUAL_LIMIT = (30_000_000, 10_000)
"""Interval and burst of a rate limit, where only the other one is set (journald.conf(5))."""
_SUPPRESSED_ID = "a596d6fe7bfa4994828e72309e95d61e"
_DAEMON = 3 << 3
"""The facility of the manager's lines."""
_BLANKS = b" \t\n\r"
"""journald strips these from the end of a line."""

_MARK = record.NUMBER.encode() + b"%d"

_buffer = bytearray(_CHUNK)
_view = memoryview(_buffer)


class Output:
    """Reads lines, makes records of them, and passes them on."""

    __slots__ = (
        "_described",
        "_described_at",
        "_facility",
        "_fields",
        "_filter",
        "_forward",
        "_forwarded_to",
        "_head",
        "_journal",
        "_level",
        "_limit",
        "_own",
        "_partial",
        "_pid",
        "_prefix",
        "_shown",
        "_shown_to",
        "_static",
        "_stored_to",
        "_stream",
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
        self._described: dict[str, str] = {}  # the process, by its fields
        self._described_at = -_BELIEVED_USEC
        self._stream = os.urandom(16).hex()
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
        self._journal = journal
        self._static: dict[str, Any] = {"_SYSTEMD_UNIT": unit}
        self._own = journal.get("own", {})
        if "boot" in journal:
            self._static["_BOOT_ID"] = journal["boot"]
        self._static.update([(name, self._own[name]) for name in _OF_THE_PLACE if name in self._own])
        self.console.name(unit, self._static)
        self._filter = ConsoleFilter(journal)
        self._stored_to = journal.get("max_stored", _ALL_PRIORITIES)
        self._forward = SyslogForward(journal.get("syslog", ""))
        self._forwarded_to = journal.get("max_forwarded", _ALL_PRIORITIES)
        self._writer: Writer | None = None
        if "path" in journal:
            self._writer = Writer(journal["path"], journal.get("limits"), fields=dict(self._static))

    def rename(self, unit: str, journal: dict[str, Any]) -> None:
        """Switch to the journal of another unit: what is printed from now on belongs to that one."""
        self.drain()
        self._finish()
        self._open(unit, journal)
        self._build()

    def move(self, path: str, limits: dict[str, int]) -> None:
        """Go on in another file of the journal with what is printed from now on."""
        self.drain()
        if self._writer:
            self._journal = {**self._journal, "path": path, "limits": limits}
            self._writer.move(path, limits)

    def rotate(self) -> None:
        """Begin a new file of the journal with the next line."""
        if self._writer:
            self._writer.rotate()

    def configure(self, settings: dict[str, Any]) -> None:
        """Take the settings "fields" (added to every record; of those that a line has itself at most SYSLOG_FACILITY),
        "level_prefix", "priority" and "max_priority" (above it lines are dropped). Of our own lines the journal gets
        those up to "own_level", and the console those of them up to "own_shown"."""
        self._fields = settings.get("fields", self._fields)
        self.max_priority = settings.get("max_priority", _ALL_PRIORITIES)
        self._level = settings.get("own_level", self._level)
        self._shown = settings.get("own_shown", self._shown)
        self.level_prefix = settings.get("level_prefix", self.level_prefix)
        self.priority = settings.get("priority", self.priority)
        self._limit = self._limit_of(settings)
        self._build()

    def _limit_of(self, settings: dict[str, Any]) -> RateLimit | None:
        """The limit of the unit, or of journald.conf; none unless one of them says something of it."""
        by_default = self._journal.get("rate_limit", (None, None))
        interval, burst = [
            mine or usual for mine, usual in zip(settings.get("unit_rate_limit", (None, None)), by_default)
        ]
        if interval is None and burst is None:
            return None
        limit = RateLimit(
            _USUAL_LIMIT[0] if interval is None else interval, _USUAL_LIMIT[1] if burst is None else burst
        )
        return limit if limit.interval and limit.burst else None

    def attribute(self, pid: int, identifier: str) -> None:
        """Set the process to which lines are attributed (one pipe serves all processes of the unit)."""
        if (pid, identifier) != (self._pid, self.identifier):
            if pid != self._pid:
                self._described, self._described_at = {}, -_BELIEVED_USEC
            self._pid = pid
            self.identifier = identifier
            self._build()

    def _look_at_process(self, now: int) -> None:
        """See what the process is that prints. What is not known of it any more stays."""
        self._described_at = now
        described = {**self._described, **seen_process.describe(self._pid)} if self._pid else {}
        if described != self._described:
            self._described = described
            self._build()

    def _build(self) -> None:
        """Prepare the parts of a record that do not change from line to line."""
        fields = {
            "SYSLOG_FACILITY": "3",
            "SYSLOG_IDENTIFIER": self.identifier,
            **self._fields,
            "_TRANSPORT": "stdout",
            "_STREAM_ID": self._stream,
            "_PID": str(self._pid),
            **self._described,
            **self._static,
        }
        self._facility = int(fields["SYSLOG_FACILITY"]) << 3
        head = record.encode_fields(fields).replace("%", "%%") + ',"PRIORITY":"%d","MESSAGE":'
        self._head = head.encode()
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
        if self._writer and priority <= self._stored_to:
            self._writer.write_lines(line, 1)
        now = record.stamp()[1]
        if priority <= self._forwarded_to and self._forward.is_wanted(now):
            text = fields["MESSAGE"].encode("utf-8", "surrogateescape")
            self._forward.send(as_syslog(_DAEMON | priority, b"systemd", os.getpid(), text), now)
        if priority > self._shown or not self._filter.shows(priority, "systemd", False):
            return
        if not self.console.as_json:
            line = record.format_line("systemd", os.getpid(), record.printable(fields["MESSAGE"]).encode())
        self.console.show([line])

    def _emit(self, lines: list[bytes]) -> None:
        if not lines:
            return
        realtime, monotonic = record.stamp()
        if monotonic - self._described_at >= _BELIEVED_USEC:
            self._look_at_process(monotonic)
        stamps = b'","__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"%d"' % (realtime, monotonic)
        usual = head = stamps + self._head % self.priority
        highest = self.max_priority
        unusual = hidden = self.priority > highest
        records: list[bytes] = []  # in pieces: the long ones are the same for all, and copied once
        count = 0
        shown: list[bytes] = []
        as_json, shown_to, wanted = self.console.as_json, self._shown_to, self.console.is_wanted
        usually_shown = is_shown = wanted and self.priority <= shown_to
        mark, encode, level_prefix, prefix = _MARK, record.encode_line, self.level_prefix, self._prefix
        number = self._writer.next_number if self._writer else 0
        is_limited = self._limit is not None or self._stored_to < highest
        forwards = self._forward.is_wanted(monotonic)
        priority, stored, suppressed = self.priority, True, 0
        for line in lines:
            line = line.rstrip(_BLANKS) or line  # a line of nothing but blanks stays, as for journald
            if level_prefix and line[0] == 0x3C:
                said, line = record.parse_priority(line, self.priority)
                if not line:
                    continue
                priority = said
                head, hidden = stamps + self._head % priority, priority > highest
                is_shown = wanted and priority <= shown_to
            if not hidden:
                if is_limited:
                    stored, suppressed = self._admit(priority, monotonic)
                    if suppressed:
                        records.append(self._suppressed_record(suppressed, number, (realtime, monotonic)))
                        number += 1
                        count += 1
                pieces = (mark % number, head, encode(line).encode(), b"}\n")
                if stored:
                    records += pieces
                    number += 1
                    count += 1
                if is_shown:
                    shown.append(b"".join(pieces) if as_json else b"%s%s\n" % (prefix, line))
                if forwards and priority <= self._forwarded_to:
                    identifier = self.identifier.encode("utf-8", "surrogateescape")
                    datagram = as_syslog(self._facility | priority, identifier, self._pid, line)
                    forwards = self._forward.send(datagram, monotonic)
            head, hidden, is_shown, priority = usual, unusual, usually_shown, self.priority
        if self._writer and records:
            self._writer.write_lines(b"".join(records), count)
        if shown:
            self.console.show(shown)
        self._tell_missed(monotonic)

    def _tell_missed(self, now: int, ends: bool = False) -> None:
        """Say how much a daemon for syslog had no room for."""
        missed = self._forward.missed and self._forward.take_missed(now, ends)
        if missed:
            self.log(LOG_WARNING, missed)

    def _admit(self, priority: int, now: int) -> tuple[bool, int]:
        """Whether a line is stored, and how many before it were not because there were too many."""
        if priority > self._stored_to:
            return False, 0
        if self._limit is None:
            return True, 0
        return self._limit.admit(priority, now, self._free())

    def _free(self) -> int:
        """The bytes that are free where the journal is."""
        try:
            status = os.statvfs(os.path.dirname(self._journal.get("path", "/")))
        except OSError:
            return 0
        return status.f_bavail * status.f_frsize

    def _suppressed_record(self, count: int, number: int, when: tuple[int, int]) -> bytes:
        fields = {
            **self._own,
            "PRIORITY": "6",
            "SYSLOG_IDENTIFIER": "systemd-journald",
            "_TRANSPORT": "driver",
            "MESSAGE_ID": _SUPPRESSED_ID,
            "UNIT": self.unit,
            "N_DROPPED": str(count),
            "MESSAGE": f"Suppressed {count} messages from {self.unit}",
        }
        return record.encode(fields, when, number)

    def _finish(self) -> None:
        """Nothing more goes to this journal."""
        self._tell_missed(record.stamp()[1], ends=True)
        if self._writer:
            self._writer.finish()

    def close(self) -> tuple[bytes, int]:
        """Write what is left and close the journal. Returns the lines that were kept for a console that never came, and
        how many dropped lines were not announced."""
        self.drain()
        self.finish_line()
        self._finish()
        return self.console.unshown()
