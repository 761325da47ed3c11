"""What is measured: programs for PID 1, how each is told about its services, and which of its processes are its own.

Every subject runs the same services: a shell that writes the time of its execution to its own file and becomes
`sleep`.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Callable, Optional

import psutil

from tests.box.harness import Box

STAMPS = "/bench"
# What a service becomes, followed by its name. Everything else in a box is infrastructure.
SERVICE_MARK = "sleep 7777"

# The first thing that a service does. Host and box share the clock.
STAMP_SCRIPT = f"#!/bin/sh\ndate +%s%N >> {STAMPS}/$1\nexec {SERVICE_MARK} ${{1#bench-}}\n"
STAMP_PATH = "/usr/local/bin/stamp"


def service_names(count: int) -> list[str]:
    """Names of `count` services."""
    return [f"bench-{number:03d}" for number in range(count)]


@dataclass(frozen=True)
class Subject:
    """A PID 1. `lay_down(box, names)` puts services into a box that has not been booted."""

    name: str
    make: Callable[[], Box]
    lay_down: Callable[[Box, list[str]], None]
    halt_signal: Optional[int] = None  # None: it has no orderly halt
    has_units: bool = False  # understands unit files
    most_services: int = 1000  # more would take longer than the rest of the run
    most_orphans: int = 10_000


def write_unit(box: Box, name: str, text: str, target: str = "multi-user.target") -> None:
    """Write an enabled unit, as `systemctl enable` leaves it."""
    path = f"/etc/systemd/system/{name}.service"
    box.write(path, text)
    if target:
        box.symlink(path, f"/etc/systemd/system/{target}.wants/{name}.service")


def _prepare(box: Box) -> None:
    box.write(STAMP_PATH, STAMP_SCRIPT)
    box.write(f"{STAMPS}/.keep", "")


def process_of(box: Box, name: str) -> psutil.Process:
    """The main process of a service."""
    return box.find(f"{SERVICE_MARK} {name.partition('-')[2]}")[0]


def _lay_down_units(box: Box, names: list[str]) -> None:
    _prepare(box)
    for name in names:
        write_unit(
            box,
            name,
            f"[Unit]\nDescription=Service {name} of the benchmark\nStartLimitIntervalSec=0\n"
            f"[Service]\nType=exec\nExecStart={STAMP_PATH} {name}\nRestart=always\n"
            "[Install]\nWantedBy=multi-user.target\n",
        )


def _lay_down_run_scripts(directory: str) -> Callable[[Box, list[str]], None]:
    def lay_down(box: Box, names: list[str]) -> None:
        _prepare(box)
        box.write(f"{directory}/.keep", "")
        for name in names:
            box.write(f"{directory}/{name}/run", f"#!/bin/sh\nexec {STAMP_PATH} {name}\n")

    return lay_down


def _lay_down_supervisord(box: Box, names: list[str]) -> None:
    _prepare(box)
    text = (
        "[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/run/supervisord.pid\n"
    )
    for name in names:
        text += f"[program:{name}]\ncommand={STAMP_PATH} {name}\nstartsecs=0\nautorestart=true\n"
    box.write("/etc/bench-supervisord.conf", text)


def _lay_down_single(box: Box, names: list[str]) -> None:
    _prepare(box)


# Throughput is measured. (journald's log is volatile, as in a container without /var/log/journal.)
_WITHOUT_LIMIT = {"/etc/systemd/journald.conf.d/bench.conf": "[Journal]\nRateLimitIntervalSec=0\n"}


def _make(systemd: bool) -> Box:
    return Box(systemd=systemd, files=_WITHOUT_LIMIT, boot=False)


def _make_small(package: str, *argv: str) -> Callable[[], Box]:
    return lambda: Box(packages=[package], ours=False, profile="docker", init=list(argv), boot=False)


OURS = Subject("ours", lambda: _make(systemd=False), _lay_down_units, signal.SIGRTMIN + 3, has_units=True)
SYSTEMD = Subject("systemd", lambda: _make(systemd=True), _lay_down_units, signal.SIGRTMIN + 3, has_units=True)
S6 = Subject("s6", _make_small("s6", "s6-svscan", "/srv/s6"), _lay_down_run_scripts("/srv/s6"), signal.SIGTERM)
# runsvdir exits without waiting for its services.
RUNIT = Subject("runit", _make_small("runit", "runsvdir", "/srv/runit"), _lay_down_run_scripts("/srv/runit"))
SUPERVISORD = Subject(
    "supervisord",
    _make_small("supervisor", "supervisord", "-c", "/etc/bench-supervisord.conf"),
    _lay_down_supervisord,
    signal.SIGTERM,
    most_services=10,  # it stops three or four a second
    most_orphans=1000,  # and reaps a hundred
)
TINI = Subject(
    "tini",
    _make_small("tini", "tini", "--", STAMP_PATH, service_names(1)[0]),
    _lay_down_single,
    signal.SIGTERM,
    most_services=1,
)

# One command in the foreground, and no units. Its subject is "ours" as well: it has rows of its own, beside tini.
FOREGROUND = Subject(
    "ours",
    lambda: Box(init=["/usr/bin/systemctl", "init", "--", STAMP_PATH, service_names(1)[0]], boot=False),
    _lay_down_single,
    signal.SIGTERM,
    most_services=1,
)

UNIT_SUBJECTS = (OURS, SYSTEMD)
ALL_SUBJECTS = (OURS, SYSTEMD, S6, RUNIT, SUPERVISORD, TINI)
