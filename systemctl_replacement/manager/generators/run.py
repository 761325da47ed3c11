"""Generators (systemd.generator(7)): programs of packages that make units and links before units are loaded.

PostgreSQL's clusters, the instances of Postfix and Tor and everything that is only a script in init.d begin with one.
They are run by a process of their own (process/generator_runner.py); here is which ones, and who waits for them.
"""

from __future__ import annotations

import os

from systemctl_replacement import paths
from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.loop import READ, Loop, now_monotonic
from systemctl_replacement.manager import boot_skips
from systemctl_replacement.manager.generators import init_script_units
from systemctl_replacement.manager.generators.directories import directories as program_directories
from systemctl_replacement.manager.generators.directories import init_scripts_are_ours
from systemctl_replacement.process.generator_runner import FINISHED, directories
from systemctl_replacement.process.spawn_program import spawn_program
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.supervision.patience import NOTHING, WORK, Helper
from systemctl_replacement.unitfile.loadpath import is_mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.supervision.patience import Patience

# DefaultTimeoutStartSec=, as it is compiled in: what systemd grants them, too.
PATIENCE_USEC = 90_000_000

_LONGEST_LINE = 4096


def find(root: str, skip: Callable[[str], str]) -> list[str]:
    """The generators to be run, by name. `skip` is given names of files, and has a reason for those to leave out."""
    found: dict[str, str] = {}
    for directory in program_directories(root):
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        for name in names:
            if not name.startswith("."):
                found.setdefault(name, f"{directory}/{name}")
    return [path for name, path in sorted(found.items()) if _is_program(path) and not skip(name)]


def _is_program(path: str) -> bool:
    """Whether it can be executed. A link to /dev/null and an empty file are masks."""
    try:
        return not is_mask(os.stat(path)) and os.access(path, os.X_OK)
    except OSError:
        return False


class Generators:
    """Runs them when asked to, one run at a time: who asks during a run wants one that begins later."""

    def __init__(
        self,
        loop: Loop,
        root: str,
        runtime: str,
        environment: Callable[[], Mapping[str, str]],
        log: Callable[[int, str], None],
        patience: Patience,
    ) -> None:
        self._loop = loop
        self._root = root
        self._runtime = runtime
        self._environment = environment
        self._log = log
        self._patience = patience
        self._run: _Run | None = None
        self._next: list[Callable[[], object]] = []
        self._abandoned = False

    @property
    def running(self) -> bool:
        return self._run is not None

    def run(self, done: Callable[[], object]) -> None:
        """Remove what the last run has made, run all generators, then call `done`; at once if there are none."""
        self._next.append(done)
        if self._run is None:
            self._begin()

    def abandon(self) -> None:
        """The manager ends: so does what runs, and nobody is told."""
        self._next.clear()
        self._abandoned = True
        if self._run is not None:
            self._run.kill()

    def _begin(self) -> None:
        waiting, self._next = self._next, []
        self._generate(waiting, may_repeat=True)

    def _generate(self, waiting: list[Callable[[], object]], may_repeat: bool) -> None:
        rules = boot_skips.read(
            paths.shipped_units(), self._root, lambda text: self._log(LOG_WARNING, text), frozenset()
        )
        programs = find(self._root, lambda name: rules.reason([name]))
        if init_scripts_are_ours(self._root) and not rules.reason([init_script_units.GENERATOR]):
            programs.append(init_script_units.OPTION)
        if programs or any(map(os.path.lexists, directories(self._runtime))):
            command = [*paths.self_command(), "--generators", self._runtime, *programs]
            try:
                self._run = _Run(
                    self._loop,
                    command,
                    self._environment(),
                    self._log,
                    self._patience,
                    lambda is_whole: self._over(waiting, is_whole, may_repeat),
                )
                return
            except OSError as error:
                self._log(LOG_ERR, f"Cannot run generators: {error}")
        self._ended(waiting)

    def _over(self, waiting: list[Callable[[], object]], is_whole: bool, may_repeat: bool) -> None:
        """A run has ended: by itself, or killed with half of its work done, which is begun once more."""
        if is_whole or self._abandoned:
            self._ended(waiting)
        elif may_repeat:
            self._generate(waiting, may_repeat=False)
        else:
            self._log(LOG_ERR, "The generators were killed, going on with what they have made.")
            self._ended(waiting)

    def _ended(self, waiting: list[Callable[[], object]]) -> None:
        self._run = None
        for done in waiting:
            self._loop.call_soon(done)
        if self._next:
            self._begin()


class _Run:
    """The process that runs them, from its birth to its last word."""

    def __init__(
        self,
        loop: Loop,
        command: list[str],
        environment: Mapping[str, str],
        log: Callable[[int, str], None],
        patience: Patience,
        done: Callable[[bool], object],
    ) -> None:
        """done: told whether it got as far as it could. OSError if it cannot be executed."""
        self._loop = loop
        self._log = log
        self._patience = patience
        self._done = done
        self._line = b""
        self._read, write = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = spawn_program(command, environment, {1: write}, own_group=True)
            os.set_blocking(self._read, False)
            loop.add(self._read, READ, self._ready)
        except OSError:
            os.close(self._read)
            raise
        finally:
            os.close(write)
        self._timer = loop.call_at(now_monotonic() + PATIENCE_USEC, self._too_late)
        helper = Helper(self._pid, "process that runs the generators", self._gone, group=True)
        self._has_ended = False
        patience.expect(self, lambda: helper, lambda: NOTHING if self._has_ended else WORK)

    def kill(self) -> None:
        """End the process and the generators, which are in its group."""
        try:
            os.killpg(self._pid, SIGKILL)
        except ProcessLookupError:
            return  # it has ended by itself

    def _ready(self, _events: int) -> None:
        data = os.read(self._read, 1 << 16)
        *lines, self._line = (self._line + data.replace(FINISHED, b"")).split(b"\n")
        over = not data or data.endswith(FINISHED)
        if self._line and (over or len(self._line) > _LONGEST_LINE):
            lines.append(self._line)
            self._line = b""
        for line in lines:
            self._log(LOG_INFO, line.decode(errors="replace"))
        if over:
            self._end(bool(data))

    def _gone(self) -> None:
        """It was killed and does not end; or it has ended just now, and what it has said is still to be read."""
        try:
            while not self._has_ended:
                self._ready(READ)
        except BlockingIOError:
            self._end(False)

    def _too_late(self) -> None:
        self._log(LOG_ERR, "Generators do not end, killing them.")
        self.kill()
        self._end(True)

    def _end(self, is_whole: bool) -> None:
        self._has_ended = True
        self._timer.cancel()
        self._patience.over(self)
        self._loop.remove(self._read)
        os.close(self._read)
        self._done(is_whole)
