"""What is logged, and how much of it is kept: /etc/systemd/journald.conf and its drop-ins.

Source: journald.conf(5). Only what has a meaning here is kept; the other keys of systemd are accepted.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_DEBUG
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import values
from systemctl_replacement.unitfile.config_file import ConfigReader, configuration_files
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, Refused
from systemctl_replacement.unitfile.parsers.sandbox import syslog_level
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.unitfile.syntax import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.parsers.parse_context import ParseContext, Parser

USEC_PER_SEC = values.USEC_PER_SEC

# Storage=
AUTO, PERSISTENT, VOLATILE, NONE = "auto", "persistent", "volatile", "none"

LEAST_LINE_MAX = 79
_MOST_LINE_MAX = 2**63 - 1  # SSIZE_MAX


@dataclass(frozen=True)
class Limits:
    """How much of the log is kept in a directory. None: nothing is said, so that it is for who keeps to the limits to
    say; 0: no limit. Sizes are bytes."""

    max_use: int | None = None
    keep_free: int | None = None
    max_file_size: int | None = None
    max_files: int | None = None


@dataclass(frozen=True)
class JournalConfig:
    """Settings of [Journal] in journald.conf. Times are microseconds, levels syslog numbers."""

    storage: str = AUTO
    system: Limits = Limits()  # of the files below /var/log
    runtime: Limits = Limits()  # of those in the runtime directory
    max_retention: int = 0  # older files are removed; 0: none is for its age
    max_file_age: int = values.parse_time_span("1month")  # a file is rotated at this age; 0: none is for its age
    rate_limit_interval: int | None = None  # None: nothing is said; 0: no limit
    rate_limit_burst: int | None = None
    forward_to_syslog: bool = True  # as Debian builds it
    forward_to_console: bool | None = None  # None: nothing is said
    max_level_store: int = LOG_DEBUG
    max_level_syslog: int = LOG_DEBUG
    max_level_console: int | None = None  # None: nothing is said
    line_max: int = 48 * 1024
    ignored: tuple[str, ...] = ()  # keys that ask for what there is not here
    problems: tuple[Problem, ...] = ()
    stamps: tuple[tuple[str, int], ...] = ()


# What journald takes for a rate limit where nothing is said of one.
DEFAULT_RATE_LIMIT_INTERVAL, DEFAULT_RATE_LIMIT_BURST = 30 * USEC_PER_SEC, 10_000


def _line_max(context: ParseContext, key: str, text: str) -> Any:
    if not text:
        return UNSET
    try:
        size = values.parse_size(text)
    except (ValueError, OverflowError):
        size = _MOST_LINE_MAX + 1
    if size > _MOST_LINE_MAX:
        raise Refused(f"Failed to parse {key}= value, ignoring: {text}")
    if size < LEAST_LINE_MAX:
        context.warn(f"{key}= too small, clamping to {LEAST_LINE_MAX}: {text}")
    return max(size, LEAST_LINE_MAX)


def _compress(_context: ParseContext, key: str, text: str) -> Any:
    """Whether, or from which size on."""
    if not text:
        return UNSET
    try:
        return values.parse_bool(text)
    except ValueError:
        pass  # a size then
    try:
        return values.parse_size(text) > 0
    except (ValueError, OverflowError):
        raise Refused(f"Failed to parse {key}= value, ignoring: {text}") from None


_size = parsers.simple(values.parse_size, "size value")
_files = parsers.simple(lambda text: values.parse_unsigned(text, 2**64 - 1), "uint64 value")
_audit = parsers.simple(values.parse_bool, "boolean value for Audit=", empty=UNSET)
_FILE_LIMITS: dict[str, tuple[str, Parser]] = {
    "MaxUse": ("max_use", _size),
    "KeepFree": ("keep_free", _size),
    "MaxFileSize": ("max_file_size", _size),
    "MaxFiles": ("max_files", _files),
}
_KEYS: dict[str, tuple[str, Parser]] = {
    "Storage": ("storage", parsers.choice((AUTO, PERSISTENT, VOLATILE, NONE), "storage setting")),
    **{f"System{key}": (f"system.{name}", parser) for key, (name, parser) in _FILE_LIMITS.items()},
    **{f"Runtime{key}": (f"runtime.{name}", parser) for key, (name, parser) in _FILE_LIMITS.items()},
    "MaxRetentionSec": ("max_retention", parsers.seconds),
    "MaxFileSec": ("max_file_age", parsers.seconds),
    "RateLimitIntervalSec": ("rate_limit_interval", parsers.seconds),
    "RateLimitInterval": ("rate_limit_interval", parsers.seconds),
    "RateLimitBurst": ("rate_limit_burst", parsers.unsigned),
    "ForwardToSyslog": ("forward_to_syslog", parsers.boolean),
    "ForwardToConsole": ("forward_to_console", parsers.boolean),
    "MaxLevelStore": ("max_level_store", syslog_level),
    "MaxLevelSyslog": ("max_level_syslog", syslog_level),
    "MaxLevelConsole": ("max_level_console", syslog_level),
    "LineMax": ("line_max", _line_max),
    # Known, checked, and without a meaning here.
    "Compress": ("compress", _compress),
    "Seal": ("seal", parsers.boolean),
    "SyncIntervalSec": ("sync_interval", parsers.seconds),
    "SplitMode": ("split_mode", parsers.choice(("uid", "login", "none"), "split mode setting")),
    "ReadKMsg": ("read_kmsg", parsers.boolean),
    "Audit": ("audit", _audit),
    "ForwardToKMsg": ("forward_to_kmsg", parsers.boolean),
    "ForwardToWall": ("forward_to_wall", parsers.boolean),
    "MaxLevelKMsg": ("max_level_kmsg", syslog_level),
    "MaxLevelWall": ("max_level_wall", syslog_level),
    "TTYPath": ("terminal", parsers.path),
}

# What somebody asks for who sets these to yes does not happen here.
_NOT_HERE = ("seal", "read_kmsg", "audit", "forward_to_kmsg", "forward_to_wall", "terminal")
_MEANINGLESS = (*_NOT_HERE, "compress", "sync_interval", "split_mode", "max_level_kmsg", "max_level_wall")


def read_journal_config(root: str = "", host: Host | None = None) -> JournalConfig:
    """The configuration below `root`. Never raises: what is wrong is in `problems`."""
    reader = ConfigReader("Journal", _KEYS, (), host or Host())
    for path in configuration_files(root, "journald.conf"):
        reader.read(path)
    found = reader.values
    attributes = {key: attribute for key, (attribute, _) in _KEYS.items()}
    ignored = tuple([key for key, attribute in attributes.items() if attribute in _NOT_HERE and found.get(attribute)])
    settings = {name: value for name, value in found.items() if "." not in name and name not in _MEANINGLESS}
    return JournalConfig(
        **settings,
        system=_limits(found, "system"),
        runtime=_limits(found, "runtime"),
        ignored=ignored,
        problems=tuple(reader.problems),
        stamps=tuple(reader.stamps),
    )


def _limits(found: dict[str, Any], where: str) -> Limits:
    return Limits(**{name: found[f"{where}.{name}"] for name, _ in _FILE_LIMITS.values() if f"{where}.{name}" in found})
