"""Boots of a journal that is in memory, and what lists of boots say to programs."""

from __future__ import annotations

import json
from pathlib import Path

from systemctl_replacement.cli.journalctl import command, option_table
from systemctl_replacement.journal.query import Journal
from tests.unit.cli.journalctl.program import BOOT, NEXT_BOOT, Log, run


def test_an_earlier_boot_is_found_in_memory_too(tmp_path: Path) -> None:
    """A runtime directory that is a volume outlives the manager."""
    log = Log(tmp_path)
    log.say("one")
    options, _ = option_table.parse(["journalctl", "-b", "-1"], lambda options: "", "")
    assert command._query(Journal([str(tmp_path)]), options, (), None) is None
    log.say("two", NEXT_BOOT)
    query = command._query(Journal([str(tmp_path)]), options, (), None)
    assert query is not None and query.boots == (BOOT,)


def test_the_list_of_boots_is_for_programs_too(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.say("one")
    log.say("two", NEXT_BOOT)
    listed = json.loads(run(tmp_path, "--list-boots", "-o", "json").stdout)
    assert [list(boot) for boot in listed] == [["index", "boot_id", "first_entry", "last_entry"]] * 2
    assert [(boot["index"], boot["boot_id"]) for boot in listed] == [(-1, BOOT), (0, NEXT_BOOT)]
