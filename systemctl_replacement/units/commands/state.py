"""What a unit that runs commands has in its configuration and in its state, whatever its kind."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.units.events import Stamp
from systemctl_replacement.units.states import SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol
else:
    Protocol = object

NEVER: Stamp = (0, 0)


class CommandsConfig(Protocol):
    """The settings of such a unit: its commands, and how its processes are killed (systemd.kill(5))."""

    def phase(self, name: str) -> tuple[Any, ...]:
        """The commands of one directive, () when there are none."""

    @property
    def kill_mode(self) -> str: ...

    @property
    def kill_signal(self) -> int: ...

    @property
    def restart_kill_signal(self) -> int: ...

    @property
    def final_kill_signal(self) -> int: ...

    @property
    def watchdog_signal(self) -> int: ...

    @property
    def send_sighup(self) -> bool: ...

    @property
    def send_sigkill(self) -> bool: ...

    @property
    def timeout_stop_usec(self) -> int:
        """How long signalled processes have to end; INFINITY: for ever."""


@dataclass(frozen=True)
class ExecStatus:
    """What became of one process: when it started and ended, and how (`code` exited, killed, dumped or "" so far)."""

    pid: int = 0
    start: Stamp = NEVER
    exit: Stamp = NEVER
    code: str = ""
    status: int = 0


@dataclass(frozen=True)
class Running:
    """A command in progress. It is remembered whole, so that a changed unit file under it is harmless."""

    phase: str
    index: int
    command: Any  # unitfile.parsers.commands.ExecCommand
    token: int
    pid: int = 0  # 0 until the process exists


@dataclass(frozen=True)
class CommandsState:
    """What changes in the life of a unit that runs one command at a time, its control process."""

    sub: str = "dead"
    result: str = SUCCESS
    control: Running | None = None
    statuses: tuple[tuple[str, int, ExecStatus], ...] = ()  # (phase, index, status) of each command that ran
    populated: bool = False  # processes exist, or are about to
    deadline: int | None = None  # monotonic microseconds at which the state times out
    next_token: int = 1
