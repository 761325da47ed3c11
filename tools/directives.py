"""Write docs/directives.md: how far each directive is honoured, from the directive table.

    .venv/bin/python tools/directives.py

A test fails when the page is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from systemctl_replacement.unitfile.directives import table as directives
from systemctl_replacement.unitfile.directives.directive import Directive
from systemctl_replacement.unitfile.directives.exec import EXEC
from systemctl_replacement.unitfile.directives.honoured import NOT_YET
from systemctl_replacement.unitfile.directives.install import INSTALL
from systemctl_replacement.unitfile.directives.kill import KILL
from systemctl_replacement.unitfile.directives.resource import RESOURCE
from systemctl_replacement.unitfile.directives.sandbox import SANDBOX
from systemctl_replacement.unitfile.directives.service import SERVICE
from systemctl_replacement.unitfile.directives.unit import UNIT

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
protected something. These are **bold** here. Sections of units that cannot be started yet
([Socket], [Timer], [Path], [Mount] and so on) are left out.
"""
_GROUPS = {
    "[Unit]: systemd.unit(5)": UNIT,
    "[Service]: systemd.service(5)": SERVICE,
    "[Service], execution: systemd.exec(5)": EXEC,
    "[Service], sandbox: systemd.exec(5)": SANDBOX,
    "[Service], resource control: systemd.resource-control(5)": RESOURCE,
    "[Service], killing: systemd.kill(5)": KILL,
    "[Install]: systemd.unit(5)": INSTALL,
}


def page() -> str:
    """The text of the page."""
    return "".join(f"{line}\n" for line in _lines()).rstrip("\n") + "\n"


def _lines() -> Iterator[str]:
    yield from _HEAD.splitlines()
    for heading, rows in _GROUPS.items():
        yield ""
        yield f"## {heading}"
        yield ""
        yield "| directive | honoured | why |"
        yield "|---|---|---|"
        for row in rows:
            name = f"**{row.name}=**" if row.protects else f"{row.name}="
            yield f"| {name} | {row.honoured.word.replace('-', ' ')} | {_reason(row)} |"


def _reason(row: Directive) -> str:
    since = f"since systemd {row.since}" if row.since > 252 else ""
    known = [name for section, name in row.sets if directives.lookup(section or "Service", name)]
    others = f"sets {', '.join(f'{name}=' for name in known)}" if known else ""
    reason = "" if row.honoured is NOT_YET else row.honoured.reason  # which the other column says
    return "; ".join(part for part in (reason, others, since) if part)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
