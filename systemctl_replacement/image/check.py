"""`systemctl-replacement check`: whether an installation is as it was made, and what it runs with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from systemctl_replacement.image import diversions, interpreter, launchers, names, state, survey
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State
from systemctl_replacement.unitfile import capabilities

_AGAIN = "run `systemctl-replacement install` again"


def report(root: Root, say: Callable[[str], None]) -> int:
    """Say what there is, then what is wrong. The exit status: 1 if anything is. ImageError, OSError."""
    root.check()
    known = state.read(root)
    if known is None:
        say(f"{names.STATE} is not there: nothing is installed in {root.shown}")
        return 1
    problems = list(_problems(root, known))
    say(f"{names.HOME}: version {known.version}")
    for line in _interpreter(root, known, problems):
        say(line)
    if not root.directory:
        say(_privileges())
    for taken in known.taken:
        if survey.what_is(root, taken, known) == survey.OURS:
            say(f"{taken.path}: {f'leads to {taken.link}' if taken.link else 'ours'}")
    for problem in problems:
        say(f"problem: {problem}")
    return 1 if problems else 0


def _problems(root: Root, known: State) -> Iterator[str]:
    if not root.has(f"{names.HOME}/systemctl_replacement/__main__.py"):
        yield f"{names.HOME} lacks our programs: {_AGAIN}"
    if not known.complete:
        yield f"an installation, or its end, was interrupted: {_AGAIN}"
    for place in survey.look(root, names.NAMES, known.python, known).places:
        if known.at(place.path) is not None and place.there == survey.OURS and not place.as_wanted:
            yield f"{place.path} is not as it was installed: {_AGAIN}"
    for taken in known.taken:
        there = survey.what_is(root, taken, known)
        if taken.link == names.LAUNCHER:
            continue  # a package's own halt leads to us as well, and goes with the package
        if there == survey.ABSENT:
            yield f"{taken.path} is missing: {_AGAIN}"
        elif there == survey.FOREIGN and not names.yields(taken.path):
            yield f"{taken.path} is not ours any more, a package or somebody has replaced it: {_AGAIN}"
    if diversions.is_used(root):
        present = {(each.name, each.to) for each in diversions.read(root)}
        for name, _ in known.diversions:
            if not any(pair in present for pair in known.diversions if pair[0] == name):
                yield f"{name} is not diverted, so that the next upgrade will replace it: {_AGAIN}"


def _interpreter(root: Root, known: State, problems: list[str]) -> Iterator[str]:
    beginning = root.read(names.LAUNCHER, launchers.LONGEST) or b""
    path = launchers.interpreter(beginning) if launchers.is_launcher(beginning) else known.python
    try:
        found = interpreter.find(root.directory, path)
    except ImageError as error:
        problems.append(str(error))
        return
    yield f"{path}: Python {found.number}"
    ran = found.run([names.LAUNCHER, "--version"])
    if ran.returncode:
        problems.append(f"{names.LAUNCHER} does not run, {interpreter.last_line(ran.stderr)}: {_AGAIN}")
    tag = f"cpython-{found.version[0]}{found.version[1]}"
    if not root.has(f"{names.HOME}/systemctl_replacement/__pycache__/__main__.{tag}.pyc"):
        problems.append(
            f"{names.HOME} is not compiled for Python {found.number}, so that every start is slow: {_AGAIN}"
        )


def _privileges() -> str:
    """Who we are, and what of root's privileges that has here: which decides what units may ask for."""
    try:
        with open("/proc/self/status", "rb") as file:
            line = next(line for line in file if line.startswith(b"CapEff:"))
    except FileNotFoundError:
        return f"runs as user {os.geteuid()}; there is no /proc to tell its capabilities"
    held = int(line.split()[1], 16)
    owned = [name.lower() for number, name in enumerate(capabilities.NAMES) if held >> number & 1]
    return f"runs as user {os.geteuid()} with {' '.join(owned) or 'no capabilities'}"
