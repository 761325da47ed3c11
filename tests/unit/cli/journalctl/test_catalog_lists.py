"""--list-catalog and --dump-catalog below a root."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.journalctl.program import run_in_root

ONE, OTHER = "1" * 32, "2" * 32
TEXT = """\
-- 11111111111111111111111111111111
Subject: Something about @UNIT@
Defined-By: tests
Support: nobody

It happened.

Twice.
"""


def test_lists(tmp_path: Path) -> None:
    directory = tmp_path / "etc/systemd/catalog"
    directory.mkdir(parents=True)
    (directory / "a.catalog").write_text(TEXT)
    assert run_in_root(tmp_path, "--list-catalog", ONE).stdout == f"{ONE} tests: Something about @UNIT@\n"
    assert run_in_root(tmp_path, "--dump-catalog", ONE).stdout == f"{TEXT}\n"
    everything = run_in_root(tmp_path, "--list-catalog")
    assert f"{ONE} tests: Something about @UNIT@\n" in everything.stdout and everything.returncode == 0
    refused = run_in_root(tmp_path, "--list-catalog", "x", OTHER, ONE)
    assert refused.stdout == f"{ONE} tests: Something about @UNIT@\n"
    assert refused.stderr.splitlines() == [
        "Failed to parse id128 'x': Invalid argument",
        f"Failed to retrieve catalog entry for '{OTHER}': No such file or directory",
        "Failed to list catalog: Invalid argument",
    ]
    assert refused.returncode == 1
