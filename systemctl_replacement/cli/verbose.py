"""--verbose: what units print while a verb works on them (systemctl(1) of systemd 257)."""

from __future__ import annotations

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.journal.unit_log import last_of_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Of a unit that prints endlessly, show the last lines.
_MOST_LINES = 1000


def show_lines(units: Iterable[str], since: int, invocation: Invocation) -> None:
    """Print what the units, and the manager about them, have logged since a time (microseconds, monotonic)."""
    terminal = Terminal()
    settings = OutputSettings(invocation.options.output, colors=terminal.colors, tty=terminal.tty)
    output = make(settings)
    for unit in dict.fromkeys(units):
        for entry in last_of_unit(invocation.paths, unit, _MOST_LINES, since):
            streams.stdout.write_bytes(output.format(entry))
