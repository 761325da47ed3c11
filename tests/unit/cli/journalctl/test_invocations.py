"""--invocation= and --list-invocations, as in systemd 257."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.journalctl.program import BOOT, Log, run

RUNS = ["a" * 32, "b" * 32, "c" * 32]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    unit, manager, other = Log(tmp_path), Log(tmp_path, "manager"), Log(tmp_path, "b.service")
    for number, run_of_it in enumerate(RUNS):
        when = ((1_700_000_000 + number) * 1_000_000, number * 1_000_000)
        # A manager that is not PID 1 has another number.
        manager_is = {"_PID": "7", "_SYSTEMD_UNIT": "init.scope"} if number else {"_PID": "1"}
        about = {"_BOOT_ID": BOOT, **manager_is, "UNIT": "a.service", "INVOCATION_ID": run_of_it}
        own = {"_BOOT_ID": BOOT, "_SYSTEMD_UNIT": "a.service", "_SYSTEMD_INVOCATION_ID": run_of_it}
        manager.writer.write({**about, "MESSAGE": f"Starting {number}"}, when)
        unit.writer.write({**own, "MESSAGE": f"line of {number}"}, when)
    other.say("of another unit")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["-I"], 2),
        (["--invocation=0"], 2),
        (["--invocation=-1"], 1),
        (["--invocation=1"], 0),
        ([f"--invocation={RUNS[1]}"], 1),
        ([f"--invocation={RUNS[1]}-1"], 0),
        ([f"--invocation={RUNS[1]}+1"], 2),
    ],
)
def test_one_run(directory: Path, words: list[str], number: int) -> None:
    done = run(directory, "-q", "-o", "cat", "-u", "a", *words)
    assert sorted(done.stdout.splitlines()) == [f"Starting {number}", f"line of {number}"]


def test_all_runs(directory: Path) -> None:
    assert len(run(directory, "-q", "-o", "cat", "-u", "a", "--invocation=all").stdout.splitlines()) == 6


def test_list(directory: Path) -> None:
    assert run(directory, "-u", "a", "--list-invocations").stdout.splitlines() == [
        "IDX INVOCATION ID                    FIRST ENTRY                 LAST ENTRY",
        f" -2 {RUNS[0]} Tue 2023-11-14 22:13:20 UTC Tue 2023-11-14 22:13:20 UTC",
        f" -1 {RUNS[1]} Tue 2023-11-14 22:13:21 UTC Tue 2023-11-14 22:13:21 UTC",
        f"  0 {RUNS[2]} Tue 2023-11-14 22:13:22 UTC Tue 2023-11-14 22:13:22 UTC",
    ]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-u", "a", "--invocation=-3"], "No journal entry found for the specified invocation (-3)."),
        (["-I"], "Using --invocation= requires a unit. Please specify a unit name with -u/--unit=/--user-unit=."),
        (["--invocation=x"], "Failed to parse invocation descriptor 'x'"),
    ],
)
def test_mistakes(directory: Path, words: list[str], error: str) -> None:
    done = run(directory, *words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{error}\n")
