"""Parsers of scheduling, logging and sandboxing directives (systemd.exec(5)). Messages from systemd 252."""

from __future__ import annotations

from systemctl_replacement.unitfile import parsers, quoting, values
from systemctl_replacement.unitfile.parsers import bool_or, choice
from systemctl_replacement.unitfile.scope import UNSET, Parser, Refused, Scope
from systemctl_replacement.unitfile.specifiers import architecture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
IO_CLASSES = ("none", "realtime", "best-effort", "idle")
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
    """A word of a set, or a number: known ones become their word, others up to `maximum` stay digits."""
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


def numa_policy(scope: Scope, key: str, text: str) -> Any:
    """NUMAPolicy=."""
    if text and text not in _NUMA_POLICIES:
        raise Refused(f"Invalid NUMA policy type, ignoring: {text}")
    return text or UNSET


def numa_mask(scope: Scope, key: str, text: str) -> frozenset[int]:
    """NUMAMask=: nodes as CPUAffinity= has CPUs."""
    try:
        return cpu_set(scope, key, text)
    except Refused as problem:
        scope.warn(str(problem), problem.level)
        raise Refused(f"Failed to parse NUMA node mask, ignoring: {text}") from None


def io_priority(scope: Scope, key: str, text: str) -> Any:
    """IOSchedulingPriority=, 0 to 7."""
    if not text:
        return UNSET
    try:
        return values.parse_integer(text, 0, 7)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse IO priority, ignoring: {text}") from None


def cpu_priority(scope: Scope, key: str, text: str) -> int:
    """CPUSchedulingPriority=, 0 to 99."""
    try:
        priority = values.parse_integer(text)
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse CPU scheduling priority, ignoring: {text}") from None
    if not 0 <= priority <= 99:
        raise Refused(f"CPU scheduling priority is out of range, ignoring: {text}")
    return priority


def cpu_set(scope: Scope, key: str, text: str) -> frozenset[int]:
    """CPUAffinity= and its like: numbers and ranges as `0-3,8`."""
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
            scope.warn(f"Range '{word}' is invalid, {first} > {last}, ignoring.")
        elif last < 8192:
            found.update(range(first, last + 1))
        else:
            over = max(first, 8192)
            raise Refused(f"Cannot add CPU {over} to set: Numerical result out of range")
    return frozenset(found)


def tty_size(scope: Scope, key: str, text: str) -> Any:
    """TTYRows=, TTYColumns=."""
    return UNSET if not text else parsers.unsigned(scope, key, text)


def syslog_level(scope: Scope, key: str, text: str) -> int:
    """SyslogLevel=, LogLevelMax= as a number."""
    if text in LEVELS:
        return LEVELS.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(LEVELS):
        return int(text)
    raise Refused(f"Failed to parse log level, ignoring: {text}")


def syslog_facility(scope: Scope, key: str, text: str) -> int:
    """SyslogFacility= as a number."""
    if text and text in FACILITIES:
        return FACILITIES.index(text)
    if text.isascii() and text.isdigit() and int(text) < 128:
        return int(text)
    raise Refused(f"Failed to parse log facility, ignoring: {text}")


def secure_bits(scope: Scope, key: str, text: str) -> frozenset[str]:
    """SecureBits=; systemd skips words it does not know silently."""
    return frozenset(word for word in parsers.words(scope, key, text) if word in SECURE_BITS)


def bind_paths(scope: Scope, key: str, text: str) -> tuple[tuple[bool, str, str, bool], ...]:
    """BindPaths=, BindReadOnlyPaths=: (may be missing, source, destination, recursive)."""

    def convert(word: str) -> tuple[bool, str, str, bool]:
        try:
            parts = quoting.split(word, ":", keep_empty=True, unescape=False)
        except quoting.QuotingError:
            raise Refused(f"Failed to parse {key}, ignoring: {text}", 3) from None
        source = parsers.expanded(scope, parts[0], '"{}"')
        optional = source.startswith("-")
        source = parsers.check_path(key, source[1:] if optional else source)
        target = parsers.expanded(scope, parts[1], '"{}"') if len(parts) > 1 else source
        target = parsers.check_path(key, target)
        options = parts[2] if len(parts) > 2 else ""
        if options not in ("", "rbind", "norbind"):
            raise Refused(f"Invalid option string, ignoring setting: {options}")
        return (optional, source, target, options != "norbind")

    return parsers.each(scope, _keep_colons(scope, key, text), convert)


def temporary_file_system(scope: Scope, key: str, text: str) -> tuple[tuple[str, str], ...]:
    """TemporaryFileSystem=: (path, mount options)."""

    def convert(word: str) -> tuple[str, str]:
        path, _, options = word.partition(":")
        return parsers.check_path(key, parsers.expanded(scope, path, "{}")), parsers.expanded(scope, options, "{}")

    return parsers.each(scope, _keep_colons(scope, key, text), convert)


def _keep_colons(scope: Scope, key: str, text: str) -> list[str]:
    try:
        return quoting.split(text, unescape=True, unescape_relax=True)
    except quoting.QuotingError:
        said = f"parse {key}" if key.startswith("Bind") else "extract first word"
        raise Refused(f"Failed to {said}, ignoring: {text}", 3) from None
