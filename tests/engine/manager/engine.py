"""A manager in the foreground, with units below its own directory and real processes. This needs no root."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Optional

import psutil

from systemctl_replacement.control.client import Client, Disconnected, connect
from systemctl_replacement.paths import Paths

MAIN = Path(__file__).resolve().parents[3] / "systemctl_replacement" / "__main__.py"
CHANGED = """
import sys
sys.path.insert(0, %r)
from systemctl_replacement import __main__, paths
from systemctl_replacement.manager.reexec import reexec_state
%s
__main__.main()
"""
# A change: the written state is damaged, the descriptors that are kept over the exec are not.
DAMAGE = """
class Damaged:
    loads = reexec_state.wire.loads
    dumps = lambda state, real=reexec_state.wire: real.dumps(Damaged.damage(real.loads(real.dumps(state))))
    def damage(state):
        %s
        return state
reexec_state.wire = Damaged
"""
PATIENCE = 20.0  # seconds; a condition that takes longer counts as never true


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Wait for the condition's first true value and return it. AssertionError if there is none in time."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)  # between two checks of the condition


class Engine:
    """One manager and its unit directory. As a context manager it boots, and leaves nothing behind."""

    def __init__(
        self,
        units: Optional[dict[str, str]] = None,
        boot: Iterable[str] = (),
        change: str = "",
        descriptors: int = 0,
        stdout: int = -1,
        keep_running: bool = True,
        wait: bool = True,
    ) -> None:
        """change: Python code that runs before the manager's program, to break something (@ROOT@ as in units);
        `reexecution` and `paths` are those modules. descriptors: the limit on their number. stdout: instead of a file
        that `text` reads.
        keep_running: false for a manager that may end with the units of `boot`: it is started, and not waited for.
        wait: until the boot is done."""
        # A short path: socket names have 108 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="engine-"))
        self.units = self.root / "etc/systemd/system"
        self.units.mkdir(parents=True)
        self.boot = tuple(boot)
        self.main = MAIN
        if change:
            self.main = self.root / "main.py"
            self.main.write_text(CHANGED % (str(MAIN.parent.parent), change.replace("@ROOT@", str(self.root))))
        self.descriptors = descriptors
        self.stdout = stdout
        self.keep_running = keep_running
        self.wait = wait
        self.notes = self.root / "notes"
        for name, text in (units or {}).items():
            self.write(name, text)
        self.output = self.root / "output"
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._client: Optional[Client] = None
        self._seen: set[psutil.Process] = set()

    def write(self, name: str, text: str) -> None:
        """Write a unit file. @ROOT@ in it is the directory of this engine."""
        (self.units / name).write_text(text.replace("@ROOT@", str(self.root)))

    def __enter__(self) -> Engine:
        keep = ["--keep-running"] if self.keep_running else []
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-ISXutf8", str(self.main), "init", f"--root={self.root}", *keep, *self.boot],
                stdin=subprocess.DEVNULL, stdout=output if self.stdout < 0 else self.stdout, stderr=output,
                preexec_fn=self._limit,
            )  # fmt: skip
        if not self.keep_running:
            return self
        wait_for(lambda: self._connect() or (self.process and self.process.poll() is not None), "the manager's socket")
        assert self.process.poll() is None, self.output.read_text()
        self.call("SystemState", wait=self.wait)
        return self

    def _limit(self) -> None:
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        mine = set(self.processes()) | self._seen
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        mine.update(self._strays())
        for process in mine:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        shutil.rmtree(self.root)

    def _strays(self) -> Iterator[psutil.Process]:
        """Processes of services that nobody else could find any more: their command lines name the directory."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.root) in word for word in process.info["cmdline"] or ()):
                yield process

    def _connect(self) -> Optional[Client]:
        try:
            self._client = connect(Paths(str(self.root)))
        except Disconnected:
            self._client = None
        return self._client

    def processes(self) -> list[psutil.Process]:
        """All descendants of the manager."""
        assert self.process is not None
        try:
            found = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        self._seen.update(found)
        return found

    def titled(self, title: str) -> psutil.Process:
        """Our only process with this title ("supervisor: x.service", "forkserver", "console")."""

        def look() -> Optional[psutil.Process]:
            titled = []
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if " ".join(process.cmdline()).startswith(title):
                        titled.append(process)
            # A child has its parent's title until it executes its program.
            return min(titled, key=lambda process: (process.create_time(), process.pid), default=None)

        found: psutil.Process = wait_for(look, f"a process called {title}")
        return found

    # --- the control protocol ---

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        if self._client is None:
            wait_for(self._connect, "the manager's socket")
        assert self._client is not None
        return self._client.call_waiting(method, **parameters)

    def reexecute(self) -> None:
        """Run daemon-reexec, and wait until the new manager answers."""
        try:
            self.call("Reexecute")
        except Disconnected:
            self._client = None
        self.call("SystemState")

    def forget(self) -> None:
        """Close the connection. The next call opens another one."""
        self._client = None

    def enqueue(self, operation: str, unit: str) -> dict[str, Any]:
        """The outcome of a request whose job nobody waits for."""
        reply = self.call("Enqueue", operation=operation, names=[unit], mode="replace", wait=False)
        outcome: dict[str, Any] = reply["jobs"][0]
        assert outcome["error"] is None, outcome
        return outcome

    def run(self, operation: str, unit: str) -> str:
        """Wait for the end of a job and return its result."""
        if self._client is None:
            wait_for(self._connect, "the manager's socket")
        assert self._client is not None
        replies = list(self._client.call_more("Enqueue", operation=operation, names=[unit], mode="replace", wait=True))
        outcome = replies[-1]["jobs"][0]
        assert outcome["error"] is None, outcome
        return str(outcome["result"])

    def show(self, unit: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.call("Show", names=[unit], properties=None)["units"][0]["properties"]
        return properties

    def sub(self, unit: str) -> str:
        state = self.call("States", names=[unit])["states"][0]
        return str(state["sub_state"])

    def wait_sub(self, unit: str, *subs: str) -> None:
        seen = [""]

        def arrived() -> bool:
            seen[0] = self.sub(unit)
            return seen[0] in subs

        try:
            wait_for(arrived, f"{unit} to be {' or '.join(subs)}")
        except AssertionError as error:
            raise AssertionError(f"{error}, it is {seen[0]}") from error

    def wait_idle(self) -> None:
        wait_for(lambda: not self.call("Jobs")["jobs"], "all jobs to end")

    # --- what the services wrote ---

    def noted(self) -> list[str]:
        """The lines that services appended to @ROOT@/notes."""
        return self.notes.read_text().split("\n")[:-1] if self.notes.exists() else []

    def halt(self, number: int = signal.SIGTERM) -> int:
        """Signal the manager and wait for its end. Returns the exit status."""
        assert self.process is not None
        self.processes()
        os.kill(self.process.pid, number)
        return self.process.wait(PATIENCE)

    def wait_ended(self) -> int:
        """Wait until the manager has ended by itself. Returns the exit status."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def text(self) -> str:
        """What is in the log so far: lines come a little later than the answer to the request that they are about."""
        return self.output.read_text(errors="replace")

    def wait_said(self, text: str) -> None:
        """Wait until the log has a text."""
        wait_for(lambda: text in self.text(), repr(text))


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
