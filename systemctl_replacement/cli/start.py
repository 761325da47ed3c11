"""start, stop, reload, restart and the like, isolate: queue jobs, wait for them, report what went wrong."""

from __future__ import annotations

import time

from systemctl_replacement.cli.invocation import CommandError, Invocation, exit_status
from systemctl_replacement.cli.names import expand, mangled
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.names import is_glob
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options
    from systemctl_replacement.control.client import Client

# The manager's operation for each verb. As in systemctl, messages name the operation.
OPERATIONS = {
    "start": "start",
    "stop": "stop",
    "condstop": "stop",
    "reload": "reload",
    "restart": "restart",
    "try-restart": "try-restart",
    "condrestart": "try-restart",
    "reload-or-restart": "reload-or-restart",
    "reload-or-try-restart": "reload-or-try-restart",
    "try-reload-or-restart": "reload-or-try-restart",
    "force-reload": "reload-or-try-restart",
    "condreload": "reload-or-try-restart",
}

# Errors that need no hint.
_NO_HINT = (
    "org.freedesktop.systemd1.NoSuchUnit",
    "org.freedesktop.systemd1.UnitMasked",
    "org.freedesktop.systemd1.JobTypeNotApplicable",
)

_UP = ("active", "reloading")
_JOB_RESULTS = {
    "canceled": "Job for {unit} canceled.",
    "timeout": "Job for {unit} timed out.",
    "dependency": "A dependency job for {unit} failed. See 'journalctl -xe' for details.",
    "invalid": "{unit} is not active, cannot reload.",
    "assert": "Assertion failed on job for {unit}.",
    "unsupported": "Operation on or unit type of {unit} not supported on this system.",
    "collected": "Queued job for {unit} was garbage collected.",
    "once": "Unit {unit} was started already once and can't be started again.",
}
_SERVICE_RESULTS = {
    "resources": "of unavailable resources or another system error",
    "protocol": "the service did not take the steps required by its unit configuration",
    "timeout": "a timeout was exceeded",
    "exit-code": "the control process exited with error code",
    "signal": "a fatal signal was delivered to the control process",
    "core-dump": "a fatal signal was delivered causing the control process to dump core",
    "watchdog": "the service failed to send watchdog ping",
    "start-limit-hit": "start of the service was attempted too often",
    "oom-kill": "of an out-of-memory (OOM) situation",
}


def run_verb(verb: str, words: list[str], options: Options, invocation: Invocation) -> int:
    """Queue a job for each unit and wait until all have ended. Returns an exit status of the LSB."""
    operation = OPERATIONS[verb]
    if not words:
        return _marked(options)
    if options.marked:
        raise CommandError("No additional arguments allowed with --marked.")
    if operation == "start" and not options.all and any(is_glob(word) for word in words):
        invocation.err(
            "Warning: systemctl start called with a glob pattern.\n"
            "Hint: unit globs expand to loaded units, so start will usually have no effect.\n"
            "      Passing --all will also load units which are pulled in by other units.\n"
            "      See systemctl(1) for more details."
        )
    manager = invocation.running_manager(verb)
    return enqueue(manager, operation, expand(words, invocation), options.job_mode, options, invocation)


def _marked(options: Options) -> int:
    if not options.marked:
        raise CommandError("Too few arguments.")
    raise CommandError("systemctl-replacement: --marked is not available yet")


def isolate(words: list[str], options: Options, invocation: Invocation) -> int:
    """Start one unit and stop everything that it does not need."""
    manager = invocation.running_manager("isolate")
    return enqueue(manager, "start", [mangled(words[0], invocation, ".target")], "isolate", options, invocation)


def enqueue(
    manager: Client, operation: str, names: list[str], mode: str, options: Options, invocation: Invocation
) -> int:
    """Queue jobs, wait for them (unless --no-block), and report. Returns the exit status."""
    if not names:
        return 0
    waits = not options.no_block
    since = time.monotonic_ns() // 1000
    parameters = {"operation": operation, "names": names, "mode": mode, "wait": waits}
    if options.show_transaction:
        parameters["show_transaction"] = True
    replies = manager.call_more("Enqueue", **parameters)
    try:
        queued = next(replies)["jobs"]
    except CallError as error:  # the request itself is refused, not the job of one of the units
        for name in names:
            _report_refused(name, operation, error.dbus_name, error.message, invocation)
        return exit_status(error)
    status = 0
    for outcome in queued:
        refused = _report_queued(outcome, operation, options, invocation)
        status = status or refused  # the first one counts
    jobs = queued
    for reply in replies:
        jobs = reply["jobs"]
    if waits and options.verbose:
        from systemctl_replacement.cli.verbose import show_lines

        show_lines((outcome["unit"] for outcome in jobs if not outcome.get("error")), since, invocation)
    if waits:
        failed = [_report_ended(outcome, options, invocation) for outcome in jobs if not outcome.get("error")]
        status = max(failed, default=0) or status
        if operation == "stop" and not any(failed):
            stopped = [outcome["name"] for outcome in queued if not outcome.get("error")]
            _warn_of_triggers(manager, stopped, options, invocation)
    if options.wait and operation in ("start", "restart") and status == 0:
        states = manager.call_waiting("WaitInactive", names=names)["states"]
        if any(state["active_state"] == "failed" for state in states):
            return 1
    return status


def _report_queued(outcome: dict[str, Any], operation: str, options: Options, invocation: Invocation) -> int:
    error = outcome.get("error")
    name = outcome["name"]
    if error:
        _report_refused(name, operation, error["dbus_name"], error["message"], invocation)
        return exit_status(CallError("io.systemctl-replacement.Manager.Failed", error))
    if outcome.get("need_reload"):
        warn_of_changes(name, invocation)
    if options.show_transaction:
        invocation.err(f"Enqueued anchor job {outcome['id']} {outcome['unit']}/{outcome['job_type']}.")
        for job in outcome.get("affected") or ():
            invocation.err(f"Enqueued auxiliary job {job['id']} {job['unit']}/{job['job_type']}.")
    return 0


def _report_refused(name: str, operation: str, dbus_name: str, message: str, invocation: Invocation) -> None:
    invocation.err(f"Failed to {operation} {name}: {message}")
    if dbus_name not in _NO_HINT:
        dashes = "-- " if name.startswith("-") else ""
        invocation.err(f"See system logs and 'systemctl status {dashes}{name}' for details.")


def warn_of_changes(name: str, invocation: Invocation) -> None:
    """Warn that files are newer than what the manager has read. Ansible and others look for this text."""
    invocation.err(
        f"Warning: The unit file, source configuration file or drop-ins of {name} changed on disk. "
        "Run 'systemctl daemon-reload' to reload units."
    )


def _report_ended(outcome: dict[str, Any], options: Options, invocation: Invocation) -> int:
    result = outcome.get("result") or "done"
    unit = outcome["unit"]
    if result in ("done", "skipped"):
        return 0
    if not options.quiet:
        if result in _JOB_RESULTS:
            invocation.err(_JOB_RESULTS[result].format(unit=unit))
        elif not traits_of(unit).tells_result:
            invocation.err('Job failed. See "journalctl -xe" for details.')
        else:
            invocation.err(failure_text(unit, outcome.get("service_result") or ""))
    return 1


def failure_text(unit: str, service_result: str) -> str:
    """systemctl's message about a failed job, from the unit's Result property. Of other types than services it says
    nothing."""
    if not traits_of(unit).tells_result:
        return 'Job failed. See "journalctl -xe" for details.'
    lines = [
        f"Job for {unit} failed because {_SERVICE_RESULTS[service_result]}."
        if service_result in _SERVICE_RESULTS
        else f"Job for {unit} failed.",
        f'See "systemctl status {unit}" and "journalctl -xeu {unit}" for details.',
    ]
    if service_result == "start-limit-hit":
        lines += [
            f'To force a start use "systemctl reset-failed {unit}"',
            f'followed by "systemctl start {unit}" again.',
        ]
    return "\n".join(lines)


def _warn_of_triggers(manager: Client, names: list[str], options: Options, invocation: Invocation) -> None:
    """Say which units are up that can start again what was stopped."""
    if options.quiet or options.no_warn or not names:
        return
    wanted = ["TriggeredBy", "LoadState", "ActiveState"]
    units = manager.call("Show", names=names, properties=wanted)["units"]
    stopped = {unit["name"]: unit["properties"] for unit in units}
    triggers = sorted({trigger for unit in stopped.values() for trigger in unit.get("TriggeredBy") or ()})
    if not triggers:
        return
    found = manager.call("Show", names=triggers, properties=["ActiveState", "Accept"])["units"]
    active = {unit["name"]: unit["properties"] for unit in found if unit["properties"]["ActiveState"] in _UP}
    for name, unit in stopped.items():
        still = [trigger for trigger in unit.get("TriggeredBy") or () if trigger in active]
        if unit.get("ActiveState") == "inactive":
            # An instance for a connection is gone with it: systemd has forgotten it by now.
            still = [trigger for trigger in still if not active[trigger].get("Accept")]
        if still and unit.get("LoadState") != "masked":
            invocation.err(f"Warning: Stopping {name}, but it can still be activated by:")
            for trigger in still:
                invocation.err(f"  {trigger}")


def _verb(verb: str) -> Any:
    return lambda words, options, invocation: run_verb(verb, words, options, invocation)


VERBS = {**{verb: _verb(verb) for verb in OPERATIONS}, "isolate": isolate}
