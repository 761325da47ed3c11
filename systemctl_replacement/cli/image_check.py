"""`systemctl init --check`: what a boot of this image would meet, as text for a person or as JSON for a program."""

from __future__ import annotations

import os

from systemctl_replacement.check.finding import ERROR, WARNING
from systemctl_replacement.check.profiles import PROFILES
from systemctl_replacement.check.report import Question, Report, check
from systemctl_replacement.cli import streams
from systemctl_replacement.cli.invocation import UNPRINTED, CommandError
from systemctl_replacement.cli.main import guarded
from systemctl_replacement.cli.printable import escaped
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.few_names import few
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from systemctl_replacement.check.finding import Finding

OUTPUTS = ("text", "json", "json-pretty")
VERSION = 1
"""Of the JSON's shape: it rises when something that was there changes its meaning or goes."""

_COLORS = {ERROR: "red", WARNING: "yellow"}


def main(question: Question, output: str, every_skip: bool) -> int:
    """Answer. Returns the exit status: 1 if there are errors.

    output: one of OUTPUTS, "" for the first one. every_skip: name all units that are skipped.
    """
    return guarded(lambda: _main(question, output or OUTPUTS[0], every_skip))


def _main(question: Question, output: str, every_skip: bool) -> int:
    if question.profile not in PROFILES:
        raise CommandError(f"Unknown profile '{question.profile}': {', '.join(PROFILES)}.")
    if output not in OUTPUTS:
        raise CommandError(f"Unknown output '{output}': {', '.join(OUTPUTS)}.")
    if question.root and not os.path.isdir(question.root):
        raise CommandError(f"Cannot check {question.root}: it is no directory.")
    report = check(question)
    if output == OUTPUTS[0]:
        for line in _lines(report, Terminal(), every_skip):
            streams.out(line)
    else:
        from systemctl_replacement.cli.json_text import json_text

        streams.out(json_text(as_json(report), output))
    problem = streams.unwritten()
    if problem:
        raise CommandError(UNPRINTED.format(problem))
    return int(any(finding.severity == ERROR for finding in report.findings))


# --- text ---


def _lines(report: Report, terminal: Terminal, every_skip: bool) -> Iterator[str]:
    for finding in report.findings:
        severity = terminal.colored(f"{finding.severity}:", _COLORS[finding.severity])
        yield f"{severity} {escaped(_text(finding))}"
    for skipped in report.skipped:
        if skipped.by_condition:
            yield escaped(f"skipped: {skipped.unit}: {skipped.reason} is not met.")
        elif every_skip:
            yield escaped(f"skipped: {skipped.unit}: {skipped.reason}")
    yield escaped(_summary(report, every_skip))


def _text(finding: Finding) -> str:
    """As systemd has it: the file and the line, the unit, what there is to say."""
    where = f"{finding.file}:{finding.line}: " if finding.line else ""
    unit = f"{finding.unit}: " if finding.unit else ""
    return f"{where}{unit}{finding.text}"


def _summary(report: Report, every_skip: bool) -> str:
    names = report.named
    units = f"{len(names)} unit{'' if len(names) == 1 else 's'}"
    boot = f"A boot of {', '.join(report.goal)} starts {units}{': ' + few(names) if names else ''}."
    counts = f"{_count(report, ERROR)}, {_count(report, WARNING)}"
    return f"{boot}{_skips(len(report.skipped), every_skip)} Profile {report.profile}: {counts}."


def _skips(count: int, every_skip: bool) -> str:
    if not count:
        return ""
    skipped = "1 unit is skipped" if count == 1 else f"{count} units are skipped"
    hint = "" if every_skip else f" (--show-status=full names {'it' if count == 1 else 'them'})"
    return f" {skipped}{hint}."


def _count(report: Report, severity: str) -> str:
    count = sum(finding.severity == severity for finding in report.findings)
    return f"{count} {severity}{'' if count == 1 else 's'}"


# --- JSON ---


def as_json(report: Report) -> dict[str, Any]:
    """The shape that docs/container.md describes. Times are microseconds."""
    stop = report.stop
    usec = None if stop.usec == INFINITY else stop.usec
    return {
        "version": VERSION,
        "profile": report.profile,
        "goal": list(report.goal),
        "starts": list(report.starts),
        "skipped": [
            {"unit": skipped.unit, "reason": skipped.reason, "condition": skipped.by_condition}
            for skipped in report.skipped
        ],
        "stop": {"chain": list(stop.chain), "usec": usec, "limit_usec": stop.limit_usec, "told": stop.told},
        "findings": [
            {
                "severity": finding.severity,
                "code": finding.code,
                "unit": finding.unit,
                "file": finding.file,
                "line": finding.line,
                "text": finding.text,
            }
            for finding in report.findings
        ],
        "errors": sum(finding.severity == ERROR for finding in report.findings),
        "warnings": sum(finding.severity == WARNING for finding in report.findings),
    }
