"""The files that the collector writes what it has received to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from systemctl_replacement.process.collector.files import Files

UNITS = 150
OPEN_MAX = 64


def opened(directory: Path) -> int:
    """How many descriptors of this process are files of a directory."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{fd}").startswith(f"{directory}/")
        except FileNotFoundError:
            continue  # the one that the list was read with
    return found


def test_any_number_of_units_is_written_with_few_files_open(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    names = [f"u{number}.service" for number in range(UNITS)]
    for said in ("one by one", "again"):
        for name in names:
            files.add(name, f',"MESSAGE":"{said}"', False)
            files.flush()
            assert opened(tmp_path) <= OPEN_MAX
    for name in names:
        files.add(name, ',"MESSAGE":"at once"', False)
    files.flush()
    assert 0 < opened(tmp_path) <= OPEN_MAX
    files.close()
    assert opened(tmp_path) == 0
    for name in names:
        lines = (tmp_path / f"{name}.journal.jsonl").read_bytes().splitlines()
        records = [(record["__SEQNUM"], record["MESSAGE"]) for record in map(json.loads, lines)]
        assert records == [("1", "one by one"), ("2", "again"), ("3", "at once")]
