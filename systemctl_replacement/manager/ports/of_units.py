"""Who has which ports: made for a unit when its machine asks for the first, handed over to another, closed when the
unit goes down."""

from __future__ import annotations

from systemctl_replacement.jobs.model import START, WAITING
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.units.events import ConnectionClosed
from systemctl_replacement.units.states import INACTIVE, INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.manager.core import Core
    from systemctl_replacement.manager.ports.clocks import Clocks
    from systemctl_replacement.manager.ports.held import Ports
    from systemctl_replacement.manager.ports.inotify import Inotify
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.units.events import Action, Event


class PortsOfUnits:
    """root: what all paths are below; step: gives an event to a unit's machine."""

    def __init__(self, core: Core, root: str, step: Callable[[ManagedUnit, Event], object]) -> None:
        self._core = core
        self._root = root
        self._step = step
        self._inotify: Inotify | None = None
        self._clocks: Clocks | None = None

    def of(self, unit: ManagedUnit) -> Ports:
        """The ports of a unit."""
        if unit.ports is None:
            # Most managers hold none.
            from systemctl_replacement.manager.ports.held import Ports

            unit.ports = Ports(
                self._core.loop,
                self._inotify_of_all,
                self.clocks,
                self._root,
                lambda event: self._step(unit, event),
                lambda giver, port: self._given_back(giver, ConnectionClosed(unit.id, port)),
            )
        return unit.ports

    def carry_out(self, unit: ManagedUnit, action: Action) -> Event | None:
        """Do what a unit's machine asks for; the answer, if there is one at once."""
        return None if unit.active_state in INACTIVE_OR_FAILED else self.of(unit).carry_out(action)

    def _inotify_of_all(self) -> Inotify:
        if self._inotify is None:
            from systemctl_replacement.manager.ports.inotify import Inotify

            self._inotify = Inotify(self._core.loop)
        return self._inotify

    def clocks(self) -> Clocks:
        """What all of them share for the times that they wait for."""
        if self._clocks is None:
            from systemctl_replacement.manager.ports import clocks

            core = self._core
            self._clocks = clocks.Clocks(
                core.loop,
                f"{self._root}/etc/localtime",
                clocks.perturbation(),
                lambda text: core.log.manager(LOG_WARNING, text),
            )
        return self._clocks

    def clock_descriptor(self) -> int:
        """The descriptor that `clocks` wait with, -1: none."""
        return self._clocks.fd if self._clocks is not None else -1

    def hand_over(self, unit: ManagedUnit, port: str, other: ManagedUnit) -> None:
        """Give a port of a unit to another one, which is about to be started. KeyError: there is none of this name."""
        self.of(unit).hand_over(port, self.of(other), unit.id)

    def close(self, unit: ManagedUnit) -> None:
        """Close the ports of a unit that is down, and the connection of one that has nothing to serve it with, unless
        a start is to come."""
        if unit.ports is None:
            return
        if not (unit.kind.keeps_connection(unit.state) or _may_be_started(unit)):
            unit.ports.give_back()
        if unit.active_state in INACTIVE_OR_FAILED:
            unit.ports.close_own()

    def rest(self) -> None:
        """Take nothing more from sockets until `go_on`."""
        for ports in self._all():
            ports.rest()

    def go_on(self) -> None:
        for ports in self._all():
            ports.go_on()

    def _all(self) -> list[Ports]:
        return [unit.ports for unit in self._core.registry if unit.ports is not None]

    def _given_back(self, giver: str, event: ConnectionClosed) -> None:
        self._core.call_soon(lambda: self._tell(giver, event))

    def _tell(self, unit_id: str, event: Event) -> None:
        unit = self._core.registry.find(unit_id)
        if unit is not None:
            self._step(unit, event)


def _may_be_started(unit: ManagedUnit) -> bool:
    """Whether a connection waits for a start. On its way through a restart, a unit is down for a moment."""
    job = unit.job
    return job is not None and (unit.active_state == INACTIVE or (job.type, job.state) == (START, WAITING))
