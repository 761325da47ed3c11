"""What the log says of a job when it begins and when it ends, in systemd 252's words. Pure.

`name` in the formats is the unit as messages name it (`id - description`).
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_NOTICE, LOG_WARNING

_BEGINNING: dict[tuple[str, str], str] = {
    ("service", "start"): "Starting {}...",
    ("service", "stop"): "Stopping {}...",
    ("mount", "start"): "Mounting {}...",
    ("mount", "stop"): "Unmounting {}...",
}

_END: dict[tuple[str, str], str] = {
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
    ("verify-active", "done"): "{} is active.",
    ("verify-active", "failed"): "{} is not active.",
    ("verify-active", "timeout"): "Timed out checking if {} is active.",
}

_END_BY_TYPE: dict[tuple[str, str, str], str] = {
    ("target", "start", "done"): "Reached target {}.",
    ("target", "stop", "done"): "Stopped target {}.",
    ("slice", "start", "done"): "Created slice {}.",
    ("slice", "stop", "done"): "Removed slice {}.",
    ("mount", "start", "done"): "Mounted {}.",
    ("mount", "start", "failed"): "Failed to mount {}.",
    ("mount", "stop", "done"): "Unmounted {}.",
    ("mount", "stop", "failed"): "Failed unmounting {}.",
}

_LEVELS = {
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


def beginning(unit_type: str, job_type: str, name: str) -> str | None:
    """The line for a job that takes a while, None for a type that says nothing."""
    if job_type == "reload":
        return f"Reloading {name}..."
    format_ = _BEGINNING.get((unit_type, "stop" if job_type == "restart" else job_type))
    return format_.format(name) if format_ else None


def end(unit_type: str, job_type: str, result: str, name: str, oneshot: bool = False) -> tuple[int, str] | None:
    """(syslog level, line) for the end of a job, None for results that are not worth a line.

    oneshot: a service whose start is its whole work ("Finished ..." instead of "Started ...").
    """
    if job_type == "restart":
        job_type = "stop"
    if unit_type == "service" and oneshot and (job_type, result) == ("start", "done"):
        return LOG_INFO, f"Finished {name}."
    format_ = _END_BY_TYPE.get((unit_type, job_type, result)) or _END.get((job_type, result))
    return (_LEVELS[result], format_.format(name)) if format_ else None
