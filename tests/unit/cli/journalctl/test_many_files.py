"""More journals than descriptors: each can be read, or it is said that they cannot."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from systemctl_replacement.journal.unit_log import about_unit
from tests.unit.cli.journalctl.program import Log, command

COUNT, LIMIT = 100, 80


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "var/log/systemctl-replacement"
    directory.mkdir(parents=True)
    Log(directory, "manager").say("of the manager")
    for number in range(COUNT):
        log = Log(directory, f"t@{number}.service")
        log.say(f"m{number}")
        log.writer.close()
    return tmp_path


def run(hard: int, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    limited = ["prlimit", f"--nofile={LIMIT}:{hard}", *command(f"--root={root}", *words, "-o", "cat")]
    return subprocess.run(limited, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [(), ("-r",), ("-u", "t@*")])
def test_the_soft_limit_does_not_matter(root: Path, words: tuple[str, ...]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ran = run(hard, root, *words)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert {f"m{number}" for number in range(COUNT)} <= set(ran.stdout.splitlines())


@pytest.mark.parametrize("words", [(), ("-n", "1"), ("-F", "MESSAGE"), ("--list-boots",), ("-f",), ("--disk-usage",)])
def test_nothing_is_left_out_in_silence(root: Path, words: tuple[str, ...]) -> None:
    ran = run(LIMIT, root, *words)
    expected = f"Failed to open the journal: {COUNT + 1} files are more than RLIMIT_NOFILE={LIMIT} allows.\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", expected)


@pytest.mark.parametrize("words", [("-u", "t@3"), ("_SYSTEMD_UNIT=t@3.service",)])
def test_a_unit_needs_its_own_files(root: Path, words: tuple[str, ...]) -> None:
    ran = run(LIMIT, root, *words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "m3\n", "")


def test_status_needs_no_other_units_files() -> None:
    about = about_unit("a.service")
    names = ("a.service", "manager", "init.scope", "b.service")
    assert [about.could_match(f"{name}.journal.jsonl") for name in names] == [True, True, True, False]
