"""The whole check: what a boot of an image starts, what it skips, and everything that it would meet."""

from __future__ import annotations

import errno
import os

from systemctl_replacement.check import (
    addresses,
    boot,
    bus,
    conditions,
    file_systems,
    generated,
    links,
    programs,
    stopping,
    units,
)
from systemctl_replacement.check.finding import Finding, in_order
from systemctl_replacement.check.image import Image, TooManyUnits
from systemctl_replacement.check.places import place
from systemctl_replacement.check.profiles import DEFAULT, PROFILES
from systemctl_replacement.defaults import SEARCH_PATH
from systemctl_replacement.records import dataclass, field, replace
from systemctl_replacement.unitfile import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from systemctl_replacement.manager.unit import ManagedUnit


@dataclass(frozen=True)
class Question:
    """A boot that is to be checked.

    `root`: of the image, "" for the system itself. `profile`: a key of PROFILES. `target`: what to boot to, "" for the
    default target; `units`: what to start instead. `stop_timeout`: --stop-timeout=, in microseconds. `environment`:
    what init will find there. `command`: what is to run in the foreground; `awaited`: units that it waits for.
    """

    root: str = ""
    profile: str = DEFAULT
    target: str = ""
    units: tuple[str, ...] = ()
    stop_timeout: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A unit that the boot leaves out. `reason`: that of the list of skipped units, or the condition that is not met
    (`by_condition`)."""

    unit: str
    reason: str
    by_condition: bool


@dataclass(frozen=True)
class Report:
    """What there is to say.

    `goal`: what the boot is asked for. `starts`: the units that it starts, in no particular order, also those that
    will fail; `named`: those of them that do or start something, and not only group others.
    """

    profile: str
    goal: tuple[str, ...]
    starts: tuple[str, ...]
    named: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    stop: stopping.StopNeed
    findings: tuple[Finding, ...]


def check(question: Question) -> Report:
    """Look at everything, and say what there is to say."""
    goal = (*(question.units or (question.target or "default.target",)), *question.awaited)
    try:
        return _check(question, goal)
    except TooManyUnits as error:
        text = f"Failed to start {', '.join(goal)}: {error}"
        need = stopping.StopNeed((), 0, 0, False)
        return Report(question.profile, goal, (), (), (), need, (Finding("boot", goal[0], text),))


def _check(question: Question, goal: tuple[str, ...]) -> Report:
    """TooManyUnits."""
    image = Image(question.root, PROFILES[question.profile], question.environment)
    for name in (*question.units, *question.awaited):
        image.registry.unskip(image.registry.get(name))
    findings, deleted = boot.enqueue(image, goal)
    findings += boot.lost(image, deleted)
    running, skipped = _sorted_out(image)
    examined = {unit.id: unit for unit in (*running, *_triggered(image, running))}
    for unit in examined.values():
        findings += units.findings_of(image, unit)
    for unit in _serving(image, running):
        findings += [replace(finding, unit=names.template_of(unit.id)) for finding in units.findings_of(image, unit)]
    findings += boot.requirements(image, running, findings)
    findings += _addresses(running)
    findings += _command(image, question)
    findings += bus.findings(image.tree, examined)
    findings += file_systems.findings(image.tree)
    findings += links.findings(image)
    findings += generated.findings(image)
    findings += [Finding("configuration", "", text) for text in image.problems]
    stop, warnings = stopping.check(image, running, question.stop_timeout, question.environment, bool(question.command))
    findings += warnings
    return Report(
        question.profile,
        goal,
        tuple(unit.id for unit in running),
        tuple(unit.id for unit in running if unit.traits.prominent or unit.traits.triggers),
        tuple(skipped),
        stop,
        in_order(findings),
    )


def _sorted_out(image: Image) -> tuple[list[ManagedUnit], list[Skipped]]:
    """The units that run after the boot, and those that it skips."""
    running, skipped = [], []
    for unit in image.starting:
        condition = (
            None if unit.skipped else conditions.unmet(unit.get("Unit", "Conditions") or (), image.foresight.met)
        )
        if unit.skipped:
            skipped.append(Skipped(unit.id, unit.skipped, False))
        elif condition is not None:
            skipped.append(Skipped(unit.id, conditions.shown("Condition", condition), True))
        else:
            running.append(unit)
    return running, skipped


def _triggered(image: Image, running: Iterable[ManagedUnit]) -> Iterator[ManagedUnit]:
    """The units that those which run start sooner or later."""
    for unit in running:
        for name in unit.related("Triggers"):
            other = image.registry[name]
            if other.file.load_state == "loaded" and not other.skipped:
                yield other


def _serving(image: Image, running: Iterable[ManagedUnit]) -> Iterator[ManagedUnit]:
    """An instance for each socket that starts one for every connection."""
    for name in dict.fromkeys(units.instance_of(unit) for unit in running):
        if name:
            unit = image.registry.get(name)
            if unit.file.load_state == "loaded" and not unit.skipped:
                yield unit


def _command(image: Image, question: Question) -> Iterator[Finding]:
    """The program that is to run in the foreground: it is looked for as execvp(3) does, which gives a file that is no
    program to a shell."""
    for path in question.command[:1]:
        search = question.environment.get("PATH", "").split(":")
        reason = programs.fault(image.tree, path, image.init, search if any(search) else SEARCH_PATH)
        if reason and reason != os.strerror(errno.ENOEXEC):
            yield Finding("program", "", f"Command {path} is not executable: {reason}")


def _addresses(running: Iterable[ManagedUnit]) -> Iterator[Finding]:
    """Units that listen on addresses which exclude each other."""
    taken: dict[tuple[str, str], list[tuple[addresses.Address, str]]] = {}
    for unit in running:
        if unit.own("ReusePort"):
            continue
        protocol, only_ipv6 = unit.own("SocketProtocol") or "", unit.own("BindIPv6Only") == "ipv6-only"
        mine = [
            (addresses.address(directive, text, protocol, only_ipv6), directive, text)
            for directive, text in unit.file.settings.get((unit.section, "Listen"), ())
        ]
        for address, directive, text in mine:
            for other, holder in taken.get(address.place, ()):
                if addresses.exclude(address, other):
                    message = f"{directive}={text}: {holder} listens there already."
                    where = place(unit.file, unit.section, (directive,), text)
                    yield Finding("address", unit.id, message, *where)
        for address, _, _ in mine:
            taken.setdefault(address.place, []).append((address, unit.id))
