"""What every verb is given: the options, the paths, the terminal, and the manager.

This is on the hot path: what only some verbs need is imported when it is used.
"""

from __future__ import annotations

import os
import sys

from systemctl_replacement.cli import streams
from systemctl_replacement.control.client import CallError, Client, connect
from systemctl_replacement.exit_status import (
    EXIT_NOPERMISSION,
    EXIT_NOTCONFIGURED,
    EXIT_NOTIMPLEMENTED,
    EXIT_NOTINSTALLED,
)
from systemctl_replacement.paths import BOOTED_MARK, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options
    from systemctl_replacement.cli.terminal import Terminal

# The exit statuses of verbs that change units, by D-Bus error: those of the LSB.
_EXIT_STATUSES = {
    "org.freedesktop.systemd1.NoSuchUnit": EXIT_NOTINSTALLED,
    "org.freedesktop.DBus.Error.AccessDenied": EXIT_NOPERMISSION,
    "org.freedesktop.systemd1.OnlyByDependency": EXIT_NOPERMISSION,
    "org.freedesktop.systemd1.NoIsolation": EXIT_NOPERMISSION,
    "org.freedesktop.systemd1.TransactionIsDestructive": EXIT_NOPERMISSION,
    "org.freedesktop.systemd1.JobTypeNotApplicable": EXIT_NOTIMPLEMENTED,
    "org.freedesktop.systemd1.LoadFailed": EXIT_NOTCONFIGURED,
}
UNPRINTED = "Failed to print table: {}"


class CommandError(Exception):
    """An expected failure. The text goes to stderr, and `status` is the exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class Invocation:
    """One invocation of systemctl."""

    def __init__(self, options: Options, paths: Paths | None = None) -> None:
        self.options = options
        self.paths = Paths(options.root) if paths is None else paths
        self._manager: Client | None = None
        self._connected = False
        self.refusal = ""  # why PID 1, which is an init of ours, does not talk to us
        self._terminal: Terminal | None = None

    def out(self, text: str) -> None:
        """Print one line (or several) on stdout."""
        streams.out(text)

    def err(self, text: str) -> None:
        """Print one line (or several) on stderr, after everything that was printed on stdout before."""
        streams.err(text)

    @property
    def terminal(self) -> Terminal:
        """How to draw on stdout."""
        if self._terminal is None:
            from systemctl_replacement.cli.terminal import Terminal

            self._terminal = Terminal()
        return self._terminal

    def page(self) -> None:
        """Show everything printed from now on in a pager, on a terminal and without --no-pager."""
        if self.options.pager and self.terminal.tty:
            from systemctl_replacement.cli.pager import open_pager

            self.terminal.cuts = not open_pager()

    def table_printed(self) -> None:
        """Raise CommandError if the table could not be written: the verbs that print tables say so."""
        if problem := streams.unwritten():
            raise CommandError(UNPRINTED.format(problem))

    def manager(self, *, wait: bool = True) -> Client | None:
        """The running manager, None without one (queries are then answered from the files).

        wait: if PID 1 is an init that is still starting, wait for it. If PID 1 is an init that does not answer this
        user, a line on stderr says once which user it answers.
        """
        if not self._connected:
            if self.options.scope == "user":
                raise CommandError("Failed to connect to bus: No medium found")
            if self.options.host is not None or self.options.machine not in (None, ".host"):
                raise CommandError("Failed to connect to bus: Host is down")
            self._manager = connect(self.paths)
            if self._manager is None and wait and not self.paths.root:
                self._wait_for_init()
            self._connected = wait or self._manager is not None
        return self._manager

    def _wait_for_init(self) -> None:
        from systemctl_replacement.control import init_process

        self._manager = init_process.wait_for_manager(self.paths)
        init = init_process.look() if self._manager is None else None
        if self._manager is None and init is None and os.path.lexists(BOOTED_MARK):
            from systemctl_replacement.control.activate import tidy_up

            tidy_up(self.paths)
        if init is not None:
            self.refusal = init_process.whose(init)
            if not self.options.quiet:
                self.err(self.refusal)

    def manager_to_change(self) -> Client | None:
        """The running manager, None without one. CommandError if PID 1 is an init that does not answer us."""
        manager = self.manager()
        if self.refusal:
            raise CommandError(self.refusal if self.options.quiet else "")
        return manager

    def running_manager(self, verb: str) -> Client:
        """The manager, started in the background if none runs, for verbs that change something.

        Below a root none is started, because there systemctl only works on files.
        """
        manager = self.manager_to_change()
        if os.getppid() == 1 and not self.options.quiet:
            self._warn_of_shell()
        if manager is None:
            if self.options.root or self.options.image:
                raise CommandError(f"Verb '{verb}' cannot be used with --root= or --image=.")
            self.refuse_as_pid1(verb)
            from systemctl_replacement.control.activate import ActivationError, start_manager

            try:
                manager = self._manager = start_manager(self.paths)
            except (ActivationError, OSError) as error:
                raise CommandError(f"Failed to start the service manager: {error}") from None
        return manager

    def refuse_as_pid1(self, verb: str) -> None:
        """Raise CommandError if we are PID 1 ourselves: no manager could stay after our end."""
        if os.getpid() == 1 and not self.options.root:
            raise CommandError(
                f"Verb '{verb}' needs a service manager that stays, but this is PID 1: the container ends with it.\n"
                "To be the init of a container, use 'systemctl init'."
            )

    def _warn_of_shell(self) -> None:
        from systemctl_replacement.control import shell_form

        if shell_form.ends_with_us():
            self.err(
                "PID 1 is a shell that ends with this command, and so do the container and everything in it.\n"
                f"For an init that stays, write {shell_form.remedy(sys.argv[1:])}."
            )

    def file_manager(self) -> Any:
        """Answers a client's calls from the unit files, like a manager that has started nothing."""
        from systemctl_replacement.cli.offline import FileManager

        return FileManager(self.paths)

    def manager_or_files(self) -> Any:
        """What to ask: the manager, or the files if none runs."""
        return self.manager() or self.file_manager()


def exit_status(error: CallError, default: int = 1) -> int:
    """systemctl's exit status for an error of the verbs that start and stop units."""
    return _EXIT_STATUSES.get(error.dbus_name, default)
