"""The modes with one line per entry: short and its relatives, and with-unit.

Source: journalctl(1) "--output=", and what systemd 252 prints.
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output import multiline, stamps
from systemctl_replacement.cli.journalctl.output.colors import BLUE, of_priority
from systemctl_replacement.cli.journalctl.output.links import documentation_link, linked, links_wanted
from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.values import (
    CHARACTERS_MAX,
    any_text,
    from_bytes,
    last_value,
    to_bytes,
)
from systemctl_replacement.cli.printable import blob, is_printable_text, without_sequences
from systemctl_replacement.terminal_settings import unicode_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry

# A service's lines have the same words in front, except for the time.
_NAMES_KEPT = 512
_HEAD = b'{"__SEQNUM":"%d","__REALTIME_TIMESTAMP":"%d","__MONOTONIC_TIMESTAMP":"%d'
_MESSAGE = b'"MESSAGE":"'
_UNKNOWN = "unknown"
_UNCOUNTED = len(f" {_UNKNOWN}")  # systemd does not count it either when it indents and shortens lines


class Short(Output):
    """All modes that begin with a time, and continue with the host's name, the sender's and its pid."""

    def __init__(self, settings: OutputSettings) -> None:
        super().__init__(settings)
        self._units = ('"_SYSTEMD_UNIT":', '"_SYSTEMD_USER_UNIT":') if settings.mode == "with-unit" else ()
        self._names: dict[tuple[Value | None, ...], tuple[str, int]] = {}
        self._links = links_wanted(settings.colors)
        self._ellipsis = "…" if unicode_wanted() else "..."
        self._whole = settings.full or settings.all
        self._since_boot = settings.mode in ("short-monotonic", "short-delta")
        self._delta = settings.mode == "short-delta"
        self._stamps = None if self._since_boot else stamps.Stamps(settings.mode, settings.utc)
        self._previous: tuple[str, int, int] | None = None  # boot and times (monotonic, realtime) of the entry before
        self._is_quick = self._whole and not (settings.colors or settings.catalog or self._links or self._since_boot)
        self._known: dict[bytes, str] = {}  # the names of entries that have this between their numbers and messages

    def format(self, entry: Entry) -> bytes:
        if not self._is_quick:
            return self._formatted(entry, b"")
        # Nearly all entries are lines of ASCII that differ from others in their numbers and messages alone.
        line = entry.line
        head = _HEAD % entry.head[:3]
        at = line.find(_MESSAGE, len(head))
        message = line[at + len(_MESSAGE) : -2]
        if at < 0 or b"\\" in message or b'"' in message or not (line.startswith(head) and line.endswith(b'"}')):
            return self._formatted(entry, b"")
        between = line[len(head) : at]
        names = self._known.get(between)
        if names is None or not message.isascii() or self._stamps is None:
            return self._formatted(entry, between)
        text = message.decode("ascii")
        if not text.isprintable():
            return self._formatted(entry, b"")
        return f"{self._stamps.text(entry.realtime)}{names}{text}\n".encode("utf-8", "surrogateescape")

    def _formatted(self, entry: Entry, between: bytes) -> bytes:
        """What is to be printed. between: see `_known`; b"" if it is no use."""
        line = entry.line.decode("utf-8", "replace")
        message = last_value(line, entry, '"MESSAGE":')
        stamp = self._stamp(line, entry)
        if message is None:
            return b""
        key = (
            last_value(line, entry, '"_HOSTNAME":') if self.settings.hostname else None,
            last_value(line, entry, '"SYSLOG_IDENTIFIER":'),
            last_value(line, entry, '"_PID":'),
            *(last_value(line, entry, mark) for mark in self._units),
        )
        names, length = self._names.get(key) or self._name(key, line, entry)
        if between and len(self._known) < _NAMES_KEPT and b'"_SOURCE_REALTIME_TIMESTAMP":' not in between:
            self._known[between] = names
        text = f"{stamp}{names}{self._message(message, len(stamp) + length, line, entry)}\n{self.explanation(entry)}"
        return text.encode("utf-8", "surrogateescape")

    def _stamp(self, line: str, entry: Entry) -> str:
        if self._stamps is not None:
            return self._stamps.text(_told(line, entry, "REALTIME") or entry.realtime)
        usec = _told(line, entry, "MONOTONIC") or entry.monotonic
        return f"[{stamps.monotonic(usec)}{self._passed(usec, line, entry) if self._delta else ''}]"

    def _passed(self, usec: int, line: str, entry: Entry) -> str:
        """How long after the entry before, with a mark if it was of another boot."""
        now = entry.boot_id, usec, _told(line, entry, "REALTIME") or entry.realtime
        before, self._previous = self._previous, now
        if before is None:
            return " " * 16
        same_boot = before[0] == now[0]
        passed = now[1] - before[1] if same_boot else now[2] - before[2]
        return f" <{stamps.monotonic(max(passed, 0)):>12}{' ' if same_boot else '*'}>"

    def _name(self, key: tuple[Value | None, ...], line: str, entry: Entry) -> tuple[str, int]:
        """What stands between the time and the message, and how many bytes that is."""
        host, identifier, pid, *units = (self._shown(value) for value in key)
        shown_units = [unit for unit in units if unit is not None]
        names = (
            "/".join(shown_units) if shown_units else None,
            identifier,
            self._shown(last_value(line, entry, '"_COMM":')),
            _UNKNOWN,
        )
        name = next(name for name in names if name is not None)
        by_key_alone = identifier is not None and pid is not None
        if pid is None:
            pid = self._shown(last_value(line, entry, '"SYSLOG_PID":'))
        text = f"{'' if host is None else f' {host}'} {name}{'' if pid is None else f'[{pid}]'}: "
        found = text, len(text.encode("utf-8", "surrogateescape")) - (_UNCOUNTED if name == _UNKNOWN else 0)
        if by_key_alone and len(self._names) < _NAMES_KEPT:
            self._names[key] = found
        return found

    def _shown(self, value: Value | None) -> str | None:
        """A field in front of the message, None if there is none or it cannot be shown. Of more than one line it could
        pass for another entry."""
        if value is None or self.settings.all:
            return None if value is None else any_text(value).partition("\0")[0]
        if isinstance(value, bytes) or "\n" in value or not is_printable_text(value):
            return None
        return value if len(value.encode()) < CHARACTERS_MAX else None

    def _documentation(self, line: str, entry: Entry) -> str:
        address = self._shown(last_value(line, entry, '"DOCUMENTATION":'))
        if address is None and '"MESSAGE_ID":' in line:
            address = self.catalog.documentation(entry)
        return documentation_link(address) if address else ""

    def _message(self, message: Value, indent: int, line: str, entry: Entry) -> str:
        settings = self.settings
        before = self._documentation(line, entry) if self._links else ""
        shown = message if settings.all else plain(message)
        if not settings.all and (isinstance(shown, bytes) or not is_printable_text(shown)):
            return before + blob(len(to_bytes(shown)))
        text = any_text(shown)
        colors, span = ("", ""), None
        if settings.colors:
            colors = of_priority(last_value(line, entry, '"PRIORITY":'))
            if not colors[0] and last_value(line, entry, '"_TRANSPORT":') == "audit":
                colors = (BLUE, "")
            span = found_in(settings, message, shown)
        if self._links and settings.colors:
            text, span = linked(text, last_value(line, entry, '"CONFIG_FILE":'), span)
        if self._whole:
            if not colors[0] and "\n" not in text and "\0" not in text:
                return before + text
            return before + multiline.whole(indent, text, colors, span)
        text, ellipsized = multiline.cut(indent, text, colors, span, settings.columns, self._ellipsis)
        self.ellipsized |= ellipsized
        return before + text


def _told(line: str, entry: Entry, clock: str) -> int:
    return stamps.source_time(last_value(line, entry, f'"_SOURCE_{clock}_TIMESTAMP":'))


def plain(message: Value) -> Value:
    """A message as people see it: no sequences for colours, no carriage returns at the end, blanks instead of tabs."""
    if isinstance(message, str) and "\x1b" not in message and "\t" not in message and "\r" not in message:
        return message
    return from_bytes(without_sequences(to_bytes(message)))


def found_in(settings: OutputSettings, message: Value, shown: Value) -> multiline.Span:
    """Where a message has what was searched for, as it is shown. Without a search it is nothing, at the beginning:
    systemd's tools mark that, too."""
    if settings.highlight is None:
        return 0, 0
    text = any_text(message)
    found = settings.highlight.search(text)
    if found is None:
        return None
    start, end = found.span()
    if shown == message:
        return start, end
    begin = len(plain(text[:start]))
    return begin, begin + len(plain(text[start:end]))
