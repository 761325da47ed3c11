"""Units that start others: sockets, timers and paths. How soon, how many, and what they cost while nothing happens."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack

from benchmarks import observe
from benchmarks.figures import Results, Say
from benchmarks.subjects import UNIT_SUBJECTS, Subject
from tests.box.harness import Box

ACTIVATION = "Activation"
WATCHED = 50  # sockets and timers that nothing happens to
IDLE_SECONDS = 10
# How many units of a type are started to see what one takes. The kernel gives a user 128 inotify descriptors.
MANY = {"socket": 200, "timer": 200, "path": 50}
CONNECTIONS = 100
DELAY_USEC = 200_000

# perl starts in a few milliseconds, and can use a descriptor by its number.
_GREET = 'open L, "+<&=3"; accept C, L; syswrite C, "x"; close C; sleep'

_UNITS = {
    "first.socket": "[Socket]\nListenStream=/run/first.socket\n",
    "first.service": f"[Service]\nExecStart=/usr/bin/perl -e '{_GREET}'\n",
    "each.socket": "[Socket]\nListenStream=/run/each.socket\nAccept=yes\nMaxConnections=1000\nTriggerLimitBurst=0\n",
    "each@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/echo x\n",
    "soon.timer": f"[Timer]\nOnActiveSec={DELAY_USEC}us\nAccuracySec=1us\n",
    "soon.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
}

_MANY = {
    "socket": "[Socket]\nListenStream=/run/many/{number}\nService=many.service\n",
    "timer": "[Timer]\nOnCalendar=2099-01-01 00:00:00\nOnActiveSec=1w\nUnit=many.service\n",
    "path": "[Path]\nPathExists=/run/none/{number}\nUnit=many.service\n",
}


def measure(results: Results, say: Say, rounds: int) -> None:
    """A box of each, one round after the other; then one for each type of unit, which shows what one unit takes."""
    with ExitStack() as stack:
        boxes = {subject: _booted(stack, subject) for subject in UNIT_SUBJECTS}
        for box in boxes.values():
            box.run("systemctl start first.socket each.socket", check=True)
        for number in range(rounds):
            say(f"activation: round {number + 1} of {rounds}")
            for subject, box in boxes.items():
                title = "connect() to the first byte of the service that it starts"
                results.row(ACTIVATION, title, "ms").add(subject.name, _first_byte(box))
                title = "Accept=yes: connections per second, one after the other"
                results.row(ACTIVATION, title, "", more_is_better=True).add(subject.name, _connections(box))
                title = "a timer's exec, later than asked for"
                results.row(ACTIVATION, title, "ms").add(subject.name, _lateness(box))
        for subject, box in boxes.items():
            say(f"activation: wake-ups, {subject.name}")
            names = " ".join(f"many-{number}.{kind}" for kind in ("socket", "timer") for number in range(WATCHED))
            box.run(f"systemctl start {names}", check=True, timeout=120)
            observe.wait_quiet(box)
            title = f"wake-ups in {IDLE_SECONDS} s, {WATCHED} sockets and {WATCHED} timers"
            results.row(ACTIVATION, title, "", budget="none").add(subject.name, float(_wake_ups(box)))
    for kind in _MANY:
        for subject in UNIT_SUBJECTS:
            say(f"activation: memory of a {kind} unit, {subject.name}")
            with ExitStack() as stack:
                row = results.row(ACTIVATION, f"PID 1, resident, for each active {kind} unit", "KiB")
                row.add(subject.name, _memory_of_one(_booted(stack, subject), kind))


def _booted(stack: ExitStack, subject: Subject) -> Box:
    box = stack.enter_context(subject.make())
    _lay_down(box)
    box.boot()
    box.wait_booted()
    observe.wait_quiet(box)
    return box


def _lay_down(box: Box) -> None:
    for name, text in _UNITS.items():
        box.write(f"/etc/systemd/system/{name}", f"[Unit]\nStartLimitIntervalSec=0\n{text}")
    box.write("/etc/systemd/system/many.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    for kind, text in _MANY.items():
        for number in range(MANY[kind]):
            box.write(f"/etc/systemd/system/many-{number}.{kind}", text.format(number=number))


def _connect(box: Box, name: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    # A path through the box's root is longer than the name of a socket may be.
    directory = os.open(f"/proc/{box.pid1}/root/run", os.O_PATH)
    try:
        client.connect(f"/proc/self/fd/{directory}/{name}")
    finally:
        os.close(directory)
    return client


def _first_byte(box: Box) -> float:
    """Milliseconds; the service is down before."""
    box.run("systemctl stop first.service", check=True)
    began = time.monotonic_ns()
    with _connect(box, "first.socket") as client:
        assert client.recv(1) == b"x"
        return (time.monotonic_ns() - began) / 1e6


def _connections(box: Box) -> float:
    """Per second; each is answered before the next one."""
    began = time.monotonic()
    for _ in range(CONNECTIONS):
        with _connect(box, "each.socket") as client:
            assert client.recv(1) == b"x"
    return CONNECTIONS / (time.monotonic() - began)


def _lateness(box: Box) -> float:
    """Milliseconds from when a timer was due to the execution of its service."""
    box.run("systemctl stop soon.timer", check=True)
    before = _property(box, "soon.service", "ExecMainStartTimestampMonotonic")
    box.run("systemctl start soon.timer", check=True)
    due = _property(box, "soon.timer", "ActiveEnterTimestampMonotonic") + DELAY_USEC
    time.sleep(2 * DELAY_USEC / 1e6)
    observe.wait_until(
        lambda: _property(box, "soon.service", "ExecMainStartTimestampMonotonic") != before, 20, "the timer"
    )
    return (_property(box, "soon.service", "ExecMainStartTimestampMonotonic") - due) / 1e3


def _property(box: Box, unit: str, name: str) -> int:
    return int(box.run(f"systemctl show --value -p {name} {unit}", check=True).stdout)


def _memory_of_one(box: Box, kind: str) -> float:
    """KiB: what many units that are started add to PID 1."""
    names = " ".join(f"many-{number}.{kind}" for number in range(MANY[kind]))
    before = observe.memory([box.pid1])[box.pid1].resident
    box.run(f"systemctl start {names}", check=True, timeout=120)
    observe.wait_quiet(box)
    return (observe.memory([box.pid1])[box.pid1].resident - before) * 1024 / MANY[kind]


def _wake_ups(box: Box) -> int:
    pids = observe.infrastructure(box)
    before = observe.activity(pids).switches
    time.sleep(IDLE_SECONDS)
    return observe.activity(pids).switches - before
