"""systemd-cat: a command whose stdout and stderr go to the journal.

Source: systemd-cat(1), sd_journal_stream_fd(3). It is installed where the image has none of its own.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os

from systemctl_replacement.booleans import boolean
from systemctl_replacement.cli import streams
from systemctl_replacement.cli.options import NO, REQUIRED, CommandLine, OptionError
from systemctl_replacement.cli.version import VERSION
from systemctl_replacement.log_levels import LOG_INFO, NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SOCKET = "/run/systemd/journal/stdout"
_SEND_BUFFER = 8 * 1024 * 1024
_HELP = """\
systemd-cat [OPTIONS...] COMMAND ...

Execute process with stdout/stderr connected to the journal.

  -h --help                      Show this help
     --version                   Show package version
  -t --identifier=STRING         Set syslog identifier
  -p --priority=PRIORITY         Set priority value (0..7)
     --stderr-priority=PRIORITY  Set priority value (0..7) used for stderr
     --level-prefix=BOOL         Control whether level prefix shall be parsed

See the systemd-cat(1) man page for details."""
_LONG = {
    "help": (NO, "help"),
    "version": (NO, "version"),
    "identifier": (REQUIRED, "identifier"),
    "priority": (REQUIRED, "priority"),
    "stderr-priority": (REQUIRED, "stderr_priority"),
    "level-prefix": (REQUIRED, "level_prefix"),
}
_SHORT = {"h": (NO, "help"), "t": (REQUIRED, "identifier"), "p": (REQUIRED, "priority")}


def main(argv: Sequence[str]) -> int:
    """Run systemd-cat with this command line. Returns the exit status if there is no command in its place."""
    streams.open_missing()
    try:
        return _run(argv)
    except OptionError as error:
        streams.err(str(error))
        return 1
    finally:
        streams.finish()


def _run(argv: Sequence[str]) -> int:
    identifier, priority, stderr_priority, prefix = "", LOG_INFO, None, True
    # Options end at the command.
    line = CommandLine(["systemd-cat", *argv[1:]], _LONG, _SHORT, permute=False)
    for key, value in line.options():
        if value is None:
            streams.out(_HELP if key == "help" else VERSION)
            return 0
        if key == "identifier":
            identifier = value
        elif key == "priority":
            priority = _level(value, "priority")
        elif key == "stderr_priority":
            stderr_priority = _level(value, "stderr priority")
        else:
            wanted = boolean(value)
            if wanted is None:
                raise OptionError(f"Failed to parse boolean argument to --level-prefix=: {value}.")
            prefix = wanted
    try:
        output = _stream(identifier, priority, prefix)
        errors = output if stderr_priority in (None, priority) else _stream(identifier, stderr_priority, prefix)
    except OSError as error:
        raise OptionError(f"Failed to create stream fd: {error.strerror}") from None
    return _execute(line.operands or ["cat"], output, errors)


def _level(text: str, what: str) -> int:
    level = NAMES.index(text) if text in NAMES else int(text) if text.isascii() and text.isdigit() else len(NAMES)
    if level >= len(NAMES):
        raise OptionError(f"Failed to parse {what} value.")
    return level


def _stream(identifier: str, priority: int | None, prefix: bool) -> _socket.socket:
    """A connection to the journal, on which lines are sent."""
    stream = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    stream.connect(SOCKET)
    stream.shutdown(_socket.SHUT_RD)
    stream.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _SEND_BUFFER)
    # Identifier, unit, level, whether lines have levels in front; and where else to send them, which nobody may say.
    stream.sendall(f"{identifier}\n\n{priority}\n{prefix:d}\n0\n0\n0\n".encode("utf-8", "surrogateescape"))
    return stream


def _execute(command: list[str], output: _socket.socket, errors: _socket.socket) -> int:
    kept = os.dup(2)  # closed by exec
    os.dup2(output.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # which Python ignores, and a program would inherit that
        _signal.signal(number, _signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.dup2(kept, 2)
        streams.err(f"Failed to execute process: {error.strerror}")
    return 1
