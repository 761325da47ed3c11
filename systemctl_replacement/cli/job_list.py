"""list-jobs and cancel: what is queued."""

from __future__ import annotations

from systemctl_replacement.cli.context import Context
from systemctl_replacement.cli.names import mangled
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.control.client import CallError
from systemctl_replacement.unitfile.patterns import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.settings import Options


def list_jobs(words: list[str], options: Options, context: Context) -> int:
    """Print the queued jobs; with --after and --before also what each waits for, and what waits for it."""
    jobs: list[dict[str, Any]] = context.asked().call("Jobs")["jobs"]
    by_id = {job["id"]: job for job in jobs}
    queued = len(jobs)
    if words:
        patterns = [mangled(word, context) for word in words]
        jobs = [job for job in jobs if any(matches(job["unit"], pattern) for pattern in patterns)]
    legend = options.legend and not options.quiet
    if not jobs:
        if legend:
            context.out("No jobs listed." if queued else "No jobs running.")
        return 0
    jobs.sort(key=lambda job: job["id"])
    rows = [(str(job["id"]), job["unit"], job["job_type"], job["state"]) for job in jobs]
    head = ("JOB", "UNIT", "TYPE", "STATE")
    widths = [max(len(row[column]) for row in ([head, *rows] if legend else rows)) for column in range(3)]
    if legend:
        context.out(_line(head, widths))
    terminal = Terminal()
    for job, row in zip(jobs, rows):
        context.out(_line((f"{row[0]:>{widths[0]}}", *row[1:]), widths))
        if options.after:
            _print_related(job.get("after") or (), by_id, "waiting for job", terminal, context)
        if options.before:
            _print_related(job.get("before") or (), by_id, "blocking job", terminal, context)
    if legend:
        context.out(f"\n{len(jobs)} jobs listed.")
    return 0


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths)]
    return " ".join([*padded, cells[3]])


def _print_related(ids: Any, by_id: dict[int, dict[str, Any]], text: str, terminal: Terminal, context: Context) -> None:
    for number in ids:
        job = by_id.get(number)
        if job is not None:
            context.out(f"{terminal.glyph('last')} {text} {number} ({job['unit']}/{job['job_type']}) {job['state']}")


def cancel(words: list[str], _options: Options, context: Context) -> int:
    """Cancel jobs by their ids, or all."""
    asked = context.asked()
    if not words:
        asked.call("CancelJobs", ids=[])
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
