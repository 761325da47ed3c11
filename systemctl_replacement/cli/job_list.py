"""list-jobs and cancel: what is queued."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import Context, Failure
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


def list_jobs(words: list[str], options: Options, context: Context) -> int:
    """Print the queued jobs; with --after and --before also what waits for each, and what each waits for."""
    jobs: list[dict[str, Any]] = context.asked().call("Jobs")["jobs"]
    context.page()
    by_id = {job["id"]: job for job in jobs}
    queued = len(jobs)
    if words:
        # Unlike those of other verbs, these patterns are of whole names: `a` is not `a.service`.
        jobs = [job for job in jobs if any(matches(job["unit"], word) for word in words)]
    legend = options.legend and not options.quiet
    if not jobs:
        if legend:
            context.out("No jobs listed." if queued else "No jobs running.")
        return 0
    jobs.sort(key=lambda job: job["id"])
    rows = [("JOB", "UNIT", "TYPE", "STATE")] if legend else []
    glyph = f"{context.terminal.glyph('last')} "
    for job in jobs:
        rows.append((str(job["id"]), job["unit"], job["job_type"], job["state"]))
        # systemd names them the other way round: --after tells which jobs come after this one.
        related = [(number, "blocking job") for number in (job.get("before") or ()) if options.after]
        related += [(number, "waiting for job") for number in (job.get("after") or ()) if options.before]
        rows += [
            (glyph, f"\t{text} {number} ({by_id[number]['unit']}/{by_id[number]['job_type']})", "-", "-")
            for number, text in related
            if number in by_id
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        context.out(" ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths)), row[3]]))
    context.table_printed()
    if legend:
        context.out(f"\n{len(jobs)} jobs listed.")
    return 0


def cancel(words: list[str], _options: Options, context: Context) -> int:
    """Cancel jobs by their ids, or all."""
    asked = context.asked()
    if not words:
        try:
            asked.call("CancelJobs", ids=[])
        except CallError as error:
            raise Failure(f"Failed to execute operation: {error.message}") from None
        return 0
    status = 0
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 2**32):
            context.err(f'Failed to parse job id "{word}": Invalid argument')
            return 1
        try:
            asked.call("CancelJobs", ids=[int(word)])
        except CallError as error:
            context.err(f"Failed to cancel job {word}: {error.message}")
            status = 1
    return status


VERBS = {"list-jobs": list_jobs, "cancel": cancel, "clear-jobs": cancel}
