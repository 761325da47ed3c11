"""What journald.conf and the command line make of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from systemctl_replacement.manager import options
from systemctl_replacement.manager.logs.plan import LogPlan, make_plan
from systemctl_replacement.paths import Paths
from systemctl_replacement.process.console_filter import ConsoleFilter

MONTH = 2629800 * 10**6


def plan(root: Path, text: str = "", *words: str) -> LogPlan:
    (root / "etc/systemd").mkdir(parents=True, exist_ok=True)
    (root / "etc/systemd/journald.conf").write_text(f"[Journal]\n{text}")
    return make_plan(Paths(str(root)), options.parse([f"--root={root}", *words]))


@pytest.mark.parametrize("storage", ["", "auto", "persistent", "volatile", "none"])
def test_where_it_is(tmp_path: Path, storage: str) -> None:
    made = plan(tmp_path, f"Storage={storage}\nSystemMaxUse=1M\nRuntimeMaxUse=2M\nRuntimeMaxFiles=3\n" * bool(storage))
    if storage == "none":
        assert (made.directory, made.manager_file) == ("", "")
        assert not {"path", "limits"} & set(made.of_unit("a.service"))
        return
    place = "run/systemd/log" if storage == "volatile" else "var/log/systemctl-replacement"
    assert made.directory == f"{tmp_path}/{place}"
    assert made.manager_file == f"{tmp_path}/{place}/manager.journal.jsonl"
    assert made.of_unit("a.service")["path"] == f"{tmp_path}/{place}/a.service.journal.jsonl"
    said = {"max_retention": 0, "max_file_age": MONTH}
    if storage:
        said.update({"max_use": 2 << 20, "max_files": 3} if storage == "volatile" else {"max_use": 1 << 20})
    assert made.limits == said


def test_what_is_wrong_with_it_is_told(tmp_path: Path) -> None:
    told = plan(tmp_path, "Storage=x\nSeal=yes\nAudit=yes\n").problems()
    assert [(level, text.rpartition("/")[2]) for level, text, _fields in told] == [
        (4, "journald.conf:2: Failed to parse storage setting, ignoring: x"),
        (6, "journald.conf: nothing comes of Seal=, Audit= here."),
    ]


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("", [], {"console": "all", "console_level": 7, "console_identifiers": [], "console_inverted": False}),
        ("ForwardToConsole=yes\nMaxLevelConsole=info", [], {"console": "all", "console_level": 6}),
        ("ForwardToConsole=no", [], {"console": "none"}),
        ("ForwardToConsole=no", ["--log-console=units"], {"console": "units"}),
        ("MaxLevelConsole=info", ["--log-console-level=err"], {"console_level": 3}),
        ("", ["--log-console-level", "7", "--log-console", "none"], {"console_level": 7, "console": "none"}),
        ("", ["--log-console-identifiers=a,b"], {"console_identifiers": ["a", "b"], "console_inverted": False}),
        ("", ["--log-console-identifiers=~a"], {"console_identifiers": ["a"], "console_inverted": True}),
        ("", ["--log-console-identifiers=~"], {"console_identifiers": [], "console_inverted": True}),
    ],
)
def test_what_is_shown(tmp_path: Path, text: str, words: list[str], shown: dict[str, Any]) -> None:
    found = plan(tmp_path, text, *words).shown
    assert {name: found[name] for name in shown} == shown
    assert found.items() <= plan(tmp_path, text, *words).of_unit("a.service").items()


def test_a_filter() -> None:
    everything = ConsoleFilter({})
    assert everything.shows(7, "x", False) and everything.shows(0, "", True)
    assert ConsoleFilter({"console_level": 4}).shows(4, "x", True)
    assert not ConsoleFilter({"console_level": 4}).shows(5, "x", True)
    units = ConsoleFilter({"console": "units"})
    assert units.shows(7, "x", True) and not units.shows(0, "systemd", False)
    assert not ConsoleFilter({"console": "none"}).shows(0, "x", True)
    some = ConsoleFilter({"console_identifiers": ["a"]})
    assert some.shows(7, "a", False) and not some.shows(0, "b", True)
    others = ConsoleFilter({"console_identifiers": ["a"], "console_inverted": True})
    assert others.shows(7, "b", False) and not others.shows(0, "a", True)
    assert ConsoleFilter({"console_identifiers": [], "console_inverted": True}).shows(7, "a", False)
