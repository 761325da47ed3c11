"""Looking at an image: which names are to be taken there, and what stands under each of them now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from systemctl_replacement.image import bus_policy, diversions, launchers, names
from systemctl_replacement.image.diversions import Diversion
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.names import Name
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State, Taken
from systemctl_replacement.paths import BUS_POLICY
from systemctl_replacement.records import dataclass

ABSENT, OURS, FOREIGN = "absent", "ours", "foreign"


@dataclass(frozen=True)
class Place:
    """A path that is to be taken. `there` is what stands there now, `in_packages` under which of its diverted names a
    package has a file ("" if none has). A launcher or another file of ours has a text, a link has not."""

    path: str
    text: str = ""
    mode: int = 0o755
    link: str = ""
    yields: bool = False
    diversions: tuple[tuple[str, str], ...] = ()
    there: str = ABSENT
    as_wanted: bool = False
    in_packages: str = ""


@dataclass(frozen=True)
class Image:
    """What a plan must know of an image. `occupied` are the places of diverted and replaced files where there is one.

    Of the directories above its places, `missing` are not there, and `listed` are those that a package has. (So may be
    other directories that we have made.) `above_state` are our own directory and those above it, of which
    `missing_above_state` are not there. `leftovers` is what was not finished when somebody was killed.
    """

    places: tuple[Place, ...]
    known: State
    there: dict[str, str]
    diversions: tuple[Diversion, ...] = ()
    occupied: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    listed: frozenset[str] = frozenset()
    above_state: tuple[str, ...] = ()
    missing_above_state: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


def look(root: Root, wanted: Iterable[Name], python: str, known: State) -> Image:
    """Look at an image into which `wanted` is to be installed with an interpreter. OSError, ImageError."""
    if root.link_text(names.HOME) is not None:
        raise ImageError(f"{names.HOME} in {root.shown} is a link: remove it first")
    with_dpkg = diversions.is_used(root)
    places = _places(root, wanted, python, with_dpkg)
    in_packages = diversions.names_in_packages(root, [name for place in places for name, _ in place.diversions])
    seen = []
    for place in places:
        there = what_is(root, Taken(place.path, place.link), known)
        owner = next((name for name, _ in place.diversions if name in in_packages), "")
        as_wanted = there == OURS and _is_as_wanted(root, place)
        seen.append(_seen(place, there, as_wanted, owner))
    targets = {to for place in seen for _, to in place.diversions} | {names.REPLACED + place.path for place in seen}
    targets |= {to for _, to in known.diversions} | {each.kept for each in known.taken if each.kept}
    directories = {*known.directories, *_directories_above(place.path for place in seen)}
    above_state = _above(root, names.STATE)
    changed = {path for name in names.NAMES for path in (name.path, name.alias)}
    changed |= {*targets, names.STATE, names.HOME, diversions.DATABASE}
    return Image(
        tuple(seen),
        known,
        {each.path: what_is(root, each, known) for each in known.taken},
        tuple(diversions.read(root)) if with_dpkg else (),
        frozenset(path for path in targets if root.has(path)),
        _missing(root, {each for place in seen for each in _above(root, place.path)} - {*above_state}),
        _listed(root, directories),
        above_state,
        _missing(root, above_state),
        tuple(path for each in sorted({root.resolve(path) for path in changed}) for path in _leftovers(root, each)),
    )


def what_is(root: Root, name: Taken, known: State) -> str:
    """What stands under a name: nothing, something of ours, or something else."""
    if not root.has(name.path):
        return ABSENT
    text = root.link_text(name.path)
    if text is not None:
        taken = known.at(name.path)
        if taken is None or text != taken.link:
            return FOREIGN
        # systemd-sysv's own link has the text of ours.
        is_back = not known.complete and taken.kept and not root.has(taken.kept)
        return FOREIGN if is_back else OURS
    if name.path == BUS_POLICY:
        return OURS
    beginning = root.read(name.path, launchers.LONGEST)
    return OURS if beginning is not None and launchers.is_launcher(beginning) else FOREIGN


def _seen(place: Place, there: str, as_wanted: bool, owner: str) -> Place:
    return Place(
        place.path, place.text, place.mode, place.link, place.yields, place.diversions, there, as_wanted, owner
    )


def _places(root: Root, wanted: Iterable[Name], python: str, with_dpkg: bool) -> list[Place]:
    places: dict[str, Place] = {}
    for name in wanted:
        for place in _places_of(root, name, python, with_dpkg):
            places.setdefault(place.path, place)
    return list(places.values())


def _places_of(root: Root, name: Name, python: str, with_dpkg: bool) -> list[Place]:
    """The place of a name, or the places if /usr is not merged in this image."""
    path = root.resolve(name.path)
    has_alias = os.path.isdir(root.directory + "/" + name.alias.split("/")[1])
    alias = root.resolve(name.alias) if has_alias else path
    diverted = with_dpkg and name.diverted
    if name.path == BUS_POLICY:
        return [Place(path, bus_policy.TEXT, 0o644)]
    text = "" if name.link else launchers.text(name.path, python)
    if path == alias or name.path == names.OWN_COMMAND:
        both = names.diversions(name.path) if has_alias else names.diversion(name.path)
        pairs = both if diverted else ()
        return [Place(path, text, 0o755, name.link, name.yields, pairs)]
    usr = names.diversion(name.path) if diverted else ()
    other = names.diversion(name.alias) if diverted else ()
    if name.link:  # to a program that is administered in one place: where scripts look for it
        return [Place(alias, "", 0o755, name.link, name.yields, other)]
    return [
        Place(path, text, 0o755, "", name.yields, usr),
        Place(alias, "", 0o755, name.path, name.yields, other),
    ]


def _is_as_wanted(root: Root, place: Place) -> bool:
    text = root.link_text(place.path)
    if place.link or text is not None:
        return text == place.link
    status = os.lstat(root.at(place.path))
    safe = (status.st_mode & 0o7777, status.st_uid) == (place.mode, os.geteuid())
    return safe and root.read(place.path) == place.text.encode("utf-8", "surrogateescape")


def _directories_above(paths: Iterable[str]) -> Iterator[str]:
    """The directories that may be there for one file's sake: not those that every image has, like /usr/bin."""
    for path in paths:
        parts = path.split("/")[:-1]
        for depth in range(4, len(parts) + 1):
            yield "/".join(parts[:depth])


def _listed(root: Root, directories: Iterable[str]) -> frozenset[str]:
    aliases = {path: path.removeprefix("/usr") for path in directories}
    found = diversions.names_in_packages(root, {*aliases, *aliases.values()})
    return frozenset(path for path, alias in aliases.items() if {path, alias} & found)


def _above(root: Root, path: str) -> tuple[str, ...]:
    """The directories above a path, the upper ones first."""
    parts = root.resolve(path).split("/")[:-1]
    return tuple("/".join(parts[:depth]) for depth in range(2, len(parts) + 1))


def _missing(root: Root, directories: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for path in sorted(directories) if not os.path.isdir(root.directory + path))


def _leftovers(root: Root, path: str) -> Iterator[str]:
    for what in names.BESIDE:
        place = names.beside(path, what)
        if os.path.lexists(root.directory + place):
            yield place
