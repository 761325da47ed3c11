"""Unit file states: enabled, linked, masked, static … as `is-enabled` and `list-unit-files` print them.

Source: systemctl(1) "is-enabled"; the order of the decisions from systemd 252. The links of all directories are read
once, so that listing every unit file costs time linear in the number of files.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from systemctl_replacement.unitfile.install_changes import InstallFailed
from systemctl_replacement.unitfile.install_lookup import MASK, Plan, UnitInfo
from systemctl_replacement.unitfile.names import is_template, replace_instance, valid_unit_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.unitfile.install_tree import Tree

STATES = (
    "enabled", "enabled-runtime", "linked", "linked-runtime", "alias", "masked", "masked-runtime", "static", "disabled",
    "indirect", "generated", "transient", "bad",
)  # fmt: skip

ENABLED_STATES = frozenset(("enabled", "enabled-runtime", "static", "alias", "indirect", "generated"))
"""The states for which `is-enabled` succeeds."""


@dataclass(frozen=True)
class UnitFile:
    """One unit file of a listing; the path carries the root in front."""

    path: str
    state: str

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.path.rpartition("/")[2]


class _Links:
    """The links in a directory by their own names and by those of their targets."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.by_target: dict[str, list[str]] = {}

    def read(self, tree: Tree, directory: str) -> list[str]:
        """Add those of a directory. Returns the directories in it."""
        directories = []
        for name, kind in tree.entries(directory):
            if kind == "link":
                self.names.add(name)
                target = (tree.readlink(f"{directory}/{name}") or "").rstrip("/")
                self.by_target.setdefault(target.rpartition("/")[2], []).append(name)
            elif kind == "directory":
                directories.append(f"{directory}/{name}")
        return directories

    def others(self, name: str) -> list[str]:
        """Links of other names to a unit of this name."""
        return [other for other in self.by_target.get(name, ()) if other != name]


class StateReader:
    """Unit file states below one root. It sees the files as they were when it first looked."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tree = plan.tree
        self.directories = plan.directories
        self._links: dict[str, tuple[_Links, _Links]] = {}

    def state(self, name: str) -> str:
        """The state of one unit file. Raises InstallFailed (ENOENT if there is no such unit file)."""
        if not valid_unit_name(name):
            raise InstallFailed(errno.EINVAL)
        info = self.plan.lookup().discover(name, report=False)
        if info.kind == MASK:
            return "masked-runtime" if self.directories.is_runtime(info.path) else "masked"
        if name != info.path.rpartition("/")[2] and not valid_unit_name(info.name, plain=False, template=False):
            return "alias"
        if self.directories.is_generated(info.path):
            return "generated"
        if self.directories.is_transient(info.path):
            return "transient"
        found = self._linked_state(info, known_names_only=True)
        if found:
            return found
        if self._linked_state(info, known_names_only=False):
            return "indirect"
        if info.section.rules:
            return "disabled"
        return "indirect" if info.section.also else "static"

    def files(self, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[UnitFile]:
        """Every unit file whose name is wanted, once each, in no particular order."""
        seen: set[str] = set()
        for directory in self.directories.search_path:
            for name, kind in self.tree.entries(directory):
                if kind not in ("file", "link") or name in seen or not valid_unit_name(name) or not wanted(name):
                    continue
                seen.add(name)
                try:
                    state = self.state(name)
                except InstallFailed:
                    state = "bad"
                yield UnitFile(f"{self.tree.root}{directory}/{name}", state)

    def _links_in(self, directory: str) -> tuple[_Links, _Links]:
        """The links in a unit directory itself, and those in its .wants/ and .requires/ directories."""
        found = self._links.get(directory)
        if found is None:
            direct, dependencies = _Links(), _Links()
            for path in direct.read(self.tree, directory):
                if path.endswith((".wants", ".requires")):
                    dependencies.read(self.tree, path)
            found = self._links[directory] = (direct, dependencies)
        return found

    def _linked_state(self, info: UnitInfo, *, known_names_only: bool) -> str:
        """The state that links give, "" if there are none. `known_names_only`: only names that `enable` would make."""
        below_unit = enabled_in_runtime = enabled_elsewhere = False
        linked_in_config = linked_in_runtime = False
        for directory in self.directories.search_path:
            found, same_name = self._look(info, directory, known_names_only, below_unit)
            runtime = self.directories.is_runtime(directory)
            config = directory == self.directories.persistent_config
            if found and config:
                return "enabled"
            if found:
                enabled_in_runtime |= runtime
                enabled_elsewhere |= not runtime
            elif same_name:
                linked_in_config |= config
                linked_in_runtime |= runtime
            # A link of the unit's own name below the directory that holds the unit means nothing: it is hidden.
            below_unit = below_unit or info.path.startswith(directory + "/")
        if enabled_in_runtime:
            return "enabled-runtime"
        if enabled_elsewhere and valid_unit_name(info.name, plain=False, template=False):
            return "static"  # the vendor instantiated it: stronger than a mere alias
        if linked_in_config:
            return "linked"
        return "linked-runtime" if linked_in_runtime else ""

    def _look(self, info: UnitInfo, directory: str, known_names_only: bool, below_unit: bool) -> tuple[bool, bool]:
        """Whether one directory has links to the unit, and whether it has one that only makes the file known."""
        direct, dependencies = self._links_in(directory)
        known = _known_names(info)
        # In .wants/ a link of the unit's name counts, whatever it points to.
        if info.name in dependencies.names:
            return True, False
        others = dependencies.others(info.name) + direct.others(info.name)
        if any(name in known or not known_names_only for name in others):
            return True, False
        same_name = info.name in direct.by_target.get(info.name, ()) or (info.name in direct.names and not below_unit)
        return False, same_name


def _known_names(info: UnitInfo) -> set[str]:
    """The names of links that `enable` would make for the unit."""
    names = {info.name, *info.section.aliases}
    if info.section.default_instance and is_template(info.name):
        names.add(replace_instance(info.name, info.section.default_instance))
    return names
