"""What the kernel says about a box's processes: memory, wake-ups, processor time, execution times of services."""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import psutil

from benchmarks.subjects import SERVICE_MARK, STAMPS
from tests.box.harness import Box

POLL = 0.002
MIB = float(1 << 20)
PAGE = os.sysconf("SC_PAGE_SIZE")
PAGE_PRESENT = 1 << 63
PAGE_NUMBER = (1 << 55) - 1


@dataclass(frozen=True)
class Memory:
    """The memory of one process, in MiB."""

    resident: float
    proportional: float
    private: float


@dataclass(frozen=True)
class Activity:
    """Counters since the start of each process."""

    switches: int  # how often a process gave up or lost the processor
    processor: int  # nanoseconds


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll a cheap condition."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(POLL)


def infrastructure(box: Box) -> list[int]:
    """The pids, as the host sees them, of all processes of a box that are not services."""
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


def pages(pid: int) -> list[int]:
    """The physical pages that a process has mapped (/proc/PID/pagemap)."""
    found: list[int] = []
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
            for line in maps:
                start, end = (int(text, 16) for text in line.split()[0].split("-"))
                if "[v" in line:  # vsyscall, vvar, vdso: the kernel's own
                    continue
                entries = array("Q", os.pread(pagemap.fileno(), (end - start) // PAGE * 8, start // PAGE * 8))
                found += [entry & PAGE_NUMBER for entry in entries if entry & PAGE_PRESENT]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [number for number in found if number]


def memory(pids: Iterable[int]) -> dict[int, Memory]:
    """The memory of each of these processes. A page that several of them share is divided among them.

    The kernel's own "Pss" would also divide it among processes in other boxes that map the same files.
    """
    mapped = {pid: pages(pid) for pid in pids}
    sharers = Counter(number for numbers in mapped.values() for number in set(numbers))
    found = {}
    for pid, numbers in mapped.items():
        unique = set(numbers)
        proportional = sum(1 / sharers[number] for number in unique)
        private = sum(sharers[number] == 1 for number in unique)
        found[pid] = Memory(len(unique) * PAGE / MIB, proportional * PAGE / MIB, private * PAGE / MIB)
    return found


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
    """How many processes a box has, including zombies. This is quick."""
    return sum(name.isdigit() for name in os.listdir(f"/proc/{box.pid1}/root/proc"))


def wait_quiet(box: Box, timeout: float = 30.0) -> None:
    """Wait until the infrastructure has used no processor time for a third of a second (caches, late clean-ups)."""
    deadline = time.monotonic() + timeout
    before = activity(infrastructure(box)).processor
    while time.monotonic() < deadline:
        time.sleep(0.3)
        now = activity(infrastructure(box)).processor
        if now - before < 1_000_000:
            return
        before = now
