"""What is stored of the lines that a unit prints, with which fields, and where else they go."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.process import seen_process
from systemctl_replacement.process.output import Output
from systemctl_replacement.process.rate_limit import burst_for

OWN = {"SYSLOG_IDENTIFIER": "systemd", "_PID": "1", "_HOSTNAME": "box", "_MACHINE_ID": "m" * 32}
IDLE = {"path": "", "boot": "b" * 32, "own": OWN}


class Unit:
    """A unit's output, and what becomes of it."""

    def __init__(self, directory: Path, **journal: Any) -> None:
        self.path = directory / "j"
        self.shown, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.shown.setblocking(False)
        self.output = Output("a.service", -1, {**IDLE, "path": str(self.path), **journal}, theirs.detach(), False)

    def print(self, *lines: bytes) -> None:
        self.output._consume(b"".join([line + b"\n" for line in lines]))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def messages(self) -> list[str]:
        return [record["MESSAGE"] for record in self.records()]

    def on_console(self) -> str:
        try:
            return self.shown.recv(100_000).decode()
        except BlockingIOError:
            return ""


def test_the_fields_of_a_line(tmp_path: Path) -> None:
    unit = Unit(tmp_path, fields={"_SYSTEMD_SLICE": "system.slice", "EXTRA": "x", "_SYSTEMD_INVOCATION_ID": "i" * 32})
    unit.output.attribute(os.getpid(), "tests")
    unit.print(b"<5>hello")
    [record] = unit.records()
    executable = os.readlink("/proc/self/exe")
    assert record.pop("_CMDLINE").split(" ")[0] == Path("/proc/self/cmdline").read_text().split("\0")[0]
    assert len(record.pop("_STREAM_ID")) == 32 and int(record.pop("_CAP_EFFECTIVE"), 16) >= 0
    assert {name: value for name, value in record.items() if not name.startswith("__")} == {
        "MESSAGE": "hello",
        "PRIORITY": "5",
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": "tests",
        "EXTRA": "x",
        "_TRANSPORT": "stdout",
        "_PID": str(os.getpid()),
        "_UID": str(os.getuid()),
        "_GID": str(os.getgid()),
        "_COMM": Path("/proc/self/comm").read_text().strip(),
        "_EXE": executable,
        "_BOOT_ID": "b" * 32,
        "_MACHINE_ID": "m" * 32,
        "_HOSTNAME": "box",
        "_SYSTEMD_UNIT": "a.service",
        "_SYSTEMD_SLICE": "system.slice",
        "_SYSTEMD_INVOCATION_ID": "i" * 32,
    }


def test_a_process_is_looked_at_again_after_a_second_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [{"_COMM": "sh"}, {"_COMM": "nginx", "_UID": "33"}, {}]
    monkeypatch.setattr(seen_process, "describe", lambda _pid: found.pop(0))
    unit = Unit(tmp_path)
    unit.output.attribute(4711, "nginx")
    for _ in range(3):
        unit.print(b"x", b"y")
        unit.print(b"z")
        unit.output._described_at -= 1_000_001
    names = [record.get("_COMM") for record in unit.records()]
    assert names == ["sh"] * 3 + ["nginx"] * 6 and not found
    assert unit.records()[-1]["_UID"] == "33"
    unit.output.attribute(4712, "nginx")  # which is not the one before
    monkeypatch.setattr(seen_process, "describe", lambda _pid: {})
    unit.print(b"x")
    assert "_COMM" not in unit.records()[-1]


def test_a_zombie_and_one_that_is_gone_are_no_defect() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert seen_process.describe(pid)["_UID"] == str(os.getuid())
    os.waitpid(pid, 0)
    assert seen_process.describe(pid) == {}


def test_a_limit_of_rate_counts_for_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result((1, 1, 1, 1, 1, 1, 1, 1, 1, 1)))
    assert burst_for(3, 1) == 3
    unit = Unit(tmp_path, rate_limit=[60_000_000, 3])
    unit.print(*[b"line %d" % number for number in range(6)], b"<3>an error")
    assert unit.messages() == ["line 0", "line 1", "line 2", "an error"]
    assert unit.on_console().count("line") == 6
    for pool in unit.output._limit._pools.values():  # type: ignore[union-attr]
        pool[0] -= 60_000_001
    unit.print(b"later")
    suppressed, later = unit.records()[-2:]
    assert (suppressed["MESSAGE"], later["MESSAGE"]) == ("Suppressed 3 messages from a.service", "later")
    assert (suppressed["N_DROPPED"], suppressed["UNIT"], suppressed["_TRANSPORT"]) == ("3", "a.service", "driver")
    assert int(later["__SEQNUM"]) == int(suppressed["__SEQNUM"]) + 1


@pytest.mark.parametrize(
    ("by_configuration", "of_unit", "expected"),
    [
        ([None, None], None, None),
        ([0, None], None, None),
        ([None, 0], None, None),
        ([5, None], None, (5, 10_000)),
        ([None, 7], None, (30_000_000, 7)),
        ([None, None], [5, None], (5, 10_000)),
        ([0, 0], [5, 7], (5, 7)),
        ([5, 7], [None, 8], (5, 8)),
    ],
)
def test_which_limit_counts(
    tmp_path: Path, by_configuration: list[Any], of_unit: list[Any] | None, expected: tuple[int, int] | None
) -> None:
    unit = Unit(tmp_path, rate_limit=by_configuration)
    unit.output.configure({"unit_rate_limit": of_unit} if of_unit else {})
    limit = unit.output._limit
    assert (limit and (limit.interval, limit.burst)) == expected


def test_levels_of_what_is_stored_shown_and_forwarded(tmp_path: Path) -> None:
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    unit = Unit(tmp_path, max_stored=4, console_level=5, max_forwarded=3, syslog=str(tmp_path / "syslog"))
    unit.output.attribute(os.getpid(), "tests")
    unit.print(*[b"<%d>level %d" % (level, level) for level in (6, 5, 4, 3)])
    assert unit.messages() == ["level 4", "level 3"]
    assert [int(record["__SEQNUM"]) for record in unit.records()] == [1, 2]
    assert [line[-1:] for line in unit.on_console().splitlines()] == ["5", "4", "3"]
    datagram = daemon.recv(1000)
    assert datagram.startswith(b"<27>") and datagram.endswith(b" tests[%d]: level 3" % os.getpid())
    with pytest.raises(BlockingIOError):
        daemon.recv(1000)


def test_a_level_alone_in_a_line_says_nothing_of_the_next(tmp_path: Path) -> None:
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    unit = Unit(tmp_path, max_stored=4, syslog=str(tmp_path / "syslog"))
    unit.print(b"<3>", b"<4> \t", b"info", b"<3>error")
    assert unit.messages() == ["error"]
    assert [daemon.recv(1000)[:4] for _ in range(2)] == [b"<30>", b"<27>"]


def test_what_a_daemon_has_no_room_for_is_told(tmp_path: Path) -> None:
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    unit = Unit(tmp_path, syslog=str(tmp_path / "syslog"))
    printed = 2000
    for _ in range(2):  # what is missed soon after it was told is told at the end
        unit.print(*[b"line"] * (printed // 2))
    heard = 0
    with contextlib.suppress(BlockingIOError):
        while daemon.recv(1000):
            heard += 1
    unit.output.close()
    told = [record for record in unit.records() if record["MESSAGE"] != "line"]
    found = [re.fullmatch(r"a.service: Forwarding to syslog missed (\d+) messages\.", line["MESSAGE"]) for line in told]
    assert [line["PRIORITY"] for line in told] == ["4", "4"]
    # The first of these two lines was itself missed.
    assert sum([int(match[1]) for match in found if match]) == printed + 1 - heard > 0


def test_nobody_is_looked_for_again_at_once_where_no_daemon_was(tmp_path: Path) -> None:
    unit = Unit(tmp_path, syslog=str(tmp_path / "syslog"))
    unit.print(b"before")
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    unit.print(b"too soon")
    unit.output._forward._absent_until -= 1_000_000
    unit.print(b"heard")
    assert daemon.recv(1000).endswith(b"]: heard")


def test_what_the_console_does_not_get_is_stored_all_the_same(tmp_path: Path) -> None:
    for settings in ({"console": "none"}, {"console_identifiers": ["b"]}, {"console_level": 3}):
        unit = Unit(tmp_path, **settings)
        unit.output.attribute(0, "a")
        unit.print(b"x")
        assert unit.on_console() == ""
        assert unit.messages()[-1] == "x"


def test_nothing_is_stored_without_a_place(tmp_path: Path) -> None:
    shown, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output = Output("a.service", -1, {"own": OWN, "max_stored": 3}, theirs.detach(), False)
    output._consume(b"hello\n")
    assert shown.recv(1000) == b"a.service[0]: hello\n"
