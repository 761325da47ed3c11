"""enable, disable, mask and the like as plans: which links to make and remove, and what to report. Nothing is written.

Source: systemctl(1) "Unit File Commands", systemd.unit(5) "[INSTALL] SECTION OPTIONS"; order and details are systemd
252's. Each function takes a `Planner`, which reads the tree, and returns a `Plan` for `changes.apply`.
"""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import (
    AUXILIARY_FAILED,
    DANGLING,
    MASKED,
    UNLINK,
    FileOperation,
    InstallChange,
    InstallError,
    Plan,
    PlanStep,
)
from systemctl_replacement.enablement.links import make_link, make_links
from systemctl_replacement.enablement.lookup import MASK, REGULAR, Lookup, Planner
from systemctl_replacement.enablement.presets import read_presets
from systemctl_replacement.enablement.removal import Removal
from systemctl_replacement.unitfile.names import unit_type, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


FULL = "full"
ENABLE_ONLY = "enable-only"
DISABLE_ONLY = "disable-only"
"""Preset modes: do both, only enable, only disable."""

_DEFAULT_TARGET = "default.target"
# A broken or masked unit does not stop preset-all.
_TOLERATED_BY_PRESET_ALL = frozenset(
    (
        errno.EEXIST, errno.ERFKILL, errno.EADDRNOTAVAIL, errno.EBADSLT, errno.EIDRM, errno.EUCLEAN, errno.ELOOP,
        errno.ENOENT, errno.EUNATCH, errno.EXDEV,
    )
)  # fmt: skip


def enable(planner: Planner, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Plan:
    """Make the links that the units' [Install] sections ask for. Unit files outside the load path are linked too."""
    lookup = planner.lookup()
    try:
        for name in names:
            lookup.discover_usable(name)
    except InstallError as problem:
        return planner.plan(problem.error)
    return _made(planner, lookup, planner.directories.config(runtime), force=force)


def disable(planner: Planner, names: Sequence[str], *, runtime: bool = False) -> Plan:
    """Remove every link to the units, including those that no [Install] section mentions."""
    lookup = planner.lookup()
    for name in names:
        if not valid_unit_name(name):
            planner.fail(errno.EUCLEAN, name)
            return planner.plan(errno.EUCLEAN)
        lookup.add(name)
    try:
        _remove_all(planner, lookup, planner.directories.config(runtime))
    except InstallError as problem:
        return planner.plan(problem.error)
    return planner.plan()


def reenable(planner: Planner, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Plan:
    """`disable`, then `enable`."""
    plain = [name.rpartition("/")[2] for name in names]
    plan = disable(planner, plain, runtime=runtime)
    if plan.error:
        return plan
    return enable(planner, names, runtime=runtime, force=force)


def mask(planner: Planner, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Plan:
    """Mask units: link their names to /dev/null."""
    config = planner.directories.config(runtime)
    error = 0
    for name in names:
        if not valid_unit_name(name):
            error = error or errno.EINVAL
            continue
        try:
            make_link(planner.lookup(), "/dev/null", f"{config}/{name}", force=force)
        except InstallError as problem:
            error = error or problem.error
    return planner.plan(error)


def unmask(planner: Planner, names: Sequence[str], *, runtime: bool = False) -> Plan:
    """Remove masks: links to /dev/null and empty files."""
    config = planner.directories.config(runtime)
    todo: dict[str, None] = {}
    for name in names:
        if not valid_unit_name(name):
            return planner.plan(errno.EINVAL)
        try:
            if planner.tree.is_mask(f"{config}/{name}"):
                todo[f"{config}/{name}"] = None
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                return planner.plan(problem.errno or errno.EIO)
    return _remove_paths(planner, todo, [config], "unlink")


def link(planner: Planner, paths: Sequence[str], *, runtime: bool = False, force: bool = False) -> Plan:
    """Make unit files outside the load path known by linking to them."""
    todo: dict[str, None] = {}
    for path in paths:
        error = _unlinkable(planner, path)
        if error:
            planner.fail(error, path)
            return planner.plan(error)
        if not planner.in_search_path(path):
            todo[path] = None
    error = 0
    for path in todo:
        name = path.rpartition("/")[2]
        try:
            make_link(planner.lookup(), path, f"{planner.directories.config(runtime)}/{name}", force=force)
        except InstallError as problem:
            error = error or problem.error
    return planner.plan(error)


def _unlinkable(planner: Planner, path: str) -> int:
    """Why an absolute path cannot be linked to as a unit file, as an errno; 0 if it can."""
    if not valid_unit_name(path.rpartition("/")[2]):
        return errno.EUCLEAN
    kind = planner.tree.kind(path)
    return {"file": 0, "": errno.ENOENT, "link": errno.ELOOP, "directory": errno.EISDIR}.get(kind, errno.EBADFD)


def revert(planner: Planner, names: Sequence[str]) -> Plan:
    """Go back to the vendor's version: remove drop-ins, and the administrator's unit files that hide a vendor's."""
    tree, directories = planner.tree, planner.directories
    todo: dict[str, None] = {}
    for name in names:
        if not valid_unit_name(name):
            return planner.plan(errno.EINVAL)
        paths = [f"{directory}/{name}" for directory in directories.search_path]
        for path in paths:
            if tree.kind(path + ".d") == "directory" and directories.shall_revert(path + ".d"):
                todo[path + ".d"] = None
        if any(tree.kind(path) == "file" and directories.is_vendor_or_generated(path) for path in paths):
            for path in paths:
                if tree.kind(path) in ("file", "link") and directories.is_config(path):
                    todo[path] = None
    return _remove_paths(planner, todo, [directories.runtime_config, directories.persistent_config], "remove")


def add_dependency(
    planner: Planner, target: str, names: Sequence[str], kind: str, *, runtime: bool = False, force: bool = False
) -> Plan:
    """`add-wants` and `add-requires`: link units into the target's directory for `kind` (WantedBy, RequiredBy)."""
    lookup = planner.lookup()
    if not valid_unit_name(target):
        return planner.plan(errno.EINVAL)
    try:
        found = lookup.discover_usable(target, load=False)
        for name in names:
            info = lookup.discover_usable(name, load=False)
            info.section.dependencies[kind][:] = [found.name]
    except InstallError as problem:
        return planner.plan(problem.error)
    return _made(planner, lookup, planner.directories.config(runtime), force=force, load=False)


def set_default(planner: Planner, name: str) -> Plan:
    """Make `default.target` a link to another target."""
    if not valid_unit_name(name) or unit_type(name) != "target" or name == _DEFAULT_TARGET:
        return planner.plan(errno.EINVAL)
    lookup = planner.lookup()
    try:
        info = lookup.discover_usable(name, load=False, follow=False)
        make_link(lookup, info.path, f"{planner.directories.persistent_config}/{_DEFAULT_TARGET}", force=True)
    except InstallError as problem:
        return planner.plan(problem.error)
    return planner.plan()


def get_default(planner: Planner) -> str:
    """The unit that `default.target` stands for. Raises InstallError."""
    return planner.lookup().discover(_DEFAULT_TARGET, load=False, report=False).name


def preset(
    planner: Planner, names: Sequence[str], *, mode: str = FULL, runtime: bool = False, force: bool = False
) -> Plan:
    """Enable or disable units as the preset files say."""
    units = _Sorted(planner)
    try:
        for name in names:
            units.prepare(name)
    except InstallError as problem:
        return planner.plan(problem.error)
    return units.execute(mode, planner.directories.config(runtime), force)


def preset_all(planner: Planner, *, mode: str = FULL, runtime: bool = False, force: bool = False) -> Plan:
    """`preset` for every unit file."""
    units = _Sorted(planner)
    for directory in planner.directories.search_path:
        for name, kind in planner.tree.entries(directory):
            if kind not in ("file", "link") or not valid_unit_name(name):
                continue
            try:
                units.prepare(name)
            except InstallError as problem:
                if problem.error not in _TOLERATED_BY_PRESET_ALL:
                    return planner.plan(problem.error)
    return units.execute(mode, planner.directories.config(runtime), force)


class _Sorted:
    """Units sorted into those to enable and those to disable."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.plus = planner.lookup()
        self.minus = planner.lookup()
        self.presets = read_presets(planner.tree, planner.directories)
        planner.problems += self.presets.problems

    def prepare(self, name: str) -> None:
        if self.plus.find(name) or self.minus.find(name):
            return
        info = self.planner.lookup().discover(name, load=False)
        if info.name != name:
            return  # an alias: the unit itself comes up under its own name
        wanted = self.presets.query(name)
        if not wanted.enable:
            self.minus.discover(name, load=False)
            return
        for unit in wanted.instances or (name,):
            self.plus.discover_usable(unit)

    def execute(self, mode: str, config: str, force: bool) -> Plan:
        failure: InstallError | None = None
        carried = 0
        if mode != ENABLE_ONLY:
            try:
                _remove_all(self.planner, self.minus, config)
            except InstallError as problem:
                failure = problem
        if mode != DISABLE_ONLY:
            try:
                carried = _make_all(self.planner, self.plus, config, force=force, lenient=True)
            except InstallError as problem:
                failure = failure or problem
        return self.planner.plan(failure.error if failure else 0, carried)


def _made(planner: Planner, lookup: Lookup, config: str, *, force: bool, load: bool = True) -> Plan:
    try:
        return planner.plan(carried=_make_all(planner, lookup, config, force=force, load=load))
    except InstallError as problem:
        return planner.plan(problem.error)


def _make_all(
    planner: Planner, lookup: Lookup, config: str, *, force: bool, load: bool = True, lenient: bool = False
) -> int:
    """Plan the links of all names, those of Also= as they come up. Returns how many are asked for.

    The first failure is raised after the others are planned.
    """
    count = 0
    failure: InstallError | None = None
    while lookup.waiting:
        name = next(iter(lookup.waiting))
        info = lookup.done[name] = lookup.waiting.pop(name)
        try:
            lookup.traverse(info, load=load, follow=not load)
        except InstallError as problem:
            if not info.auxiliary:
                planner.fail(problem.error, name)
                raise
            planner.report(InstallChange(AUXILIARY_FAILED, name))
            continue
        if info.kind == MASK:
            planner.report(InstallChange(MASKED, planner.shown(info.path)))
            count += 1
        elif info.kind == REGULAR:
            try:
                count += make_links(lookup, info, config, force=force, lenient=lenient)
            except InstallError as problem:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _remove_all(planner: Planner, lookup: Lookup, config: str) -> None:
    """Remove the links to all names, to what they are aliases of, and to the units of Also=.

    A loop of links is raised at the end.
    """
    removal = Removal(lookup, config)
    while lookup.waiting:
        name = next(iter(lookup.waiting))
        info = lookup.done[name] = lookup.waiting.pop(name)
        shown = planner.shown(info.path) if info.path else name
        try:
            lookup.traverse(info)
        except InstallError as problem:
            shown = planner.shown(info.path) if info.path else name
            if problem.error == errno.ENOLINK:
                planner.report(InstallChange(DANGLING, shown))
            elif problem.error != errno.ENOENT or not info.auxiliary:
                planner.fail(problem.error, shown)
        else:
            if info.kind == MASK:
                planner.report(InstallChange(MASKED, planner.shown(info.path)))
                continue
            if info.kind != REGULAR:
                continue
        removal.mark(name)
    removal.run()


def _remove_paths(planner: Planner, paths: Iterable[str], configs: Sequence[str], kind: str) -> Plan:
    """Remove files and drop-in directories, then the links to them."""
    lookup = planner.lookup()
    removals = [Removal(lookup, config) for config in configs]
    for path in paths:
        contents = _visible_files(planner, path) if kind == "remove" else []
        planner.tree.plan_unlink(path)
        gone = [*contents, path]
        planner.steps.append(
            PlanStep(tuple(InstallChange(UNLINK, planner.shown(name)) for name in gone), FileOperation(kind, path))
        )
        for removal in removals:
            for name in gone:
                removal.mark(name)
    error = 0
    for removal in removals:
        try:
            removal.run()
        except InstallError as problem:
            error = error or problem.error
    return planner.plan(error)


def _visible_files(planner: Planner, directory: str) -> list[str]:
    """The files of a drop-in directory, which are reported one by one when it is removed."""
    if planner.tree.kind(directory) != "directory":
        return []
    names = [name for name, kind in planner.tree.entries(directory) if kind in ("file", "link") and name[0] != "."]
    return [f"{directory}/{name}" for name in sorted(names)]
