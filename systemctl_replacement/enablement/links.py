"""Making the links that enable a unit: aliases, `.wants/` and its sisters, and the link to a file outside the load
path."""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import (
    DESTINATION_MISSING,
    ERROR,
    SYMLINK,
    UNLINK,
    Action,
    InstallChange,
    InstallFailed,
    Step,
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
    """Plan a link at `path` unless an equivalent one is there. Raises InstallFailed(EEXIST) unless `force`."""
    tree = lookup.tree
    shown = lookup.plan.shown(path)
    kind = tree.kind(path)
    made = InstallChange(SYMLINK, shown, target)
    action = Action("link", path, target)
    if kind == "":
        tree.plan_link(path, target)
        lookup.plan.steps.append(Step((made,), action))
        return
    present = tree.readlink(path)
    if present is None:
        lookup.plan.fail(errno.EEXIST, shown)
        raise InstallFailed(errno.EEXIST)
    if _equivalent(lookup, path, present, target):
        return
    if not force:
        lookup.plan.fail(errno.EEXIST, shown, present)
        raise InstallFailed(errno.EEXIST)
    tree.plan_link(path, target)
    lookup.plan.steps.append(Step((InstallChange(UNLINK, shown), made), action))


def _equivalent(lookup: Lookup, path: str, present: str, target: str) -> bool:
    """Whether two targets mean the same: one file, or one name in the load path (/lib and /usr/lib are often one)."""
    directory = path.rpartition("/")[0]
    one = present if present.startswith("/") else f"{directory}/{present}"
    other = target if target.startswith("/") else f"{directory}/{target}"
    if lookup.tree.same_file(one, other):
        return True
    return (
        one.rpartition("/")[2] == other.rpartition("/")[2]
        and lookup.plan.in_search_path(one)
        and lookup.plan.in_search_path(other)
    )


def make_links(lookup: Lookup, info: UnitInfo, config: str, *, force: bool, lenient: bool) -> int:
    """Plan all links of one unit. Returns how many its [Install] asks for; the first failure is raised after the
    others are done.

    `lenient` (presets): a template that cannot be enabled without an instance is no error.
    """
    failure: InstallFailed | None = None
    count = 0
    try:
        _make_file_link(lookup, info, config, force)
    except InstallFailed as problem:
        failure = problem
    for directive in ("Alias", *DEPENDENCIES):
        try:
            if directive == "Alias":
                count += _make_aliases(lookup, info, config, force)
            else:
                count += _make_dependencies(lookup, info, config, directive, lenient)
        except InstallFailed as problem:
            # As in systemd, what went well before in another of the lists outweighs it; reported it is all the same.
            if not count:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _make_aliases(lookup: Lookup, info: UnitInfo, config: str, force: bool) -> int:
    failure: InstallFailed | None = None
    count = 0
    for word in info.section.aliases:
        try:
            alias = _checked_alias(lookup, info, _expanded(lookup, info, word))
            path = f"{config}/{alias}"
            make_link(lookup, info.path, path, force=force or _broken(lookup, path))
            count += 1
        except InstallFailed as problem:
            if problem.error != errno.ELOOP:
                failure = failure or problem
    if failure is not None:
        raise failure
    return count


def _expanded(lookup: Lookup, info: UnitInfo, word: str) -> str:
    try:
        return lookup.plan.expander.expand(word, info.section.instantiated(info.name))
    except InstallFailed as problem:
        lookup.plan.fail(problem.error, word)
        raise


def _broken(lookup: Lookup, path: str) -> bool:
    try:
        place = lookup.tree.chase(path)
    except OSError as problem:
        lookup.plan.fail(problem.errno or errno.EIO, lookup.plan.shown(path))
        raise InstallFailed(problem.errno or errno.EIO) from None
    return lookup.tree.kind(place) == ""


def _checked_alias(lookup: Lookup, info: UnitInfo, alias: str) -> str:
    """The alias, with the unit's instance filled in. Raises InstallFailed, reported unless it is ELOOP: an alias of
    itself."""
    directory, slash, name = alias.rpartition("/")
    if slash:
        _check_alias_path(lookup, info, alias, directory, name)
        return alias
    if valid_unit_name(alias, plain=False, instance=False) and instance_of(info.name):
        alias = replace_instance(alias, instance_of(info.name))
    ignored: list[Problem] = []
    try:
        check_alias(alias, info.name, alias, LOG_DEBUG, ignored)
    except InstallFailed as problem:
        if problem.error == errno.ELOOP:
            raise
        error = errno.EXDEV if problem.error == errno.EINVAL else problem.error
        lookup.plan.fail(error, alias, info.name)
        raise InstallFailed(error) from None
    return alias


def _check_alias_path(lookup: Lookup, info: UnitInfo, alias: str, directory: str, name: str) -> None:
    """The old way of writing WantedBy=: `Alias=multi-user.target.wants/x.service`."""
    unit, dot, suffix = directory.rpartition(".")
    if not dot or f".{suffix}" not in DEPENDENCIES.values() or not valid_unit_name(unit):
        lookup.plan.fail(errno.EXDEV, alias)
        raise InstallFailed(errno.EXDEV)
    if not _same_unit(name, info.name):
        lookup.plan.fail(errno.EXDEV, alias, info.name)
        raise InstallFailed(errno.EXDEV)


def _same_unit(name: str, unit: str) -> bool:
    """Whether a link of that name in a `.wants/` directory stands for the unit: it itself or an instance of it."""
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
    failure: InstallFailed | None = None
    count = 0
    for word in wanting:
        try:
            unit = _wanting_unit(lookup, info, word, name, only_templates=only_templates, lenient=lenient)
            if not unit:
                continue
            make_link(lookup, info.path, f"{config}/{unit}{suffix}/{name}", force=True)
        except InstallFailed as problem:
            failure = failure or problem
            continue
        count += 1
        if not _exists(lookup, unit):
            lookup.plan.report(InstallChange(DESTINATION_MISSING, unit, lookup.plan.shown(info.path)))
    if failure is not None:
        raise failure
    return count


def _wanting_unit(lookup: Lookup, info: UnitInfo, word: str, name: str, *, only_templates: bool, lenient: bool) -> str:
    """The unit that a word of WantedBy= means; "" if it is to be passed over. Failures are reported and raised."""
    unit = _expanded(lookup, info, word)
    if valid_unit_name(unit, plain=not only_templates):
        return unit
    if lenient:
        return ""
    if valid_unit_name(unit):
        lookup.plan.fail(errno.EIDRM, unit, name)
        raise InstallFailed(errno.EIDRM)
    lookup.plan.fail(errno.EUCLEAN, unit)
    raise InstallFailed(errno.EUCLEAN)


def _check_instance(lookup: Lookup, name: str) -> None:
    if not valid_unit_name(name):
        raise InstallFailed(errno.EINVAL)
    info = UnitInfo(name)
    lookup.plan.lookup().search(info, load=False)
    if info.kind == MASK:
        lookup.plan.report(InstallChange(ERROR, lookup.plan.shown(info.path), "", errno.ERFKILL))
        raise InstallFailed(errno.ERFKILL)


def _exists(lookup: Lookup, name: str) -> bool:
    try:
        return unit_file_exists(lookup.plan.lookup(), name)
    except InstallFailed:
        return True  # there is something of that name, if only something broken


def _make_file_link(lookup: Lookup, info: UnitInfo, config: str, force: bool) -> None:
    if not lookup.plan.in_search_path(info.path):
        make_link(lookup, info.path, f"{config}/{info.name}", force=force)
