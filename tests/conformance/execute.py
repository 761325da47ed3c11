"""Running cases in boxes, and recording what they show.

A box serves many cases one after the other. Between two, what the first left behind is stopped, removed and forgotten,
and the box is thrown away if that fails. Most cases wait more than they compute, so several boxes serve
each side at the same time.
"""

from __future__ import annotations

import queue
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from systemctl_replacement.process.collector import account
from tests.box.harness import PROFILES, SYSTEMD_PACKAGES, Box, Profile
from tests.conformance import known_journal, manager_log
from tests.conformance.case import SCRATCH, UNIT_DIRECTORY, Case
from tests.conformance.normalise import normalise, normalise_cursors

COMMAND_TIMEOUT = 30
WAIT_TIMEOUT = 15
END_TIMEOUT = 10  # for PID 1 to end
POLL_INTERVAL = 0.05
CAP_SYS_BOOT = 22
IN_VAIN = "waited in vain for"
ENDED = ("124", "137")  # exit statuses of a command that timeout(1) had to end

# Where the harness keeps its own files in the box.
WORK = "/run/conformance"

# What existed before the first case. Whatever is new after a case belongs to it.
_REMEMBER = f"""
list() {{ systemctl list-units --all --plain --no-legend --no-pager > found; }}
new() {{ cut -d' ' -f1 found | sort | comm -23 - units; }}
running() {{ awk '$3 != "inactive" && $3 != "failed" {{ print $1 }}' found | sort | comm -23 - units; }}
files() {{ find /etc /run/systemd/system /usr/local /var/lib -mindepth 1 2>/dev/null | sort; }}
cd {WORK}
"""
_MAKE_ROOM = f"rm -rf {SCRATCH}; mkdir -p {SCRATCH} {UNIT_DIRECTORY}"
_SNAPSHOT = _REMEMBER + f": > units; list && new > new && mv new units && files > files && {{ {_MAKE_ROOM}; }}"
_BEGIN = f"timeout {COMMAND_TIMEOUT} systemctl daemon-reload"
# A unit that nobody needs is forgotten when it is down, one that is needed because of a link at the next reload.
_CLEAN = (
    _REMEMBER
    + f"""
list || exit 1
if [ -n "$(running)" ]; then
    timeout {COMMAND_TIMEOUT} systemctl stop -- $(new)
    list
    [ -z "$(running)" ] || exit 1
fi
if grep -q failed found; then systemctl reset-failed && list || exit 1; fi
files | comm -23 - files | xargs -d '\\n' -r rm -rf --
if [ -n "$(new)" ]; then
    timeout {COMMAND_TIMEOUT} systemctl daemon-reload && list || exit 1
    [ -z "$(new)" ] || exit 1
fi
{_MAKE_ROOM}
"""
)

# A command for cases: what is kept of dynamic users, and what it says (the text of a file, where a link leads). The
# user of our log's collector, which is always there, is left out.
_DYNAMIC_USERS = f"""#!/bin/sh
cd /run/systemd/dynamic-uid 2>/dev/null || exit 0
for name in *; do
    [ -L "$name" ] && said=$(readlink "$name") || said=$(cat "$name" 2>/dev/null) || continue
    case "$name $said" in
        *{account.NAME}*) ;;
        *) echo "$name: $said" ;;
    esac
done
"""

# What the generators of real systemd make matters to no case, and takes a third of each reload.
_NOT_NEEDED = (
    "cryptsetup", "debug", "fstab", "gpt-auto", "hibernate-resume", "integritysetup", "run", "system-update",
    "veritysetup",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What one step showed, with volatile values replaced."""

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
    """What a case showed. `problem` says why it could not be run to its end."""

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


@dataclass(frozen=True)
class Ran:
    """A case that was run, and how long that took. booting: the seconds among these in which a box booted for it."""

    case: Case
    transcript: Transcript
    seconds: float
    booting: float


class Worker:
    """Runs cases in its box, and boots one if it has none that can be used."""

    def __init__(self, systemd: bool) -> None:
        self._systemd = systemd
        self._box: Optional[Box] = None
        self._performed = 0
        self._kind: tuple[str, tuple[str, ...]] = ("", ())
        self._booting = 0.0

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._discard()

    def run(self, case: Case) -> Ran:
        """Run one case. Nothing that the system under test does raises an exception."""
        started, self._booting = time.monotonic(), 0.0
        transcript = self._run(case)
        return Ran(case, transcript, time.monotonic() - started, self._booting)

    def _run(self, case: Case) -> Transcript:
        kind = (case.profile, case.packages)
        try:
            if case.fresh or kind != self._kind:
                self._discard()
            self._kind = kind
            box = self._box or self._boot(case)
            transcript, clean = self._perform(box, case)
            if transcript.problem or not clean:
                self._discard()
            return transcript
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            self._discard()
            return Transcript((), f"the box does not work: {type(error).__name__}: {error}")

    def _boot(self, case: Case) -> Box:
        profile: Optional[Profile] = PROFILES[case.profile] if case.profile and not self._systemd else None
        if case.ends:
            profile = without_reboot()
        started = time.monotonic()
        packages = [*SYSTEMD_PACKAGES, *case.packages]
        box = Box(profile=profile, systemd=self._systemd, packages=packages, boot=False)
        box.__enter__()
        self._box = box
        if self._systemd:
            for name in _NOT_NEEDED:
                box.symlink("/dev/null", f"/etc/systemd/system-generators/systemd-{name}-generator")
        box.write("/usr/local/bin/dynamic-users", _DYNAMIC_USERS, 0o755)
        box.boot()
        box.wait_booted()
        box.run(f"mkdir -p {WORK}; {_SNAPSHOT}", timeout=COMMAND_TIMEOUT, check=True)
        self._booting += time.monotonic() - started
        return box

    def _discard(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.close()

    def _perform(self, box: Box, case: Case) -> tuple[Transcript, bool]:
        """What the case showed, and whether the box is clean and can serve another case."""
        for entry in case.entries:
            if entry.link:
                box.symlink(entry.text, entry.path)
            else:
                box.write(entry.path, entry.text, 0o755 if entry.executable else 0o644)
        if case.journal:
            known_journal.lay_down(box, case.journal, systemd=self._systemd)
        steps = case.steps[:-1] if case.ends else case.steps
        limit = sum(2 * COMMAND_TIMEOUT + WAIT_TIMEOUT * len(step.waits) for step in steps)
        # Entering the box costs more than most commands, so everything is done at once.
        self._performed += 1
        place = f"{WORK}/case{self._performed}"
        box.write(f"{WORK}/run.sh", _script(case, place, self._systemd))
        clean = "false" if case.fresh else _CLEAN
        ran = box.run(f"sh {WORK}/run.sh\n{clean}", timeout=limit + 3 * COMMAND_TIMEOUT)
        seen: list[Seen] = []
        for number, step in enumerate(steps):
            try:
                texts = [box.read(f"{place}/{number}.{what}") for what in ("status", "stdout", "stderr", "observed")]
            except FileNotFoundError:
                return Transcript(tuple(seen), "the script was not run to its end"), False
            status, *others = texts
            made_equal = normalise_cursors if case.journal else normalise
            seen.append(Seen(step.command, " ".join(status.splitlines()), *map(made_equal, others)))
        if case.logged:
            seen.append(_log(case, box.read(f"{place}/began"), box.read(f"{place}/log")))
        if case.ends:
            seen.append(_last_command(box, case.steps[-1].command))
        return Transcript(tuple(seen)), ran.returncode == 0


def without_reboot() -> Profile:
    """What a box of either side is granted if the exit status of PID 1 is compared.

    With CAP_SYS_BOOT real systemd ends its process namespace by reboot(2), which the outside sees as a signal.
    """
    status = Path("/proc/self/status").read_text()
    (bounding,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return Profile(int(bounding, 16) & ~(1 << CAP_SYS_BOOT), control_groups="systemd")


def _log(case: Case, began: str, text: str) -> Seen:
    """What the manager has logged. began: when the case did, as date(1) prints it in seconds."""
    since = int(began.replace(".", "")) // 1000
    return Seen("(the manager's log)", "", "\n".join(manager_log.lines(text, case.logged, since)), "", "")


def _last_command(box: Box, command: str) -> Seen:
    """Run the command that ends PID 1. It is killed with everything else, so only the end of PID 1 is compared."""
    process = box.popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = f"of PID 1: {box.wait(END_TIMEOUT)}"
    except TimeoutError:
        status = "PID 1 goes on"
    finally:
        process.terminate()
        process.wait()
    return Seen(command, status, "", "", "")


def _script(case: Case, directory: str, systemd: bool) -> str:
    """All steps of a case as one shell script, which leaves what they show in its own directory."""
    lines = [f"mkdir {directory}; date +%s.%N >{directory}/began", _BEGIN]
    for number, step in enumerate(case.steps[:-1] if case.ends else case.steps):
        place = f"{directory}/{number}"
        command = f"timeout -k 2 {COMMAND_TIMEOUT} sh -c {shlex.quote(step.command)}"
        lines.append(f"{command} </dev/null >{place}.stdout 2>{place}.stderr; echo $? >{place}.status")
        for wait in step.waits:
            loop = f"until {{ {wait}; }} >/dev/null 2>&1; do sleep {POLL_INTERVAL}; done"
            complaint = shlex.quote(f"({IN_VAIN}: {wait})")
            lines.append(f"timeout {WAIT_TIMEOUT} sh -c {shlex.quote(loop)} || echo {complaint} >>{place}.status")
        observation = ":" if step.label else _observation(case)
        lines.append(f"{{\n{observation}\n}} >{place}.observed 2>&1")
    if case.logged:
        lines.append(f"{{ {manager_log.SYSTEMD if systemd else manager_log.OURS}; }} >{directory}/log")
    return "\n".join(lines) + "\n"


def way_to_run(case: Case) -> str:
    """Everything that decides what real systemd shows of a case, but the case itself and how it is made equal."""
    return "\n".join([*_NOT_NEEDED, _DYNAMIC_USERS, _SNAPSHOT, _script(case, WORK, systemd=True), _CLEAN])


def _observation(case: Case) -> str:
    parts = [":"]
    if case.shown:
        # One call for all units and properties, because a call costs more than what it shows.
        properties = dict.fromkeys(name for _, names in case.shown for name in ("Id", *names))
        units = " ".join(shlex.quote(unit) for unit, _ in case.shown)
        parts.append(f"systemctl show -p {','.join(properties)} -- {units}")
    for path in case.files:
        quoted = shlex.quote(path)
        parts.append(f"echo '== {path}'; if [ -e {quoted} ]; then cat {quoted}; else echo '(missing)'; fi")
    return "\n".join(parts)


def run_side(cases: Sequence[Case], systemd: bool, boxes: int) -> Iterator[Ran]:
    """Run cases under real systemd or under ours, several at once, as they end."""
    # Cases that can share a box come one after the other.
    todo = queue.SimpleQueue[Case]()
    for case in sorted(cases, key=lambda case: (case.packages, case.profile, case.fresh)):
        todo.put(case)
    done = queue.SimpleQueue[Ran]()

    def work() -> None:
        with Worker(systemd) as worker:
            while True:
                try:
                    case = todo.get_nowait()
                except queue.Empty:
                    return
                done.put(worker.run(case))

    for _ in range(min(boxes, len(cases))):
        threading.Thread(target=work).start()
    for _ in cases:
        yield done.get()
