"""The directive table: complete, consistent, and no value can break a parser."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import MERGE, Directive
from systemctl_replacement.unitfile.directives.honoured import FAMILIES
from systemctl_replacement.unitfile.parsers.parse_context import Fatal, Invalid, Refused, Scope
from systemctl_replacement.unitfile.specifiers import Context, Host
from tests.unit.unitfile.oracle import SYSTEMD, needs_systemd

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
    scope = Scope(Context("a-b@c.service", Host(machine_id="0" * 32)), lambda level, message: None)
    try:
        row.parse(scope, row.name, text)
    except (Refused, Fatal, Invalid) as problem:
        assert str(problem)
