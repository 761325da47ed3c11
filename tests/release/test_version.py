"""The version is said in one place, and the changelog knows it."""

from __future__ import annotations

import re

from release.archive import REPOSITORY
from systemctl_replacement import __version__


def test_the_version_is_in_no_other_place() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text and __version__ not in text


def test_the_changelog_is_as_keep_a_changelog_has_it() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"(?m)^## (.*)$", text)
    assert titles[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", title) for title in titles[1:])
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.*)$", text)) <= allowed
