"""Conditions and assertions (systemd.unit(5)) before there is a container: met, not met, or not to be told yet."""

from __future__ import annotations

from systemctl_replacement.check.tree import Tree, Unknown
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile import capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable, Optional

    from systemctl_replacement.check.profiles import Profile
    from systemctl_replacement.manager.conditions.check import Checker
    from systemctl_replacement.unitfile.parsers.conditions import Condition

    Told = Optional[bool]

# What an image has decided by itself, and so have all containers that are made of it.
_OF_THE_FILES = frozenset(("PathExists", "PathIsDirectory", "DirectoryNotEmpty", "FileNotEmpty", "FileIsExecutable"))
_OF_EVERY_CONTAINER = frozenset(("Virtualization", "Architecture", "ACPower", "OSRelease", "User"))
# The answer depends on the container's user namespace.
_PRIVATE_USERS = "private-users"


def unmet(conditions: Sequence[Condition], met: Callable[[Condition], Told]) -> Optional[Condition]:
    """The condition because of which a unit is not started, None if it is, or if that cannot be told.

    All plain ones must hold, and at least one of those marked `|`.
    """
    triggers: list[tuple[Condition, Told]] = []
    for condition in conditions:
        told = met(condition)
        if condition.trigger:
            triggers.append((condition, told))
        elif told is False:
            return condition
    if triggers and all(told is False for _, told in triggers):
        return triggers[0][0]
    return None


def shown(which: str, condition: Condition) -> str:
    """A condition as it stands in a unit file. which: "Condition" or "Assert"."""
    return f"{which}{condition.kind}={'|' * condition.trigger}{'!' * condition.negate}{condition.parameter}"


class Foresight:
    """What is known of conditions in a container of a profile. `checker` is that of its manager."""

    def __init__(self, tree: Tree, profile: Profile, checker: Checker) -> None:
        self._tree = tree
        self._profile = profile
        self._checker = checker

    def met(self, condition: Condition) -> Told:
        """Whether a condition will be met, None if that is not known."""
        try:
            told = self._holds(condition)
        except (OSError, LookupError, ValueError, OverflowError):
            return False  # as for the manager: what cannot be tested is not met, negated or not
        return None if told is None else told != condition.negate

    def _holds(self, condition: Condition) -> Told:
        kind, parameter = condition.kind, condition.parameter
        if kind in _OF_THE_FILES:
            try:
                self._tree.status(parameter)
            except Unknown:
                return None
            except OSError:
                return False
            return self._checker.holds(replace(condition, parameter=self._tree.real(parameter)))
        if kind == "PathIsSymbolicLink":
            directory, _, name = parameter.rpartition("/")
            try:
                return self._checker.holds(replace(condition, parameter=f"{self._tree.real(directory or '/')}/{name}"))
            except Unknown:
                return None
        if kind == "Capability":
            return capabilities.NAMES[capabilities.number(parameter)] in self._profile.capabilities
        if kind in _OF_EVERY_CONTAINER and parameter != _PRIVATE_USERS:
            return self._checker.holds(condition)
        return None
