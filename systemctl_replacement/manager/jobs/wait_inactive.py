"""The method WaitInactive: a request that waits until none of some units is active or has a job (`start --wait`)."""

from __future__ import annotations

from systemctl_replacement.units.states import INACTIVE_OR_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.control.request import Request
    from systemctl_replacement.manager.registry import Registry
    from systemctl_replacement.manager.unit_change import UnitChange
    from systemctl_replacement.observers import Observers


class WaitInactive:
    """Looks whenever a unit has gone down; but in its caller's turn: the list may be long, and others wait, too.

    answer: answers the request in the end.
    """

    def __init__(
        self,
        registry: Registry,
        unit_changed: Observers[UnitChange],
        request: Request,
        names: list[str],
        answer: Iterator[None],
    ) -> None:
        self._registry = registry
        self._unit_changed = unit_changed
        self._request = request
        self._names = names
        self._answer = answer
        self._changed = False
        self._looking = False

    def begin(self) -> None:
        self._unit_changed.add(self._unit_has_changed)
        self._request.on_cancel = self._forget
        self._look_again()

    def _unit_has_changed(self, change: UnitChange) -> None:
        if change.went_down:
            self._look_again()

    def _look_again(self) -> None:
        self._changed = True
        if not self._looking:
            self._looking = True
            self._request.work(self._look())

    def _look(self) -> Iterator[None]:
        while self._changed:
            self._changed = False
            for name in self._names:
                if self._is_up(name):
                    break
                yield
            else:
                self._forget()
                yield from self._answer
                return
        self._looking = False

    def _is_up(self, name: str) -> bool:
        unit = self._registry.find(name)
        return unit is not None and (unit.job is not None or unit.active_state not in INACTIVE_OR_FAILED)

    def _forget(self) -> None:
        self._unit_changed.remove(self._unit_has_changed)  # if it is there: a caller may go away while it is answered
