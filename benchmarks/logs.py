"""Logging through sockets: lines per second through each way in, and how many short-lived senders are known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from benchmarks import observe
from benchmarks.figures import Results, Say
from benchmarks.subjects import OURS, SYSTEMD, Subject, write_unit
from tests.box.harness import Box

SENDING = "Logging"
MESSAGES = 50_000
SHORT_LIVED = 2_000
COLLECTORS = {OURS: "collector", SYSTEMD: "systemd-journald"}

# Sends `count` messages of ordinary length in one way, and leaves behind how many seconds that took. (A socket holds a
# few of them only.)
SENDER = """
import socket, sys, time
way, count = sys.argv[1], int(sys.argv[2])
text = b"message number %d of a program that has much to say, of an ordinary length"
if way == "stream":
    log = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    log.connect("/run/systemd/journal/stdout")
    log.sendall(b"sends\\n\\n6\\n1\\n0\\n0\\n0\\n")
    text += b"\\n"
elif way == "syslog":
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.connect("/dev/log")
    text = b"<14>Nov 28 04:12:58 sends[77]: " + text
else:
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.connect("/run/systemd/journal/socket")
    text = b"MESSAGE=" + text + b"\\nPRIORITY=6\\nSYSLOG_IDENTIFIER=sends\\nCODE_FILE=sends.c\\nCODE_LINE=7\\n"
began = time.monotonic()
for number in range(count):
    log.sendall(text % number)
with open(sys.argv[3], "w") as file:
    file.write(str(time.monotonic() - began))
"""
TOOK = "/run/took"
WAYS = ("syslog", "native", "stream")
LOGGERS = "#!/bin/sh\nfor number in $(seq {count}); do logger -t {tag} $number; done\n"


def measure(results: Results, say: Say, subjects: Iterable[Subject], rounds: int) -> None:
    """All of it, without rate limits, and without showing what is logged, as journald usually does."""
    with ExitStack() as stack:
        boxes = {subject: _boot(stack, subject) for subject in subjects}
        about: dict[str, Any] = {"budget": "≥ journald", "limit": 1.0, "more_is_better": True}
        for way in WAYS:
            for number in range(rounds):
                for subject, box in boxes.items():
                    say(f"{way}, round {number + 1}: {subject.name}")
                    row = results.row(SENDING, f"lines per second, {way}", "1/s", **about)
                    row.add(subject.name, MESSAGES / _send(box, way))
        for number in range(rounds):
            for subject, box in boxes.items():
                say(f"short-lived senders, round {number + 1}: {subject.name}")
                title = f"{SHORT_LIVED:,} `logger`s of a unit's script that are known to be its"
                results.row(SENDING, title, "%", **about).add(subject.name, _known(box, f"short{number}"))
        for subject, box in boxes.items():
            (process,) = box.find(COLLECTORS[subject])
            memory = observe.memory([process.pid])[process.pid]
            title = "the process that receives, private, afterwards"
            results.row(SENDING, title, "MiB").add(subject.name, memory.private)


def _boot(stack: ExitStack, subject: Subject) -> Box:
    box = stack.enter_context(subject.make())
    box.write("/etc/systemd/journald.conf.d/quiet.conf", "[Journal]\nForwardToConsole=no\n")
    box.write("/usr/local/bin/sends", SENDER)
    command = f"python3 -IS /usr/local/bin/sends %i {MESSAGES} {TOOK}"
    write_unit(box, "sends@", f"[Service]\nType=oneshot\nExecStart={command}\n", "")
    box.boot()
    box.wait_booted()
    return box


def _send(box: Box, way: str) -> float:
    """Seconds in which all messages were taken."""
    box.run(f"systemctl start sends@{way}", check=True, timeout=300)
    box.run("journalctl --sync", check=True, timeout=60)
    return float(box.read(TOOK))


def _known(box: Box, tag: str) -> float:
    """The share of the short-lived senders whose unit is known."""
    box.write(f"/usr/local/bin/{tag}", LOGGERS.format(count=SHORT_LIVED, tag=tag))
    write_unit(box, tag, f"[Service]\nType=oneshot\nExecStart=/usr/local/bin/{tag}\n", "")
    box.run("systemctl daemon-reload", check=True)
    box.run(f"systemctl start {tag}", check=True, timeout=300)
    box.run("journalctl --sync", check=True, timeout=60)
    shown = box.run(f"journalctl -q -o json -t {tag}", check=True).stdout.splitlines()
    units = [json.loads(line).get("_SYSTEMD_UNIT") for line in shown]
    assert len(units) == SHORT_LIVED and set(units) <= {f"{tag}.service", None}
    return 100 * units.count(f"{tag}.service") / SHORT_LIVED
