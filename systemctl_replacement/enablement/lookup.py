"""Finding the unit file behind a name for the install verbs: through the load path, templates, aliases, links, masks.

Loading a unit (loadpath) needs its contents. These verbs need the chain of names that leads to it, and only its
[Install] section. Source: systemctl(1) on enable and is-enabled; the details were found by trying systemd 252.
"""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import ERROR, InstallChange, InstallError, Plan, PlanStep
from systemctl_replacement.enablement.directories import UnitDirectories
from systemctl_replacement.enablement.planned_tree import PlannedTree
from systemctl_replacement.enablement.section import (
    ALIAS_TYPES,
    TEMPLATE_TYPES,
    Expander,
    InstallSection,
    empty_section,
    read_section,
)
from systemctl_replacement.log_levels import LOG_NOTICE, LOG_WARNING
from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile.names import (
    instance_of,
    is_template,
    replace_instance,
    template_of,
    unit_type,
    valid_unit_name,
)
from systemctl_replacement.unitfile.syntax import Problem

REGULAR = "regular"
LINKED = "linked"
ALIAS = "alias"
MASK = "mask"

_FOLLOW_MAX = 64
_SKIPPED = (errno.ENOENT, errno.ENOTDIR, errno.EACCES)


@dataclass
class UnitInfo:
    """One name and what it led to. `kind` is "" until the name has been searched for."""

    name: str
    path: str = ""
    kind: str = ""
    target: str = ""
    auxiliary: bool = False
    section: InstallSection = field(default_factory=empty_section)


class Planner:
    """Makes one plan: it has the tree and the directories, what was found out, and the steps so far.

    `problems` are warnings in the order in which systemd prints them. Verbs that consist of two others (`reenable`)
    share one planner.
    """

    def __init__(self, directories: UnitDirectories, root: str = "") -> None:
        self.directories = directories
        self.tree = PlannedTree(root)
        self.expander = Expander(self.tree.root)
        self.problems: list[Problem] = []
        self.steps: list[PlanStep] = []
        # Where /lib is a link, links to units may say /lib or /usr/lib.
        paths = directories.search_path
        self._places = frozenset((*paths, *(self.tree.locate(path) for path in paths)))

    def in_search_path(self, path: str) -> bool:
        """Whether a file is directly in a unit directory, under any of the directory's names."""
        return path.rpartition("/")[0] in self._places

    def lookup(self) -> Lookup:
        """A new, empty set of names."""
        return Lookup(self)

    def plan(self, error: int = 0, carried: int = 0) -> Plan:
        """The plan so far."""
        return Plan(tuple(self.steps), error, carried, tuple(self.problems))

    def shown(self, path: str) -> str:
        """A path as messages print it, with the root in front."""
        return self.tree.root + path if path.startswith("/") else path

    def report(self, change: InstallChange) -> None:
        """Report something that changes nothing on disk."""
        self.steps.append(PlanStep((change,)))

    def fail(self, error: int, path: str, source: str = "") -> None:
        """Report an error."""
        self.report(InstallChange(ERROR, path, source, error))


class Lookup:
    """The names that one verb deals with, in the order they came up: operands, targets of aliases, units of Also=."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.tree = planner.tree
        self.directories = planner.directories
        self.waiting: dict[str, UnitInfo] = {}
        self.done: dict[str, UnitInfo] = {}

    def find(self, name: str) -> UnitInfo | None:
        """The entry of a name that has come up before."""
        return self.done.get(name) or self.waiting.get(name)

    def add(self, name: str, path: str = "", *, auxiliary: bool = False) -> UnitInfo:
        """Note a unit by name or by the path of its file."""
        name = name or path.rpartition("/")[2]
        if not valid_unit_name(name):
            raise InstallError(errno.EINVAL)
        known = self.find(name)
        if known is not None:
            known.auxiliary = known.auxiliary and auxiliary
            return known
        info = self.waiting[name] = UnitInfo(name, path, auxiliary=auxiliary)
        return info

    def discover(self, name: str, *, load: bool = True, follow: bool = True, report: bool = True) -> UnitInfo:
        """Add a name or an absolute path and follow it to its unit file. Failures are reported, then raised."""
        try:
            if name.startswith("/"):
                info = self.add("", name)
            else:
                info = self.add(name)
            return self.traverse(info, load=load, follow=follow)
        except InstallError as problem:
            if report:
                self.planner.fail(problem.error, name)
            raise

    def discover_usable(self, name: str, *, load: bool = True, follow: bool = True) -> UnitInfo:
        """Like `discover`, but masked, generated and transient units are refused too."""
        info = self.discover(name, load=load, follow=follow)
        if info.kind == MASK:
            self.planner.fail(errno.ERFKILL, self.planner.shown(info.path))
            raise InstallError(errno.ERFKILL)
        if self.directories.is_generated(info.path) or self.directories.is_transient(info.path):
            self.planner.fail(errno.EADDRNOTAVAIL, self.planner.shown(info.path))
            raise InstallError(errno.EADDRNOTAVAIL)
        return info

    def traverse(self, start: UnitInfo, *, load: bool = True, follow: bool = True) -> UnitInfo:
        """Follow links to a unit file or a mask. Without `follow`, links that the administrator made are refused."""
        self.search(start, load=load)
        info = start
        steps = 0
        while info.kind in (ALIAS, LINKED):
            steps += 1
            if steps > _FOLLOW_MAX or (not follow and self.directories.is_config(info.path)):
                raise InstallError(errno.ELOOP)
            target_name = info.target.rpartition("/")[2]
            if info.kind == LINKED or target_name == info.name:
                self._follow(info, load)
                continue
            if valid_unit_name(info.name, plain=False, template=False) and is_template(target_name):
                target_name = replace_instance(target_name, instance_of(info.name))
                if target_name == info.name:
                    self._follow(info, load)
                    continue
            info = self.add(target_name)
            try:
                self.search(info, load=load)
            except InstallError as problem:
                if problem.error == errno.ENOENT:
                    raise InstallError(errno.ENOLINK) from None
                raise
        return info

    def _follow(self, info: UnitInfo, load: bool) -> None:
        info.path = info.target
        info.kind = ""
        self.search(info, load=load)

    def search(self, info: UnitInfo, *, load: bool = True) -> None:
        """Find the file of one name and, with `load`, read its [Install] section and those of its drop-ins."""
        if info.kind:
            return
        instantiated = "@" in info.name and valid_unit_name(info.name)
        if instantiated and unit_type(info.name) not in TEMPLATE_TYPES:
            place = self.planner.shown(info.path or f"{self.directories.search_path[0]}/{info.name}")
            message = f"{place}: unit type {unit_type(info.name)} cannot be templated, ignoring."
            self.planner.problems.append(Problem("", 0, LOG_WARNING, message))
            raise InstallError(errno.EINVAL)
        template = template_of(info.name) if valid_unit_name(info.name, plain=False, template=False) else ""
        if info.path:
            self._examine(info, info.path, load)
            return
        for name in filter(None, (info.name, template)):
            if self._search_directories(info, name, load):
                break
        else:
            raise InstallError(errno.ENOENT)
        if info.kind == MASK or not load:
            return
        for path in self._dropins([info.name, template] if template else [info.name]):
            self._read(info, path)

    def _search_directories(self, info: UnitInfo, name: str, load: bool) -> bool:
        for directory in self.directories.search_path:
            path = f"{directory}/{name}"
            try:
                self._examine(info, path, load)
            except InstallError as problem:
                if problem.error not in _SKIPPED:
                    raise
            else:
                info.path = path
                return True
        return False

    def _examine(self, info: UnitInfo, path: str, load: bool) -> None:
        kind = self.tree.kind(path)
        if kind == "link":
            self._examine_link(info, path)
            return
        if kind == "":
            raise InstallError(errno.ENOENT)
        if kind == "directory":
            raise InstallError(errno.EISDIR)
        if self.tree.is_mask(path):
            info.kind = MASK
            return
        if kind != "file":
            raise InstallError(errno.EBADFD)
        if load:
            self._read(info, path)
        info.kind = REGULAR

    def _examine_link(self, info: UnitInfo, path: str) -> None:
        target = self._destination(path)
        if self.planner.in_search_path(target) or self._below_search_path(target):
            name = path.rpartition("/")[2]
            check_alias(name, target, name, LOG_NOTICE, self.planner.problems)
            kind = ALIAS
        else:
            kind = LINKED
        info.target = target
        info.kind = MASK if target == "/dev/null" else kind

    def _below_search_path(self, path: str) -> bool:
        return any(path.startswith(directory + "/") for directory in self.directories.search_path)

    def _destination(self, path: str) -> str:
        """Where a link points, as an absolute path. The last component is not followed."""
        target = self.tree.readlink(path) or ""
        if not target.startswith("/"):
            target = f"{path.rpartition('/')[0]}/{target}"
        return self.tree.locate(target.rstrip("/"))

    def _dropins(self, names: list[str]) -> list[str]:
        """Drop-in files of several names, sorted by file name. Of those with the same name the first one counts."""
        found: dict[str, str] = {}
        for name in names:
            for directory in self.directories.search_path:
                path = f"{directory}/{name}.d"
                for entry, kind in self.tree.entries(path):
                    if entry.endswith(".conf") and kind in ("file", "link"):
                        found.setdefault(entry, f"{path}/{entry}")
        return [found[entry] for entry in sorted(found)]

    def _read(self, info: UnitInfo, path: str) -> None:
        try:
            data = self.tree.read(path)
        except OSError as problem:
            raise InstallError(problem.errno or errno.EIO) from None

        def on_also(name: str) -> None:
            self.add(name, auxiliary=True)

        shown = self.planner.shown(path)
        read_section(data, shown, info.name, info.section, self.planner.expander, self.planner.problems, on_also)


def unit_file_exists(lookup: Lookup, name: str) -> bool:
    """Whether a name has a unit file. Raises InstallError if it is broken or an alias that the administrator made."""
    try:
        lookup.discover(name, load=False, follow=False, report=False)
    except InstallError as problem:
        if problem.error == errno.ENOENT:
            return False
        raise
    return True


def check_alias(alias: str, target: str, shown: str, level: int, problems: list[Problem]) -> None:
    """Check that a link named `alias` may point to the unit file `target`.

    Both must be of one type; an instance may only point to its template or to the same instance. Raises InstallError:
    EINVAL and EXDEV with a problem, ELOOP for a link to its own name.
    """
    name = target.rpartition("/")[2]

    def refuse(error: int, message: str) -> None:
        problems.append(Problem("", 0, level, f"{shown}: {message}"))
        raise InstallError(error)

    if not valid_unit_name(alias):
        refuse(errno.EINVAL, f'not a valid unit name "{alias}": Invalid argument')
    kind = unit_type(alias)
    if kind not in ALIAS_TYPES:
        refuse(errno.EINVAL, "symlinks are not allowed for units of this type, rejecting.")
    if "@" in alias and kind not in TEMPLATE_TYPES:
        refuse(errno.EINVAL, f"templates not allowed for {kind} units, rejecting.")
    if not valid_unit_name(name):
        problems.append(
            Problem(
                "", 0, level, f'{shown} points to "{name}" which is not a valid unit name: Invalid cross-device link'
            )
        )
        raise InstallError(errno.EXDEV)
    if alias == name:
        raise InstallError(errno.ELOOP)
    alias_class, name_class = _name_class(alias), _name_class(name)
    if alias_class != name_class and not (alias_class == "instance" and name_class == "template"):
        refuse(errno.EXDEV, f'symlink target name type "{name}" does not match source, rejecting.')
    if name_class == "instance" and instance_of(alias) != instance_of(name):
        refuse(errno.EXDEV, f'unit symlink target "{name}" instance name doesn\'t match, rejecting.')
    if unit_type(name) != kind:
        refuse(errno.EXDEV, f'symlink target "{name}" has incompatible suffix, rejecting.')


def _name_class(name: str) -> str:
    if is_template(name):
        return "template"
    return "instance" if "@" in name else "plain"
