"""Running cases in boxes, and writing down what was seen.

A box serves many cases one after the other: between two, what the first left behind is stopped, removed and forgotten,
and the box is thrown away if that does not succeed.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Optional

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.conformance.case import SCRATCH, UNIT_DIRECTORY, Case, Step
from tests.conformance.normalise import normalise

COMMAND_TIMEOUT = 30.0
WAIT_TIMEOUT = 15.0
POLL_INTERVAL = 0.05

_SNAPSHOT_UNITS = "systemctl list-units --all --plain --no-legend --no-pager | awk '{print $1}' | sort"
_SNAPSHOT_FILES = "find /etc /run/systemd/system /usr/local/lib/systemd -mindepth 1 2>/dev/null | sort"


@dataclass(frozen=True)
class Seen:
    """What one step showed, volatile values replaced."""

    command: str
    status: str
    stdout: str
    stderr: str
    observed: str

    def lines(self) -> Iterator[str]:
        """The step as text, for a diff."""
        yield f"$ {self.command}"
        yield f"status: {self.status}"
        for name in ("stdout", "stderr", "observed"):
            for line in getattr(self, name).splitlines():
                yield f"{name}: {line}"


@dataclass(frozen=True)
class Transcript:
    """What a case showed; `problem` says why it could not be run to its end."""

    steps: tuple[Seen, ...]
    problem: str = ""

    def lines(self) -> list[str]:
        problem = [f"problem: {self.problem}"] if self.problem else []
        return [line for step in self.steps for line in step.lines()] + problem

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Transcript:
        return Transcript(tuple(Seen(**step) for step in data["steps"]), data["problem"])


class Worker:
    """Runs cases in its box, booting one when there is none that can be used."""

    def __init__(self, systemd: bool) -> None:
        self._systemd = systemd
        self._box: Optional[Box] = None
        self._units: set[str] = set()
        self._files: set[str] = set()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._discard()

    def run(self, case: Case) -> Transcript:
        """Run one case; never raises for what the system under test does."""
        try:
            if case.fresh:
                self._discard()
            box = self._box or self._boot()
            seen: list[Seen] = []
            try:
                self._lay_down(box, case)
                seen.extend(_see(box, case, step) for step in case.steps)
                problem = ""
            except (subprocess.TimeoutExpired, AssertionError, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
            if problem or case.fresh or not self._clean(box, case):
                self._discard()
            return Transcript(tuple(seen), problem)
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            self._discard()
            return Transcript((), f"the box does not work: {type(error).__name__}: {error}")

    def _boot(self) -> Box:
        box = Box(systemd=True) if self._systemd else Box(packages=list(SYSTEMD_PACKAGES))
        box.__enter__()
        self._box = box
        box.wait_booted()
        self._units = self._snapshot(box, _SNAPSHOT_UNITS)
        self._files = self._snapshot(box, _SNAPSHOT_FILES)
        return box

    def _discard(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.close()

    def _snapshot(self, box: Box, command: str) -> set[str]:
        return set(box.run(command, timeout=COMMAND_TIMEOUT, check=True).stdout.splitlines())

    def _lay_down(self, box: Box, case: Case) -> None:
        box.run(f"rm -rf {SCRATCH}; mkdir -p {SCRATCH} {UNIT_DIRECTORY}", check=True)
        for entry in case.entries:
            if entry.link:
                box.symlink(entry.text, entry.path)
            else:
                box.write(entry.path, entry.text, 0o755 if entry.executable else 0o644)
        box.run("systemctl daemon-reload", timeout=COMMAND_TIMEOUT, check=True)

    def _clean(self, box: Box, case: Case) -> bool:
        """Undo what a case did; False if the box is not as it was."""
        try:
            new = sorted(self._snapshot(box, _SNAPSHOT_UNITS) - self._units)
            if new:
                box.run(["systemctl", "stop", "--", *new], timeout=COMMAND_TIMEOUT)
            files = sorted(self._snapshot(box, _SNAPSHOT_FILES) - self._files)
            outside = [entry.path for entry in case.entries if not entry.path.startswith("/etc/")]
            if files or outside:
                box.run(["rm", "-rf", "--", *files, *outside], check=True)
            box.run("systemctl daemon-reload && systemctl reset-failed", timeout=COMMAND_TIMEOUT, check=True)
            return self._snapshot(box, _SNAPSHOT_UNITS) <= self._units
        except (subprocess.TimeoutExpired, AssertionError, OSError):
            return False


def _see(box: Box, case: Case, step: Step) -> Seen:
    try:
        result = box.run(step.command, timeout=COMMAND_TIMEOUT)
        status, stdout, stderr = str(result.returncode), result.stdout, result.stderr
    except subprocess.TimeoutExpired:
        status, stdout, stderr = f"still running after {COMMAND_TIMEOUT:.0f} s", "", ""
    for wait in step.waits:
        status += "" if _wait(box, wait) else f", waited in vain for: {wait}"
    observed = box.run(_observation(case), timeout=COMMAND_TIMEOUT)
    return Seen(
        step.command, status, normalise(stdout), normalise(stderr), normalise(observed.stdout + observed.stderr)
    )


def _wait(box: Box, command: str) -> bool:
    # One shell in the box polls, so that a fast change costs no start of a process out here.
    loop = f"until {{ {command}; }} >/dev/null 2>&1; do sleep {POLL_INTERVAL}; done"
    try:
        box.run(loop, timeout=WAIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        return False
    return True


def _observation(case: Case) -> str:
    parts = []
    for unit, properties in case.shown:
        parts.append(f"echo '== {unit}'; systemctl show -p {','.join(properties)} -- {shlex.quote(unit)}")
    for path in case.files:
        quoted = shlex.quote(path)
        parts.append(f"echo '== {path}'; if [ -e {quoted} ]; then cat {quoted}; else echo '(missing)'; fi")
    return "\n".join(parts) or ":"


def run_side(cases: list[Case], systemd: bool) -> Iterator[tuple[Case, Transcript, float]]:
    """Run cases under real systemd or under ours: (case, what was seen, seconds)."""
    with Worker(systemd) as worker:
        for case in cases:
            started = time.monotonic()
            yield case, worker.run(case), time.monotonic() - started
