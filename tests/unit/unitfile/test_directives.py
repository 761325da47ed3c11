"""The directive table: complete, consistent, and no value can break a parser."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from systemctl_replacement.exec_directories import KINDS
from systemctl_replacement.syscalls import RLIMITS
from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import MERGE, Directive
from systemctl_replacement.unitfile.directives.honoured import FAMILIES
from systemctl_replacement.unitfile.parsers.parse_context import Fatal, Invalid, ParseContext, Refused
from systemctl_replacement.unitfile.properties.convert import raw
from systemctl_replacement.unitfile.specifiers import Host, Subject
from systemctl_replacement.units.table import TYPES
from tests.unit.unitfile.oracle import SYSTEMD, needs_systemd

BUILT = [section for unit_type, section in directives.TYPE_SECTIONS.items() if TYPES[unit_type].is_supported]
ROWS = [(section, row) for section in directives.SECTIONS for row in directives.section_table(section).values()]


@needs_systemd
@pytest.mark.skipif(not os.access(SYSTEMD, os.X_OK), reason=f"{SYSTEMD} is not installed")
def test_every_directive_of_systemd_is_known() -> None:
    shown = subprocess.run([SYSTEMD, "--dump-configuration-items"], capture_output=True, text=True, check=True).stdout
    section = ""
    known = missing = 0
    for line in shown.splitlines():
        if line.startswith("["):
            section = line[1:-1]
        elif "=" in line:
            known += 1
            missing += directives.lookup(section, line.partition("=")[0]) is None
    assert known > 1100
    assert missing == 0


def test_rows_are_sound() -> None:
    for section, row in ROWS:
        where = f"{section}.{row.name}"
        assert row.honoured.word in ("full", "best-effort", "not-yet", "ignored"), where
        assert (row.honoured.word == "full") == (row.honoured.reason == ""), where
        assert (row.honoured.word == "ignored") == (row.honoured in FAMILIES), where
        assert 0 <= row.since <= 260, where
        for own, target in row.sets:
            group = target in ("Conditions", "Asserts", "Listen", "Timers", "Paths")
            assert group or directives.lookup(own or section, target) is not None, where
        if row.combine == MERGE:
            assert row.default == (), where


# Rooms that act on settings. What `show` and `status` print is none of it.
ACTING = ("manager", "units", "jobs", "process", "supervision", "enablement")
PACKAGE = Path(directives.__file__).parents[2]
# What is honoured though its name stands nowhere outside unitfile/: how then.
READ_OTHERWISE = {
    "Documentation": "`help` opens it",
    "SourcePath": "the loader keeps it in the unit",
    "Sockets": "dependencies follow from it",
    **dict.fromkeys(("OnSuccessJobMode", "OnFailureJobMode"), "by the kind of dependency"),
    **dict.fromkeys(("FailureActionExitStatus", "SuccessActionExitStatus"), "by the action"),
    **dict.fromkeys((f"Limit{name}" for name in RLIMITS), "all limits in one loop"),
    **dict.fromkeys((f"{kind.directive}Mode" for kind in KINDS), "all kinds of directories in one loop"),
    **dict.fromkeys(
        ("CPUAccounting", "MemoryAccounting", "TasksAccounting"), "`status` counts whether it is set or not"
    ),
}
# What is read and yet not honoured: why not.
NOT_HONOURED = {
    "JoinsNamespaceOf": "known as a dependency, for `show`",
    "Listen": "all but USB functions are honoured",
    "CPUWeight": "the order in which jobs begin, no share of the processor",
    **dict.fromkeys(("RuntimeMaxSec", "RuntimeRandomizedExtraSec", "TimeoutStopSec"), "of services, and not of scopes"),
}


def words_of_acting_rooms() -> set[str]:
    """Every string constant outside unitfile/ that may be the name of a setting somebody acts on."""
    found = set()
    modules = [path for room in ACTING for path in (PACKAGE / room).rglob("*.py") if not path.name.startswith("show")]
    for path in (*modules, PACKAGE / "exec_directories.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_what_is_honoured_is_read_and_nothing_else() -> None:
    words = words_of_acting_rooms()
    read, not_read = set(), set()
    for section in ("Unit", *BUILT, "Install"):
        for row in directives.section_table(section).values():
            names = {name for _, name in row.sets} or {row.name}
            if row.honoured.applied and not names & words:
                not_read |= names
            if not row.honoured.applied:
                read |= names & words
    assert not_read - READ_OTHERWISE.keys() == set(), "honoured, but nobody reads them"
    assert read - NOT_HONOURED.keys() == set(), "read, but not said to be honoured"
    assert not READ_OTHERWISE.keys() - not_read, "exceptions that are none"
    assert not NOT_HONOURED.keys() - read, "exceptions that are none"


def test_a_default_is_shown_as_if_it_were_assigned() -> None:
    for where, row in ROWS:
        if row.property and row.unset is None and row.default:
            assert raw(row.property, row.kind, row.default) == row.default, f"{where}.{row.name}"


def test_nothing_of_units_that_are_not_supported_is_honoured() -> None:
    honoured = {name for section in BUILT for name in directives.families(section)}
    for section in {*directives.TYPE_SECTIONS.values()}.difference(BUILT):
        for name in set(directives.families(section)) - honoured:
            assert not [row for row in directives.family(name) if row.honoured.applied], section


def test_unknown() -> None:
    assert directives.lookup("Unit", "Foo") is None
    assert directives.lookup("Foo", "Description") is None
    assert directives.lookup("Target", "Description") is None
    assert directives.sections_of("target") == ("Unit", "Install")


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(sorted({row.name: row for _, row in ROWS}.values(), key=lambda row: row.name)),
    st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), min_size=1, max_size=12)
    | st.text("%\\\"'-+:/=0179aZ.,~@ ", min_size=1, max_size=12),
)
@example(directives.section_table("Service")["Nice"], "²")
@example(directives.section_table("Service")["SetCredential"], "a:\\q")
@example(directives.section_table("Service")["LimitNICE"], "+²")
def test_no_value_breaks_a_parser(row: Directive, text: str) -> None:
    text = text.strip(" \t\r")
    if not text:
        return
    context = ParseContext(Subject("a-b@c.service", Host(machine_id="0" * 32)), lambda level, message: None)
    try:
        row.parse(context, row.name, text)
    except (Refused, Fatal, Invalid) as problem:
        assert str(problem)
