"""Kubernetes' termination message, in the file that is mounted for it, and in nothing else."""

from __future__ import annotations

import os
import stat

import pytest

from tests.engine.manager.engine import Engine, wait_for

FAILS = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo first; echo \"last \\033[2J\"; exit 3'\n"
DEAF = (
    "[Service]\nTimeoutStopSec=60\n"
    "ExecStart=/bin/sh -c 'trap \"\" TERM; echo up >>@ROOT@/notes; while :; do sleep 0.1; done'\n"
)


def engine(*boot: str, **units: str) -> Engine:
    e = Engine({f"{name}.service": text for name, text in units.items()}, boot=boot, keep_running=False)
    (e.root / "dev").mkdir()
    return e


def test_a_service_that_has_failed() -> None:
    e = engine("a", a=FAILS)
    place = e.root / "dev/termination-log"
    place.touch()
    with e:
        assert e.wait_ended() == 3
        assert place.read_text() == (
            "Exit status 3: the units that init was started for have ended.\n"
            "a.service: Failed with result 'exit-code', exit status 3.\n"
            "  first\n"
            "  last ?[2J\n"
        )


def test_what_cannot_be_started() -> None:
    e = engine("nosuch")
    place = e.root / "dev/termination-log"
    place.touch()
    with e:
        assert e.wait_ended() == 5
        assert place.read_text() == (
            "Exit status 5: what init was to start cannot be started.\n"
            "Failed to start nosuch.service: Unit nosuch.service not found.\n"
        )


def test_a_halt_that_runs_out_of_time() -> None:
    e = engine("--stop-timeout=2", "deaf", "--keep-running", deaf=DEAF)
    place = e.root / "dev/termination-log"
    place.touch()
    with e:
        wait_for(lambda: e.noted() == ["up"], "the service")
        assert e.halt() == 124
        lines = place.read_text().split("\n")
        assert lines[0] == "Exit status 124: processes had to be killed."
        assert "Stop timeout reached, killing remaining processes: deaf.service" in lines


@pytest.mark.parametrize("fails", [False, True])
def test_a_halt_in_order_tells_of_failed_units_only(fails: bool) -> None:
    e = engine("--keep-running", "a", a=FAILS if fails else FAILS.replace("exit 3", "exit 0"))
    place = e.root / "dev/termination-log"
    place.touch()
    with e:
        e.wait_sub("a.service", "failed" if fails else "dead")
        assert e.halt() == 0
        assert place.read_text()[:15] == ("Exit status 0.\n" if fails else "")


@pytest.mark.parametrize("what", ["nothing", "own", "fifo", "read fifo", "link", "directory", "device"])
def test_what_is_no_empty_file_is_left_alone(what: str) -> None:
    e = engine("a", a=FAILS)
    place, other = e.root / "dev/termination-log", e.root / "other"
    other.touch()
    reader = -1
    if what == "own":
        place.write_text("mine")
    elif "fifo" in what:
        os.mkfifo(place)
        reader = os.open(place, os.O_RDONLY | os.O_NONBLOCK) if what == "read fifo" else -1
    elif what == "link":
        place.symlink_to(other)
    elif what == "directory":
        place.mkdir()
    elif what == "device":
        try:
            os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")
    with e:
        assert e.wait_ended() == 3
        assert other.read_text() == ""
        if what == "own":
            assert place.read_text() == "mine"
        if reader >= 0:
            assert os.read(reader, 100) == b""
            os.close(reader)
        assert (f"Cannot write {place}" in e.text()) == (what not in ("nothing", "own"))
