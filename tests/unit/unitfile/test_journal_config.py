"""journald.conf: the only settings that are used."""

from __future__ import annotations

from pathlib import Path

from systemctl_replacement.unitfile.journal_config import KEPT, VOLATILE, journal_limit
from systemctl_replacement.unitfile.syntax import Problem


def test_limits_of_journals(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert journal_limit(str(tmp_path), KEPT, problems.append) == 0
    directory = tmp_path / "etc/systemd"
    (directory / "journald.conf.d").mkdir(parents=True)
    (directory / "journald.conf").write_text("[Journal]\nSystemMaxUse=50M\nRuntimeMaxUse=1G\nStorage=none\n")
    assert journal_limit(str(tmp_path), KEPT, problems.append) == 50 << 20
    assert journal_limit(str(tmp_path), VOLATILE, problems.append) == 1 << 30
    (directory / "journald.conf.d/a.conf").write_text("[Journal]\nSystemMaxUse=8M\nSystemMaxUse=much\nRuntimeMaxUse=\n")
    assert not problems
    assert journal_limit(str(tmp_path), KEPT, problems.append) == 8 << 20
    assert [str(problem).rpartition("/")[2] for problem in problems] == [
        "a.conf:3: Failed to parse size value, ignoring: much"
    ]
    assert journal_limit(str(tmp_path), VOLATILE, problems.append) == 0
