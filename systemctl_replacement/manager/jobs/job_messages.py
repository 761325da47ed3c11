"""The log lines for the beginning and the end of a job, in systemd 252's words. Pure.

`name` in the formats is the unit as messages name it (`unit_name`).
"""

from __future__ import annotations

from systemctl_replacement import message_ids
from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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


# By job type: the id of the message about its beginning, and about its end.
_IDS: dict[str, tuple[str, str]] = {
    "start": (message_ids.UNIT_STARTING, message_ids.UNIT_STARTED),
    "stop": (message_ids.UNIT_STOPPING, message_ids.UNIT_STOPPED),
    "restart": (message_ids.UNIT_STOPPING, message_ids.UNIT_STOPPED),
    "reload": (message_ids.UNIT_RELOADING, message_ids.UNIT_RELOADED),
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


def skipped(name: str, conditions: Sequence[Any], results: Sequence[int]) -> str:
    """The line about a start that did nothing. results: of each condition 1 (met), -1 (unmet) or 0 (not tested)."""
    failed = next((one for one, met in zip(conditions, results) if met < 0 and not one.trigger), None)
    if failed is not None:
        check = f"Condition{failed.kind}={'!' if failed.negate else ''}{failed.parameter}"
        return f"{name} was skipped because of an unmet condition check ({check})."
    triggers = [met for one, met in zip(conditions, results) if one.trigger]
    if triggers and max(triggers) < 1:
        return f"{name} was skipped because no trigger condition checks were met."
    # ExecCondition= has decided.
    return f"Condition check resulted in {name} being skipped."


def fields(job_id: int, job_type: str, result: str) -> Iterator[tuple[str, str]]:
    """What the record of such a line says besides, by the names of fields (systemd.journal-fields(7))."""
    began, ended = _IDS.get(job_type, ("", ""))
    failed = job_type == "start" and result not in ("", "done")
    message_id = message_ids.UNIT_FAILED if failed else ended if result else began
    yield "JOB_ID", str(job_id)
    yield "JOB_TYPE", "stop" if job_type == "restart" and not result else job_type
    if result:
        yield "JOB_RESULT", result
    if message_id:
        yield "MESSAGE_ID", message_id
