"""What an installation, and its end, do to an image: from what is there to a list of steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from systemctl_replacement.image import diversions, names, state
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.state import State, Taken
from systemctl_replacement.image.steps import (
    Divert,
    MakeDirectory,
    MakeLink,
    Move,
    Remove,
    RemoveDirectory,
    RemoveTree,
    Step,
    Write,
)
from systemctl_replacement.image.survey import ABSENT, FOREIGN, OURS, Image, Place


def install(image: Image, version: str, python: str, tree: tuple[Step, ...]) -> list[Step]:
    """The steps that make an installation of whatever is there. `tree` are those that put our files into place.

    ImageError if somebody else diverts what must be diverted.
    """
    steps: list[Step] = [MakeDirectory(path) for path in image.missing]
    steps += tree
    places = [place for place in image.places if not (place.yields and place.there == FOREIGN)]
    wanted = {place.path for place in places}
    given_up = [each for each in image.known.taken if each.path not in wanted]
    steps += _divert(image, places, given_up)
    for taken in given_up:
        steps += _give_back(image, taken)
    taken_now = []
    for place in places:
        kept = _place_to_keep(image, place)
        if place.there == FOREIGN:
            steps.append(Move(place.path, kept))
        if not place.as_wanted:
            steps.append(MakeLink(place.path, place.link) if place.link else Write(place.path, place.text, place.mode))
        taken_now.append(Taken(place.path, place.link, _remembered(image, place, kept), place.diversions))
    # dpkg cannot remove a directory of a package that we have a file in: in the end that is left to us.
    directories = {*image.known.directories, *image.missing, *image.listed}
    after = State(version, python, tuple(taken_now), tuple(sorted(directories)))
    if after != image.known:
        steps.append(Write(names.STATE, state.render(after), 0o644))
    return steps


def uninstall(image: Image, keep_tree: bool) -> list[Step]:
    """The steps that take everything out again."""
    known = image.known
    steps: list[Step] = []
    for taken in known.taken:
        if not (keep_tree and taken.path == names.OWN_COMMAND):
            steps += _give_back(image, taken)
    steps += _divert(image, [], list(known.taken))
    steps.append(Remove(names.STATE) if keep_tree else RemoveTree(names.HOME))
    for path in sorted(known.directories, reverse=True):
        if path != names.HOME and path not in image.listed:
            steps.append(RemoveDirectory(path))
    return steps


def _divert(image: Image, places: list[Place], given_up: list[Taken]) -> Iterator[Step]:
    present = {(each.name, each.to) for each in image.diversions}
    local = {(each.name, each.to) for each in image.diversions if each.owner == diversions.LOCAL}
    wanted = [pair for place in places for pair in place.diversions]
    for name, to in wanted:
        other = diversions.conflict(image.diversions, name, to)
        if other is not None:
            owner = "a local diversion" if other.owner == diversions.LOCAL else f"the package {other.owner}"
            raise ImageError(f"{other.name} is diverted to {other.to} by {owner}: end that first")
    added = tuple(pair for pair in wanted if pair not in present)
    removed = tuple(pair for taken in given_up for pair in taken.diversions if pair in local and pair not in wanted)
    if added or removed:
        yield Divert(added, removed)


def _place_to_keep(image: Image, place: Place) -> str:
    """Where to put what stands in a place that we take.

    A package's file goes where dpkg will look for it. What somebody else has put over ours goes there never.
    """
    to = dict(place.diversions).get(place.in_packages)
    return names.REPLACED + place.path if to is None or to in image.occupied else to


def _remembered(image: Image, place: Place, kept: str) -> str:
    before = image.known.at(place.path)
    if place.there == FOREIGN:
        return kept
    return before.kept if before is not None else ""


def _give_back(image: Image, taken: Taken) -> Iterator[Step]:
    """Remove what is ours under a name, and put back what stood there. What somebody else has put there stays."""
    there = image.there[taken.path]
    if there == OURS:
        yield Remove(taken.path)
    if there in (OURS, ABSENT):
        for place in (*(to for _, to in taken.diversions), taken.kept):
            if place in image.occupied:
                yield Move(place, taken.path)
                return
