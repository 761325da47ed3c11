"""The log lines for the beginning and the end of a job, in systemd 252's words. Pure.

`name` in the formats is the unit as messages name it (`unit_name`).
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.units.kind import Kind

# By job type and result, "" for the beginning. A kind may have words of its own.
_MESSAGES: dict[tuple[str, str], str] = {
    ("reload", ""): "Reloading {}...",
    ("start", "done"): "Started {}.",
    ("start", "timeout"): "Timed out starting {}.",
    ("start", "failed"): "Failed to start {}.",
    ("start", "dependency"): "Dependency failed for {}.",
    ("start", "assert"): "Assertion failed for {}.",
    ("start", "unsupported"): "Starting of {} unsupported.",
    ("start", "collected"): "Unnecessary job was removed for {}.",
    ("start", "once"): "Unit {} has been started before and cannot be started again.",
    ("stop", "done"): "Stopped {}.",
    ("stop", "failed"): "Stopped (with error) {}.",
    ("stop", "timeout"): "Timed out stopping {}.",
    ("reload", "done"): "Reloaded {}.",
    ("reload", "failed"): "Reload failed for {}.",
    ("reload", "timeout"): "Timed out reloading {}.",
    ("verify-active", "skipped"): "{} is inactive.",
}

_LEVELS = {
    "": LOG_INFO,
    "done": LOG_INFO,
    "canceled": LOG_INFO,
    "timeout": LOG_ERR,
    "failed": LOG_ERR,
    "dependency": LOG_WARNING,
    "skipped": LOG_NOTICE,
    "invalid": LOG_INFO,
    "assert": LOG_WARNING,
    "unsupported": LOG_WARNING,
    "collected": LOG_INFO,
    "once": LOG_ERR,
}


# Formats of units' names (StatusUnitFormat=, systemd-system.conf(5)); the third has both.
NAME, DESCRIPTION = "name", "description"


def unit_name(unit: str, description: str, format_: str, highlight: tuple[str, str] = ("", "")) -> str:
    """The unit as messages name it. highlight: what makes a name stand out, before it and behind it."""
    on, off = highlight
    if not description or description == unit or format_ == NAME:
        return f"{on}{unit}{off}"
    return f"{on}{description}{off}" if format_ == DESCRIPTION else f"{on}{unit}{off} - {description}"


def message(kind: Kind, config: Any, job_type: str, result: str, name: str) -> tuple[int, str] | None:
    """(syslog level, line) for the beginning (result "") of a job that takes a while, or for its end; None for what is
    not worth a line. config: that of the unit, which its kind looks into."""
    job_type = "stop" if job_type == "restart" else job_type
    format_ = kind.message(config, job_type, result) or _MESSAGES.get((job_type, result))
    return (_LEVELS[result], format_.format(name)) if format_ else None
