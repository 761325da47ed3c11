"""systemctl: from the command line to an exit status.

This is on the hot path. Every expected failure is a CommandError with its text, and this is the one place that prints
it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

from systemctl_replacement.cli import streams, verbs
from systemctl_replacement.cli.invocation import UNPRINTED, CommandError, Invocation
from systemctl_replacement.cli.option_table import HelpShown, parse
from systemctl_replacement.cli.options import OptionError
from systemctl_replacement.cli.version import VERSION
from systemctl_replacement.control.client import CallError, Disconnected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from systemctl_replacement.cli.option_table import Options


def main(argv: Sequence[str]) -> int:
    """Run systemctl with this command line (argv[0] is its name). Returns the exit status."""
    return guarded(lambda: _systemctl(argv))


def guarded(run: Callable[[], int]) -> int:
    """Run a command, turn failures into messages and exit statuses, and finish its output."""
    # A reader that goes away ends us, like every other command.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    streams.open_missing()
    try:
        return run()
    except HelpShown as shown:
        streams.out(str(shown))
        problem = shown.table and streams.unwritten()
        return _failed(UNPRINTED.format(problem), 1) if problem else 0
    except OptionError as error:
        return _failed(str(error), 1)
    except CommandError as failure:
        return _failed(failure.text, failure.status)
    except CallError as error:
        return _failed(error.message, 1)
    except Disconnected as error:
        return _failed(f"Failed to talk to the service manager: {error}", 1)
    finally:
        streams.finish()


def show(text: str) -> int:
    """Print a text and nothing else. Returns the exit status."""

    def run() -> int:
        streams.out(text)
        return 0

    return guarded(run)


def _failed(text: str, status: int) -> int:
    if text:
        streams.err(text)
    return status


def _systemctl(argv: Sequence[str]) -> int:
    # A script gets its path instead of what was typed, which is nearly always the name.
    argv = ["systemctl" if argv[0].endswith((".py", "/systemctl")) else argv[0], *argv[1:]]
    options, operands = parse(argv, on_help=_help, on_version=lambda: VERSION)
    verb = operands[0] if operands else "list-units"
    return verbs.run(verb, operands[1:], options, Invocation(options))


def _help(options: Options) -> str:
    from systemctl_replacement.cli.help_text import systemctl_help

    Invocation(options).page()
    return systemctl_help()
