"""Parsers of scheduling, logging and sandboxing directives (systemd.exec(5)). Messages from systemd 252."""

from __future__ import annotations

from systemctl_replacement import log_levels
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.unitfile import quoting, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.common import bool_or, choice
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Parser, Refused
from systemctl_replacement.unitfile.specifiers import architecture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
IO_CLASSES = ("none", "realtime", "best-effort", "idle")
_NO_CPU = 2**32 - 1
SECURE_BITS = (
    "keep-caps", "keep-caps-locked", "no-setuid-fixup", "no-setuid-fixup-locked", "noroot", "noroot-locked",
)  # fmt: skip

keyring_mode = choice(("inherit", "private", "shared"), "keyring mode")
protect_proc = choice(("default", "noaccess", "invisible", "ptraceable"), "/proc/ protection mode")
proc_subset = choice(("all", "pid"), "/proc/ subset mode")
protect_system = bool_or(("full", "strict"), "protect system value")
protect_home = bool_or(("read-only", "tmpfs"), "protect home value")
utmp_mode = choice(("init", "login", "user"), "utmp mode")
preserve_mode = bool_or(("restart",), "runtime directory preserve mode")
_SMALLER_SISTERS = {"x86-64": "x86", "ppc64": "ppc", "ppc64-le": "ppc-le", "s390x": "s390", "arm64": "arm"}
personality = choice((architecture(), _SMALLER_SISTERS.get(architecture(), "")), "personality", empty=UNSET)
mount_flags = choice(("shared", "slave", "private"), "mount flag", empty=UNSET)


def _numbered(names: Mapping[int, str], what: str, maximum: int) -> Parser:
    """A word of a set, or a number: known numbers become their word, others up to `maximum` stay digits."""
    words = frozenset(names.values())

    def convert(text: str) -> str:
        if text in words:
            return text
        number = values.parse_unsigned(text, maximum)
        return names.get(number, str(number))

    return parsers.simple(convert, what, empty=UNSET)


io_class = _numbered(dict(enumerate(IO_CLASSES)), "IO scheduling class", 8)
cpu_policy = _numbered({0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle"}, "CPU scheduling policy", 2**31 - 1)
_NUMA_POLICIES = ("default", "preferred", "bind", "interleave", "local")


def numa_policy(context: ParseContext, key: str, text: str) -> Any:
    """NUMAPolicy=."""
    if text and text not in _NUMA_POLICIES:
        raise Refused(f"Invalid NUMA policy type, ignoring: {text}")
    return text or UNSET


def numa_mask(context: ParseContext, key: str, text: str) -> Any:
    """NUMAMask=: nodes as CPUAffinity= has CPUs, or `all`."""
    if text == "all":
        return frozenset(range(_highest_node() + 1))
    try:
        return cpu_set(context, key, text)
    except Refused as problem:
        context.warn(str(problem), problem.level)
        raise Refused(f"Failed to parse NUMA node mask, ignoring: {text}") from None


def _highest_node() -> int:
    try:
        with open("/sys/devices/system/node/possible", encoding="ascii") as file:
            return int(file.read().strip().rpartition("-")[2].rpartition(",")[2])
    except (OSError, ValueError):
        return 0


def io_priority(context: ParseContext, key: str, text: str) -> Any:
    """IOSchedulingPriority=, 0 to 7."""
    if not text:
        return UNSET
    try:
        return values.parse_integer(text, 0, 7)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse IO priority, ignoring: {text}") from None


def cpu_priority(context: ParseContext, key: str, text: str) -> int:
    """CPUSchedulingPriority=, 0 to 99."""
    try:
        priority = values.parse_integer(text)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse CPU scheduling priority, ignoring: {text}") from None
    if not 0 <= priority <= 99:
        raise Refused(f"CPU scheduling priority is out of range, ignoring: {text}")
    return priority


def cpu_set(context: ParseContext, key: str, text: str) -> Any:
    """CPUAffinity= and its siblings: numbers and ranges as `0-3,8`. Without a valid one there is no set."""
    found: set[int] = set()
    try:
        items = quoting.split(text, quoting.WHITESPACE + ",")
    except quoting.QuotingError:
        raise Refused(f"Invalid value for CPU affinity: {text}") from None
    for word in items:
        low, dash, high = word.partition("-")
        try:
            first = values.parse_unsigned(low)
            last = values.parse_unsigned(high) if dash else first
        except (ValueError, OverflowError):
            raise Refused(f"Failed to parse CPU affinity '{word}'") from None
        if first > last:
            context.warn(f"Range '{word}' is invalid, {first} > {last}, ignoring.")
        elif last < 8192:
            found.update(range(first, last + 1))
        elif first < _NO_CPU:  # which systemd takes for an empty range
            over = max(first, 8192)
            raise Refused(f"Cannot add CPU {over} to set: Numerical result out of range")
    return frozenset(found) or UNSET


def tty_size(context: ParseContext, key: str, text: str) -> Any:
    """TTYRows=, TTYColumns=."""
    return UNSET if not text else parsers.unsigned(context, key, text)


def syslog_level(context: ParseContext, key: str, text: str) -> int:
    """SyslogLevel=, LogLevelMax= as a number."""
    if text in log_levels.NAMES:
        return log_levels.NAMES.index(text)
    return _log_number(text, len(log_levels.NAMES), "log level")


def syslog_facility(context: ParseContext, key: str, text: str) -> int:
    """SyslogFacility= as a number."""
    if text and text in FACILITIES:
        return FACILITIES.index(text)
    return _log_number(text, 128, "log facility")


def _log_number(text: str, end: int, what: str) -> int:
    try:
        return values.parse_unsigned(text, end - 1)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse {what}, ignoring: {text}") from None


def secure_bits(context: ParseContext, key: str, text: str) -> frozenset[str]:
    """SecureBits=; systemd skips unknown words silently."""
    return frozenset(word for word in parsers.words(context, key, text) if word in SECURE_BITS)


def bind_paths(context: ParseContext, key: str, text: str) -> tuple[tuple[bool, str, str, bool], ...]:
    """BindPaths=, BindReadOnlyPaths=: (may be missing, source, destination, recursive)."""
    found: list[tuple[bool, str, str, bool]] = []
    position = 0
    while position < len(text):
        try:
            word, position = _bind_word(text, position)
            source = parsers.expanded(context, word or "", '"{}"')
            optional = source.startswith("-")
            source = target = parsers.check_path(key, source[1:] if optional else source)
            options: str | None = ""
            # After an error in the middle of an entry, its rest is read as the next entry.
            if _ends_with_colon(text, position):
                word, position = _bind_word(text, position)
                target = parsers.check_path(key, parsers.expanded(context, word or "", '"{}"'))
                if _ends_with_colon(text, position):
                    options, position = quoting.first_word(text, position, unescape=False)
            if options not in (None, "", "rbind", "norbind"):
                raise Refused(f"Invalid option string, ignoring setting: {options}")
            found.append((optional, source, target, options != "norbind"))
        except quoting.QuotingError:
            context.warn(f"Failed to parse {key}, ignoring: {text}", LOG_ERR)
            break
        except Refused as problem:
            context.warn(str(problem), problem.level)
    return tuple(found)


def _bind_word(text: str, position: int) -> tuple[str | None, int]:
    return quoting.first_word(text, position, ":" + quoting.WHITESPACE, unescape=False, keep_empty=True)


def _ends_with_colon(text: str, position: int) -> bool:
    return position <= len(text) and text[position - 1] == ":"


def temporary_file_system(context: ParseContext, key: str, text: str) -> tuple[tuple[str, str], ...]:
    """TemporaryFileSystem=: (path, mount options)."""

    def convert(word: str) -> tuple[str, str]:
        path, _, options = word.partition(":")
        return parsers.check_path(key, parsers.expanded(context, path, "{}")), parsers.expanded(context, options, "{}")

    complaint = f"Failed to extract first word, ignoring: {text}"
    return parsers.each(context, parsers.words_until(context, text, complaint, LOG_ERR, unescape_relax=True), convert)
