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
from tests.conformance.case import SCRATCH, UNIT_DIRECTORY, Case
from tests.conformance.normalise import normalise

COMMAND_TIMEOUT = 30
WAIT_TIMEOUT = 15
POLL_INTERVAL = 0.05

# Where the harness keeps its own files in the box.
WORK = "/run/conformance"

# What there was before the first case; what is new after a case belongs to it.
_REMEMBER = f"""
units() {{ systemctl list-units --all --plain --no-legend --no-pager | cut -d' ' -f1 | sort; }}
files() {{ find /etc /run/systemd/system /usr/local /var/lib -mindepth 1 2>/dev/null | sort; }}
cd {WORK}
"""
_SNAPSHOT = _REMEMBER + "units > units && files > files && test -s units"
_CLEAN = (
    _REMEMBER
    + f"""
new=$(units | comm -23 - units)
[ -z "$new" ] || timeout {COMMAND_TIMEOUT} systemctl stop -- $new
files | comm -23 - files | xargs -d '\\n' -r rm -rf --
timeout {COMMAND_TIMEOUT} systemctl daemon-reload && systemctl reset-failed || exit 1
[ -z "$(units | comm -23 - units)" ]
"""
)


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
            transcript = self._perform(box, case)
            if transcript.problem or case.fresh or box.run(_CLEAN, timeout=2.5 * COMMAND_TIMEOUT).returncode:
                self._discard()
            return transcript
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            self._discard()
            return Transcript((), f"the box does not work: {type(error).__name__}: {error}")

    def _boot(self) -> Box:
        box = Box(systemd=True) if self._systemd else Box(packages=list(SYSTEMD_PACKAGES))
        box.__enter__()
        self._box = box
        box.wait_booted()
        box.run(f"mkdir -p {WORK}; {_SNAPSHOT}", timeout=COMMAND_TIMEOUT, check=True)
        return box

    def _discard(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.close()

    def _perform(self, box: Box, case: Case) -> Transcript:
        box.run(f"rm -rf {SCRATCH}; mkdir -p {SCRATCH} {UNIT_DIRECTORY}; rm -f {WORK}/*.*", check=True)
        for entry in case.entries:
            if entry.link:
                box.symlink(entry.text, entry.path)
            else:
                box.write(entry.path, entry.text, 0o755 if entry.executable else 0o644)
        box.write(f"{WORK}/run.sh", _script(case))
        limit = sum(2 * COMMAND_TIMEOUT + WAIT_TIMEOUT * len(step.waits) for step in case.steps)
        box.run(f"sh {WORK}/run.sh", timeout=limit)
        seen: list[Seen] = []
        for number, step in enumerate(case.steps):
            try:
                texts = [box.read(f"{WORK}/{number}.{what}") for what in ("status", "stdout", "stderr", "observed")]
            except FileNotFoundError:
                return Transcript(tuple(seen), "the script was not run to its end")
            status, *others = texts
            seen.append(Seen(step.command, " ".join(status.splitlines()), *map(normalise, others)))
        return Transcript(tuple(seen))


def _script(case: Case) -> str:
    """All steps of a case as one shell script: starting a shell from outside costs more than most commands."""
    lines = [f"timeout {COMMAND_TIMEOUT} systemctl daemon-reload"]
    for number, step in enumerate(case.steps):
        place = f"{WORK}/{number}"
        command = f"timeout -k 2 {COMMAND_TIMEOUT} sh -c {shlex.quote(step.command)}"
        lines.append(f"{command} </dev/null >{place}.stdout 2>{place}.stderr; echo $? >{place}.status")
        for wait in step.waits:
            loop = f"until {{ {wait}; }} >/dev/null 2>&1; do sleep {POLL_INTERVAL}; done"
            complaint = shlex.quote(f"(waited in vain for: {wait})")
            lines.append(f"timeout {WAIT_TIMEOUT} sh -c {shlex.quote(loop)} || echo {complaint} >>{place}.status")
        lines.append(f"{{\n{_observation(case)}\n}} >{place}.observed 2>&1")
    return "\n".join(lines) + "\n"


def _observation(case: Case) -> str:
    parts = [":"]
    for unit, properties in case.shown:
        parts.append(f"echo '== {unit}'; systemctl show -p {','.join(properties)} -- {shlex.quote(unit)}")
    for path in case.files:
        quoted = shlex.quote(path)
        parts.append(f"echo '== {path}'; if [ -e {quoted} ]; then cat {quoted}; else echo '(missing)'; fi")
    return "\n".join(parts)


def run_side(cases: list[Case], systemd: bool) -> Iterator[tuple[Case, Transcript, float]]:
    """Run cases under real systemd or under ours: (case, what was seen, seconds)."""
    with Worker(systemd) as worker:
        for case in cases:
            started = time.monotonic()
            yield case, worker.run(case), time.monotonic() - started
