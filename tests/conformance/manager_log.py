"""What the manager itself has logged about the units of a case, as text that can be compared.

A record is a line: unit, priority, message, and then the fields that say something. Ids, which are drawn, are numbered
in the order in which they appear; what every record of the manager has in common is shown only where it is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

OF_NONE = "-"
"""Instead of a unit: what is about no unit."""

# What every record of the manager says. (A process that has not become its program yet speaks in its own name.)
USUAL = {
    "SYSLOG_FACILITY": "3",
    "SYSLOG_IDENTIFIER": "systemd",
    "_COMM": "systemd",
    "_GID": "0",
    "_HOSTNAME": "box",
    "_PID": "1",
    "_RUNTIME_SCOPE": "system",
    "_SYSTEMD_UNIT": "init.scope",
    "_TRANSPORT": "journal",
    "_UID": "0",
}
_UNTOLD = re.compile(r"_|CODE_|TID$|UNIT$|ERRNO$|MESSAGE$|PRIORITY$")
_SEEN = ("_COMM", "_SYSTEMD_UNIT", "_UID", "_GID")
_DRAWN = ("INVOCATION_ID", "JOB_ID")
# How much of something was used is unknown without control groups.
_ACCOUNTING = re.compile(r"Consumed \S+.* CPU time|IP traffic|IO traffic")
_VOLATILE = (
    (re.compile(r"\b([Pp]rocess|PID|pid) \d+\b"), r"\1 PID"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?(?:us|ms|s|min)\b ?)+ago"), "SPAN ago"),
)


# Commands that print all records of a box as lines of JSON.
SYSTEMD = "journalctl --sync; journalctl -q --all -o json"
OURS = "cat /var/log/systemctl-replacement/*.journal.jsonl"


def lines(text: str, units: Sequence[str], since: int) -> Iterator[str]:
    """The records about these units from a time on (realtime usec), unit by unit. text: JSON lines, in any order."""
    records = sorted(_records(text, since), key=lambda record: int(record["__REALTIME_TIMESTAMP"]))
    drawn: dict[tuple[str, str], str] = {}
    for unit in units:
        about = [record for record in records if unit in _units(record)]
        # A child says what it has to say at the same time as the manager.
        for record in sorted(about, key=lambda record: record["_PID"] != USUAL["_PID"]):
            yield _line(record, unit, drawn)


def _records(text: str, since: int) -> Iterator[dict[str, str]]:
    for line in text.splitlines():
        record = json.loads(line)
        ours = record.get("_SYSTEMD_UNIT") == "init.scope" or "UNIT" in record
        if ours and int(record["__REALTIME_TIMESTAMP"]) >= since and not _ACCOUNTING.search(str(record["MESSAGE"])):
            yield record


def _units(record: Mapping[str, Any]) -> list[str]:
    """The units that a record is about, as a field may have several values."""
    units = record.get("UNIT", OF_NONE)
    return units if isinstance(units, list) else [units]


def _line(record: Mapping[str, str], unit: str, drawn: dict[tuple[str, str], str]) -> str:
    told = [f"{name}={value}" for name, value in sorted(_fields(record, drawn))]
    message = record["MESSAGE"]
    for pattern, replacement in _VOLATILE:
        message = pattern.sub(replacement, message)
    return " ".join([unit, f"<{record.get('PRIORITY')}>", repr(message), *told])


def _fields(record: Mapping[str, str], drawn: dict[tuple[str, str], str]) -> Iterable[tuple[str, str]]:
    told = {**dict.fromkeys(USUAL, "(missing)"), **record}
    if told["_PID"] != USUAL["_PID"]:
        # It was a child, which may have been gone before journald could look at it.
        told.update({name: USUAL[name] for name in _SEEN})
    for name, value in told.items():
        if value in ("", "n/a") or (name in USUAL and value == USUAL[name]):
            continue  # it says nothing
        if name in _DRAWN:
            known = sum(key == name for key, _ in drawn)
            yield name, drawn.setdefault((name, value), str(known + 1))
        elif name == "_PID":
            yield name, "PID"
        elif not _UNTOLD.match(name) or name in USUAL:
            yield name, value
