"""--list-catalog and --dump-catalog: the explanations of messages themselves, all or those of given ids."""

from __future__ import annotations

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.catalog import load, message_id
from systemctl_replacement.cli.journalctl.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from systemctl_replacement.cli.journalctl.options import Options

_FAILED = "Failed to list catalog: {}"


def show(options: Options, operands: Sequence[str]) -> int:
    """Returns the exit status. Raises Failure if an id is none, or nothing is known about it."""
    entries = load(options.root).entries
    problem = ""
    for word in operands or sorted(entries):
        identifier = message_id(word)
        if not identifier:
            streams.err(f"Failed to parse id128 '{word}': Invalid argument")
            problem = problem or "Invalid argument"
        elif identifier not in entries:
            streams.err(f"Failed to retrieve catalog entry for '{identifier}': No such file or directory")
            problem = problem or "No such file or directory"
        elif options.action == "dump-catalog":
            streams.out(f"-- {identifier}\n{entries[identifier]}\n")
        else:
            streams.out(_line(identifier, entries[identifier]))
    if problem:
        raise Failure(_FAILED.format(problem))
    return 0


def _line(identifier: str, text: str) -> str:
    headers = dict.fromkeys(("Subject", "Defined-By"), "")
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if not colon:
            break  # the headers end with an empty line
        if name in headers:
            headers[name] = value.strip()
    return f"{identifier} {headers['Defined-By']}: {headers['Subject']}"
