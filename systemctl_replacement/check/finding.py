"""A finding: one thing that a boot of an image would meet, and what it counts as (docs/container.md, "Check an image").

An error is what keeps the boot from doing what the image asks for. Whatever else a person wants to know of it is a
warning.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR, WARNING = "error", "warning"

SEVERITIES = {
    "boot": ERROR,
    "requirement": ERROR,
    "bad-setting": ERROR,
    "cycle": ERROR,
    "conflict": ERROR,
    "assert": ERROR,
    "program": ERROR,
    "account": ERROR,
    "privilege": ERROR,
    "directory": ERROR,
    "trigger": ERROR,
    "address": ERROR,
    "missing-requirement": WARNING,
    "setting": WARNING,
    "mode": WARNING,
    "link": WARNING,
    "not-applied": WARNING,
    "not-permitted": WARNING,
    "other-program": WARNING,
    "other-account": WARNING,
    "file": WARNING,
    "stop-time": WARNING,
    "bus": WARNING,
    "fstab": WARNING,
    "generator": WARNING,
    "init-script": WARNING,
    "configuration": WARNING,
}
"""The severity of each kind of finding, by its code."""


@dataclass(frozen=True)
class Finding:
    """One finding.

    `code`: its kind, a key of SEVERITIES. `unit`: the unit that it is about, "" for none. `file`, `line`: where it can
    be mended, as a path of the image; "" and 0 where that is nowhere, or no line in particular.
    """

    code: str
    unit: str
    text: str
    file: str = ""
    line: int = 0

    @property
    def severity(self) -> str:
        """ERROR or WARNING."""
        return SEVERITIES[self.code]


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, each finding once; otherwise as they were found."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.severity != ERROR))
