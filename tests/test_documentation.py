"""Checking what the pages in docs/ say against the code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from systemctl_replacement.check.finding import ERROR, SEVERITIES, WARNING
from systemctl_replacement.check.profiles import PROFILES
from systemctl_replacement.cli import help_text
from systemctl_replacement.manager import options
from systemctl_replacement.manager.halt.stop_time import stop_time
from systemctl_replacement.units.service import states
from tests.test_architecture import LEAVES, MAY_IMPORT, PACKAGE
from tools import directives

DOCS = Path(__file__).resolve().parents[1] / "docs"


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_states_of_a_service() -> None:
    rows = table("states.md", "Sub-states")
    assert {row[0]: row[1] for row in rows} == states.SERVICE_ACTIVE_STATE
    named = {name for row in rows for name in re.findall("`([a-z-]+)`", row[3])}
    assert named <= set(states.SERVICE_ACTIVE_STATE)


def test_the_page_of_directives_is_what_the_table_says() -> None:
    assert (DOCS / "directives.md").read_text(encoding="utf-8") == directives.page(), "run tools/directives.py"


def test_findings_of_a_check() -> None:
    rows = table("container.md", "Check an image")
    assert {row[0].strip("`"): row[1] for row in rows if row[1:2] in ([ERROR], [WARNING])} == SEVERITIES


def test_profiles_of_a_check() -> None:
    rows = table("container.md", "Check an image")
    times = {
        row[0].split("`")[1]: row[2] for row in rows if row[0].split("`")[1:2] and row[0].split("`")[1] in PROFILES
    }
    assert times.keys() == PROFILES.keys()
    for name, profile in PROFILES.items():
        time = stop_time(None, profile.environment, profile.engine)
        assert time is not None
        assert times[name] == time.default.replace("s", " s")


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq")
def test_the_line_for_jq_takes_each_record() -> None:
    (program,) = re.findall(r"\| jq -r '(.*)'", (DOCS / "container.md").read_text(encoding="utf-8"))
    records = [{"PRIORITY": "3", "_SYSTEMD_UNIT": "a.service", "MESSAGE": message} for message in ("text", [99, 255])]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    printed = subprocess.run(["jq", "-r", program], input=lines, capture_output=True, text=True, check=True).stdout
    assert printed == "a.service text\na.service [99,255]\n"


def test_pages_of_the_readme_exist() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert links
    assert not [link for link in links if not (DOCS.parent / link).exists()]


def test_the_map_of_the_house_shows_every_room_and_leaf() -> None:
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    rooms, leaves = (text.split(f"### {heading}\n")[1].split("\n### ")[0] for heading in ("The map", "The leaves"))
    named = set()
    for room, doors in re.findall(r"^\| `([^`]+)` \|.*\| ([^|]*) \|$", rooms, re.MULTILINE):
        named.add(room.rstrip("/"))
        place = PACKAGE if room == "__main__" else PACKAGE / room
        for door in re.findall("`([^`]+)`", doors):
            assert (place / door).is_file(), f"{room} has no {door}"
    assert named >= {"__main__", *MAY_IMPORT}
    listed = {
        leaf for cell in re.findall(r"^\| (`[^|]*) \|", leaves, re.MULTILINE) for leaf in re.findall("`(.+?)`", cell)
    }
    assert listed == LEAVES - {"__init__"}


def test_options_of_init_are_those_of_its_help() -> None:
    """And its parser knows each of them."""
    page = (DOCS / "container.md").read_text(encoding="utf-8")
    rows = page.split("### Which options does init have?\n")[1].split("\n### ")[0]
    cells = " ".join(re.findall(r"^\| ([^|]*) \| (?!Accepted without effect)", rows, re.MULTILINE))
    documented = set(re.findall("--[a-z-]+", cells))
    assert documented | {"--help", "--version"} == set(re.findall("(?m)^  .. ?.?.?(--[a-z-]+)", help_text.INIT))
    for option in sorted(documented):
        for value in ("", "=yes", "=1", "=json", "=none"):
            try:
                assert not options.parse(["--check", option + value, "--", "true"]).unknown
            except options.UsageError:
                continue
            break
        else:
            raise AssertionError(f"{option} takes no value at all")


def test_parts_of_the_container_contract_are_where_the_design_says() -> None:
    for _, modules, tests in table("design.md", "8. The container contract"):
        places = re.findall("`([a-z_0-9/]+(?:\\.py|/))`", modules)
        shared = next((place for place in places if place.endswith("/")), "")
        for place in places:
            assert (PACKAGE / place).exists() or (PACKAGE / shared / place).exists(), place
        for test in re.findall("`(test_[a-z_]+\\.py)`", tests):
            assert (DOCS.parent / "tests/box" / test).exists(), test


def heading_anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_to_a_heading() -> None:
    pages = [*DOCS.glob("*.md"), *(DOCS.parent / "examples").glob("*.md"), *DOCS.parent.glob("*.md")]
    broken = []
    for page in pages:
        for link, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve() if link else page
            if not target.exists() or anchor not in heading_anchors(target):
                broken.append(f"{page.name}: {link}#{anchor}")
    assert not broken
