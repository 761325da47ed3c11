"""clean: remove what a unit keeps in its own directories; freeze and thaw, which need a control group freezer.

Sources: systemctl(1), systemd.exec(5) RuntimeDirectory= and the like. systemctl removes the directories itself, with
the rights of its caller, after the manager has said that the unit is down.
"""

from __future__ import annotations

import os

from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.control.client import CallError
from systemctl_replacement.defaults import PRIVATE
from systemctl_replacement.exec_directories import KINDS
from systemctl_replacement.tree_walk import remove
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.cli.option_table import Options

# The words of --what= and the kinds of directories they mean.
_RESOURCES = {kind.word: kind for kind in KINDS}
_DEFAULT = ("cache", "runtime")
# Configuration directories have no links.
_DIRECTIVES = [kind.directive for kind in KINDS]
_LINKS = [f"{directive}Symlink" for directive in _DIRECTIVES if directive != "ConfigurationDirectory"]
# The file in which a unit keeps when it last did its work is its state, too: what no other word may ask for with it.
_STAMP, _STAMP_ALONE = "StampFile", ["state"]
_PROPERTIES = ["ActiveState", "Job", "LoadState", "LoadError", _STAMP, *_DIRECTIVES, *_LINKS]


def clean(words: list[str], options: Options, invocation: Invocation) -> int:
    """Remove the directories of units that are down: those of --what=, by default cache and runtime."""
    invocation.manager_to_change()
    status = 0
    for name in expand(words, invocation):
        problem = _unknown(name, invocation) or _clean_one(name, options.what or list(_DEFAULT), invocation)
        if problem:
            invocation.err(problem)
            status = 1
    return status


def _clean_one(name: str, what: list[str], invocation: Invocation) -> str:
    """Clean one unit. Returns why that failed, in systemd's words, or ""."""
    failed = f"Failed to clean unit {name}:"
    for word in what:
        if word not in _RESOURCES and word != "all":
            return f"{failed} Invalid resource type: {word}"
    unit = _properties(name, invocation)
    if not traits_of(name).cleanable:
        return f"{failed} Unit '{name}' does not support cleaning."
    if unit.get("ActiveState", "inactive") != "inactive" or unit.get("Job"):
        return f"{failed} Unit is not inactive or has pending job."
    chosen = list(_RESOURCES) if "all" in what else what
    paths = [invocation.paths.root + path for word in chosen for path in _directories(unit, word)]
    if unit.get(_STAMP) and what == _STAMP_ALONE:
        paths.append(invocation.paths.root + unit[_STAMP])
    if not paths:
        return f"{failed} No matching resources found."
    links = [link for word in chosen for link in _links(unit, word)]
    for path in (*paths, *filter(os.path.islink, [invocation.paths.root + link for link in links])):
        try:
            remove(path)
        except OSError as error:
            return f"{failed} {error.strerror}"
    return ""


def _directories(unit: dict[str, Any], word: str) -> list[str]:
    """The directories of one kind, including those below `private`, where DynamicUser= keeps them."""
    kind = _RESOURCES[word]
    bases = [kind.base] if word == "configuration" else [kind.base, f"{kind.base}/{PRIVATE}"]
    return [f"{base}/{each}" for base in bases for each in unit.get(kind.directive) or ()]


def _links(unit: dict[str, Any], word: str) -> list[str]:
    """The links that a unit has to its directories of one kind."""
    kind = _RESOURCES[word]
    return [f"{kind.base}/{link}" for _, link in unit.get(f"{kind.directive}Symlink") or ()]


def _properties(name: str, invocation: Invocation) -> dict[str, Any]:
    properties: dict[str, Any] = invocation.manager_or_files().call("Show", names=[name], properties=_PROPERTIES)[
        "units"
    ][0]["properties"]
    return properties


def _unknown(name: str, invocation: Invocation) -> str:
    """What systemd says if there is no such unit, or if the caller may not hold a reference to it; otherwise ""."""
    try:
        unit = _properties(name, invocation)
    except CallError as error:
        return f"Failed to add reference to unit {name}: {error.message}"
    if unit.get("LoadState") == "not-found" and unit.get("ActiveState", "inactive") == "inactive":
        return f"Failed to add reference to unit {name}: Unit {name} not found."
    manager = invocation.manager()
    if manager is not None and not manager.may_change:
        return f"Failed to add reference to unit {name}: Access denied"
    return ""


def _refuse_freezer(verb: str, words: list[str], invocation: Invocation) -> int:
    for name in expand(words, invocation):
        unknown = _unknown(name, invocation)
        invocation.err(unknown or f"Failed to {verb} unit {name}: Unit '{name}' does not support freezing.")
    return 1


def freeze(words: list[str], options: Options, invocation: Invocation) -> int:
    """Refuse, as systemd does without a control group freezer."""
    return _refuse_freezer("freeze", words, invocation)


def thaw(words: list[str], options: Options, invocation: Invocation) -> int:
    """Refuse, like freeze."""
    return _refuse_freezer("thaw", words, invocation)


VERBS = {"clean": clean, "freeze": freeze, "thaw": thaw}
