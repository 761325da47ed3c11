"""What is stored and shown of what was received: it is JSON whatever was sent, and no sender sets a field of ours."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from systemctl_replacement.process import forward
from systemctl_replacement.process.collector import dispatch, native, records, syslog
from systemctl_replacement.process.collector.dispatch import Dispatch, Settings
from systemctl_replacement.process.collector.files import Files
from systemctl_replacement.process.collector.senders import Sender, Senders, now_boottime
from systemctl_replacement.process.collector.units import Units


class Desk:
    """All that becomes of messages of this process, which is of a unit."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.units = Units()
        self.units.tell({"unit": "a.service", "supervisor": os.getpid(), "journal": {"fields": {"EXTRA": "yes"}}})
        self.files = Files(str(directory))
        self.senders = Senders(self.units, lambda: False)
        self.dispatch = Dispatch(self.senders, self.files)
        self.dispatch.place.set({"_BOOT_ID": "b" * 32})

    def sender(self) -> Sender:
        return self.senders.find(struct.pack("=iII", os.getpid(), os.getuid(), os.getgid()), now_boottime())

    def records(self) -> list[dict[str, Any]]:
        self.dispatch.flush()
        path = self.directory / "a.service.journal.jsonl"
        text = path.read_bytes() if path.exists() else b""
        assert text.isascii() and (not text or text.endswith(b"\n"))

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            assert len(dict(pairs)) == len(pairs)
            return dict(pairs)

        path.write_bytes(b"")
        return [json.loads(line, object_pairs_hook=unique) for line in text.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("received"))
    yield made
    made.files.close()


def as_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, list) else str(value).encode()


ANY_DATA = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ANY_DATA
@given(st.binary(max_size=300))
def test_a_datagram_becomes_a_record(desk: Desk, data: bytes) -> None:
    desk.dispatch.take_syslog(desk.sender(), syslog.parse(data), data, 7)
    (record,) = desk.records()
    assert record["_PID"] == str(os.getpid()) and record["_TRANSPORT"] == "syslog" and record["EXTRA"] == "yes"
    assert record["_SOURCE_REALTIME_TIMESTAMP"] == "7" and len(record["PRIORITY"]) == 1
    assert as_bytes(record["MESSAGE"]) in data


NAMES = st.sampled_from(["MESSAGE", "PRIORITY", "EXTRA", "OBJECT_UID", "_PID", "__SEQNUM", "UNIT"])


@ANY_DATA
@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6))
def test_an_entry_becomes_a_record(desk: Desk, fields: list[tuple[str, bytes]]) -> None:
    data = b"".join(b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(value)), value) for name, value in fields)
    for entry in native.parse(data):
        assert isinstance(entry, native.Entry)
        desk.dispatch.take_entry(desk.sender(), entry, 7)
    stored = desk.records()
    allowed = [(name, value) for name, value in fields if not name.startswith("_")]
    assert len(stored) == bool(allowed)
    for record in stored:
        assert record["_PID"] == str(os.getpid()) and record["__SEQNUM"].isdigit()
        for name in {name for name, _ in allowed}:
            values = [value for other, value in allowed if other == name]
            shown = record[name] if len(values) > 1 else [record[name]]
            assert [as_bytes(value) for value in shown] == values
        assert "EXTRA" in dict(allowed) or record["EXTRA"] == "yes"


def test_what_is_too_large_as_a_record_is_left_out_and_said(desk: Desk) -> None:
    (entry,) = native.parse(b"MESSAGE=x\nF=" + b"\1" * (3 << 20) + b"\n")
    assert isinstance(entry, native.Entry)
    desk.dispatch.take_entry(desk.sender(), entry, 7)
    assert desk.records() == []
    said = (desk.directory / "other.journal.jsonl").read_text()
    assert f"Message of process {os.getpid()} is too large to be stored" in said


@given(st.binary(), st.binary())
def test_no_line_on_the_console_passes_for_another_senders(identifier: bytes, message: bytes) -> None:
    lines = forward.as_lines(forward.prefix(identifier, 42), message).split(b"\n")
    assert lines.pop() == b"" and lines
    begins = {line[: line.index(b"[42]: ")] for line in lines}
    assert len(begins) == 1


@pytest.mark.parametrize("message", [b"\n" * 4_000_000, b"x" * 4_000_000, b"a\n" * 200 + b"x" * 4_000_000])
def test_a_long_message_is_cut_on_the_console(message: bytes, desk: Desk) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    desk.dispatch.console.set(theirs.detach(), False)
    lines = forward.as_lines(forward.prefix(b"i" * 100_000, 42), message)
    assert len(lines) < 150_000
    assert lines.endswith(b" more bytes are in the journal]\n")
    entry = native.Entry()
    entry.fields["MESSAGE"] = [message]
    full: list[bool] = []
    while True not in full:
        desk.dispatch.take_entry(desk.sender(), entry, 7)
        full.append(desk.dispatch.is_full)
    assert len(full) < 1000
    desk.dispatch.flush()
    assert 0 < len(ours.recv(1 << 20)) < 150_000
    ours.close()
    desk.dispatch.console.set(-1, False)
    desk.records()


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("order", [{"max_level_store": 3}, {"interval": 60_000_000, "burst": 1}, {}])
def test_what_is_not_stored_is_shown_all_the_same(tmp_path: Path, order: dict[str, int], as_json: bool) -> None:
    desk = Desk(tmp_path)
    desk.dispatch.settings = Settings(order)
    desk.units.set_limits(order.get("interval", 0), order.get("burst", 0))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    desk.dispatch.console.set(theirs.detach(), as_json)
    sender = desk.sender()
    for level in (3, 6):
        desk.dispatch.take_syslog(sender, syslog.parse(b"<%d>me: syslog" % level), b"", 7)
        (entry,) = native.parse(b"MESSAGE=native\nPRIORITY=%d\n" % level)
        assert isinstance(entry, native.Entry)
        desk.dispatch.take_entry(sender, entry, 7)
        desk.dispatch.take_line(sender, b"me", "1" * 32, (level, b"stream", ""))
    stored = [record["__SEQNUM"] for record in desk.records()]
    assert len(stored) == {"max_level_store": 3, "interval": 2}.get(next(iter(order), ""), 6)
    lines = ours.recv(1 << 20).decode().splitlines()
    ours.close()
    desk.files.close()
    if as_json:
        shown = [json.loads(line) for line in lines]
        assert [record["MESSAGE"] for record in shown] == ["syslog", "native", "stream"] * 2
        assert [record["__SEQNUM"] for record in shown if record["__SEQNUM"] != "0"] == stored
    else:
        assert [line.split(": ")[1] for line in lines] == ["syslog", "native", "stream"] * 2


def test_what_was_suppressed_is_said_when_the_next_interval_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0]
    monkeypatch.setattr(dispatch, "monotonic", lambda: clock[0])
    desk = Desk(tmp_path)
    monkeypatch.setattr(desk.files, "space", lambda: 1)
    desk.units.set_limits(1_000_000, 3)
    sender, read = desk.sender(), syslog.parse(b"<14>me: said")
    for clock[0], count in ((1_000_000, 10), (2_000_000, 10), (2_000_001, 2), (4_000_000, 1)):
        desk.dispatch.begin()
        for _ in range(count):
            desk.dispatch.take_syslog(sender, read, b"", 7)
    found = desk.records()
    desk.files.close()
    told = [record for record in found if record["_TRANSPORT"] == "driver"]
    assert [record["MESSAGE"] for record in found if record not in told] == ["said"] * 6
    (record,) = told
    assert found.index(record) == 3
    assert record["MESSAGE"] == "Suppressed 17 messages from a.service" and record["N_DROPPED"] == "17"
    assert record["UNIT"] == record["OBJECT_SYSTEMD_UNIT"] == "a.service"
    assert (record["PRIORITY"], record["SYSLOG_IDENTIFIER"]) == ("6", "systemd-journald")


def test_how_much_a_syslog_daemon_has_missed_is_said_and_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    console, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader:
        reader.setblocking(False)
        desk.dispatch.console.set(console.detach(), False)
        for missed, ends in ((3, False), (2, True)):  # it is said every half minute at most, and at the end
            desk.dispatch.syslog.missed = missed
            desk.dispatch.flush(ends=ends)
            assert f"Forwarding to syslog missed {missed} messages." in reader.recv(4096).decode()
    desk.files.close()
    assert (tmp_path / "other.journal.jsonl").read_text().count("Forwarding to syslog missed") == 2


def test_what_goes_on_to_a_syslog_daemon() -> None:
    assert forward.as_syslog(13, b"me", 5, b"text").startswith(b"<13>")
    assert forward.as_syslog(13, b"me", 5, b"text").endswith(b" me[5]: text")
    nobody = forward.SyslogForward()
    nobody.path = "/nonexistent/syslog"
    nobody.send(b"lost, and no error")
    assert nobody.take_missed(0) == ""


BEGINNINGS = st.sampled_from(
    [b"<13>Nov 28 04:12:58 me[9]", b"<13>Nov 28 04:12:58 a b", b"<13>me", b"<13>Nov 28 04:12:58 x ", b"y"]
)
ENDS = st.sampled_from(
    [b"", b": ", b": one", b": two: three", b":  four", b": five ", b": six\0", b": \n", b": se\nven", b"x: y"]
)


@given(st.lists(st.tuples(BEGINNINGS, ENDS), max_size=20))
def test_what_is_remembered_of_beginnings_changes_nothing(parts: list[tuple[bytes, bytes]]) -> None:
    usual = records.UsualSyslog()
    for begin, end in parts:
        read, parsed = usual.read(begin + end), syslog.parse(begin + end)
        assert (read.text or records.of_syslog(read)) == records.of_syslog(parsed)
        for name in ("priority", "facility", "identifier", "message", "raw", "pid", "timestamp"):
            assert getattr(read, name) == getattr(parsed, name)


LINES = st.sampled_from([b"A=1\n", b"MESSAGE=x\n", b"B=\xff\n", b"_C=1\n", b"a=1\n", b"PRIORITY=3\n", b"=\n", b"A==\n"])


@given(st.lists(LINES, max_size=8))
def test_a_usual_entry_is_read_as_any_other(lines: list[bytes]) -> None:
    data = b"".join(lines)
    usual = list(native.parse(data))
    other = list(native.parse(data + b"\n\n"))  # not one of the usual form
    assert [vars_of(entry) for entry in usual] == [vars_of(entry) for entry in other]


def vars_of(entry: native.Entry | native.Refused) -> tuple[object, ...]:
    assert isinstance(entry, native.Entry)
    text = entry.text or records.of_fields(entry.fields)
    return entry.fields, entry.priority, entry.facility, entry.object_pid, text


def test_a_field_that_a_unit_adds_may_be_no_text() -> None:
    assert records.without({"A": "caf\udcff", "B": "b"}, {"B"}) == ',"A":[99,97,102,255]'
