"""list-jobs and cancel: the jobs that are queued."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options


def list_jobs(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print the queued jobs; with --after and --before also what waits for each, and what each waits for."""
    jobs: list[dict[str, Any]] = invocation.manager_or_files().call("Jobs")["jobs"]
    invocation.page()
    by_id = {job["id"]: job for job in jobs}
    queued = len(jobs)
    if words:
        # Unlike those of other verbs, these patterns match whole names: `a` is not `a.service`.
        jobs = [job for job in jobs if any(matches(job["unit"], word) for word in words)]
    legend = options.legend and not options.quiet
    if not jobs:
        if legend:
            invocation.out("No jobs listed." if queued else "No jobs running.")
        return 0
    jobs.sort(key=lambda job: job["id"])
    rows = [("JOB", "UNIT", "TYPE", "STATE")] if legend else []
    glyph = f"{invocation.terminal.glyph('last')} "
    for job in jobs:
        rows.append((str(job["id"]), job["unit"], job["job_type"], job["state"]))
        # systemd names them the other way round: --after shows the jobs that come after this one.
        related = [(number, "blocking job") for number in (job.get("before") or ()) if options.after]
        related += [(number, "waiting for job") for number in (job.get("after") or ()) if options.before]
        rows += [
            (glyph, f"\t{text} {number} ({by_id[number]['unit']}/{by_id[number]['job_type']})", "-", "-")
            for number, text in related
            if number in by_id
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        invocation.out(" ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths)), row[3]]))
    invocation.table_printed()
    if legend:
        invocation.out(f"\n{len(jobs)} jobs listed.")
    return 0


def cancel(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Cancel jobs by id, or all of them."""
    source = invocation.manager_or_files()
    if not words:
        try:
            source.call("CancelJobs", ids=[])
        except CallError as error:
            raise CommandError(f"Failed to execute operation: {error.message}") from None
        return 0
    status = 0
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 2**32):
            invocation.err(f'Failed to parse job id "{word}": Invalid argument')
            return 1
        try:
            source.call("CancelJobs", ids=[int(word)])
        except CallError as error:
            invocation.err(f"Failed to cancel job {word}: {error.message}")
            status = 1
    return status


VERBS = {"list-jobs": list_jobs, "cancel": cancel, "clear-jobs": cancel}
