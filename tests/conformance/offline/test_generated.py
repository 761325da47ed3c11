"""Random trees and commands: the same links on disk, messages and exit status as with the real systemctl.

SYSTEMCTL_EXAMPLES=N tries N cases instead of a few; `pytest -s` shows what they covered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from systemctl_replacement.unitfile.names import template_of
from tests.conformance.offline.coverage import Coverage
from tests.conformance.offline.generate import Case, cases
from tests.conformance.offline.runner import Result, real_version, run_ours, run_real, snapshot

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "250"))

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemctl 252, is not installed")


def comparable(command: tuple[str, ...], result: Result) -> Result:
    """systemd's `reenable` reads unit files once more than needed, and repeats the warnings about them."""
    if command[0] != "reenable":
        return result
    lines = result.stderr.splitlines(keepends=True)
    reports = ("Failed ", "Created ", "Removed ", "Unit ")
    kept = [line for number, line in enumerate(lines) if line.startswith(reports) or line not in lines[:number]]
    return replace(result, stderr="".join(kept))


# The least percentage of commands with each label.
LEAST = {
    "fails": 10, "succeeds": 30, "says something": 40, "changes something": 15, "templates and instances": 20,
    "aliases": 20, "presets": 5, "masks": 4, "drop-ins": 10, "warnings": 5, "several units": 10,
}  # fmt: skip
VERBS = (
    "enable", "disable", "reenable", "mask", "unmask", "is-enabled", "revert", "preset", "preset-all", "link",
    "add-wants", "add-requires", "set-default", "get-default", "list-unit-files",
)  # fmt: skip


def labels(case: Case, command: tuple[str, ...], before: object, result: Result) -> Iterator[str]:
    """Labels for a command and what it met. Links on disk count as aliases if their names differ."""
    verb, *operands = (word for word in command if not word.startswith("--"))
    named = {operand.rpartition("/")[2] for operand in operands}
    everything = verb in ("preset-all", "list-unit-files")
    met = [(path, text) for path, text in case.tree.files if everything or path.rpartition("/")[2] in named]
    links = [
        (name, target.rpartition("/")[2])
        for name, target in ((path.rpartition("/")[2], target) for path, target in case.tree.links)
        if everything or name in named
    ]
    yield verb
    yield "fails" if result.status else "succeeds"
    if result.stdout or result.stderr:
        yield "says something"
    if result.after != before:
        yield "changes something"
    if any("@" in name for name in named) or (everything and any("@" in path for path, _ in case.tree.files)):
        yield "templates and instances"
    if any("Alias=" in text for _, text in met) or any(name != target != "null" for name, target in links):
        yield "aliases"
    if verb.startswith("preset") or (verb == "list-unit-files" and _has_presets(case)):
        yield "presets"
    if "mask" in verb or any(target == "null" for _, target in links):
        yield "masks"
    if any(".d/" in path and (everything or _dropin_of(path) in named) for path, _ in case.tree.files):
        yield "drop-ins"
    if "ignoring" in result.stderr:
        yield "warnings"
    if len(operands) > 1:
        yield "several units"


def _forgets_dropins(case: Case, command: tuple[str, ...]) -> bool:
    """Whether this is `reenable` of a unit with drop-ins, which systemd 252 ignores then (docs/differences.md)."""
    named = {word.rpartition("/")[2] for word in command}
    named |= {template_of(name) for name in named if "@" in name and "." in name}
    return command[0] == "reenable" and any(
        ".d/" in path and "[Install]" in text and _dropin_of(path) in named for path, text in case.tree.files
    )


def _has_presets(case: Case) -> bool:
    return any("system-preset" in path for path, _ in case.tree.files)


def _dropin_of(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[2].removesuffix(".d")


def test_same_as_systemctl(tmp_path: Path) -> None:
    root = tmp_path / "root"
    coverage = Coverage("commands")

    # Shrinking takes minutes, which only makes sense with many examples.
    phases = tuple(Phase) if EXAMPLES > 500 else (Phase.explicit, Phase.generate)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    @given(cases)
    def check(case: Case) -> None:
        case.tree.build(root)
        before = snapshot(root)
        expected = run_real(root, case.commands)
        case.tree.build(root)
        ours = run_ours(root, case.commands)
        for command, real_result, our_result in zip(case.commands, expected, ours):
            if _forgets_dropins(case, command):
                return  # what follows would meet other links
            assert comparable(command, our_result) == comparable(command, real_result), command
            coverage.add(labels(case, command, before, real_result))
            before = real_result.after

    check()
    print(coverage.report())
    coverage.require(LEAST)
    missing = [verb for verb in VERBS if not coverage.share(verb)]
    assert not missing, f"never: {missing}\n{coverage.report()}"
