"""The grammar of preset files, and which rule counts."""

from __future__ import annotations

import pytest

from systemctl_replacement.enablement.presets import Preset, Presets, Rule, parse_rules


def test_comments_blank_lines_and_tabs() -> None:
    rules, problems = parse_rules(b"# c\n; c\n\n enable\ta.service \ndisable b*\n", "x")
    assert rules == [Rule("a.service", True), Rule("b*", False)]
    assert problems == []


@pytest.mark.parametrize("line", ["Enable a", "enablex a", "enable a.service b", "enable", "a.service"])
def test_other_lines_are_named_and_ignored(line: str) -> None:
    rules, problems = parse_rules(f"disable *\n{line}\n".encode(), "/p")
    assert rules == [Rule("*", False)]
    assert [str(problem) for problem in problems] == [f"/p:2: Couldn't parse line '{line}'. Ignoring."]


def query(text: str, name: str) -> Preset:
    rules, problems = parse_rules(text.encode(), "x")
    return Presets(tuple(rules), tuple(problems)).query(name)


@pytest.mark.parametrize(
    ("text", "name", "enabled"),
    [
        ("", "a.service", True),
        ("disable *\n", "a.service", False),
        ("enable a.*\ndisable *\n", "a.service", True),
        ("disable *\nenable a.service\n", "a.service", False),
        ("disable [!a]*\n", "b.service", False),
        ("disable [!a]*\n", "a.service", True),
        ("enable t@.service x\ndisable *\n", "t@x.service", True),
        ("enable t@.service x\ndisable *\n", "t@y.service", False),
        ("disable A.service\n", "a.service", True),
    ],
)
def test_the_first_match_counts(text: str, name: str, enabled: bool) -> None:
    assert query(text, name).enable is enabled


def test_instances_of_a_template() -> None:
    assert query("enable t@.service x y\n", "t@.service") == Preset(True, ("t@x.service", "t@y.service"))
