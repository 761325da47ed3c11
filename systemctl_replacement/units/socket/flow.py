"""The ways through a socket's life: opening its ports, listening, starting what it is for, closing.

`SocketFlow` collects what one step of the machine changes and asks for; `step.py` decides which way is taken when.
The diagram of all ways is docs/states.md.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO, LOG_WARNING
from systemctl_replacement.units.commands import flow as commands
from systemctl_replacement.units.commands.flow import FOUND, KILL, REMAINS, TERMINATE, Rung
from systemctl_replacement.units.commands.leaving import leave
from systemctl_replacement.units.end_line import end_line
from systemctl_replacement.units.events import ClosePort, FlushPort, Listen, TellProcesses, WatchPort
from systemctl_replacement.units.socket.config import TAKE_OWNERSHIP, SocketConfig
from systemctl_replacement.units.socket.state import SocketState
from systemctl_replacement.units.socket.states import KILLING, OPEN, SOCKET_ACTIVE_STATE, STARTING, STOPPING
from systemctl_replacement.units.states import RESOURCES, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar

    from systemctl_replacement.units.events import Other

_TIMED = STARTING | STOPPING


def _rungs(first: str) -> dict[str, Rung]:
    """The kill states. first: what the one before ExecStopPost= sends."""
    spared = "Skipping SIGKILL. Ignoring."
    return {
        "stop-pre-sigterm": Rung(first, "Stopping timed out.", "stop-pre-sigkill", spared),
        "stop-pre-sigkill": Rung(KILL, "Processes still around after SIGKILL. Ignoring."),
        "final-sigterm": Rung(TERMINATE, "Stopping timed out (2).", "final-sigkill", spared),
        "final-sigkill": Rung(KILL, "Still around after SIGKILL (2). Entering failed mode."),
    }


# systemd sends SIGKILL at once unless the socket is being restarted, whatever the state is called.
_RUNGS, _RUNGS_OF_RESTART = _rungs(KILL), _rungs(TERMINATE)


class SocketFlow(commands.Flow):
    """One step in the making."""

    rungs: ClassVar[Mapping[str, Rung]] = _RUNGS
    tasks: ClassVar[Mapping[str, str]] = {
        "ExecStartPre": "start-pre",
        TAKE_OWNERSHIP: "start-chown",
        "ExecStartPost": "start-post",
        "ExecStopPre": "stop-pre",
        "ExecStopPost": "stop-post",
    }

    config: SocketConfig
    state: SocketState

    @property
    def triggered(self) -> Mapping[str, Other]:
        """The units that the socket starts, as they are now."""
        return self.context.triggered or {}

    def rung(self, sub: str) -> Rung:
        return (_RUNGS_OF_RESTART if self.context.restart_pending else _RUNGS)[sub]

    def active_state(self, sub: str) -> str:
        return SOCKET_ACTIVE_STATE[sub]

    def enter(self, sub: str) -> None:
        if sub not in _TIMED:
            self.set(deadline=None)
        if sub not in OPEN:
            self._close()
        super().enter(sub)

    # --- starting ---

    def enter_start_pre(self) -> None:
        if self.state.populated:
            self.ask(TellProcesses(LOG_WARNING, FOUND))
        if not self.run_control("ExecStartPre", "start-pre", self.config.timeout_usec):
            self.enter_start_chown()

    def enter_start_chown(self) -> None:
        """Open the ports; whom they belong to comes after that. systemd is in this state for the latter alone."""
        self.deadline(self.config.timeout_usec)
        self.enter("start-chown")
        self.open_next()

    def open_next(self) -> None:
        """Open the next port, or go on when all are there."""
        done = frozenset(self.state.open)  # there may be thousands
        for name, on in self.config.addresses:
            if name not in done:
                self.set(opening=name)
                self.ask(Listen(name, on))
                return
        if self.config.phase(TAKE_OWNERSHIP):
            self.spawn(TAKE_OWNERSHIP, 0, self.config.timeout_usec)
        else:
            self.enter_start_post()

    def enter_start_post(self) -> None:
        if not self.run_control("ExecStartPost", "start-post", self.config.timeout_usec):
            self.enter_listening()

    # --- being up ---

    def enter_listening(self) -> None:
        if self.config.flush_pending and not self.config.accept:
            self.flush()
        self.enter("listening")
        self.watch()

    def watch(self) -> None:
        """Ask to be told of what comes in."""
        for port in self.state.open:
            self.ask(WatchPort(port))

    def flush(self) -> None:
        """Drop what has come in."""
        for port in self.state.open:
            self.ask(FlushPort(port))

    # --- stopping ---

    def enter_stop_pre(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        if not self.run_control("ExecStopPre", "stop-pre", self.config.timeout_usec):
            self.enter_stop_post(SUCCESS)

    def enter_stop_post(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        if not self.run_control("ExecStopPost", "stop-post", self.config.timeout_usec):
            self.enter_signal("final-sigterm", SUCCESS)

    def after_kill(self, sub: str, result: str) -> None:
        if sub in KILLING:
            self.enter_stop_post(result)
        else:
            self.enter_dead(result)

    def enter_dead(self, result: str) -> None:
        self.fail_with(result)
        final = self.state.result
        self.ask(end_line(final))
        if self.state.populated:
            self.ask(TellProcesses(LOG_INFO, REMAINS))
        self.set(control=None)
        leave(self, self.config, "final-sigterm")

    def _close(self) -> None:
        """Close the ports, and what has been asked for but is not there yet."""
        state = self.state
        asked_for = ((state.opening,) if state.opening else ()) + tuple([one.connection for one in state.accepting])
        for port in (*state.open, *asked_for):
            self.ask(ClosePort(port))
        self.set(open=(), opening="", accepting=())

    # --- what cannot be done ---

    def resources(self) -> None:
        """A command could not be run at all: fail in the way each state does."""
        sub = self.state.sub
        if sub == "start-pre":
            self.enter_dead(RESOURCES)
        elif sub in ("start-chown", "start-post"):
            self.enter_stop_pre(RESOURCES)
        elif sub in ("stop-pre", *KILLING):
            self.enter_stop_post(RESOURCES)
        elif sub == "stop-post":
            self.enter_signal("final-sigterm", RESOURCES)
        elif sub in self.rungs:
            self.enter_dead(RESOURCES)
