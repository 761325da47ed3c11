"""Records made from the lines that a unit prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from systemctl_replacement.process.output import Output


def recorded(path: Path, fields: dict[str, str], data: bytes) -> list[list[tuple[str, Any]]]:
    """The records, each as its fields in order, including repeated ones."""
    output = Output("a.service", -1, {"path": str(path), "fields": fields}, -1, False)
    output._consume(data)
    output.log(4, "ours")
    output.close()
    return [json.loads(line, object_pairs_hook=list) for line in path.read_text().splitlines()]


def test_no_field_is_there_twice(tmp_path: Path) -> None:
    fields = {"MESSAGE": "x", "PRIORITY": "0", "SYSLOG_IDENTIFIER": "y", "SYSLOG_FACILITY": "9", "EXTRA": "z"}
    records = recorded(tmp_path / "j", fields, b"<3>printed\n")
    assert [len(record) - len(dict(record)) for record in records] == [0, 0]
    printed, ours = map(dict, records)
    assert (printed["MESSAGE"], printed["PRIORITY"], printed["SYSLOG_IDENTIFIER"]) == ("printed", "3", "a.service")
    assert (printed["SYSLOG_FACILITY"], printed["EXTRA"], ours["EXTRA"]) == ("9", "z", "z")
    assert (ours["MESSAGE"], ours["PRIORITY"]) == ("a.service: ours", "4")
