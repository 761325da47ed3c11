"""help: the manual pages of units."""

from __future__ import annotations

import os

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.invocation import Context, Failure
from systemctl_replacement.cli.show import check_not_template
from systemctl_replacement.cli.status import unit_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options


def manual(words: list[str], _options: Options, context: Context) -> int:
    """Show the pages that Documentation= names; other addresses are printed."""
    context.page()
    if not words:
        raise Failure(
            "'help' command expects one or more unit names.\n"
            "(Alternatively, help for systemctl itself may be shown with --help)"
        )
    for position, name in enumerate(unit_names(words, context)):
        check_not_template(name)
        unit = context.asked().call("Show", names=[name], properties=["Documentation", "LoadState"])["units"][0]
        if unit["properties"].get("LoadState") == "not-found":
            raise Failure(f"Unit {name} could not be found.")
        if position:
            context.out("")
        pages = unit["properties"].get("Documentation") or []
        if not pages:
            context.err(f"Documentation for {name} not known.")
        for page in pages:
            if page.startswith("man:"):
                _man(page[len("man:") :], context)
            else:
                context.err(f"Can't show: {page}")
    return 0


def _man(page: str, context: Context) -> None:
    streams.stdout.flush()
    title, _, section = page.rstrip(")").partition("(")
    if os.spawnlp(os.P_WAIT, "man", "man", *([section] if section else []), title) == 127:
        context.err("Failed to execute man: No such file or directory")


VERBS = {"help": manual}
