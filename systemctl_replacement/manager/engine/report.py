"""What the container's engine is told of the system's life, as by systemd's PID 1: systemd(1), sd_notify(3).

The words that systemd 252 does not have are those of 256. It is told once that the boot is done, and once that the
system stops. As long as either of them goes on it is told from time to time how far that is, so that whoever waits
(podman, or a systemd that has the engine as a unit) waits on.
"""

from __future__ import annotations

import os

from systemctl_replacement.jobs.model import RUNNING
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager.engine.notify_socket import BadAddress, NotifySocket, address_of
from systemctl_replacement.manager.halt.halt import TARGETS
from systemctl_replacement.units.states import ACTIVE_OR_RELOADING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from systemctl_replacement.loop import Timer
    from systemctl_replacement.manager.manager import Manager
    from systemctl_replacement.manager.system import System
    from systemctl_replacement.manager.unit_change import UnitChange

VARIABLE = "NOTIFY_SOCKET"

# All signals of systemd(1) are acted on from now on.
_SIGNALS = "X_SYSTEMD_SIGNALS_LEVEL=2"

# How often it is said how far a boot or a halt is. Each time a halt asks for as much more time.
_PERIOD_USEC = 5_000_000
_EXTENSION_USEC = 30_000_000
# From the time when everything is killed to our end.
_END_USEC = 3_000_000


def extension(now: int, ends_at: int) -> int:
    """How many more microseconds a halt may take: until its end if it is limited, else a while, asked for again before
    that is over. Times are monotonic."""
    return max(ends_at - now, 0) + _END_USEC if ends_at else _EXTENSION_USEC


def progress(running: Sequence[tuple[str, str]], jobs: int) -> str:
    """How far a boot or a halt is. running: (unit, type) of the jobs that run; jobs: how many there are in all."""
    if not running:
        return f"{jobs} jobs waiting..."
    unit, kind = running[0]
    return f"Job {unit}/{kind} running, {jobs - 1} more..."


class EngineReport:
    """Tells the engine, as an observer of everything that it wants to know."""

    def __init__(self, manager: Manager, send: Callable[[str], object]) -> None:
        self._manager = manager
        self._send = send
        self._next: Timer | None = None  # when it is said how far it is
        manager.boot.ended.add(lambda _boot: self._ready())
        manager.driver.unit_changed.add(self._unit_changed)
        manager.halt.begun.add(self._stopping)
        manager.halt.finished.add(self._finished)

    def begin(self, machine_id: str) -> None:
        """A new system has begun, whose signals are heard."""
        self._send(_SIGNALS)
        self._send(f"X_SYSTEMD_HOSTNAME={os.uname().nodename}")
        if machine_id:
            self._send(f"X_SYSTEMD_MACHINE_ID={machine_id}")
        self.go_on()

    def go_on(self) -> None:
        """Say from time to time how far a boot or a halt is, if there is one."""
        if self._is_under_way() and self._next is None:
            self._next = self._manager.loop.call_at(now_monotonic() + _PERIOD_USEC, self._again)

    def _is_under_way(self) -> bool:
        return not self._manager.boot.done or bool(self._manager.halt.requested)

    def _again(self) -> None:
        jobs = self._manager.jobs.jobs.values()
        self._send(f"STATUS={progress([(job.unit, job.type) for job in jobs if job.state == RUNNING], len(jobs))}")
        self._extend()
        self._next = None
        self.go_on()

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _extend(self) -> None:
        halt = self._manager.halt
        if halt.requested:
            self._send(f"EXTEND_TIMEOUT_USEC={extension(now_monotonic(), halt.ends_at)}")

    def _unit_changed(self, change: UnitChange) -> None:
        was, now = change.old in ACTIVE_OR_RELOADING, change.new in ACTIVE_OR_RELOADING
        if change.unit.traits.groups and was != now:
            self._send(f"X_SYSTEMD_UNIT_{'ACTIVE' if now else 'INACTIVE'}={change.unit.id}")

    def _ready(self) -> None:
        self._rest()
        self._send("READY=1\nSTATUS=Ready.")

    def _stopping(self, verb: str) -> None:
        self._send(f"STOPPING=1\nSTATUS=Activating special unit {TARGETS[verb]}...")
        self._extend()
        self.go_on()

    def _finished(self, status: int) -> None:
        self._rest()
        self._send(f"EXIT_STATUS={status}\nX_SYSTEMD_SHUTDOWN={self._manager.halt.requested}")


def report_to_engine(system: System) -> EngineReport | None:
    """Tells the engine that has asked for it from now on. A manager on demand has no engine: $NOTIFY_SOCKET is meant
    for whoever has started it."""
    told = os.environ.get(VARIABLE, "")
    if not told or system.options.on_demand:
        return None
    try:
        address = address_of(told)
    except BadAddress as error:
        system.log.manager(LOG_WARNING, f"Ignoring ${VARIABLE}={told}: {error}.")
        return None
    # Kept over re-executions: most of it is said once.
    unsent: list[str] = system.boot.record.setdefault("unsent", [])
    return EngineReport(system.manager, NotifySocket(system.loop, address, unsent).send)
