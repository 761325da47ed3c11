"""What the kernel says of a box's processes: memory, wake-ups, processor time, when services were executed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import psutil

from benchmarks.subjects import SERVICE_MARK, STAMPS
from tests.box.harness import Box

POLL = 0.002
MIB = 1024.0  # kilobytes


@dataclass(frozen=True)
class Memory:
    """Sums over processes, in MiB."""

    resident: float
    proportional: float
    private: float


@dataclass(frozen=True)
class Activity:
    """Counters since the processes' starts."""

    switches: int  # times a process gave up or was denied the processor
    processor: int  # nanoseconds


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll a cheap condition."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(POLL)


def infrastructure(box: Box) -> list[int]:
    """The pids (as the host sees them) of all processes of a box that are not services."""
    found = []
    for process in box.processes():
        try:
            command = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if not command.startswith(SERVICE_MARK):
            found.append(process.pid)
    return found


def stamps(box: Box, names: Iterable[str], timeout: float) -> list[int]:
    """When each service was executed for the first time (realtime, ns), once all have been."""
    waiting = list(names)
    times = []
    deadline = time.monotonic() + timeout
    while waiting:
        present = set(box.list_directory(STAMPS))
        for name in [name for name in waiting if name in present]:
            lines = box.read(f"{STAMPS}/{name}").split()
            if lines:
                times.append(int(lines[0]))
                waiting.remove(name)
        if waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} services have not been started within {timeout} s\n{box.console}")
            time.sleep(0.02)
    return times


def memory(pids: Iterable[int]) -> Memory:
    """From /proc/PID/smaps_rollup."""
    resident = proportional = private = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        values = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        resident += values["Rss"]
        proportional += values["Pss"]
        private += values["Private_Clean"] + values["Private_Dirty"]
    return Memory(resident / MIB, proportional / MIB, private / MIB)


def activity(pids: Iterable[int]) -> Activity:
    """Summed over all threads of the processes."""
    switches = processor = 0
    for pid in pids:
        try:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                for line in (thread / "status").read_text(encoding="utf-8", errors="replace").splitlines():
                    if "ctxt_switches" in line:
                        switches += int(line.split()[1])
                processor += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Activity(switches, processor)


def process_count(box: Box) -> int:
    """How many processes a box has, zombies included; quick."""
    return sum(name.isdigit() for name in os.listdir(f"/proc/{box.pid1}/root/proc"))


def wait_quiet(box: Box, timeout: float = 30.0) -> None:
    """Wait until the infrastructure has used no processor for a third of a second (caches, late clean-ups)."""
    deadline = time.monotonic() + timeout
    before = activity(infrastructure(box)).processor
    while time.monotonic() < deadline:
        time.sleep(0.3)
        now = activity(infrastructure(box)).processor
        if now - before < 1_000_000:
            return
        before = now
