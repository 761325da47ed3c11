"""What has been read, as the middle of a record: the fields of the message itself, each with a comma in front. Pure."""

from __future__ import annotations

from systemctl_replacement.journal.record import encode_line
from systemctl_replacement.process.collector.syslog import Syslog, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from systemctl_replacement.process.collector.native import Fields

_KNOWN_MAX, _BEGIN_MAX = 64, 256


def of_syslog(read: Syslog) -> str:
    """A message to /dev/log."""
    text = f'{_before_message(read)},"MESSAGE":{encode_line(read.message)}'
    return text if read.raw is None else f'{text},"SYSLOG_RAW":{encode_line(read.raw)}'


def _before_message(read: Syslog) -> str:
    text = f',"PRIORITY":"{read.priority}"'
    if read.facility:
        text += f',"SYSLOG_FACILITY":"{read.facility}"'
    if read.identifier is not None:
        text += f',"SYSLOG_IDENTIFIER":{encode_line(read.identifier)}'
    if read.pid is not None:
        text += f',"SYSLOG_PID":{encode_line(read.pid)}'
    if read.timestamp:
        text += f',"SYSLOG_TIMESTAMP":{encode_line(read.timestamp)}'
    return text


class UsualSyslog:
    """Reads messages to /dev/log, and remembers how the last ones began: who logs much begins the same within a
    second."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Syslog, str]] = {}

    def read(self, datagram: bytes) -> Syslog:
        """The message in a datagram, with its text."""
        begin, _colon, message = datagram.partition(b": ")
        known = self._known.get(begin)
        if known is None or not message or message[-1] <= 0x20 or b"\0" in message:
            return self._remember(begin, message, parse(datagram))
        like, text = known
        read = Syslog()
        read.priority, read.facility, read.timestamp = like.priority, like.facility, like.timestamp
        read.identifier, read.pid, read.message = like.identifier, like.pid, message
        read.text = f'{text},"MESSAGE":{encode_line(message)}'
        return read

    def _remember(self, begin: bytes, message: bytes, read: Syslog) -> Syslog:
        # All that comes after this beginning is the message.
        if read.raw is None and read.identifier is not None and read.message == message and len(begin) < _BEGIN_MAX:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[begin] = read, _before_message(read)
        return read


def of_fields(fields: Fields) -> str:
    """An entry of the native protocol. A field with several values is an array of them, as journalctl(1) prints it."""
    text = ""
    for name, values in fields.items():
        if len(values) == 1:
            text += f',"{name}":{encode_line(values[0])}'
        else:
            text += f',"{name}":[{",".join([encode_line(value) for value in values])}]'
    return text


def of_line(priority: int, identifier: bytes, message: bytes, stream_id: str, line_break: str) -> str:
    """A line that came over a stream."""
    text = f',"PRIORITY":"{priority & 7}"'
    if priority >> 3:
        text += f',"SYSLOG_FACILITY":"{priority >> 3}"'
    if identifier:
        text += f',"SYSLOG_IDENTIFIER":{encode_line(identifier)}'
    text += f',"MESSAGE":{encode_line(message)},"_STREAM_ID":"{stream_id}"'
    return f'{text},"_LINE_BREAK":"{line_break}"' if line_break else text


def without(fields: dict[str, str], names: Container[str]) -> str:
    """The fields that a unit adds to its messages, but for those that a message has itself."""
    return "".join(
        [
            f',"{name}":{encode_line(value.encode("utf-8", "surrogateescape"))}'
            for name, value in fields.items()
            if name not in names
        ]
    )
