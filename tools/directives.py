"""Write docs/directives.md: how far each directive is honoured, as the directive table has it.

    .venv/bin/python tools/directives.py

A test fails when the page is not what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import BEST_EFFORT, FULL, IGNORED, NOT_YET, Directive

PAGE = Path(__file__).resolve().parents[1] / "docs" / "directives.md"

_HEAD = """# Directives

How far each directive of systemd's unit files is honoured. This page is written by `tools/directives.py` from the table
that unit files are read with.

| word | meaning |
|---|---|
| full | as under systemd |
| best effort | as far as the container allows; the last column says what is missing |
| not yet | read and shown, without effect until it is implemented |
| ignored | read and shown, without effect: it makes no sense in a container |

What a unit sets of the last two is one warning each time that it is started, and the line `Not applied:` in
`systemctl status`; what would have protected something comes first, and is **bold** here. Sections of units that are
not started yet ([Socket], [Timer], [Path], [Mount] and so on) are left out.
"""
_WORDS = {FULL: "full", BEST_EFFORT: "best effort", NOT_YET: "not yet", IGNORED: "ignored"}
_NOT_SAID = "not implemented yet"  # which the other column says
# Sections that share their rows with [Service] show only their own.
_SHARED = ("Exec", "Resource", "Kill")
_MANUALS = {
    "Unit": "systemd.unit(5)",
    "Service": "systemd.service(5)",
    "Exec": "systemd.exec(5)",
    "Kill": "systemd.kill(5)",
    "Resource": "systemd.resource-control(5)",
    "Install": "systemd.unit(5)",
}
_OF_SERVICES = ("Service", *_SHARED)


def page() -> str:
    """The text of the page."""
    return "".join(f"{line}\n" for line in _lines()).rstrip("\n") + "\n"


def _lines() -> Iterator[str]:
    yield from _HEAD.splitlines()
    for heading, rows in _groups():
        yield ""
        yield f"## {heading}"
        yield ""
        yield "| directive | honoured | why |"
        yield "|---|---|---|"
        for row in rows:
            name = f"**{row.name}=**" if row.security else f"{row.name}="
            yield f"| {name} | {_WORDS[row.honoured]} | {_reason(row)} |"


def _groups() -> Iterator[tuple[str, list[Directive]]]:
    unit = directives.section_table("Unit").values()
    service = directives.section_table("Service").values()
    install = directives.section_table("Install").values()
    yield _heading("Unit", "[Unit]"), list(unit)
    for section in _OF_SERVICES:
        what = "[Service]" if section == "Service" else f"[Service], {section.lower()}"
        yield _heading(section, what), [row for row in service if row.section == section]
    yield _heading("Install", "[Install]"), list(install)


def _heading(section: str, what: str) -> str:
    return f"{what}: {_MANUALS[section]}"


def _reason(row: Directive) -> str:
    since = f"since systemd {row.since}" if row.since > 252 else ""
    known = [name for section, name in row.targets if directives.lookup(section or "Service", name)]
    others = f"sets {', '.join(f'{name}=' for name in known)}" if known else ""
    reason = "" if row.reason == _NOT_SAID else row.reason
    return "; ".join(part for part in (reason, others, since) if part)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
