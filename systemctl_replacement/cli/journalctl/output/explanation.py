"""What the catalogue says of a message, below its entry (`journalctl -x`)."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.colors import GREEN, RESET, grey
from systemctl_replacement.terminal_settings import unicode_wanted


def marked(text: str, colors: bool) -> str:
    """An explanation with a mark in front of each line."""
    mark = "░░" if unicode_wanted() else "--"
    first, *lines = text.split("\n")
    if not colors:
        return "".join([f"{mark} {line}\n" for line in (first, *lines)])
    shown = [f"{grey()}{mark} {RESET}{GREEN}{first}{RESET}\n"]
    shown += [f"{grey()}{mark}{RESET} {GREEN}{line}{RESET}\n" for line in lines]
    return "".join(shown)
