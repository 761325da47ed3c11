"""Unit file states: enabled, linked, masked, static … as `is-enabled` and `list-unit-files` print them.

Source: systemctl(1) "is-enabled"; the order of the decisions is systemd 252's. The links of all directories are read
once, so that listing all unit files takes time linear in their number.
"""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import InstallError
from systemctl_replacement.enablement.directories import system_directories
from systemctl_replacement.enablement.lookup import MASK, Planner, UnitInfo
from systemctl_replacement.enablement.presets import Presets, read_presets
from systemctl_replacement.enablement.section import DEPENDENCIES
from systemctl_replacement.paths import Paths, shipped_units
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.names import is_template, replace_instance, template_of, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.enablement.planned_tree import PlannedTree

ENABLED_STATES = frozenset(("enabled", "enabled-runtime", "static", "alias", "indirect", "generated"))
"""The states for which `is-enabled` succeeds."""
WITHOUT_PRESET = frozenset(("alias", "static", "generated", "transient"))
"""The states about which presets say nothing."""


@dataclass(frozen=True)
class UnitFile:
    """One unit file of a listing. The path includes the root."""

    path: str
    state: str

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.path.rpartition("/")[2]


class _Links:
    """The links of one unit directory: those directly in it, and those in its .wants/, .requires/ and .upholds/."""

    def __init__(self, tree: PlannedTree, directory: str) -> None:
        self.names: set[str] = set()
        self.by_target: dict[str, list[str]] = {}
        self.dependencies: set[str] = set()
        self.dependency_instances: dict[str, list[str]] = {}
        for name, kind in tree.entries(directory):
            path = f"{directory}/{name}"
            if kind == "link":
                self.names.add(name)
                target = (tree.readlink(path) or "").rstrip("/")
                self.by_target.setdefault(target.rpartition("/")[2], []).append(name)
            elif kind == "directory" and name.endswith(tuple(DEPENDENCIES.values())):
                self._read_dependencies(tree, path)

    def _read_dependencies(self, tree: PlannedTree, directory: str) -> None:
        for name, kind in tree.entries(directory):
            if kind == "link":
                self.dependencies.add(name)
                if "@" in name:
                    self.dependency_instances.setdefault(template_of(name), []).append(name)

    def others(self, name: str) -> list[str]:
        """Links with other names that stand for a unit. In .wants/ the name of a link counts, not where it points."""
        direct = [other for other in self.by_target.get(name, ()) if other != name]
        return direct + self.dependency_instances.get(name, [])


class StateReader:
    """Unit file states and presets below one root. It sees the files as they were when it first looked."""

    @staticmethod
    def of(paths: Paths) -> StateReader:
        """The reader for the system that `paths` describes."""
        return StateReader(Planner(system_directories(paths.unit_path(), paths.root, shipped_units()), paths.root))

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.tree = planner.tree
        self.directories = planner.directories
        self._links: dict[str, _Links] = {}
        self._presets: Presets | None = None

    def state(self, name: str) -> str:
        """The state of one unit file. Raises InstallError (ENOENT if there is no such unit file)."""
        if not valid_unit_name(name):
            raise InstallError(errno.EINVAL)
        info = self.planner.lookup().discover(name, report=False)
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

    def preset(self, name: str) -> str:
        """What the preset files say about a unit: "enabled" or "disabled"."""
        if self._presets is None:
            self._presets = read_presets(self.tree, self.directories)
            self.planner.problems += self._presets.problems
        return "enabled" if self._presets.query(name).enable else "disabled"

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
                except InstallError:
                    state = "bad"
                yield UnitFile(f"{self.tree.root}{directory}/{name}", state)

    def _links_in(self, directory: str) -> _Links:
        found = self._links.get(directory)
        if found is None:
            found = self._links[directory] = _Links(self.tree, directory)
        return found

    def _linked_state(self, info: UnitInfo, *, known_names_only: bool) -> str:
        """The state that links give, "" without any. `known_names_only`: count only the names `enable` would make."""
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
            # A link with the unit's own name in a directory after the one that has the unit is hidden by it.
            below_unit = below_unit or info.path.startswith(directory + "/")
        if enabled_in_runtime:
            return "enabled-runtime"
        if enabled_elsewhere and valid_unit_name(info.name, plain=False, template=False):
            return "static"  # the vendor instantiated it, which is stronger than a mere alias
        if linked_in_config:
            return "linked"
        return "linked-runtime" if linked_in_runtime else ""

    def _look(self, info: UnitInfo, directory: str, known_names_only: bool, below_unit: bool) -> tuple[bool, bool]:
        """Whether one directory has links to the unit, and whether it has one that only makes the file known."""
        links = self._links_in(directory)
        known = _known_names(info)
        if info.name in links.dependencies:
            return True, False
        if any(name in known or not known_names_only for name in links.others(info.name)):
            return True, False
        # A link with the unit's own name makes a file of that name known. One to another file is that of an instance to
        # its template, which `enable` makes.
        own_name = info.name in links.names and not below_unit
        own_file = info.name in links.by_target.get(info.name, ())
        return own_name != own_file, own_name and own_file


def _known_names(info: UnitInfo) -> set[str]:
    """The names of links that `enable` would make for the unit."""
    names = {info.name, *info.section.aliases}
    if info.section.default_instance and is_template(info.name):
        names.add(replace_instance(info.name, info.section.default_instance))
    return names
