"""Where the bus is come to: most containers have none, and nothing of it is imported before a unit asks for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from systemctl_replacement.manager.bus.system_bus import SystemBus
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.manager.unit_change import UnitChange

# The bus itself, by whatever implements it (systemd.special(7)).
BUS_SERVICE = "dbus.service"


class BusDoor:
    """Makes what speaks for us on the bus when it is first needed. Told of units as an observer."""

    def __init__(self, make: Callable[[], SystemBus]) -> None:
        self._make = make
        self._bus: Optional[SystemBus] = None

    @property
    def pid(self) -> int:
        """The process that is on the bus for us, 0: none is."""
        return self._bus.watcher.pid if self._bus is not None else 0

    @property
    def is_amid(self) -> bool:
        """Whether a message to that process, or from it, is on its way."""
        link = self._bus.watcher.link if self._bus is not None else None
        return link is not None and link.is_amid

    def _open(self) -> SystemBus:
        if self._bus is None:
            self._bus = self._make()
        return self._bus

    def loaded(self, unit: ManagedUnit) -> None:
        """A unit was loaded, and may have a name."""
        if self._bus is not None:
            self._bus.loaded(unit)

    def awaited(self, _unit: ManagedUnit) -> None:
        """A unit waits for its name."""
        self._open().awaited()

    def unit_changed(self, change: UnitChange) -> None:
        """The bus comes, and goes."""
        if change.old == change.new:
            return
        if BUS_SERVICE in change.unit.names:
            self._open().look()
        elif self._bus is not None and change.came_up:
            self._bus.look()

    def saved(self) -> Optional[dict[str, Any]]:
        """What is taken along over a re-execution, as plain data; "fd" is the descriptor."""
        return self._bus.saved() if self._bus is not None and self._bus.watcher.link is not None else None

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on with what was taken along. OSError."""
        self._open().restore(saved)

    def close(self) -> None:
        """The manager ends, and nobody is on the bus for it any more."""
        if self._bus is not None:
            self._bus.watcher.release()
