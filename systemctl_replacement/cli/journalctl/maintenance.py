"""journalctl's commands that are about the files, not about entries: their size, their state, rotation, removal."""

from __future__ import annotations

import os

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.cli.journalctl.sources import opened, warn
from systemctl_replacement.cli.printable import format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from systemctl_replacement.cli.journalctl.options import Options

_SEALING = "Journals are not sealed here: there are no keys to make."


def run(options: Options, operands: Sequence[str]) -> int:
    """Do what one of these options asks for. Returns the exit status."""
    action = _ACTIONS.get(options.action)
    if action is None:
        raise Failure(f"--{options.action} is not available yet.")
    return action(options, operands)


def _disk_usage(options: Options, operands: Sequence[str]) -> int:
    journal = opened(options)
    warn(journal, options)
    streams.out(f"Archived and active journals take up {format_bytes(journal.disk_usage())} in the file system.")
    return 0


def _new_id(options: Options, operands: Sequence[str]) -> int:
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40  # a random UUID of version 4
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    uuid = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    streams.out(
        f"As string:\n{text}\n\nAs UUID:\n{uuid}\n\nAs systemd-id128(1) macro:\n"
        f"#define XYZ SD_ID128_MAKE({raw.hex(',')})\n\n"
        f"As Python constant:\n>>> import uuid\n>>> XYZ = uuid.UUID('{text}')"
    )
    return 0


def _setup_keys(options: Options, operands: Sequence[str]) -> int:
    raise Failure(_SEALING)


def _update_catalog(options: Options, operands: Sequence[str]) -> int:
    """Nothing to do: the texts are read from where they are."""
    return 0


def _catalog(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.cli.journalctl.catalog_lists import show

    return show(options, operands)


_ACTIONS: dict[str, Callable[[Options, Sequence[str]], int]] = {
    "disk-usage": _disk_usage,
    "new-id128": _new_id,
    "setup-keys": _setup_keys,
    "update-catalog": _update_catalog,
    "list-catalog": _catalog,
    "dump-catalog": _catalog,
}
