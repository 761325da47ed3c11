"""journalctl's commands that are about the files, not about entries: their size, their state, rotation, removal."""

from __future__ import annotations

import os
import time

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.cli.journalctl.sources import opened, warn
from systemctl_replacement.cli.printable import format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.journal.examine import Header

_SEALING = "Journals are not sealed here: there are no keys to make."


def run(options: Options, operands: Sequence[str]) -> int:
    """Do what one of these options asks for. Returns the exit status."""
    return _ACTIONS[options.action](options, operands)


# --- what there is ---


def _disk_usage(options: Options, operands: Sequence[str]) -> int:
    journal = opened(options)
    warn(journal, options)
    streams.out(f"Archived and active journals take up {format_bytes(journal.disk_usage())} in the file system.")
    return 0


def _header(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.journal.examine import headers

    journal = opened(options)
    warn(journal, options)
    between = ""
    for header in headers(journal):
        streams.out(between + _text_of_header(header))
        between = "\n"
    return 0


def _text_of_header(header: Header) -> str:
    """The lines of journald's files that are true of ours, too."""
    from systemctl_replacement.cli.timestamps import format_timestamp
    from systemctl_replacement.unitfile.values import format_time_span

    lines = [f"File path: {header.path}"]
    if header.last is not None:
        lines.append(f"Boot ID: {header.last[3].decode('ascii')}")
    lines += [f"Sequential number ID: {header.sequence}", f"State: {header.state}"]
    for end, head in (("Head", header.first), ("Tail", header.last)):
        if head is not None:
            lines.append(f"{end} sequential number: {head[0]} ({head[0]:x})")
    for end, head in (("Head", header.first), ("Tail", header.last)):
        if head is not None:
            lines.append(f"{end} realtime timestamp: {format_timestamp(head[1])} ({head[1]:x})")
    if header.last is not None:
        monotonic = header.last[2]
        lines.append(f"Tail monotonic timestamp: {format_time_span(monotonic, 1000)} ({monotonic:x})")
    lines += [f"Entry objects: {header.entries}", f"Disk usage: {format_bytes(header.taken)}"]
    return "\n".join(lines)


def _verify(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.journal.examine import verify

    journal = opened(options)
    warn(journal, options)
    status = 0
    for path, problems in verify(journal):
        for problem in problems:
            streams.err(f"{problem.offset:x}: {problem.text}")
        streams.err(f"FAIL: {path}" if problems else f"PASS: {path}")
        status = status or bool(problems)
    return int(status)


# --- removal, and what the manager is asked for ---


def _vacuum(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.journal.archives import vacuum

    journal = opened(options)
    warn(journal, options)
    size, files, age = options.vacuum_size or 0, options.vacuum_files or 0, options.vacuum_time or 0
    oldest = max(time.time_ns() // 1000 - age, 0) if age else 0
    status = 0
    for directory in journal.directories if size or files or age else ():
        freed = 0
        for path, taken, problem in vacuum(directory, size, files, oldest):
            if problem is not None:
                streams.err(f"Failed to delete archived journal {path}: {problem.strerror}")
                status = 1
                continue
            freed += taken
            if not options.quiet:
                streams.err(f"Deleted archived journal {path} ({format_bytes(taken)}).")
        if not options.quiet and os.path.isdir(directory):
            streams.err(f"Vacuuming done, freed {format_bytes(freed)} of archived journals from {directory}.")
    return status


def _rotate(options: Options, operands: Sequence[str]) -> int:
    _ask_manager("Rotate", options)
    return 0


def _rotate_and_vacuum(options: Options, operands: Sequence[str]) -> int:
    _ask_manager("Rotate", options)
    return _vacuum(options, operands)


def _synchronize(options: Options, operands: Sequence[str]) -> int:
    """Wait until what has been logged can be read."""
    _ask_manager("Synchronize", options)
    return 0


def _flush(options: Options, operands: Sequence[str]) -> int:
    _ask_manager("FlushToVar", options)
    return 0


def _ask_manager(method: str, options: Options) -> None:
    """Failure if that is not possible."""
    from systemctl_replacement.control.client import CallError, Disconnected, connect
    from systemctl_replacement.paths import Paths

    paths = Paths(options.root)
    try:
        client = connect(paths)
        if client is None:
            raise Failure(f"Failed to connect to {paths.socket_path()}: No such file or directory")
        client.call_waiting(method)
    except CallError as error:
        raise Failure(f"Failed to execute varlink call: {error.message}") from None
    except Disconnected as error:
        raise Failure(f"Failed to execute varlink call: {error}") from None


def _relinquish(options: Options, operands: Sequence[str]) -> int:
    from systemctl_replacement.paths import Paths

    directory = Paths(options.root).log_candidates()[0]
    if options.action == "relinquish-var" or not _on_root_mount(directory):
        _ask_manager("RelinquishVar", options)
    return 0


def _on_root_mount(directory: str) -> bool:
    try:
        return os.stat(directory).st_dev == os.stat("/").st_dev
    except FileNotFoundError:
        return True


# --- the rest ---


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
    "header": _header,
    "verify": _verify,
    "vacuum": _vacuum,
    "rotate": _rotate,
    "rotate-and-vacuum": _rotate_and_vacuum,
    "sync": _synchronize,
    "flush": _flush,
    "relinquish-var": _relinquish,
    "smart-relinquish-var": _relinquish,
    "new-id128": _new_id,
    "setup-keys": _setup_keys,
    "update-catalog": _update_catalog,
    "list-catalog": _catalog,
    "dump-catalog": _catalog,
}
