"""What syslog(3) sends to /dev/log, read as journald reads it: RFC 3164, with or without a date.

journald does not read RFC 5424: such a message is kept whole, without its priority. So do we.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO

_USER = 1 << 3
_BLANKS = b" \t\n\r"
_LONGEST_PRIORITY = 3
_DATE_SIZE = 16


class Syslog:
    """One message. `None` is what it does not say."""

    __slots__ = ("facility", "identifier", "message", "pid", "priority", "raw", "text", "timestamp")

    def __init__(self) -> None:
        self.priority = LOG_INFO
        self.facility = 0
        self.timestamp = b""
        self.identifier: bytes | None = None
        self.pid: bytes | None = None
        self.message = b""
        self.raw: bytes | None = None  # the datagram, unless everything in it has been understood
        self.text = ""  # all fields as part of a record, if they are known as that already


def parse(datagram: bytes) -> Syslog:
    """The message in a datagram, whatever that is."""
    read = Syslog()
    text = datagram.strip(_BLANKS)
    at = text.find(b"\0")
    if at >= 0:
        text = text[:at]
    changed = text != datagram
    code, text = split_priority(text, _USER | LOG_INFO)
    read.priority, read.facility = code & 7, code >> 3
    date = text[:_DATE_SIZE]
    if has_date(date):
        read.timestamp = date
        text = text[_DATE_SIZE:]
    else:
        changed = True
    if changed:
        read.raw = datagram
    read.identifier, read.pid, read.message = _split_identifier(text)
    return read


def split_priority(text: bytes, default: int) -> tuple[int, bytes]:
    """Split off `<N>`, of up to three digits: (facility and level, the rest)."""
    if text[:1] == b"<":
        end = text.find(b">", 1, _LONGEST_PRIORITY + 2)
        if end > 1 and text[1:end].isdigit():
            return int(text[1:end]), text[end + 1 :]
    return default, text


def has_date(text: bytes) -> bool:
    """Whether a text has the form `Nov 28 04:12:58 `. journald does not ask whether there is such a date."""
    return (
        len(text) == _DATE_SIZE
        and text[3] == text[6] == text[15] == 0x20
        and text[9] == text[12] == 0x3A
        and text[:3].isalpha()
        and text[5:15:3].isdigit()
        and not text[4:14:3].translate(None, b" 0123456789")
    )


def _split_identifier(text: bytes) -> tuple[bytes | None, bytes | None, bytes]:
    """(identifier, pid, message): what comes before the first blank is an identifier if it ends with a colon."""
    begin = text.lstrip(_BLANKS)
    word = begin.partition(b" ")[0].partition(b"\t")[0].partition(b"\n")[0].partition(b"\r")[0]
    if word[-1:] != b":":
        return None, None, text
    rest = begin[len(word) + 1 :]
    word, pid = word[:-1], None
    if word[-1:] == b"]":
        at = word.rfind(b"[")
        if at >= 0:
            word, pid = word[:at], word[at + 1 : -1]
    return word, pid, rest
