"""Drawn journal entries: what journalctl 252 prints of them in each mode, the output modes print.

SYSTEMCTL_EXAMPLES=N draws N entries instead of a few, SYSTEMCTL_SEED=N others.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Union

import pytest

from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.journal.entry import Entry
from tests.box.harness import Box
from tests.conformance import known_journal
from tests.conformance.known_journal import Record
from tests.conformance.normalise import normalise_cursors

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "150"))
SEED = int(os.environ.get("SYSTEMCTL_SEED", "252"))

pytestmark = pytest.mark.box

BOOTS = ("1" * 32, "1" * 32, "1" * 32, "2" * 32)
LINES = (
    "short", "short-full", "short-iso", "short-iso-precise", "short-precise", "short-monotonic", "short-unix",
    "short-delta", "with-unit", "cat",
)  # fmt: skip
COLORED = {"SYSTEMD_COLORS": "1"}
OPTIONS: tuple[tuple[str, Mapping[str, Any], Mapping[str, str]], ...] = (
    ("", {}, {}),
    ("-a", {"all": True}, {}),
    ("--no-full", {"full": False, "columns": 60, "colors": True}, {"COLUMNS": "60", **COLORED}),
    (
        "--utc --no-hostname --output-fields=FOO",
        {"utc": True, "hostname": False, "fields": frozenset(["FOO"])},
        {},
    ),
)
# Emoji are wide for us, as they are on terminals; for 252 they are not. NUL ends texts there and not here.
PIECES = (
    "a", "b ", "\n", "\t", "\x1b[31m", "\x1b[0m", "\x1b", "\a", "é", "漢", '"', "\\", "\x7f", "\x9b", "\u200b", "=",
    "x" * 50, "\r", "\\n", "{", "}", "[", "0", "\ufeff", "e\u0301", "\uffff", "%s",
)  # fmt: skip
ENVIRONMENT = {"TZ": "Europe/Berlin", "SYSTEMD_URLIFY": "0", "LC_ALL": "C.UTF-8"}


def drawn(chance: random.Random) -> Iterator[Record]:
    for number in range(EXAMPLES):
        fields: dict[str, Union[str, list[str]]] = {
            "_SYSTEMD_UNIT": "a.service",
            "PRIORITY": chance.choice("012345678"),
        }
        if chance.random() < 0.98:
            fields["MESSAGE"] = value(chance)
        for name in ("SYSLOG_IDENTIFIER", "_PID", "_HOSTNAME", "_COMM", "SYSLOG_PID"):
            kind = chance.random()
            if kind < 0.8:
                # Names of several lines are shown there and not here.
                fields[name] = "name" if kind < 0.6 else value(chance, 3).replace("\n", "")
        for name in ("FOO", "BAR"):
            if chance.random() < 0.3:
                # Several values are new ones: the journal keeps each value once, and with it its order.
                both = [f"{number}{name}{value(chance, 4)}", f"{number}{name}2{value(chance, 4)}"]
                fields[name] = both if chance.random() < 0.2 else value(chance, 4)
        if chance.random() < 0.1:
            fields["_SOURCE_REALTIME_TIMESTAMP"] = chance.choice(
                ("0", "1", str(2**55 - 1), str(2**55), "1795765625000001")
            )
        flat = [
            (name, one) for name, found in fields.items() for one in (found if isinstance(found, list) else [found])
        ]
        passed = number * 1_234_567
        yield Record(1_795_765_625_231_820 + passed, 5_000_000 + passed, chance.choice(BOOTS), tuple(flat))


def value(chance: random.Random, most: int = 8) -> str:
    kind = chance.random()
    if kind < 0.1:
        data = bytes([chance.randrange(1, 256) for _ in range(chance.randint(1, 6))])
        return data.decode("utf-8", "surrogateescape")
    text = "".join([chance.choice(PIECES) for _ in range(chance.randint(0, most))])
    return text * chance.choice((60, 300, 1500)) if kind < 0.13 else text


def as_it_is(text: str) -> object:
    return text.split("\n")


def in_any_order(text: str) -> object:
    """The lines of fields, whose order is the journal's own."""
    return sorted(text.split("\n"))


def objects(text: str) -> object:
    return [json.loads(line.lstrip("\x1e").removeprefix("data: ")) for line in text.split("\n") if line]


def pretty_objects(text: str) -> object:
    return [json.loads(part + "}") for part in text.split("\n}\n") if part]


MODES: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(LINES, as_it_is),
    "verbose": in_any_order,
    "export": in_any_order,
    "json": objects,
    "json-sse": objects,
    "json-seq": objects,
    "json-pretty": pretty_objects,
}


def test_drawn_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, setting in ENVIRONMENT.items():
        monkeypatch.setenv(name, setting)
    time.tzset()
    records = list(drawn(random.Random(SEED)))
    entries = [Entry(known_journal.own_line(one, number)[:-1], "0" * 32) for number, one in enumerate(records, 1)]
    packages = ("dbus", "systemd", "systemd-sysv", *known_journal.PACKAGES)
    with Box(packages=packages, init=["sleep", "infinity"], ours=False) as box:
        known_journal.lay_down(box, records, systemd=True)
        differing = []
        for options, settings, environment in OPTIONS:
            for mode, form in MODES.items():
                if settings.get("colors") and mode.startswith(("json", "verbose")):
                    continue  # compared by the cases of the suite: their fields have no order
                words = f"journalctl -q -D {known_journal.DIRECTORY} --no-pager -o {mode} {options}"
                assigned = " ".join([f"{name}={setting}" for name, setting in {**ENVIRONMENT, **environment}.items()])
                theirs = base64.b64decode(box.run(f"{assigned} {words} | base64 -w 0", check=True).stdout)
                output = make(OutputSettings(mode, **settings))
                ours = b"".join([output.format(entry) for entry in entries])
                if form(shown(theirs)) != form(shown(ours)):
                    differing.append((words, first_difference(form(shown(theirs)), form(shown(ours)))))
        assert not differing


def shown(data: bytes) -> str:
    return normalise_cursors(data.decode("utf-8", "surrogateescape"))


def first_difference(theirs: Any, ours: Any) -> tuple[object, object]:
    pairs = zip(theirs, ours)
    return next((pair for pair in pairs if pair[0] != pair[1]), (len(theirs), len(ours)))
