"""systemctl: from the command line to an exit status.

On the hot path. Every expected failure is a Failure with its text; this is the one place that prints it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import sys

from systemctl_replacement.cli import verbs
from systemctl_replacement.cli.context import Context, Failure
from systemctl_replacement.cli.options import OptionError
from systemctl_replacement.cli.settings import HelpShown, UsageError, parse
from systemctl_replacement.control.client import CallError, Disconnected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What clients parse: package scripts want "systemd NNN (", Ansible an integer and a second line.
VERSION = "systemd 252 (252.39-1~deb12u1)\n-PAM -AUDIT -SELINUX -APPARMOR -SECCOMP -KMOD default-hierarchy=none"


def main(argv: Sequence[str]) -> int:
    """Run systemctl with this command line (argv[0] is its name); the exit status."""
    return guarded(lambda: _systemctl(argv))


def guarded(run: Callable[[], int]) -> int:
    """Run a command, turning failures into texts and exit statuses, and finish its output."""
    # A reader that goes away ends us, as it ends every other command.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    try:
        status = run()
    except HelpShown as shown:
        sys.stdout.write(f"{shown}\n")
        status = 0
    except (OptionError, UsageError) as error:
        status = _failed(str(error), 1)
    except Failure as failure:
        status = _failed(failure.text, failure.status)
    except CallError as error:
        status = _failed(error.message, 1)
    except Disconnected as error:
        status = _failed(f"Failed to talk to the service manager: {error}", 1)
    except KeyboardInterrupt:
        status = 130
    try:
        sys.stdout.flush()
    except OSError as error:
        status = _failed(f"Failed to write output: {error.strerror}", 1)
        # Python flushes once more at exit: into nothing.
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    return status


def _failed(text: str, status: int) -> int:
    sys.stdout.flush()
    if text:
        sys.stderr.write(text + "\n")
    return status


def _systemctl(argv: Sequence[str]) -> int:
    # A script is given its path instead of what was typed, which is the name nearly always.
    argv = ["systemctl" if argv[0].endswith((".py", "/systemctl")) else argv[0], *argv[1:]]
    options, operands = parse(argv, on_help=_help, on_version=lambda: VERSION)
    verb = operands[0] if operands else "list-units"
    return verbs.run(verb, operands[1:], options, Context(options))


def _help() -> str:
    from systemctl_replacement.cli.help_text import systemctl_help

    return systemctl_help()
