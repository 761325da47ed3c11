"""Boot, memory when it is up, halt: one life of a container after the other."""

from __future__ import annotations

import time
from typing import Any

from benchmarks import observe
from benchmarks.figures import Results, Say
from benchmarks.subjects import FOREGROUND, TINI, Subject, service_names
from tests.box.harness import Box

BOOT, HALT, MEMORY = "Boot", "Halt", "Memory"
FIRST_EXEC = "boot of 1 service: container start to its exec"
MEASURED_MEMORY = (0, 10, 100)


def measure(results: Results, say: Say, counts: list[int], rounds: int, subjects: tuple[Subject, ...]) -> None:
    """Measure each subject in turn, `rounds` times for each number of services."""
    for count in counts:
        few = min(rounds, 3) if count > 100 else rounds
        for number in range(few):
            for subject in subjects:
                if count > subject.most_services or (subject is TINI and not count):
                    continue
                say(f"boot, memory, halt: {count} services, {subject.name}, {number + 1} of {few}")
                _life(results, subject, count)


def foreground(results: Results, say: Say, rounds: int) -> None:
    """Measure `init -- COMMAND` without units beside tini, which does nothing else."""
    for number in range(rounds):
        for subject in (FOREGROUND, TINI):
            say(f"one command in the foreground: {subject.name}, {number + 1} of {rounds}")
            names = service_names(1)
            with subject.make() as box:
                subject.lay_down(box, names)
                box.boot()
                started = time.time_ns()
                row = results.row(BOOT, "one command in the foreground, no units: container start to its exec", "ms")
                row.add(subject.name, (max(observe.stamps(box, names, 120)) - started) / 1e6)
                observe.wait_quiet(box)
                memory = observe.memory(observe.infrastructure(box))
                resident = results.row(MEMORY, "PID 1, resident, one command in the foreground", "MiB")
                resident.add(subject.name, memory[box.pid1].resident)


def _life(results: Results, subject: Subject, count: int) -> None:
    names = service_names(count)
    with subject.make() as box:
        subject.lay_down(box, names)
        box.boot()
        started = time.time_ns()
        executed = observe.stamps(box, names, 120)
        if executed:
            # With one service the boot is measured up to its exec.
            title = FIRST_EXEC if count == 1 else f"boot of {count} services"
            row = results.row(BOOT, title, "ms", budget="≤ 1.0 × systemd", limit=1.0)
            row.add(subject.name, (max(executed) - started) / 1e6)
        if subject.has_units:
            box.wait_booted()
        observe.wait_quiet(box)
        if count in MEASURED_MEMORY:
            _memory(results, box, subject, count)
        if subject.halt_signal is not None and count:
            before = time.monotonic_ns()
            box.signal(subject.halt_signal)
            box.wait(60)
            title = f"halt of {count} service{'s' if count > 1 else ''}"
            row = results.row(HALT, title, "ms", budget="≤ 1.0 × systemd", limit=1.0)
            row.add(subject.name, (time.monotonic_ns() - before) / 1e6)


def _memory(results: Results, box: Box, subject: Subject, count: int) -> None:
    pids = observe.infrastructure(box)
    by_process = observe.memory(pids)
    first = by_process[box.pid1]
    total = sum(memory.proportional for memory in by_process.values())
    suffix = f"{count} service{'' if count == 1 else 's'}"
    budget: dict[str, Any] = {"budget": "≤ 1.1 × systemd", "limit": 1.1}
    results.row(MEMORY, f"PID 1, resident, {suffix}", "MiB", **budget).add(subject.name, first.resident)
    results.row(MEMORY, f"PID 1, proportional, {suffix}", "MiB").add(subject.name, first.proportional)
    about: dict[str, Any] = {"budget": "≤ 1.5 × systemd", "limit": 1.5} if count == 10 else {}
    results.row(MEMORY, f"all infrastructure, proportional, {suffix}", "MiB", **about).add(subject.name, total)
    results.row(MEMORY, f"number of infrastructure processes, {suffix}", "").add(subject.name, float(len(pids)))
