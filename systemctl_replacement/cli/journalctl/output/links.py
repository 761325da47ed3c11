"""Links to the files that messages name, for terminals that can follow them (OSC 8).

Source: systemctl(1) $SYSTEMD_URLIFY, and what systemd 252 prints of entries with CONFIG_FILE= and DOCUMENTATION=.
"""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli.printable import is_printable_text
from systemctl_replacement.terminal_settings import unicode_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.multiline import Span
    from systemctl_replacement.cli.journalctl.output.values import Value


def links_wanted(colors: bool) -> bool:
    """Whether to print links: the environment decides, otherwise whether there are colours."""
    asked = boolean(os.environ.get("SYSTEMD_URLIFY", ""))
    return colors if asked is None else asked


def linked(message: str, file: Value | None, highlight: Span) -> tuple[str, Span]:
    """A message, with a link if it begins with the name of the file that it is about, and where its highlight is then.

    Nothing is linked where a part of the name is highlighted.
    """
    if not isinstance(file, str) or not message.startswith(file):
        return message, highlight
    name = file_link(file)
    added = len(name) - len(file)
    if highlight is None or highlight[0] == highlight[1]:
        return name + message[len(file) :], highlight
    if highlight[0] < len(file):
        return message, highlight
    return name + message[len(file) :], (highlight[0] + added, highlight[1] + added)


def file_link(path: str) -> str:
    """The name of a file, as a link to it."""
    if not path or "\n" in path or not is_printable_text(path):
        return path
    return _link(f"file://{os.uname().nodename}{os.path.abspath(path)}", path)


def documentation_link(address: str) -> str:
    """A link that stands in front of a message."""
    if "\n" in address or not is_printable_text(address):
        return ""
    return f"{_link(address, '[🡕]' if unicode_wanted() else '[LNK]')} "


def _link(address: str, text: str) -> str:
    return f"\x1b]8;;{address}\a{text}\x1b]8;;\a"
