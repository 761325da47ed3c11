"""Which files are read: the system's, those of a directory or below a root, or given ones."""

from __future__ import annotations

import errno
import os

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.journal.names import MANAGER_FILE, open_file
from systemctl_replacement.journal.query import Journal
from systemctl_replacement.paths import LOG_DIRECTORY, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from systemctl_replacement.cli.journalctl.options import Options

_BINARY = b"LPKSHHRH"  # how journald's files begin
_GROUPS = ("systemd-journal", "adm")
_HINT = """\
Hint: You are currently not seeing messages from {whose}.
      {who} can see all messages.
      Pass -q to turn off this notice."""


def is_elsewhere(options: Options) -> bool:
    """Whether it is not the running system's journal that is read."""
    return options.directory is not None or bool(options.files or options.root)


def opened(options: Options) -> Journal:
    """The journal that is asked for. Failure if it cannot be opened at all."""
    if options.machine not in (None, ".host"):
        raise Failure(f"Failed to open the journal of {options.machine}: other containers cannot be reached from here.")
    if options.image:
        raise Failure(f"Failed to open {options.image}: mount the image, and use --root= or --directory=.")
    if options.files:
        return _of_files(options.files)
    if options.user and not options.system:
        return Journal(())  # users have no journals of their own
    if options.directory is not None:
        return _of_directory(options.directory)
    return Journal(Paths(options.root).log_candidates())


def opened_for(options: Options, operands: Sequence[str]) -> Journal:
    """The same for who asks for entries: of a system's files those alone that can have such ones, unless more must be
    known. Failure."""
    has_names = options.directory is not None or options.files or options.machine or options.image or options.user
    counts_boots = options.boot_id or options.boot_offset or (options.boot and options.root)
    if has_names or counts_boots or not (options.units or operands):
        return opened(options)
    from systemctl_replacement.cli.journalctl.matches import expression
    from systemctl_replacement.unitfile.names import is_glob

    if any(is_glob(word) for word in [*options.units, *options.user_units]):
        return opened(options)  # which units there are is asked of all
    try:
        asked = expression(options, operands, Journal(()), lambda hint: None)
    except Failure:
        return opened(options)  # what there is to say about the journal comes first

    def wanted(name: str, received: bool) -> bool:
        # What the latest boot is, the manager tells.
        return name == MANAGER_FILE or asked is None or asked.could_match(name, received)

    journal = Journal(Paths(options.root).log_candidates(), wanted=wanted)
    if _has_files(journal):
        return journal
    journal.close()
    return opened(options)  # whether there are any files


def _of_files(patterns: list[str]) -> Journal:
    from glob import glob

    files = []
    for pattern in patterns:
        found = sorted(glob(pattern)) or [pattern]
        files += found
    for path in files:
        _refuse_binary(path)
    journal = Journal((), files)
    if journal.problems and not journal.blocked:
        raise Failure(f"Failed to open files: {os.strerror(journal.problems[0].errno or 0)}")
    return journal


def _of_directory(directory: str) -> Journal:
    try:
        if not directory:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        names = os.listdir(directory)
    except PermissionError:
        names = []
    except OSError as error:
        raise Failure(f"Failed to open {directory}: {error.strerror}") from None
    journal = Journal((directory,))
    if not _has_files(journal):
        for name in names:
            if name.endswith(".journal"):
                _refuse_binary(os.path.join(directory, name))
    return journal


def _refuse_binary(path: str) -> None:
    """Failure if a file has journald's format. What cannot be read is left to who reads it."""
    try:
        fd = open_file(path, os.O_RDONLY)
    except OSError:
        return
    try:
        binary = os.read(fd, len(_BINARY)) == _BINARY
    finally:
        os.close(fd)
    if binary:
        raise Failure(f"Failed to open {path}: it has the binary format of systemd-journald, which is not read here.")


def _has_files(journal: Journal) -> bool:
    """Whether there is anything to read. (What is not a file may be called like one.)"""
    return any(chain.live is not None or chain.archives for chain in journal.chains)


def is_persistent(journal: Journal) -> bool:
    """Whether some of the files outlive the system."""
    return any(chain.directory.startswith(LOG_DIRECTORY) for chain in journal.chains)


def warn(journal: Journal, options: Options) -> None:
    """Say if there are no files, or some that may not be read. Failure if that are all of them."""
    archives = [path for chain in journal.chains for _, _, path in chain.archives]
    closed = [path for path in archives if not os.access(path, os.R_OK)]
    if journal.blocked or closed:
        if not options.quiet:
            whose = "the system" if options.user or options.user_units else "other users and the system"
            streams.err(_HINT.format(whose=whose, who=_readers()))
        if len(closed) == len(archives) and all(chain.live is None for chain in journal.chains):
            raise Failure("No journal files were opened due to insufficient permissions.")
    elif not _has_files(journal) and not options.quiet:
        streams.err("No journal files were found.")


def _readers() -> str:
    """Who may read journals: members of the group that the collector gives them."""
    import grp

    for name in _GROUPS:
        try:
            grp.getgrnam(name)
        except KeyError:
            continue
        return f"Users in the '{name}' group"
    return "Only root"
