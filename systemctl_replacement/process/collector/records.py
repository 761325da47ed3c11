"""What has been read, as the middle of a record: the fields of the message itself, each with a comma in front. Pure."""

from __future__ import annotations

from systemctl_replacement.journal.record import encode_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from systemctl_replacement.process.collector.native import Fields
    from systemctl_replacement.process.collector.syslog import Syslog


def of_syslog(read: Syslog) -> str:
    """A message to /dev/log."""
    text = f',"PRIORITY":"{read.priority}"'
    if read.facility:
        text += f',"SYSLOG_FACILITY":"{read.facility}"'
    if read.identifier is not None:
        text += f',"SYSLOG_IDENTIFIER":{encode_line(read.identifier)}'
    if read.pid is not None:
        text += f',"SYSLOG_PID":{encode_line(read.pid)}'
    if read.timestamp:
        text += f',"SYSLOG_TIMESTAMP":{encode_line(read.timestamp)}'
    text += f',"MESSAGE":{encode_line(read.message)}'
    if read.raw is not None:
        text += f',"SYSLOG_RAW":{encode_line(read.raw)}'
    return text


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
    return "".join([f',"{name}":{encode_line(value.encode())}' for name, value in fields.items() if name not in names])
