"""Same, differs, or why not: two transcripts of a case and what is known about it."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from tests.conformance.case import MISSING, Case
from tests.conformance.execute import ENDED, IN_VAIN, Transcript

DIFFERENCES = Path(__file__).parents[2] / "docs" / "differences.md"

SAME = "same"
LISTED = "listed"
NEWER = "newer"
NOT_YET = "not yet"
DIFFERS = "differ"
STALE = "stale"  # listed, but no longer different
KINDS = (SAME, LISTED, NEWER, NOT_YET, DIFFERS)

# A reason may go on in further lines, which are indented.
_LISTED = re.compile(r"^\s*[-*] case `([^`]+)`: *(\S.*(?:\n +(?![-* ]).*)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """How a case came out."""

    case: str
    kind: str
    detail: str
    diff: tuple[str, ...] = ()


def listed_differences(text: str) -> dict[str, str]:
    """Case name (a final `*` stands for anything) → reason, from lines like: - case `name`: reason."""
    return {match.group(1): " ".join(match.group(2).split()) for match in _LISTED.finditer(text)}


def reason_for(name: str, listed: Mapping[str, str]) -> Optional[str]:
    """The reason listed for a case."""
    for pattern, reason in listed.items():
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return reason
    return None


def judge_all(case: Case, reference: Transcript, ours: Transcript, listed: Mapping[str, str]) -> list[Verdict]:
    """Compare what real systemd showed with what ours did: the case as such, and each of its questions."""
    questions = {f"{case.name}/{step.label}": number for number, step in enumerate(case.steps) if step.label}
    verdicts = []
    for name in case.names():
        asked = questions.get(name)
        own = set(range(len(case.steps) + bool(case.logged))) - set(questions.values())
        numbers = own if asked is None else {asked}
        part = replace(case, name=name)
        verdicts.append(judge(part, _part(reference, numbers), _part(ours, numbers), listed))
    return verdicts


def _part(transcript: Transcript, numbers: set[int]) -> Transcript:
    return replace(transcript, steps=tuple(step for n, step in enumerate(transcript.steps) if n in numbers))


def judge(case: Case, reference: Transcript, ours: Transcript, listed: Mapping[str, str]) -> Verdict:
    """Compare what real systemd showed with what ours did."""
    if case.newer:
        return _judge_newer(case, ours)
    reason = reason_for(case.name, listed)
    diff = tuple(difflib.unified_diff(reference.lines(), ours.lines(), "systemd", "ours", n=2, lineterm=""))
    if reference.problem:
        return Verdict(case.name, DIFFERS, f"under real systemd: {reference.problem}", diff)
    for step in reference.steps:
        if IN_VAIN in step.status or step.status.startswith(ENDED):
            return Verdict(case.name, DIFFERS, f"under real systemd: {step.status}", diff)
    if not diff and reason is None:
        return Verdict(case.name, SAME, "")
    if not diff:
        return Verdict(case.name, STALE, f"listed ({reason}), but no longer different")
    if reason is not None:
        return Verdict(case.name, LISTED, reason, diff)
    if case.needs in MISSING:
        return Verdict(case.name, NOT_YET, case.needs, diff)
    return Verdict(case.name, DIFFERS, "", diff)


def _judge_newer(case: Case, ours: Transcript) -> Verdict:
    """Judge by what the documentation says, as written in the case: there is no such systemd to ask."""
    detail = f"behaviour of systemd {case.newer}"
    diff = tuple(difflib.unified_diff(case.expected.splitlines(), ours.lines(), "documented", "ours", n=2, lineterm=""))
    if diff and case.needs in MISSING:
        return Verdict(case.name, NOT_YET, case.needs, diff)
    return Verdict(case.name, DIFFERS if diff else NEWER, detail, diff)


def table(verdicts: Sequence[Verdict], *, every: bool = False, diffs: bool = False) -> Iterator[str]:
    """The report: a line for each group of cases that are the same (`every`: for each case), and one for each case that
    is not. Differences that should not exist are shown (with `diffs`, all of them).
    """
    for group, members in itertools.groupby(verdicts, key=lambda verdict: verdict.case.partition("/")[0]):
        chosen = list(members)
        if not every:
            same = [verdict for verdict in chosen if verdict.kind == SAME and not verdict.detail]
            chosen = [verdict for verdict in chosen if verdict not in same]
            if same:
                yield f"{SAME:8} {group}/*  ({len(same)} cases)"
        for verdict in chosen:
            yield f"{verdict.kind:8} {verdict.case}" + (f"  ({verdict.detail})" if verdict.detail else "")
            if diffs or verdict.kind == DIFFERS:
                yield from (f"         {line}" for line in verdict.diff)


def summary(verdicts: Iterable[Verdict]) -> str:
    """The last line of a run."""
    kinds = [DIFFERS if verdict.kind == STALE else verdict.kind for verdict in verdicts]
    return "conformance: " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS)
