"""A container that is up: restarts, orphans, idleness, loading units, logs."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from benchmarks import observe
from benchmarks.figures import Results, Say
from benchmarks.subjects import OURS, STAMPS, SYSTEMD, Subject, process_of, service_names, write_unit
from tests.box.harness import Box

RESTART, ORPHANS, IDLE, LOADING, LOGS = "Restart", "Orphans", "Idle", "Loading", "Logs"
RESTART_USEC = 100_000  # systemd's default RestartSec=, ours too
IDLE_SECONDS = 10
CHATTY_LINES = 200_000
READ_LAST = {
    OURS: "tail -n 4 /var/log/systemctl-replacement/chatty.service.journal.jsonl",
    SYSTEMD: "journalctl -q -u chatty -n 4 -o cat",
}

# Keeps `count` children, which become orphans and end all at once when a line arrives on its standard input.
ORPHANAGE = """
import os, sys
reading, writing = os.pipe()
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.close(writing); os.close(0); os.close(1)
        os.read(reading, 1)
        os._exit(0)
print("ready", flush=True)
sys.stdin.readline()
os._exit(0)
"""


def booted(stack: ExitStack, subject: Subject, names: list[str]) -> Box:
    """A box with a subject that is up and idle."""
    box = stack.enter_context(subject.make())
    subject.lay_down(box, names)
    box.boot()
    observe.stamps(box, names, 60)
    if subject.has_units:
        box.wait_booted()
    observe.wait_quiet(box)
    return box


def restarts(results: Results, boxes: dict[Subject, Box], rounds: int) -> None:
    """From kill -9 of the main process to the next execution."""
    name = service_names(1)[0]
    row = results.row(RESTART, "kill -9 to the next exec, less RestartSec=100ms", "ms", budget="≤ 20 ms", limit=None)
    for _ in range(rounds):
        for subject, box in boxes.items():
            seen = box.read(f"{STAMPS}/{name}").split()
            main = process_of(box, name)
            killed = time.time_ns()
            main.kill()
            took = (_next_stamp(box, name, len(seen)) - killed) / 1000
            row.add(subject.name, (took - (RESTART_USEC if subject.has_units else 0)) / 1000)
            time.sleep(1.1)  # s6 and runit start a service at most once a second


def _next_stamp(box: Box, name: str, seen: int) -> int:
    """The next time that a service wrote after its first `seen` times (realtime, ns)."""
    observe.wait_until(lambda: len(box.read(f"{STAMPS}/{name}").split()) > seen, 20, "restart")
    return int(box.read(f"{STAMPS}/{name}").split()[-1])


def _wait_for_process_count(box: Box, most: int) -> None:
    observe.wait_until(lambda: observe.process_count(box) <= most, 60, "orphans to be reaped")


def orphans(results: Results, boxes: dict[Subject, Box], counts: list[int], rounds: int) -> None:
    """Many orphans die at once: how long until the last has been reaped, and what that costs PID 1."""
    for count in counts:
        for _ in range(rounds):
            for subject, box in boxes.items():
                if count > subject.most_orphans:
                    continue
                before = observe.process_count(box)
                used = observe.activity([box.pid1]).processor
                process = box.popen(
                    ["python3", "-ISc", ORPHANAGE, str(count)], stdin=-1, stdout=-1, environment={"PYTHONWARNINGS": ""}
                )
                assert process.stdout is not None and process.stdin is not None
                process.stdout.readline()
                began = time.monotonic()
                process.stdin.write("\n")
                process.stdin.flush()
                _wait_for_process_count(box, before)
                took = time.monotonic() - began
                process.wait()
                process.stdin.close()
                process.stdout.close()
                cost = observe.activity([box.pid1]).processor - used
                results.row(ORPHANS, f"{count:,} orphans end at once: until reaped", "ms").add(subject.name, took * 1e3)
                results.row(ORPHANS, f"{count:,} orphans: processor time of PID 1", "ms").add(subject.name, cost / 1e6)


def idle(results: Results, boxes: dict[Subject, Box]) -> None:
    """Ten idle seconds."""
    pids = {subject: observe.infrastructure(box) for subject, box in boxes.items()}
    before = {subject: observe.activity(found) for subject, found in pids.items()}
    time.sleep(IDLE_SECONDS)
    for subject, found in pids.items():
        now = observe.activity(found)
        row = results.row(IDLE, f"wake-ups in {IDLE_SECONDS} s, 10 services", "", budget="none")
        row.add(subject.name, float(now.switches - before[subject].switches))
        results.row(IDLE, f"processor time in {IDLE_SECONDS} s, 10 services", "ms").add(
            subject.name, (now.processor - before[subject].processor) / 1e6
        )


def loading(results: Results, say: Say, counts: list[int], rounds: int) -> None:
    """A target that wants many units whose conditions fail: they are loaded, queued, checked, and skipped."""
    for count in counts:
        for _ in range(rounds):
            for subject in (OURS, SYSTEMD):
                say(f"loading {count} units, {subject.name}")
                with ExitStack() as stack:
                    box = stack.enter_context(subject.make())
                    for number in range(count):
                        write_unit(
                            box,
                            f"load-{number}",
                            f"[Unit]\nDescription=Number {number}\nConditionPathExists=/nonexistent\n"
                            "[Service]\nType=simple\nEnvironment=A=1 'B=two words'\nExecStart=/bin/sleep infinity\n"
                            "ExecStop=/bin/true\nRestart=on-failure\n[Install]\nWantedBy=multi-user.target\n",
                            "load.target",
                        )
                    box.write("/etc/systemd/system/load.target", "[Unit]\nDescription=All of them\n")
                    box.boot()
                    box.wait_booted()
                    observe.wait_quiet(box)
                    used = observe.activity([box.pid1]).processor
                    began = time.monotonic()
                    box.run("systemctl start load.target", check=True, timeout=120)
                    took = time.monotonic() - began
                    cost = observe.activity([box.pid1]).processor - used
                    title = f"start of a target with {count:,} skipped units"
                    results.row(LOADING, title, "ms").add(subject.name, took * 1e3)
                    results.row(LOADING, f"{title}: PID 1's processor time per unit", "µs", budget="linear").add(
                        subject.name, cost / 1e3 / count
                    )
                    began = time.monotonic()
                    box.run("systemctl daemon-reload", check=True, timeout=120)
                    results.row(LOADING, f"daemon-reload with {count:,} units loaded", "ms").add(
                        subject.name, (time.monotonic() - began) * 1e3
                    )


def logs(results: Results, boxes: dict[Subject, Box], rounds: int) -> None:
    """One service that prints as fast as it can, until its last line can be read."""
    text = "a line of a service that has much to say, of an ordinary length, again and again"
    script = f"#!/bin/sh\nyes '{text}' | head -n {CHATTY_LINES}\necho the end of $(cat {STAMPS}/round)\n"
    for box in boxes.values():
        box.write("/usr/local/bin/chatty", script)
        write_unit(box, "chatty", "[Service]\nType=oneshot\nExecStart=/usr/local/bin/chatty\n", "")
        box.run("systemctl daemon-reload", check=True)
    for number in range(rounds):
        for subject, box in boxes.items():
            box.write(f"{STAMPS}/round", f"{number}\n")
            began = time.monotonic()
            box.run("systemctl start chatty", check=True, timeout=120)
            box.wait_for(lambda: f"the end of {number}" in box.run(READ_LAST[subject]).stdout, 60)  # noqa: B023
            took = time.monotonic() - began
            about: dict[str, Any] = {"budget": "≥ journald", "limit": 1.0, "more_is_better": True}
            results.row(LOGS, "lines per second, one chatty service", "1/s", **about).add(
                subject.name, CHATTY_LINES / took
            )
