"""Random trees and commands: the same links on disk, the same words and the same exit status as the real systemctl.

SYSTEMCTL_EXAMPLES=N tries N cases instead of a few; it also prints what they covered.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance.offline.generate import Case, cases
from tests.conformance.offline.runner import real_version, run_ours, run_real

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "60"))
COVERAGE: Counter[str] = Counter()

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemctl 252, is not installed")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offline") / "root"


@pytest.mark.timeout(0)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)
@given(cases)
def test_same_as_systemctl(root: Path, case: Case) -> None:
    case.tree.build(root)
    expected = run_real(root, case.commands)
    case.tree.build(root)
    assert run_ours(root, case.commands) == expected
    for command, result in zip(case.commands, expected):
        COVERAGE[f"{command[0]} {'fails' if result.status else 'succeeds'}"] += 1
