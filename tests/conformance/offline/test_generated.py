"""Random trees and commands: the same links on disk, the same words and the same exit status as the real systemctl.

SYSTEMCTL_EXAMPLES=N tries N cases instead of a few; `pytest -s` shows what they covered.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.conformance.offline.generate import Case, cases
from tests.conformance.offline.runner import Result, real_version, run_ours, run_real

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "80"))

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemctl 252, is not installed")


def comparable(command: tuple[str, ...], result: Result) -> Result:
    """systemd's `reenable` reads unit files once more than needed, and warns once more of what is wrong in them."""
    if command[0] != "reenable":
        return result
    lines = result.stderr.splitlines(keepends=True)
    reports = ("Failed ", "Created ", "Removed ", "Unit ")
    kept = [line for number, line in enumerate(lines) if line.startswith(reports) or line not in lines[:number]]
    return replace(result, stderr="".join(kept))


def test_same_as_systemctl(tmp_path: Path) -> None:
    root = tmp_path / "root"
    coverage: Counter[str] = Counter()

    # Shrinking takes minutes: only who asks for many examples wants to wait for it.
    phases = tuple(Phase) if EXAMPLES > 500 else (Phase.explicit, Phase.generate)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    @given(cases)
    def check(case: Case) -> None:
        case.tree.build(root)
        expected = run_real(root, case.commands)
        case.tree.build(root)
        ours = run_ours(root, case.commands)
        for command, real_result, our_result in zip(case.commands, expected, ours):
            assert comparable(command, our_result) == comparable(command, real_result), command
            coverage[f"{command[0]} {'fails' if real_result.status else 'succeeds'}"] += 1

    check()
    for name, count in sorted(coverage.items()):
        print(f"{count:6} {name}")
    assert len({name.split()[0] for name in coverage}) >= 8, "the generator hardly generates anything"
