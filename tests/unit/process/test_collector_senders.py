"""Which process has sent a message, and of which unit it is: never of a wrong one."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.process import seen_process
from systemctl_replacement.process.collector import senders, streams
from systemctl_replacement.process.collector.senders import Place, Sender, Senders
from systemctl_replacement.process.collector.stream import Stream
from systemctl_replacement.process.collector.units import Units
from systemctl_replacement.process.poller import Poller

TICK = seen_process.TICK_USEC
SECOND = 1_000_000


class Machine:
    """Processes that exist at a time that is told, and what the collector knows of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000 * SECOND
        self.processes: dict[int, tuple[bytes, int, int]] = {}
        self.looked_at: list[int] = []
        self.units = Units()
        self.to_hear: list[dict[str, Any]] = []
        self.senders = Senders(self.units, self._listen)
        monkeypatch.setattr(seen_process, "read_stat", self._stat)
        monkeypatch.setattr(seen_process, "read_command_line", lambda pid: f"command {pid}")
        monkeypatch.setattr(seen_process, "read_executable", lambda pid: "")
        monkeypatch.setattr(seen_process, "read_capabilities", lambda pid: "0")
        monkeypatch.setattr(senders, "now_boottime", lambda: self.now)

    def _stat(self, pid: int) -> tuple[bytes, int, int] | None:
        self.looked_at.append(pid)
        return self.processes.get(pid)

    def _listen(self) -> bool:
        heard, self.to_hear = self.to_hear, []
        for order in heard:
            self.units.tell(order)
        return bool(heard)

    def make(self, pid: int, parent: int, name: bytes = b"x") -> None:
        """A process begins now."""
        self.processes[pid] = name, parent, self.now // TICK

    def unit(self, name: str, supervisor: int) -> None:
        """A unit has a supervisor."""
        self.make(supervisor, 2)
        self.units.tell({"op": "unit", "unit": name, "supervisor": supervisor, "invocation": name[0] * 32})

    def find(self, pid: int, sent: int = 0, uid: int = 0) -> Sender:
        return self.senders.find(struct.pack("=iII", pid, uid, uid), sent or self.now)

    def unit_of(self, pid: int, sent: int = 0) -> str:
        unit = self.find(pid, sent).unit
        return unit.name if unit else ""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(monkeypatch)
    machine.make(1, 0)
    machine.make(2, 1)
    machine.unit("a.service", 10)
    machine.unit("b.service", 20)
    return machine


def test_a_process_is_of_the_unit_that_it_descends_from(machine: Machine) -> None:
    machine.make(11, 10)
    machine.make(12, 11)
    machine.make(13, 12)
    machine.make(21, 20)
    machine.make(30, 1)
    assert [machine.unit_of(pid) for pid in (11, 13, 21, 30, 1)] == ["a.service", "a.service", "b.service", "", ""]


def test_a_process_that_the_manager_names_and_its_children_are_of_that_unit(machine: Machine) -> None:
    machine.make(30, 1)
    machine.make(31, 30)
    machine.units.tell({"op": "pid", "unit": "c.service", "pid": 30})
    assert [machine.unit_of(pid) for pid in (30, 31)] == ["c.service", "c.service"]
    machine.units.forget(30)
    machine.make(32, 30)
    assert machine.unit_of(32) == ""


def test_a_process_that_is_gone_is_known_for_a_moment(machine: Machine) -> None:
    machine.make(11, 10)
    assert machine.unit_of(11) == "a.service"
    del machine.processes[11]
    machine.now += SECOND
    assert machine.unit_of(11, machine.now - SECOND) == "a.service"  # it sent this while it was there
    assert machine.unit_of(11, machine.now) == ""
    found = machine.find(11, machine.now, uid=5)
    assert (found.pid, found.uid, found.name) == (11, 5, b"")


def test_the_next_process_with_its_number_is_another_one(machine: Machine) -> None:
    machine.make(11, 10)
    assert machine.unit_of(11) == "a.service"
    machine.now += 5 * SECOND
    sent = machine.now
    machine.now += 5 * SECOND
    machine.make(11, 20)
    assert machine.unit_of(11, sent) == ""  # it had not begun then
    assert machine.unit_of(11) == "b.service"
    assert machine.unit_of(11, sent) == ""


def test_a_parent_that_began_after_its_child_is_none(machine: Machine) -> None:
    machine.make(11, 10)
    machine.make(12, 11)
    machine.now += SECOND
    machine.make(11, 20)  # the parent's number is somebody else's now
    assert machine.unit_of(12) == ""


def test_a_parent_is_remembered_and_looked_at_again(machine: Machine) -> None:
    machine.make(11, 10)
    for pid in range(100, 110):
        machine.make(pid, 11)
        assert machine.unit_of(pid) == "a.service"
    assert machine.looked_at.count(11) == 1
    machine.now += SECOND
    machine.make(11, 20)
    machine.make(110, 11)
    assert machine.unit_of(110) == "b.service"


def test_one_who_sends_much_is_not_looked_at_each_time(machine: Machine) -> None:
    machine.make(11, 10)
    for _ in range(100):
        machine.now += 1000
        assert machine.unit_of(11) == "a.service"
    assert machine.looked_at.count(11) <= 6


def test_what_the_manager_has_said_meanwhile_counts(machine: Machine) -> None:
    machine.make(40, 2)
    machine.make(41, 40)
    machine.to_hear = [{"op": "unit", "unit": "new.service", "supervisor": 40}]
    assert machine.unit_of(41) == "new.service"


def test_who_belongs_to_no_unit_may_do_so_later(machine: Machine) -> None:
    machine.make(30, 1)
    assert machine.unit_of(30) == ""
    machine.units.tell({"op": "pid", "unit": "c.service", "pid": 30})
    machine.now += SECOND
    assert machine.unit_of(30) == "c.service"


def test_a_renamed_unit_and_a_new_run(machine: Machine) -> None:
    machine.make(11, 10)
    place = Place()
    place.set({"_BOOT_ID": "b"})
    sender = machine.find(11)
    assert '"_SYSTEMD_UNIT":"a.service"' in sender.head("syslog", place)
    machine.units.rename("a.service", "z.service")
    assert '"_SYSTEMD_UNIT":"z.service"' in machine.find(11).head("syslog", place)
    # A process that outlives the run that it is from stays with that one.
    machine.units.forget(10)
    machine.now += SECOND
    machine.units.tell({"op": "unit", "unit": "z.service", "supervisor": 50, "invocation": "n" * 32})
    assert "z" * 32 not in machine.find(11).head("syslog", place) and "a" * 32 in machine.find(11).head("syslog", place)


def test_the_memory_is_bounded(machine: Machine) -> None:
    for pid in range(1000, 3000):
        machine.make(pid, 10)
        machine.find(pid)
    assert len(machine.senders._senders) <= 256


def test_a_program_that_executes_another_one_is_that_one(machine: Machine) -> None:
    machine.make(11, 10, b"sh")
    sender = machine.find(11)
    machine.senders.complete(sender)
    assert (sender.name, sender.command_line) == (b"sh", "command 11")
    machine.processes[11] = b"logger", *machine.processes[11][1:]
    machine.now += SECOND
    sender = machine.find(11)
    assert (sender.name, sender.detailed) == (b"logger", 0)


def read_streams(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[streams.Streams, list[Sender]]:
    """Streams that are read on a machine, and the senders of their lines, one for each."""
    monkeypatch.setattr(streams, "now_boottime", lambda: machine.now)
    taken: list[Sender] = []
    reader = streams.Streams(
        Poller(), machine.senders, machine.units, lambda sender, _stream, _line: taken.append(sender), lambda *_: None
    )
    return reader, taken


@pytest.mark.parametrize(("late", "unit"), [(SECOND // 10, "a.service"), (SECOND, "")])
def test_who_writes_over_a_stream_began_before_it_was_readable(
    late: int, unit: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is read late may be that of a process whose pid is another one's by then."""
    here = os.getpid()
    reader, taken = read_streams(machine, monkeypatch)
    ours, theirs = socket.socketpair()
    with ours:
        fd = theirs.detach()
        reader.resume(fd, 1, Stream("1" * 32).state())
        for _ in range(2):
            ours.sendall(b"line\n")
            machine.now += 10 * SECOND
            reader.note_ready([fd], False)
            machine.now += late
            machine.make(here, 10)
            reader.read(fd)
    reader.read(fd)
    assert [sender.unit.name if sender.unit else "" for sender in taken] == [unit, unit]


@pytest.mark.parametrize(("is_connecting", "unit"), [(False, "a.service"), (True, "")])
def test_who_is_accepted_began_before_somebody_waited(
    is_connecting: bool, unit: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of who connects, that somebody was read before says nothing."""
    here = os.getpid()
    reader, taken = read_streams(machine, monkeypatch)
    ours, theirs = socket.socketpair()
    with ours:
        reader.note_ready([], is_connecting)
        machine.now += SECOND
        machine.make(here, 10)
        machine.now += SECOND // 10
        fd = theirs.detach()
        reader.resume(fd, 1, Stream("1" * 32).state())
        ours.sendall(b"line\n")
        reader.read(fd)
    reader.read(fd)
    assert [sender.unit.name if sender.unit else "" for sender in taken] == [unit]


def test_our_own_process_as_proc_shows_it() -> None:
    stat = seen_process.read_stat(os.getpid())
    assert stat is not None
    name, parent, start = stat
    assert parent == os.getppid() and name == Path("/proc/self/comm").read_bytes().rstrip(b"\n")
    assert start * TICK <= senders.now_boottime()
    credentials = struct.pack("=iII", os.getpid(), os.getuid(), os.getgid())
    found = Senders(Units(), lambda: False)
    sender = found.find(credentials, senders.now_boottime())
    found.complete(sender)
    assert sender.start == start and sender.executable and sender.command_line
    assert found.find(credentials, time.monotonic_ns()) is sender


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        # As journald 252 shows them.
        ([b"/bin/sh", b"-c", b"echo out; sleep 1"], '/bin/sh -c "echo out; sleep 1"'),
        ([b"sh", b"-c", b'a "b" $c'], 'sh -c "a \\"b\\" \\$c"'),
        ([b"x", b"", b"*", "ü".encode(), b"a=b"], 'x "" "*" ü a=b'),
        ([b"\xff", b"a\tb\n", b"\x1b[m", b"\x7f"], '"\\377" "a\\tb\\n" "\\033[m" "\\177"'),
    ],
)
def test_a_command_line_is_quoted_as_journald_does(arguments: list[bytes], shown: str) -> None:
    assert seen_process.quoted(arguments) == shown
