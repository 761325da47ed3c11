"""Records made from the lines that a unit prints."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.process.output import Output


def recorded(path: Path, fields: dict[str, str], data: bytes) -> list[list[tuple[str, Any]]]:
    """The records, each as its fields in order, including repeated ones."""
    output = Output("a.service", -1, {"path": str(path), "fields": fields}, -1, False)
    output._consume(data)
    output.log(4, "ours")
    output.close()
    return [json.loads(line, object_pairs_hook=list) for line in path.read_text().splitlines()]


def test_no_field_is_there_twice(tmp_path: Path) -> None:
    fields = {"SYSLOG_FACILITY": "9", "EXTRA": "z"}
    records = recorded(tmp_path / "j", fields, b"<3>printed\n")
    assert [len(record) - len(dict(record)) for record in records] == [0, 0]
    printed, ours = map(dict, records)
    assert (printed["MESSAGE"], printed["PRIORITY"], printed["SYSLOG_IDENTIFIER"]) == ("printed", "3", "a.service")
    assert (printed["SYSLOG_FACILITY"], printed["EXTRA"]) == ("9", "z")
    assert "EXTRA" not in ours  # it is the program's, as under systemd
    assert (ours["MESSAGE"], ours["PRIORITY"]) == ("a.service: ours", "4")


def test_what_is_said_of_the_unit_is_stored_up_to_a_level_as_well(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output = Output("a.service", -1, {"path": str(tmp_path / "j"), "max_stored": 3}, theirs.detach(), False)
    for level in (3, 4):
        output.log(level, str(level))
    (record,) = map(json.loads, (tmp_path / "j").read_text().splitlines())
    assert (record["MESSAGE"], record["__SEQNUM"]) == ("a.service: 3", "1")
    assert ours.recv(1000).endswith(b": a.service: 3\n") and ours.recv(1000).endswith(b": a.service: 4\n")
    ours.close()
    output.close()


class Consoles:
    """Consoles one after the other for a unit's output, each of which may die."""

    def __init__(self, directory: Path, as_json: bool = False) -> None:
        self.as_json = as_json
        self.socket, theirs = self._pair()
        self.output = Output("a.service", -1, {"path": str(directory / "j")}, theirs, as_json)

    @staticmethod
    def _pair() -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        return ours, theirs.detach()

    def replace(self) -> None:
        self.socket, theirs = self._pair()
        self.output.console.set(theirs, self.as_json)

    def shown(self) -> str:
        text = b""
        try:
            while True:
                text += self.socket.recv(100_000)
        except BlockingIOError:
            return text.decode()


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_printed_between_two_consoles_is_kept_for_the_next(tmp_path: Path, as_json: bool) -> None:
    consoles = Consoles(tmp_path, as_json)
    consoles.output._consume(b"one\n")
    assert "one" in consoles.shown()
    consoles.socket.close()
    consoles.output._consume(b"two\n")  # finds that it is gone
    consoles.output._consume(b"three\n")
    consoles.replace()
    consoles.output._consume(b"four\n")
    lines = consoles.shown().splitlines()
    if as_json:
        lines = [f"a.service[0]: {json.loads(line)['MESSAGE']}" for line in lines]
    assert lines == ["a.service[0]: two", "a.service[0]: three", "a.service[0]: four"]
    assert consoles.output.close() == (b"", 0)


def test_what_is_kept_for_no_console_is_given_back_at_the_end(tmp_path: Path) -> None:
    consoles = Consoles(tmp_path)
    consoles.socket.close()
    consoles.output._consume(b"my last \xff words\n")
    assert consoles.output.close() == (b"a.service[0]: my last \xff words\n", 0)


def test_a_console_that_is_to_come_is_waited_for_from_the_start_and_one_that_is_not_is_not(tmp_path: Path) -> None:
    for comes, kept in ((True, b"a.service[0]: hello\n"), (False, b"")):
        output = Output("a.service", -1, {"path": str(tmp_path / "j")}, -1, False, comes)
        output._consume(b"hello\n")
        assert output.close() == (kept, 0)


def test_what_is_kept_has_a_bound_and_the_rest_is_counted(tmp_path: Path) -> None:
    consoles = Consoles(tmp_path)
    consoles.socket.close()
    printed = [f"{number:099}" for number in range(1000)]
    consoles.output._consume("".join(f"{line}\n" for line in printed).encode())
    consoles.output._consume(b"short\n")  # not out of order
    consoles.replace()
    *lines, loss = consoles.shown().splitlines()
    assert 100 < len(lines) < 200
    assert lines == [f"a.service[0]: {line}" for line in printed[: len(lines)]]
    assert loss.endswith(f": a.service: {1001 - len(lines)} lines dropped, the console was blocked")


def test_lines_that_were_dropped_before_the_console_went_are_counted_in_their_place(tmp_path: Path) -> None:
    consoles = Consoles(tmp_path)
    while consoles.output.console.blocked() < 0:
        consoles.output._consume(b"x\n")
    consoles.socket.close()
    consoles.output._consume(b"two\n")
    consoles.replace()
    loss, two = consoles.shown().splitlines()
    assert "a.service: 1 lines dropped" in loss
    assert two == "a.service[0]: two"
