"""A conformance case: unit files, a script of commands, and what to look at after each.

One directory below `cases/`:

    script    what to do, see below
    units/    copied to /etc/systemd/system (drop-in directories and symbolic links too)
    root/     copied to /
    journal   what /var/lib/case/journal has, for `journalctl -D` (see known_journal.py)
    expected  with `newer:`: what ours shows, as the documentation of that version says; `--show` prints that form

The script has lines. `$ COMMAND` runs a command (in /bin/sh), `wait: COMMAND` after it repeats another one until
it succeeds, before the case looks at anything. `? LABEL: COMMAND` asks a question: a command that only reads. It is
judged by itself, as CASE/LABEL, and all questions of a case are asked in the box that its other lines have prepared.
The other lines may be anywhere and hold for the whole case:

    # free text
    show: UNIT [PROPERTY…]    compare these properties after each command (default: PROPERTIES)
    file: PATH                compare this file's text after each command
    log: UNIT…                compare what the manager has logged about these units in the end (-: about none)
    for: NAME VALUE…          make one case per value; @NAME@ stands for it in script, unit files and file names
    needs: CAPABILITY         "not yet" instead of "differs" as long as MISSING names the capability
    newer: VERSION            the behaviour of a systemd newer than 252: compared with the file `expected` instead
    box: fresh                boot a box for this case alone, and destroy it afterwards
    box: ends                 the same, and the last command ends PID 1: its exit status is compared
    box: full                 ours has all capabilities too, like real systemd

Values of `for:` may be written as NAME:text, so that text with blanks (quote it) gets a short name in the case's name.
In the text, \\n is the end of a line.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import known_journal

CASES = Path(__file__).parent / "cases"
UNIT_DIRECTORY = "/etc/systemd/system"
SCRATCH = "/run/case"  # empty at the beginning of each case

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "NRestarts",
    "StatusText",
    "Job",
)
CAPABILITIES = (
    "service life",
    "execution",
    "jobs",
    "unit files",
    "container",
    "image",
    "logs",
)
# Capabilities that are still to be built, whose cases may differ. This list may only get shorter.
# "execution" is what systemd's own tests of the execution environment (systemd_tests.py) still need.
MISSING = frozenset({"execution"})


class CaseError(ValueError):
    """A script that cannot be parsed."""


@dataclass(frozen=True)
class Step:
    """A command, and the conditions to wait for after it. One with a label is a question."""

    command: str
    waits: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class Entry:
    """A file or, with `link`, a symbolic link to lay down in the box."""

    path: str
    text: str
    link: bool
    executable: bool


@dataclass(frozen=True)
class Case:
    """One case, with its parameters filled in."""

    name: str
    steps: tuple[Step, ...]
    shown: tuple[tuple[str, tuple[str, ...]], ...]
    files: tuple[str, ...]
    entries: tuple[Entry, ...]
    needs: str = ""
    newer: str = ""
    fresh: bool = False
    ends: bool = False
    expected: str = ""
    packages: tuple[str, ...] = ()  # in the box, besides systemd's
    profile: str = ""  # of the box of ours; "" is an engine's default
    logged: tuple[str, ...] = ()  # units: what the manager logs about them
    journal: tuple[known_journal.Record, ...] = ()

    def names(self) -> list[str]:
        """The names of what is judged: the case itself unless it has nothing but questions, and each question."""
        own = [] if all(step.label for step in self.steps) and self.steps else [self.name]
        return own + [f"{self.name}/{step.label}" for step in self.steps if step.label]


def load_all(directory: Path = CASES) -> list[Case]:
    """Every case, sorted by name. Raises CaseError."""
    scripts = sorted(directory.rglob("script"))
    return [case for script in scripts for case in load(script.parent, directory)]


def load(directory: Path, top: Path = CASES) -> list[Case]:
    """The cases of one directory: one, or one per combination of its parameters. Raises CaseError."""
    name = str(directory.relative_to(top))
    text = (directory / "script").read_text()
    parameters = list(_parameters(name, text))
    cases = []
    for combination in itertools.product(*(values for _, values in parameters)):
        values = {key: value for (key, _), (_, value) in zip(parameters, combination)}
        label = ",".join(short for short, _ in combination)
        cases.append(_parse(f"{name}[{label}]" if label else name, text, values, directory))
    return cases


def _parameters(name: str, text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for line in text.splitlines():
        if line.startswith("for:"):
            key, *words = shlex.split(line[4:])
            if not words:
                raise CaseError(f"{name}: no values for {key}")
            split = [word.partition(":") for word in words]
            yield key, [(short, value.replace("\\n", "\n") if colon else short) for short, colon, value in split]


def _fill(text: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _parse(name: str, text: str, values: Mapping[str, str], directory: Path) -> Case:
    steps: list[Step] = []
    shown: list[tuple[str, tuple[str, ...]]] = []
    files: list[str] = []
    logged: list[str] = []
    single = {"needs": "", "newer": "", "box": ""}
    for number, raw in enumerate(text.splitlines(), 1):
        line = _fill(raw.strip(), values)
        if not line or line.startswith("#"):
            continue
        if line.startswith("$ "):
            steps.append(Step(line[2:], ()))
            continue
        if line.startswith("? "):
            label, colon, command = line[2:].partition(": ")
            if not colon or label in (step.label for step in steps):
                raise CaseError(f"{name}:{number}: a question needs a label of its own")
            steps.append(Step(command.strip(), (), label))
            continue
        key, colon, value = (part.strip() for part in line.partition(":"))
        if key == "wait" and steps:
            steps[-1] = Step(steps[-1].command, (*steps[-1].waits, value))
        elif key == "show":
            unit, *properties = value.split()
            shown.append((unit, tuple(properties) or PROPERTIES))
        elif key == "file":
            files.append(value)
        elif key == "log":
            logged += value.split()
        elif key in single and value:
            single[key] = value
        elif key != "for" or not colon:
            raise CaseError(f"{name}:{number}: cannot understand {raw!r}")
    if not steps:
        raise CaseError(f"{name}: no commands")
    if single["needs"] and single["needs"] not in CAPABILITIES:
        raise CaseError(f"{name}: unknown capability {single['needs']!r}")
    if single["box"] not in ("", "fresh", "ends", "full"):
        raise CaseError(f"{name}: unknown kind of box {single['box']!r}")
    if single["newer"] and any(step.label for step in steps):
        raise CaseError(f"{name}: a newer behaviour is judged as a whole")
    expected = ""
    if single["newer"]:
        try:
            expected = _fill((directory / "expected").read_text(), values)
        except FileNotFoundError:
            raise CaseError(f"{name}: a newer behaviour needs the file `expected`") from None
    try:
        journal = known_journal.parse((directory / "journal").read_text())
    except FileNotFoundError:
        journal = ()
    except ValueError as error:
        raise CaseError(f"{name}: journal: {error}") from None
    return Case(
        name,
        tuple(steps),
        tuple(shown),
        tuple(files),
        tuple(_entries(directory, values)),
        needs=single["needs"],
        newer=single["newer"],
        fresh=single["box"] in ("fresh", "ends"),
        ends=single["box"] == "ends",
        expected=expected,
        packages=known_journal.PACKAGES if journal else (),
        journal=journal,
        profile="full" if single["box"] == "full" else "",
        logged=tuple(logged),
    )


def _entries(directory: Path, values: Mapping[str, str]) -> Iterator[Entry]:
    for source, target in (("units", UNIT_DIRECTORY), ("root", "")):
        top = directory / source
        for path in sorted(top.rglob("*")):
            if not path.is_symlink() and path.is_dir():
                continue
            place = f"{target}/{_fill(str(path.relative_to(top)), values)}"
            if path.is_symlink():
                yield Entry(place, _fill(os.readlink(path), values), True, False)
            else:
                text = path.read_bytes().decode(errors="surrogateescape")
                yield Entry(place, _fill(text, values), False, os.access(path, os.X_OK))
