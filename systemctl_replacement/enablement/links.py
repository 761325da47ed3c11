"""Planning the links that enable a unit: aliases, `.wants/` and the like, links to files outside the load path."""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import (
    DESTINATION_MISSING,
    ERROR,
    SYMLINK,
    UNLINK,
    FileOperation,
    InstallChange,
    InstallError,
    PlanStep,
)
from systemctl_replacement.enablement.lookup import MASK, UnitInfo, check_alias, unit_file_exists
from systemctl_replacement.enablement.section import DEPENDENCIES
from systemctl_replacement.log_levels import LOG_DEBUG
from systemctl_replacement.unitfile.names import (
    instance_of,
    is_template,
    replace_instance,
    template_of,
    valid_unit_name,
)
from systemctl_replacement.unitfile.syntax import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.enablement.lookup import Lookup


def make_link(lookup: Lookup, target: str, path: str, *, force: bool) -> None:
    """Plan a link at `path` unless an equivalent one is there. Raises InstallError(EEXIST) unless `force`."""
    tree = lookup.tree
    shown = lookup.planner.shown(path)
    kind = tree.kind(path)
    made = InstallChange(SYMLINK, shown, target)
    operation = FileOperation("link", path, target)
    if kind == "":
        tree.plan_link(path, target)
        lookup.planner.steps.append(PlanStep((made,), operation))
        return
    present = tree.readlink(path)
    if present is None:
        lookup.planner.fail(errno.EEXIST, shown)
        raise InstallError(errno.EEXIST)
    if _equivalent(lookup, path, present, target):
        return
    if not force:
        lookup.planner.fail(errno.EEXIST, shown, present)
        raise InstallError(errno.EEXIST)
    tree.plan_link(path, target)
    lookup.planner.steps.append(PlanStep((InstallChange(UNLINK, shown), made), operation))


def _equivalent(lookup: Lookup, path: str, present: str, target: str) -> bool:
    """Whether two targets mean the same: one file, or one name in the load path (/lib is often a link to /usr/lib)."""
    directory = path.rpartition("/")[0]
    one = present if present.startswith("/") else f"{directory}/{present}"
    other = target if target.startswith("/") else f"{directory}/{target}"
    if lookup.tree.same_file(one, other):
        return True
    return (
        one.rpartition("/")[2] == other.rpartition("/")[2]
        and lookup.planner.in_search_path(one)
        and lookup.planner.in_search_path(other)
    )


def make_links(lookup: Lookup, info: UnitInfo, config: str, *, force: bool, lenient: bool) -> int:
    """Plan all links of one unit. Returns how many its [Install] asks for.

    The first failure is raised after the other links are planned. `lenient` (for presets): a template that cannot be
    enabled without an instance is no error.
    """
    failure: InstallError | None = None
    count = 0
    try:
        _make_file_link(lookup, info, config, force)
    except InstallError as problem:
        failure = problem
    for directive in ("Alias", *DEPENDENCIES):
        try:
            if directive == "Alias":
                count += _make_aliases(lookup, info, config, force)
            else:
                count += _make_dependencies(lookup, info, config, directive, lenient)
        except InstallError as problem:
            # As in systemd, a success in an earlier list outweighs the failure. It is reported all the same.
            if not count:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _make_aliases(lookup: Lookup, info: UnitInfo, config: str, force: bool) -> int:
    failure: InstallError | None = None
    count = 0
    for word in info.section.aliases:
        try:
            alias = _checked_alias(lookup, info, _expanded(lookup, info, word))
            path = f"{config}/{alias}"
            make_link(lookup, info.path, path, force=force or _broken(lookup, path))
            count += 1
        except InstallError as problem:
            if problem.error != errno.ELOOP:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _expanded(lookup: Lookup, info: UnitInfo, word: str) -> str:
    try:
        return lookup.planner.expander.expand(word, info.section.instantiated(info.name))
    except InstallError as problem:
        lookup.planner.fail(problem.error, word)
        raise


def _broken(lookup: Lookup, path: str) -> bool:
    try:
        place = lookup.tree.chase(path)
    except OSError as problem:
        lookup.planner.fail(problem.errno or errno.EIO, lookup.planner.shown(path))
        raise InstallError(problem.errno or errno.EIO) from None
    return lookup.tree.kind(place) == ""


def _checked_alias(lookup: Lookup, info: UnitInfo, alias: str) -> str:
    """The alias, with the unit's instance filled in.

    Raises InstallError. It is reported, except for ELOOP: a unit that is an alias of itself.
    """
    directory, slash, name = alias.rpartition("/")
    if slash:
        _check_alias_path(lookup, info, alias, directory, name)
        return alias
    if valid_unit_name(alias, plain=False, instance=False) and instance_of(info.name):
        alias = replace_instance(alias, instance_of(info.name))
    ignored: list[Problem] = []
    try:
        check_alias(alias, info.name, alias, LOG_DEBUG, ignored)
    except InstallError as problem:
        if problem.error == errno.ELOOP:
            raise
        error = errno.EXDEV if problem.error == errno.EINVAL else problem.error
        lookup.planner.fail(error, alias, info.name)
        raise InstallError(error) from None
    return alias


def _check_alias_path(lookup: Lookup, info: UnitInfo, alias: str, directory: str, name: str) -> None:
    """Check the old way to write WantedBy=: `Alias=multi-user.target.wants/x.service`."""
    unit, dot, suffix = directory.rpartition(".")
    if not dot or f".{suffix}" not in DEPENDENCIES.values() or not valid_unit_name(unit):
        lookup.planner.fail(errno.EXDEV, alias)
        raise InstallError(errno.EXDEV)
    if not _same_unit(name, info.name):
        lookup.planner.fail(errno.EXDEV, alias, info.name)
        raise InstallError(errno.EXDEV)


def _same_unit(name: str, unit: str) -> bool:
    """Whether a link with this name in a `.wants/` directory stands for the unit or for an instance of it."""
    return name == unit or (valid_unit_name(name) and "@" in name and template_of(name) == unit)


def _make_dependencies(lookup: Lookup, info: UnitInfo, config: str, directive: str, lenient: bool) -> int:
    wanting, suffix = info.section.dependencies[directive], DEPENDENCIES[directive]
    if not wanting:
        return 0
    name = info.name
    only_templates = False
    if is_template(name):
        if info.section.default_instance:
            name = replace_instance(name, info.section.default_instance)
            _check_instance(lookup, name)
        else:
            only_templates = True
    failure: InstallError | None = None
    count = 0
    for word in wanting:
        try:
            unit = _wanting_unit(lookup, info, word, name, only_templates=only_templates, lenient=lenient)
            if not unit:
                continue
            make_link(lookup, info.path, f"{config}/{unit}{suffix}/{name}", force=True)
        except InstallError as problem:
            failure = failure or problem
            continue
        count += 1
        if not _exists(lookup, unit):
            lookup.planner.report(InstallChange(DESTINATION_MISSING, unit, lookup.planner.shown(info.path)))
    if failure is not None:
        raise failure
    return count


def _wanting_unit(lookup: Lookup, info: UnitInfo, word: str, name: str, *, only_templates: bool, lenient: bool) -> str:
    """The unit that a word of WantedBy= means, "" to pass over it. Failures are reported and raised."""
    unit = _expanded(lookup, info, word)
    if valid_unit_name(unit, plain=not only_templates):
        return unit
    if lenient:
        return ""
    if valid_unit_name(unit):
        lookup.planner.fail(errno.EIDRM, unit, name)
        raise InstallError(errno.EIDRM)
    lookup.planner.fail(errno.EUCLEAN, unit)
    raise InstallError(errno.EUCLEAN)


def _check_instance(lookup: Lookup, name: str) -> None:
    if not valid_unit_name(name):
        raise InstallError(errno.EINVAL)
    info = UnitInfo(name)
    lookup.planner.lookup().search(info, load=False)
    if info.kind == MASK:
        lookup.planner.report(InstallChange(ERROR, lookup.planner.shown(info.path), "", errno.ERFKILL))
        raise InstallError(errno.ERFKILL)


def _exists(lookup: Lookup, name: str) -> bool:
    try:
        return unit_file_exists(lookup.planner.lookup(), name)
    except InstallError:
        return True  # something with this name exists, even if it is broken


def _make_file_link(lookup: Lookup, info: UnitInfo, config: str, force: bool) -> None:
    if not lookup.planner.in_search_path(info.path):
        make_link(lookup, info.path, f"{config}/{info.name}", force=force)
