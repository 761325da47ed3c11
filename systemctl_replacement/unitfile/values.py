"""Typed values: booleans, sizes, modes, resource limits, exit status sets, users, environment variables; `time_spans`.

Every function takes the text of a value and raises ValueError if it is none. Times are microseconds, sizes bytes;
INFINITY stands for "no limit". Source: systemd.syntax(7), systemd.time(7), systemd.exec(5).
"""

from __future__ import annotations

import os

from systemctl_replacement import exit_status
from systemctl_replacement import signals as signal_table
from systemctl_replacement.booleans import boolean
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import quoting
from systemctl_replacement.unitfile.infinity import INFINITY as INFINITY
from systemctl_replacement.unitfile.time_spans import USEC_PER_SEC as USEC_PER_SEC
from systemctl_replacement.unitfile.time_spans import format_time_span as format_time_span
from systemctl_replacement.unitfile.time_spans import parse_nsec_span as parse_nsec_span
from systemctl_replacement.unitfile.time_spans import parse_time_span as parse_time_span

_SIZE_SUFFIXES = (("E", 6), ("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1), ("B", 0), ("", 0))
_BLANK = " \t\n\r"
_DIGITS = frozenset("0123456789")


def parse_bool(text: str) -> bool:
    """1, yes, y, true, t, on and their opposites, in any case (systemd.syntax(7))."""
    value = boolean(text)
    if value is None:
        raise ValueError(f"not a boolean: {text!r}")
    return value


def parse_unsigned(text: str, maximum: int = 2**32 - 1) -> int:
    """A number as systemd takes it: decimal, 0x…, 0o…, 0b…, octal after a leading zero; blanks and a plus may lead.

    Raises ValueError, or OverflowError (which is no ValueError) above `maximum`.
    """
    value = _number(text.lstrip(_BLANK), signed=False)
    if value > maximum:
        raise OverflowError(f"number out of range: {text!r}")
    return value


def parse_integer(text: str, minimum: int = -(2**31), maximum: int = 2**31 - 1) -> int:
    """The same with a sign. Raises OverflowError (a kind of ArithmeticError, not ValueError) when out of range."""
    value = _number(text.lstrip(_BLANK), signed=True)
    if not minimum <= value <= maximum:
        raise OverflowError(f"number out of range: {text!r}")
    return value


def _number(text: str, *, signed: bool) -> int:
    body = text
    negative = False
    if body[:1] in ("+", "-") and body:
        if body[0] == "-" and not signed:
            raise ValueError(f"not a number: {text!r}")
        negative = body[0] == "-"
        body = body[1:]
    if not body.isascii() or "_" in body:
        raise ValueError(f"not a number: {text!r}")
    lead = body[:2].lower()
    if lead == "0b":
        base, body = 2, body[2:]
    elif lead == "0o":
        base, body = 8, body[2:]
    elif lead == "0x":
        base, body = 16, body[2:]
    elif body[:1] == "0" and len(body) > 1:
        base = 8
    else:
        base = 10
    if not body or not body.isalnum():
        raise ValueError(f"not a number: {text!r}")
    value = int(body, base)
    return -value if negative else value


def parse_size(text: str, base: int = 1024) -> int:
    """A size such as `1.5G` or `1G 512M` in bytes; each suffix smaller than the one before it."""
    total = 0
    previous = -1
    rest = text.lstrip(_BLANK)
    if not rest:
        raise ValueError("empty size")
    while rest:
        rest = rest.removeprefix("+")
        position = 0
        while position < len(rest) and rest[position] in _DIGITS:
            position += 1
        whole = rest[:position]
        fraction = ""
        if position < len(rest) and rest[position] == ".":
            start = position = position + 1
            while position < len(rest) and rest[position] in _DIGITS:
                position += 1
            fraction = rest[start:position]
        if not whole:
            raise ValueError(f"not a size: {text!r}")
        rest = rest[position:].lstrip(_BLANK)
        for index in range(previous + 1, len(_SIZE_SUFFIXES)):
            if rest.startswith(_SIZE_SUFFIXES[index][0]):
                break
        else:
            raise ValueError(f"not a size: {text!r}")
        suffix, power = _SIZE_SUFFIXES[index]
        factor = base**power
        total += int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)
        rest = rest[len(suffix) :].lstrip(_BLANK)
        previous = index
        if rest and not suffix:
            raise ValueError(f"not a size: {text!r}")
    if total >= 2**64:
        raise ValueError(f"size out of range: {text!r}")
    return total


def parse_mode(text: str) -> int:
    """File mode bits in octal, at most 07777."""
    if not text or not text.isascii() or not text.isdigit() or any(digit > "7" for digit in text):
        raise ValueError(f"not a mode: {text!r}")
    mode = int(text, 8)
    if mode > 0o7777:
        raise ValueError(f"mode out of range: {text!r}")
    return mode


def parse_signal(text: str) -> int:
    """A signal by name or number."""
    number = _of_number(text, signal_table.SIGRTMAX) if text[:1] in _DIGITS else signal_table.number(text)
    if not number:
        raise ValueError(f"not a signal: {text!r}")
    return number


def _of_number(text: str, maximum: int) -> int:
    try:
        return parse_unsigned(text, maximum)
    except (ValueError, OverflowError):
        raise ValueError(f"not an exit status or signal: {text!r}") from None


def parse_permyriad(text: str) -> int:
    """`N%`, `N.NN%`, `N‰` or `N‱` as ten-thousandths, at most 10000."""
    for suffix, factor, places in (("%", 100, 2), ("‰", 10, 1), ("‱", 1, 0)):
        if text.endswith(suffix):
            whole, point, fraction = text[: -len(suffix)].partition(".")
            if point and not (0 < len(fraction) <= places and fraction.isdigit()):
                break
            value = parse_unsigned(whole) * factor
            if fraction:
                value += int(fraction.ljust(places, "0"))
            if value <= 10000:
                return value
            break
    raise ValueError(f"not a percentage: {text!r}")


@dataclass(frozen=True)
class StatusSet:
    """Exit statuses and signals, as in SuccessExitStatus=."""

    statuses: frozenset[int] = frozenset()
    signals: frozenset[int] = frozenset()

    def __or__(self, other: StatusSet) -> StatusSet:
        return StatusSet(self.statuses | other.statuses, self.signals | other.signals)

    def __bool__(self) -> bool:
        return bool(self.statuses or self.signals)


def parse_exit_status(text: str) -> StatusSet:
    """One word of an exit status set: a status by number or name (TEMPFAIL), or a signal by name."""
    status = exit_status.number(text)
    if status is not None:
        return StatusSet(statuses=frozenset((status,)))
    if text[:1] in _DIGITS:
        return StatusSet(statuses=frozenset((_of_number(text, 255),)))
    number = signal_table.number(text)
    if number is None:
        raise ValueError(f"not an exit status or signal: {text!r}")
    return StatusSet(signals=frozenset((number,)))


@dataclass(frozen=True)
class ResourceLimit:
    """A soft and a hard limit; INFINITY for none."""

    soft: int
    hard: int


LIMIT_NAMES = (
    "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NOFILE", "AS", "NPROC", "MEMLOCK", "LOCKS", "SIGPENDING",
    "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
)  # fmt: skip
_SIZED_LIMITS = frozenset(("FSIZE", "DATA", "STACK", "CORE", "RSS", "AS", "MEMLOCK", "MSGQUEUE"))


def parse_limit(text: str, resource: str) -> ResourceLimit:
    """`soft:hard` or one value for both; units as `resource` ("NOFILE", "CPU", …) has them (systemd.exec(5) LimitCPU=).

    Raises OverflowError if the soft limit is above the hard one.
    """
    parts = quoting.split(text, ":", unquote=False, unescape=False, keep_empty=True)
    soft = _one_limit(parts[0], resource)
    hard = _one_limit(parts[1], resource) if len(parts) > 1 else soft
    if soft > hard:
        raise OverflowError("soft limit above hard limit")
    return ResourceLimit(soft, hard)


def _one_limit(text: str, resource: str) -> int:
    if text == "infinity":
        return INFINITY
    if resource == "CPU":
        usec = parse_time_span(text)
        return INFINITY if usec == INFINITY else -(-usec // USEC_PER_SEC)
    if resource == "RTTIME":
        return parse_time_span(text, "us")
    if resource == "NICE":
        if text[:1] in ("+", "-"):
            nice = int(text)
            if not -20 <= nice <= 19:
                raise ValueError(f"nice level out of range: {text!r}")
            return 20 - nice
        level = parse_unsigned(text, INFINITY)
        if level > 40:
            raise ValueError(f"nice limit out of range: {text!r}")
        return level
    return parse_size(text) if resource in _SIZED_LIMITS else parse_unsigned(text, INFINITY - 1)


def valid_environment_name(name: str) -> bool:
    """Whether a variable may have this name: letters, digits and underscores, no digit first."""
    return bool(name) and name.isascii() and name.replace("_", "a").isalnum() and name[0] not in _DIGITS


def valid_environment_assignment(text: str) -> bool:
    """Whether this is NAME=VALUE with a valid name and a value that is UTF-8."""
    name, equals, value = text.partition("=")
    if not equals or not valid_environment_name(name):
        return False
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


_CONTROL = frozenset(chr(code) for code in range(32)) | {"\x7f"}


def valid_descriptor_name(name: str) -> bool:
    """Whether a file descriptor may have this name: ASCII without control characters and colons, up to 255
    (sd_listen_fds_with_names(3))."""
    return len(name) <= 255 and name.isascii() and name.isprintable() and ":" not in name


def valid_user_or_group(text: str) -> bool:
    """Whether systemd accepts this as User= or Group=: a number, or a name by its relaxed rules (systemd.exec(5))."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        # A name may not look like a number, and as a number it must be a uid that is not reserved.
        return text == digits and not _leading_zero(text) and int(text) < 2**32 - 1 and int(text) != 0xFFFF
    if not text or text[0] == " " or text[-1] == " " or text in (".", "..", "-") or len(os.fsencode(text)) > 256:
        return False
    return not any(c in ":/" or c in _CONTROL or "\ud800" <= c <= "\udfff" for c in text)


def _leading_zero(text: str) -> bool:
    return len(text) > 1 and text[0] == "0"


def valid_absolute_path(path: str) -> bool:
    """Whether the path is absolute and short enough."""
    return path.startswith("/") and len(path.encode("utf-8", "surrogateescape")) < 4096
