"""help: the manual pages of units."""

from __future__ import annotations

import os

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.show import check_not_template
from systemctl_replacement.cli.status import unit_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options


def manual(words: list[str], _options: Options, invocation: Invocation) -> int:
    """Show the manual pages that Documentation= names. Other addresses are printed."""
    invocation.page()
    if not words:
        raise CommandError(
            "'help' command expects one or more unit names.\n"
            "(Alternatively, help for systemctl itself may be shown with --help)"
        )
    for position, name in enumerate(unit_names(words, invocation)):
        check_not_template(name)
        unit = invocation.manager_or_files().call("Show", names=[name], properties=["Documentation", "LoadState"])[
            "units"
        ][0]
        if unit["properties"].get("LoadState") == "not-found":
            raise CommandError(f"Unit {name} could not be found.")
        if position:
            invocation.out("")
        pages = unit["properties"].get("Documentation") or []
        if not pages:
            invocation.err(f"Documentation for {name} not known.")
        for page in pages:
            if page.startswith("man:"):
                _man(page[len("man:") :], invocation)
            else:
                invocation.err(f"Can't show: {page}")
    return 0


def _man(page: str, invocation: Invocation) -> None:
    streams.stdout.flush()
    title, _, section = page.rstrip(")").partition("(")
    if os.spawnlp(os.P_WAIT, "man", "man", *([section] if section else []), title) == 127:
        invocation.err("Failed to execute man: No such file or directory")


VERBS = {"help": manual}
