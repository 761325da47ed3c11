"""What a boot starts, and which units that it wants it cannot start."""

from __future__ import annotations

from systemctl_replacement.check.finding import ERROR, Finding
from systemctl_replacement.check.places import place
from systemctl_replacement.jobs import transaction
from systemctl_replacement.jobs.model import ACTIVE_STATES, MODE_REPLACE, START, JobError
from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.unitfile.load import BAD_SETTING, FAILED, LOADED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from systemctl_replacement.check.image import Image
    from systemctl_replacement.jobs.model import LogLine
    from systemctl_replacement.manager.unit import ManagedUnit

_FIRST_OF_A_CYCLE = "Found ordering cycle on "
_HARD = ("Requires", "BindsTo", "Requisite")
# Findings about a unit whose processes will not run.
_FATAL = ("program", "account", "privilege", "directory", "assert")
_PULLED_IN = (*_HARD, "Wants", "Upholds")


def enqueue(image: Image, names: Sequence[str]) -> tuple[list[Finding], set[str]]:
    """Queue the jobs of a boot that is asked for these units, as the manager does. What goes wrong with that, and the
    units that are left out to break ordering cycles."""
    findings: list[Finding] = []
    left_out: set[str] = set()
    for name in names:
        unit = image.registry.get(name)
        try:
            change = transaction.build(image.view, name, START, MODE_REPLACE, len(image.jobs) + 1)
        except JobError as error:
            findings.append(Finding("boot", unit.id, f"Failed to start {name}: {error.message}", _file(unit)))
            findings += about_files(unit, "bad-setting")
            findings += cycles(error.log, ())
        else:
            image.install(change.install)
            findings += cycles(change.log, change.deleted)
            left_out.update(change.deleted)
    return findings, left_out


def cycles(log: Iterable[LogLine], deleted: Sequence[str]) -> Iterator[Finding]:
    """The ordering cycles that a transaction has logged, each with what became of it. deleted: the units that had to
    go, in this order; the last cycle may have none."""
    names = iter(deleted)
    lines: list[str] = []
    for unit, level, message in log:
        if message.startswith(_FIRST_OF_A_CYCLE):
            lines = [message]
        elif lines and level == LOG_ERR:
            yield Finding("cycle", next(names, unit), f"{', '.join(lines)}. {message}")
            lines = []
        elif lines:
            lines.append(message[0].lower() + message[1:])


def lost(image: Image, left_out: set[str]) -> Iterator[Finding]:
    """The units that the boot wants and does not start, each with the reason. left_out: because of a cycle."""
    starting = image.starting
    ids = {unit.id for unit in starting}
    seen = set(ids)
    for unit in starting:
        for kind in _PULLED_IN:
            for other in unit.related(kind):
                if other not in seen and image.view.active_state(other) not in ACTIVE_STATES:
                    seen.add(other)
                    if other not in left_out:
                        yield from _why(image, image.registry[other], ids, left_out)


def requirements(image: Image, running: Sequence[ManagedUnit], found: Iterable[Finding]) -> Iterator[Finding]:
    """Units that fail because they need units that fail, and requirements that are missing. found: what is known of the
    units by themselves.

    A boot starts a unit although one that it requires cannot be loaded, which systemd does, too; `systemctl start` does
    not.
    """
    fatal = {finding.unit for finding in found if finding.code in _FATAL}
    failing = {unit.id for unit in running if unit.id in fatal and _start_tells(unit)}
    waiting = {unit.id: unit for unit in running if unit.id not in failing}
    grows = True
    while grows:  # along the chains of requirements, one step in each turn
        needs = {unit.id: _fails_with(unit, failing) for unit in waiting.values()}
        grows = any(needs.values())
        for name, other in needs.items():
            if other:
                text = f"Dependency failed for {name}: {other} cannot be started."
                yield Finding("requirement", name, text, _file(waiting.pop(name)))
                failing.add(name)
    for unit in running:
        for other in dict.fromkeys(other for kind in _HARD for other in unit.related(kind)):
            error = image.registry[other].file.load_error
            if error is not None:
                text = f"Failed to create {unit.id}/start: {error[1]} A boot starts it all the same."
                yield Finding("missing-requirement", unit.id, text, *place(unit.file, "Unit", _HARD, other))


def _start_tells(unit: ManagedUnit) -> bool:
    """Whether the start of a unit that cannot run its program fails: with Type=simple it has ended by then."""
    return unit.own("Type") not in ("simple", "idle")


def _fails_with(unit: ManagedUnit, failing: Collection[str]) -> str:
    """The unit without which this one fails, "" if there is none: what it is ordered after has failed by then."""
    after = unit.related("After")
    return next((other for kind in _HARD for other in unit.related(kind) if other in failing and other in after), "")


def _why(image: Image, unit: ManagedUnit, starting: set[str], left_out: set[str]) -> Iterator[Finding]:
    state = unit.file.load_state
    if state in (BAD_SETTING, FAILED) and unit.file.load_error is not None:
        found = list(about_files(unit, "bad-setting"))
        yield from found
        if all(finding.severity != ERROR for finding in found):
            yield Finding("bad-setting", unit.id, unit.file.load_error[1], _file(unit))
    elif state == LOADED:
        rivals = [other for kind in ("Conflicts", "ConflictedBy") for other in unit.related(kind) if other in starting]
        missing = [other for kind in _HARD for other in unit.related(kind) if other in left_out]
        if missing:
            yield Finding("requirement", unit.id, f"Not started, because {missing[0]} is not.", _file(unit))
        elif rivals:
            yield Finding("conflict", unit.id, f"Not started, because it conflicts with {rivals[0]}.", _file(unit))


def about_files(unit: ManagedUnit, errors: str) -> Iterator[Finding]:
    """What the log will say of a unit's files. errors: the code of those that the log calls so."""
    for problem in unit.file.problems:
        if problem.level <= LOG_WARNING:
            code = errors if problem.level <= LOG_ERR else "setting"
            text = problem.message.removeprefix(f"{unit.id}: ")
            yield Finding(code, unit.id, text, problem.path or _file(unit), problem.line)
    for warning in unit.file.mode_warnings:
        yield Finding("mode", unit.id, warning, _file(unit))


def _file(unit: ManagedUnit) -> str:
    return unit.file.fragment_path
