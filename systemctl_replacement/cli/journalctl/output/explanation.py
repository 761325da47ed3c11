"""What the catalogue says of a message, below its entry (`journalctl -x`)."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.colors import GREEN, GREY, RESET
from systemctl_replacement.terminal_settings import is_utf8_locale


def marked(text: str, colors: bool) -> str:
    """An explanation with a mark in front of each line."""
    mark = "░░" if is_utf8_locale() else "--"
    first, *lines = text.split("\n")
    if not colors:
        return "".join([f"{mark} {line}\n" for line in (first, *lines)])
    shown = [f"{GREY}{mark} {RESET}{GREEN}{first}{RESET}\n"]
    shown += [f"{GREY}{mark}{RESET} {GREEN}{line}{RESET}\n" for line in lines]
    return "".join(shown)
