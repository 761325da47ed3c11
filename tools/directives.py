"""Write docs/directives.md: how far each directive is honoured, from the directive table.

    .venv/bin/python tools/directives.py

A test fails when the page is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import Directive
from systemctl_replacement.unitfile.directives.honoured import NOT_YET
from systemctl_replacement.units.table import TYPES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "directives.md"

_HEAD = """# Directives

How far each directive of systemd's unit files is honoured. `tools/directives.py` writes this page
from the table that unit files are read with.

| word | meaning |
|---|---|
| full | as under systemd |
| best effort | as far as the container allows; the last column says what is missing |
| not yet | read and shown, without effect until it is implemented |
| ignored | read and shown, without effect: it makes no sense in a container |

If a unit sets directives of the last two sorts, a warning says so each time that it is started, and
`systemctl status` lists them in the line `Not applied:`, starting with those that would have
protected something. These are **bold** here. Sections of units that can never be started in a
container ([Automount], [Swap]) are left out.
"""
# What the families are about that several sections have. Any other is what the section is there for.
_SHARED = {
    "exec.EXEC": ", execution: systemd.exec(5)",
    "sandbox.SANDBOX": ", sandbox: systemd.exec(5)",
    "resource.RESOURCE": ", resource control: systemd.resource-control(5)",
    "kill.KILL": ", killing: systemd.kill(5)",
}


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
            name = f"**{row.name}=**" if row.protects else f"{row.name}="
            yield f"| {name} | {row.honoured.word.replace('-', ' ')} | {_reason(row)} |"


def _groups() -> Iterator[tuple[str, tuple[Directive, ...]]]:
    """Each family of directives once, with the sections that have it: [Unit], those of the types, [Install]."""
    types = {section: unit_type for unit_type, section in directives.TYPE_SECTIONS.items()}
    missing = [section for section, unit_type in types.items() if not TYPES[unit_type].is_supported]
    sections = [section for section in directives.SECTIONS if section not in missing]
    families = dict.fromkeys(name for section in sections for name in directives.families(section))
    for family in families:
        having = [section for section in sections if family in directives.families(section)]
        about = _SHARED.get(family) or f": systemd.{types.get(having[0], 'unit')}(5)"
        yield ", ".join(f"[{section}]" for section in having) + about, directives.family(family)


def _reason(row: Directive) -> str:
    since = f"since systemd {row.since}" if row.since > 252 else ""
    known = [name for section, name in row.sets if directives.lookup(section or "Service", name)]
    others = f"sets {', '.join(f'{name}=' for name in known)}" if known else ""
    reason = "" if row.honoured is NOT_YET else row.honoured.reason  # which the other column says
    return "; ".join(part for part in (reason, others, since) if part)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
