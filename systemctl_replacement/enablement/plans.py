"""enable, disable, mask and their kin, as plans: what links to make and remove, and what to report. Nothing is
written here.

Source: systemctl(1) "Unit File Commands", systemd.unit(5) "[INSTALL] SECTION OPTIONS"; order and details from systemd
252. Every function takes a `Plan`, which reads the tree, and returns an `Outcome` for `install_changes.apply`.
"""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import (
    AUXILIARY_FAILED,
    DANGLING,
    MASKED,
    UNLINK,
    Action,
    InstallChange,
    InstallFailed,
    Outcome,
    Step,
)
from systemctl_replacement.enablement.links import make_link, make_links
from systemctl_replacement.enablement.lookup import MASK, REGULAR, Lookup, Plan
from systemctl_replacement.enablement.presets import read_presets
from systemctl_replacement.enablement.removal import Removal
from systemctl_replacement.unitfile.names import unit_type, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


FULL = "full"
ENABLE_ONLY = "enable-only"
DISABLE_ONLY = "disable-only"
"""Preset modes: do both, only what presets enable, only what they disable."""

_DEFAULT_TARGET = "default.target"
# One unit that is broken or masked is no reason for preset-all to stop.
_TOLERATED_BY_PRESET_ALL = frozenset(
    (
        errno.EEXIST, errno.ERFKILL, errno.EADDRNOTAVAIL, errno.EBADSLT, errno.EIDRM, errno.EUCLEAN, errno.ELOOP,
        errno.ENOENT, errno.EUNATCH, errno.EXDEV,
    )
)  # fmt: skip


def enable(plan: Plan, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Outcome:
    """Make the links that the units' [Install] sections ask for; paths of unit files outside the load path are
    linked, too."""
    lookup = plan.lookup()
    try:
        for name in names:
            lookup.discover_usable(name)
    except InstallFailed as problem:
        return plan.outcome(problem.error)
    return _made(plan, lookup, plan.directories.config(runtime), force=force)


def disable(plan: Plan, names: Sequence[str], *, runtime: bool = False) -> Outcome:
    """Remove every link to the units, also those that no [Install] mentions."""
    lookup = plan.lookup()
    for name in names:
        if not valid_unit_name(name):
            plan.fail(errno.EUCLEAN, name)
            return plan.outcome(errno.EUCLEAN)
        lookup.add(name)
    try:
        _remove_all(plan, lookup, plan.directories.config(runtime))
    except InstallFailed as problem:
        return plan.outcome(problem.error)
    return plan.outcome()


def reenable(plan: Plan, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Outcome:
    """`disable`, then `enable`."""
    plain = [name.rpartition("/")[2] for name in names]
    outcome = disable(plan, plain, runtime=runtime)
    if outcome.error:
        return outcome
    return enable(plan, names, runtime=runtime, force=force)


def mask(plan: Plan, names: Sequence[str], *, runtime: bool = False, force: bool = False) -> Outcome:
    """Link the names to /dev/null."""
    config = plan.directories.config(runtime)
    error = 0
    for name in names:
        if not valid_unit_name(name):
            error = error or errno.EINVAL
            continue
        try:
            make_link(plan.lookup(), "/dev/null", f"{config}/{name}", force=force)
        except InstallFailed as problem:
            error = error or problem.error
    return plan.outcome(error)


def unmask(plan: Plan, names: Sequence[str], *, runtime: bool = False) -> Outcome:
    """Remove masks: links to /dev/null and empty files."""
    config = plan.directories.config(runtime)
    todo: dict[str, None] = {}
    for name in names:
        if not valid_unit_name(name):
            return plan.outcome(errno.EINVAL)
        try:
            if plan.tree.is_mask(f"{config}/{name}"):
                todo[f"{config}/{name}"] = None
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                return plan.outcome(problem.errno or errno.EIO)
    return _remove_paths(plan, todo, [config], "unlink")


def link(plan: Plan, paths: Sequence[str], *, runtime: bool = False, force: bool = False) -> Outcome:
    """Make unit files outside the load path known by links to them."""
    todo: dict[str, None] = {}
    for path in paths:
        error = _unlinkable(plan, path)
        if error:
            plan.fail(error, path)
            return plan.outcome(error)
        if not plan.in_search_path(path):
            todo[path] = None
    error = 0
    for path in todo:
        name = path.rpartition("/")[2]
        try:
            make_link(plan.lookup(), path, f"{plan.directories.config(runtime)}/{name}", force=force)
        except InstallFailed as problem:
            error = error or problem.error
    return plan.outcome(error)


def _unlinkable(plan: Plan, path: str) -> int:
    """The errno of what is wrong with an absolute path as a unit file to link to; 0 if nothing is."""
    if not valid_unit_name(path.rpartition("/")[2]):
        return errno.EUCLEAN
    kind = plan.tree.kind(path)
    return {"file": 0, "": errno.ENOENT, "link": errno.ELOOP, "directory": errno.EISDIR}.get(kind, errno.EBADFD)


def revert(plan: Plan, names: Sequence[str]) -> Outcome:
    """Back to the vendor's version: remove drop-ins, and unit files of the administrator that hide a vendor's."""
    tree, directories = plan.tree, plan.directories
    todo: dict[str, None] = {}
    for name in names:
        if not valid_unit_name(name):
            return plan.outcome(errno.EINVAL)
        paths = [f"{directory}/{name}" for directory in directories.search_path]
        for path in paths:
            if tree.kind(path + ".d") == "directory" and directories.shall_revert(path + ".d"):
                todo[path + ".d"] = None
        if any(tree.kind(path) == "file" and directories.is_vendor_or_generated(path) for path in paths):
            for path in paths:
                if tree.kind(path) in ("file", "link") and directories.is_config(path):
                    todo[path] = None
    return _remove_paths(plan, todo, [directories.runtime_config, directories.persistent_config], "remove")


def add_dependency(
    plan: Plan, target: str, names: Sequence[str], kind: str, *, runtime: bool = False, force: bool = False
) -> Outcome:
    """`add-wants` and `add-requires`: link units into the target's directory for `kind`, "WantedBy" or
    "RequiredBy"."""
    lookup = plan.lookup()
    if not valid_unit_name(target):
        return plan.outcome(errno.EINVAL)
    try:
        found = lookup.discover_usable(target, load=False)
        for name in names:
            info = lookup.discover_usable(name, load=False)
            info.section.dependencies[kind][:] = [found.name]
    except InstallFailed as problem:
        return plan.outcome(problem.error)
    return _made(plan, lookup, plan.directories.config(runtime), force=force, load=False)


def set_default(plan: Plan, name: str) -> Outcome:
    """Make `default.target` a link to another target."""
    if not valid_unit_name(name) or unit_type(name) != "target" or name == _DEFAULT_TARGET:
        return plan.outcome(errno.EINVAL)
    lookup = plan.lookup()
    try:
        info = lookup.discover_usable(name, load=False, follow=False)
        make_link(lookup, info.path, f"{plan.directories.persistent_config}/{_DEFAULT_TARGET}", force=True)
    except InstallFailed as problem:
        return plan.outcome(problem.error)
    return plan.outcome()


def get_default(plan: Plan) -> str:
    """The unit that `default.target` stands for. Raises InstallFailed."""
    return plan.lookup().discover(_DEFAULT_TARGET, load=False, report=False).name


def preset(
    plan: Plan, names: Sequence[str], *, mode: str = FULL, runtime: bool = False, force: bool = False
) -> Outcome:
    """Enable or disable units as the preset files say."""
    units = _Sorted(plan)
    try:
        for name in names:
            units.prepare(name)
    except InstallFailed as problem:
        return plan.outcome(problem.error)
    return units.execute(mode, plan.directories.config(runtime), force)


def preset_all(plan: Plan, *, mode: str = FULL, runtime: bool = False, force: bool = False) -> Outcome:
    """`preset` for every unit file there is."""
    units = _Sorted(plan)
    for directory in plan.directories.search_path:
        for name, kind in plan.tree.entries(directory):
            if kind not in ("file", "link") or not valid_unit_name(name):
                continue
            try:
                units.prepare(name)
            except InstallFailed as problem:
                if problem.error not in _TOLERATED_BY_PRESET_ALL:
                    return plan.outcome(problem.error)
    return units.execute(mode, plan.directories.config(runtime), force)


class _Sorted:
    """Units sorted into those to enable and those to disable."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.plus = plan.lookup()
        self.minus = plan.lookup()
        self.presets = read_presets(plan.tree, plan.directories)
        plan.problems += self.presets.problems

    def prepare(self, name: str) -> None:
        if self.plus.find(name) or self.minus.find(name):
            return
        info = self.plan.lookup().discover(name, load=False)
        if info.name != name:
            return  # an alias: the unit itself comes up, or has, under its own name
        wanted = self.presets.query(name)
        if not wanted.enable:
            self.minus.discover(name, load=False)
            return
        for unit in wanted.instances or (name,):
            self.plus.discover_usable(unit)

    def execute(self, mode: str, config: str, force: bool) -> Outcome:
        failure: InstallFailed | None = None
        carried = 0
        if mode != ENABLE_ONLY:
            try:
                _remove_all(self.plan, self.minus, config)
            except InstallFailed as problem:
                failure = problem
        if mode != DISABLE_ONLY:
            try:
                carried = _make_all(self.plan, self.plus, config, force=force, lenient=True)
            except InstallFailed as problem:
                failure = failure or problem
        return self.plan.outcome(failure.error if failure else 0, carried)


def _made(plan: Plan, lookup: Lookup, config: str, *, force: bool, load: bool = True) -> Outcome:
    try:
        return plan.outcome(carried=_make_all(plan, lookup, config, force=force, load=load))
    except InstallFailed as problem:
        return plan.outcome(problem.error)


def _make_all(plan: Plan, lookup: Lookup, config: str, *, force: bool, load: bool = True, lenient: bool = False) -> int:
    """Make the links of all names, those of Also= as they come up. Returns how many were asked for; raises the first
    failure."""
    count = 0
    failure: InstallFailed | None = None
    while lookup.waiting:
        name = next(iter(lookup.waiting))
        info = lookup.done[name] = lookup.waiting.pop(name)
        try:
            lookup.traverse(info, load=load, follow=not load)
        except InstallFailed as problem:
            if not info.auxiliary:
                plan.fail(problem.error, name)
                raise
            plan.report(InstallChange(AUXILIARY_FAILED, name))
            continue
        if info.kind == MASK:
            plan.report(InstallChange(MASKED, plan.shown(info.path)))
            count += 1
        elif info.kind == REGULAR:
            try:
                count += make_links(lookup, info, config, force=force, lenient=lenient)
            except InstallFailed as problem:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _remove_all(plan: Plan, lookup: Lookup, config: str) -> None:
    """Remove the links to all names and to what they are aliases of or name in Also=. A loop of links is raised at
    the end."""
    removal = Removal(lookup, config)
    while lookup.waiting:
        name = next(iter(lookup.waiting))
        info = lookup.done[name] = lookup.waiting.pop(name)
        shown = plan.shown(info.path) if info.path else name
        try:
            lookup.traverse(info)
        except InstallFailed as problem:
            shown = plan.shown(info.path) if info.path else name
            if problem.error == errno.ENOLINK:
                plan.report(InstallChange(DANGLING, shown))
            elif problem.error != errno.ENOENT or not info.auxiliary:
                plan.fail(problem.error, shown)
        else:
            if info.kind == MASK:
                plan.report(InstallChange(MASKED, plan.shown(info.path)))
                continue
            if info.kind != REGULAR:
                continue
        removal.mark(name)
    removal.run()


def _remove_paths(plan: Plan, paths: Iterable[str], configs: Sequence[str], kind: str) -> Outcome:
    """Remove files and drop-in directories, and then the links to them."""
    lookup = plan.lookup()
    removals = [Removal(lookup, config) for config in configs]
    for path in paths:
        contents = _visible_files(plan, path) if kind == "remove" else []
        plan.tree.plan_unlink(path)
        gone = [*contents, path]
        plan.steps.append(Step(tuple(InstallChange(UNLINK, plan.shown(name)) for name in gone), Action(kind, path)))
        for removal in removals:
            for name in gone:
                removal.mark(name)
    error = 0
    for removal in removals:
        try:
            removal.run()
        except InstallFailed as problem:
            error = error or problem.error
    return plan.outcome(error)


def _visible_files(plan: Plan, directory: str) -> list[str]:
    """The files of a drop-in directory that are reported one by one when it is removed."""
    if plan.tree.kind(directory) != "directory":
        return []
    names = [name for name, kind in plan.tree.entries(directory) if kind in ("file", "link") and name[0] != "."]
    return [f"{directory}/{name}" for name in sorted(names)]
