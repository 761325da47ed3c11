"""Queries over many files, compared with what reading everything gives."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
from pathlib import Path

import pytest

from systemctl_replacement.journal import lines as lines_module
from systemctl_replacement.journal.cursor import parse_cursor
from systemctl_replacement.journal.entry import Entry
from systemctl_replacement.journal.expression import All, Any, Is
from systemctl_replacement.journal.names import archive_name
from systemctl_replacement.journal.query import Journal, Query
from systemctl_replacement.journal.writer import Writer

BOOTS = ("a" * 32, "b" * 32, "c" * 32)
BEGUN = (1_700_000_000_000_000, 1_700_000_500_000_000, 1_700_001_000_000_000)

WORDS = ("Über", "plain", 'say "x"', "x" * 300)


class Written:
    """Journals of some units over three boots, in live files and archives, and what is in them in order."""

    def __init__(self, directory: Path, seed: int, units: int = 4, count: int = 300) -> None:
        self.directory = directory
        draw = random.Random(seed)
        files: dict[str, list[dict[str, str]]] = {}
        moment = itertools.count(5, 3)
        self.records: list[dict[str, str]] = []
        for boot, begun in zip(BOOTS, BEGUN):
            for _ in range(count):
                name = f"{draw.choice(['', 'received/'])}u{draw.randrange(units)}.service.journal.jsonl"
                own = files.setdefault(name, [])
                monotonic = next(moment)
                unit = os.path.basename(name).partition(".journal")[0]
                record = {
                    "__SEQNUM": str(len(own) + 1),
                    "__REALTIME_TIMESTAMP": str(begun + monotonic),
                    "__MONOTONIC_TIMESTAMP": str(monotonic),
                    "_SYSTEMD_UNIT": unit,
                    "_BOOT_ID": boot,
                    "PRIORITY": str(draw.randrange(8)),
                    "MESSAGE": f"{draw.choice(WORDS)} {len(self.records)}",
                }
                own.append(record)
                self.records.append(record)
        (directory / "received").mkdir()
        for name, own in files.items():
            while len(own) > 40 and draw.random() < 0.8:
                part, own = own[:40], own[40:]
                first = part[0]
                archive = archive_name(name, int(first["__SEQNUM"]), int(first["__REALTIME_TIMESTAMP"]))
                write(directory / archive, part)
            write(directory / name, own)

    def journal(self) -> Journal:
        return Journal([str(self.directory)])


def write(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))


def messages(entries: list[Entry]) -> list[object]:
    return [entry.fields["MESSAGE"] for entry in entries]


def texts(records: list[dict[str, str]]) -> list[str]:
    return [record["MESSAGE"] for record in records]


@pytest.fixture(params=[1, 2])
def written(tmp_path: Path, request: pytest.FixtureRequest) -> Written:
    return Written(tmp_path, request.param)


def test_everything_in_order(written: Written) -> None:
    journal = written.journal()
    assert messages(list(journal.entries(Query()))) == texts(written.records)
    assert messages(list(journal.entries(Query(), newest_first=True))) == texts(written.records[::-1])


@pytest.mark.parametrize("block", [1, 50, 1000])
def test_any_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    written = Written(tmp_path, 3, count=40)
    monkeypatch.setattr("systemctl_replacement.journal.query._BLOCK_MIN", block)
    monkeypatch.setattr("systemctl_replacement.journal.query.BLOCK", block)
    monkeypatch.setattr(lines_module, "_FIRST", block)
    assert messages(list(written.journal().entries(Query()))) == texts(written.records)
    assert messages(list(written.journal().entries(Query(), newest_first=True))) == texts(written.records[::-1])


def test_times(written: Written) -> None:
    journal = written.journal()
    times = [int(record["__REALTIME_TIMESTAMP"]) for record in written.records]
    for since, until in [
        (times[10], times[800]),
        (times[300] + 1, times[301]),
        (0, times[0]),
        (times[-1] + 1, 0),
        (1, 2),
    ]:
        wanted = [record for record, time in zip(written.records, times) if since <= time <= (until or times[-1])]
        query = Query(since=since, until=until)
        assert messages(list(journal.entries(query))) == texts(wanted)
        assert messages(list(journal.entries(query, newest_first=True))) == texts(wanted[::-1])


def test_boots(written: Written) -> None:
    journal = written.journal()
    assert [boot.id for boot in journal.boots()] == list(BOOTS)
    for boot in journal.boots():
        own = [record for record in written.records if record["_BOOT_ID"] == boot.id]
        assert boot.first == int(own[0]["__REALTIME_TIMESTAMP"]) and boot.last == int(own[-1]["__REALTIME_TIMESTAMP"])
        assert messages(list(journal.entries(Query(boots=(boot.id,))))) == texts(own)
        assert messages(list(journal.entries(Query(boots=(boot.id,)), newest_first=True))) == texts(own[::-1])
    assert journal.latest_boot() == BOOTS[-1]
    both = [record for record in written.records if record["_BOOT_ID"] != BOOTS[1]]
    assert messages(list(journal.entries(Query(boots=(BOOTS[0], BOOTS[2])), newest_first=True))) == texts(both[::-1])


def test_expressions(written: Written) -> None:
    journal = written.journal()
    of_unit = Is("_SYSTEMD_UNIT", b"u1.service")
    errors = Any([Is("PRIORITY", b"3"), Is("PRIORITY", b"2")])
    wanted = [record for record in written.records if record["_SYSTEMD_UNIT"] == "u1.service"]
    assert messages(list(journal.entries(Query(of_unit)))) == texts(wanted)
    wanted = [record for record in wanted if record["PRIORITY"] in "23"]
    assert messages(list(journal.entries(Query(All([of_unit, errors]))))) == texts(wanted)
    assert messages(list(journal.entries(Query(Is("MESSAGE", "Über 0".encode()))))) in ([], ["Über 0"])
    assert not list(journal.entries(Query(Any([]))))
    assert len(list(journal.entries(Query(All([]))))) == len(written.records)


@pytest.mark.parametrize(
    "pattern", ["Über", "plain 1?", "^say", 'x" [0-9]+5$', "PLAIN", "x{200}", "(plain)?", "x|plain"]
)
@pytest.mark.parametrize("flags", [re.NOFLAG if hasattr(re, "NOFLAG") else re.UNICODE, re.IGNORECASE])
def test_grep(written: Written, pattern: str, flags: int) -> None:
    compiled = re.compile(pattern, flags)
    wanted = [record for record in written.records if compiled.search(record["MESSAGE"])]
    assert messages(list(written.journal().entries(Query(grep=compiled)))) == texts(wanted)


def test_cursors(written: Written) -> None:
    journal = written.journal()
    entries = list(journal.entries(Query()))
    for at in (0, 1, 299, 300, 500, len(entries) - 1):
        cursor = parse_cursor(entries[at].cursor)
        after = Query(after=cursor, inclusive=False)
        assert messages(list(journal.entries(after))) == texts(written.records[at + 1 :])
        assert messages(list(journal.entries(after, newest_first=True))) == texts(written.records[:at][::-1])
        assert messages(list(journal.entries(Query(after=cursor)))) == texts(written.records[at:])
        assert messages(list(journal.entries(Query(after=cursor), newest_first=True))) == texts(written.records[at::-1])


def test_cursors_where_a_unit_has_files_in_two_directories(tmp_path: Path) -> None:
    places = tmp_path / "a", tmp_path / "b"
    for number, place in enumerate(places):
        Writer(f"{place}/a.service.journal.jsonl").write(
            {"_BOOT_ID": BOOTS[0], "MESSAGE": str(number)}, (1000 + number, 1000 + number)
        )
    journal = Journal(map(str, places))
    entries = list(journal.entries(Query()))
    for at, entry in enumerate(entries):
        cursor = parse_cursor(entry.cursor)
        assert messages(list(journal.entries(Query(after=cursor)))) == messages(entries[at:])
        assert messages(list(journal.entries(Query(after=cursor, inclusive=False)))) == messages(entries[at + 1 :])


@pytest.mark.parametrize("kept", ["bm", "si", "t", "bmt", "sibmt"])
def test_cursors_of_files_that_are_gone(written: Written, kept: str) -> None:
    entries = list(written.journal().entries(Query()))
    place = entries[500]
    name = place.fields["_SYSTEMD_UNIT"]
    text = ";".join(part for part in place.cursor.split(";") if part[0] in kept)
    if "t" in kept or "b" in kept:
        for path in [*written.directory.glob(f"{name}*"), *written.directory.glob(f"received/{name}*")]:
            path.unlink()
    left = [
        entry.line for entry in entries[500:] if "s" == kept[0] == kept[-1] or entry.fields["_SYSTEMD_UNIT"] != name
    ]
    if kept == "si":
        left = [entry.line for entry in entries[500:]]
    found = [entry.line for entry in written.journal().entries(Query(after=parse_cursor(text)))]
    assert found == left


@pytest.mark.parametrize("text", ["", "x", "s=1;i=1", "i=zz", "t=" + "f" * 20, "s=" + "a" * 32, "q"])
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match=r"cursor|invalid literal"):
        parse_cursor(text)


def test_values_and_names(written: Written) -> None:
    journal = written.journal()
    assert sorted(journal.unique("_SYSTEMD_UNIT")) == [b"u%d.service" % number for number in range(4)]
    assert sorted(journal.unique("MESSAGE")) == sorted(text.encode() for text in set(texts(written.records)))
    assert journal.field_names() == ["MESSAGE", "PRIORITY", "_BOOT_ID", "_SYSTEMD_UNIT"]


def test_a_field_with_several_values(tmp_path: Path) -> None:
    head = '{"__SEQNUM":"1","__REALTIME_TIMESTAMP":"5","__MONOTONIC_TIMESTAMP":"5",'
    rows = ['"A":["x","y"]', '"A":[[1,255],"y"]', '"A":[120]', '"A":"x"', '"B":"\\"A\\":\\"x\\""']
    (tmp_path / "a.service.journal.jsonl").write_text("".join(f"{head}{row}}}\n" for row in rows))
    journal = Journal([str(tmp_path)])

    def found(value: bytes) -> int:
        return len(list(journal.entries(Query(Is("A", value)))))

    assert (found(b"x"), found(b"y"), found(b"\x01\xff"), found(b"z")) == (3, 2, 1, 0)
    assert sorted(journal.unique("A")) == [b"\x01\xff", b"x", b"y"]


def test_the_end_is_found_without_reading_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written(tmp_path, 1, count=4000)
    read = 0
    pread = os.pread

    def counted(descriptor: int, size: int, position: int) -> bytes:
        nonlocal read
        data = pread(descriptor, size, position)
        read += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)
    journal = written.journal()
    assert messages(list(itertools.islice(journal.entries(Query(), newest_first=True), 10))) == texts(
        written.records[:-11:-1]
    )
    since = Query(since=int(written.records[-3]["__REALTIME_TIMESTAMP"]))
    assert messages(list(journal.entries(since))) == texts(written.records[-3:])
    assert [boot.id for boot in journal.boots()] == list(BOOTS)
    assert read < sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl")) / 2


def test_files_without_a_match_are_read_no_further_than_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = '{{"__SEQNUM":"{0}","__REALTIME_TIMESTAMP":"{0}","__MONOTONIC_TIMESTAMP":"{0}",'
    for unit in range(2):
        lines = [f'{head.format(number)}"A":"{unit}","MESSAGE":"{"x" * 200}"}}\n' for number in range(1, 20_000)]
        (tmp_path / f"u{unit}.service.journal.jsonl").write_text("".join(lines))
    read = 0
    pread = os.pread

    def counted(descriptor: int, size: int, position: int) -> bytes:
        nonlocal read
        read += size
        return pread(descriptor, size, position)

    monkeypatch.setattr(os, "pread", counted)
    for newest_first in (False, True):
        read = 0
        found = Journal([str(tmp_path)]).entries(Query(Is("A", b"1")), newest_first)
        assert len(list(itertools.islice(found, 10))) == 10
        assert read < 1_000_000
    assert len(list(Journal([str(tmp_path)]).entries(Query(Any([Is("A", b"1"), Is("A", b"0")]))))) == 2 * 19_999


def test_who_can_have_a_line() -> None:
    def could(expression: Is | All | Any, name: str, received: bool = False) -> bool:
        return expression.could_match(f"{name}.journal.jsonl", received)

    of_unit = Is("_SYSTEMD_UNIT", b"a@1.service")
    about = All([Is("UNIT", b"a@1.service"), Is("_PID", b"1")])
    of_others = All([Is("OBJECT_SYSTEMD_UNIT", b"a@1.service"), Is("_UID", b"0")])
    assert could(of_unit, "a@1.service") and could(of_unit, "other") and could(of_unit, "some file")
    assert not could(of_unit, "a.service") and not could(of_unit, "manager")
    assert could(about, "manager") and could(about, "a@1.service") and not could(about, "b.service")
    assert could(of_others, "b.service", received=True) and not could(of_others, "b.service")
    assert could(Is("_SYSTEMD_UNIT", b"init.scope"), "b.service") and could(Is("A", b"b"), "b.service")
    assert could(Any([of_unit, about]), "manager") and not could(Any([]), "manager")
