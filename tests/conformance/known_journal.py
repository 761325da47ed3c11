r"""Journals whose contents are known, with the same records for real systemd and for ours.

A case's file `journal` has a line for each record, and lines with what the following records have in common:

    boot 0123456789abcdef0123456789abcdef 1700000000    boot id, and when its monotonic clock began (seconds)
    as _SYSTEMD_UNIT=a.service _PID=7 …                 instead of what the last such line said
    12.5 'the message' PRIORITY=3 …                     seconds after that

A field that is named several times has several values. Words are quoted as in a shell, and then \n, \t, \xHH … are
replaced: HH are the bytes of values that are not text.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from systemctl_replacement import wire
from systemctl_replacement.journal import names, record
from tests.box.harness import Box

PACKAGES = ("systemd-journal-remote",)
DIRECTORY = "/var/lib/case/journal"
_EXPORTED = "/var/lib/case/journal.export"
_IMPORT = (
    f"/lib/systemd/systemd-journal-remote --split-mode=none --seal=no --compress=no"
    f" --output={DIRECTORY}/known.journal {_EXPORTED} && rm {_EXPORTED}"
)


@dataclass(frozen=True)
class Record:
    """One record. Times are in microseconds. `fields` has text in which surrogates stand for bytes that are not."""

    realtime: int
    monotonic: int
    boot: str
    fields: tuple[tuple[str, str], ...]


def parse(text: str) -> tuple[Record, ...]:
    """The records of a case's file. ValueError."""
    records = []
    boot, beginning, common = "", 0, {}
    for line in text.splitlines():
        words = [_unescaped(word) for word in shlex.split(line, comments=True)]
        if words[:1] == ["boot"]:
            boot, beginning = words[1], int(words[2]) * 1_000_000
        elif words[:1] == ["as"]:
            common = dict(_assignment(word) for word in words[1:])
        elif words:
            monotonic = round(float(words[0]) * 1_000_000)
            own = [_assignment(word) for word in words[2:]]
            shared = [(name, value) for name, value in common.items() if name not in dict(own)]
            records.append(Record(beginning + monotonic, monotonic, boot, (("MESSAGE", words[1]), *shared, *own)))
    return tuple(records)


def _unescaped(word: str) -> str:
    return word.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")


def _assignment(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} is no assignment")
    return name, value


def lay_down(box: Box, records: Iterable[Record], *, systemd: bool) -> None:
    """Make `DIRECTORY` in a box: binary files for real systemd, for ours a file of each unit."""
    if not systemd:
        for name, text in _own_files(records):
            box.write(f"{DIRECTORY}/{name}", text)
        return
    box.write(_EXPORTED, "".join(map(_exported, records)))
    box.run(f"mkdir -p {DIRECTORY} && {_IMPORT}", check=True)


def _own_files(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    files: dict[str, list[bytes]] = {}
    for one in records:
        fields = dict(one.fields)
        unit = fields.get("_SYSTEMD_UNIT", "")
        name = names.file_name(unit) if unit and unit != "init.scope" else names.MANAGER_FILE
        if unit and ("OBJECT_SYSTEMD_UNIT" in fields or "COREDUMP_UNIT" in fields):
            name = f"other{names.SUFFIX}"  # a unit prints nothing of the kind
        lines = files.setdefault(name, [])
        lines.append(own_line(one, len(lines) + 1))
    for name, lines in files.items():
        yield name, b"".join(lines).decode("utf-8", "surrogateescape")


def own_line(one: Record, number: int) -> bytes:
    """A record as a line of a file of ours."""
    values: dict[str, list[object]] = {}
    for name, value in one.fields:
        values.setdefault(name, []).append(record.plain(value))
    head = {
        "__SEQNUM": str(number),
        "__REALTIME_TIMESTAMP": str(one.realtime),
        "__MONOTONIC_TIMESTAMP": str(one.monotonic),
        "_BOOT_ID": one.boot,
    }
    fields = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    return wire.dumps({**head, **fields}) + b"\n"


def _exported(one: Record) -> str:
    """A record in the Journal Export Format."""
    text = f"__REALTIME_TIMESTAMP={one.realtime}\n__MONOTONIC_TIMESTAMP={one.monotonic}\n_BOOT_ID={one.boot}\n"
    for name, value in one.fields:
        if value.isprintable():
            text += f"{name}={value}\n"
        else:
            raw = value.encode("utf-8", "surrogateescape")
            text += f"{name}\n{(len(raw).to_bytes(8, 'little') + raw).decode('utf-8', 'surrogateescape')}\n"
    return text + "\n"
