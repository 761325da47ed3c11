"""What an installation, and its end, do to an image: from what is there to a list of steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from systemctl_replacement.image import diversions, names, state
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.state import State, Taken
from systemctl_replacement.image.steps import (
    Discard,
    Divert,
    MakeDirectory,
    MakeLink,
    Move,
    Remove,
    RemoveDirectory,
    Step,
    Write,
)
from systemctl_replacement.image.survey import ABSENT, FOREIGN, OURS, Image, Place


def install(image: Image, version: str, python: str, tree: tuple[Step, ...]) -> list[Step]:
    """The steps that make an installation of whatever is there. `tree` are those that put our files into place.

    ImageError if somebody else diverts what must be diverted.
    """
    known = image.known
    steps: list[Step] = [MakeDirectory(path) for path in image.missing]
    steps += tree
    places = [place for place in image.places if not (place.yields and place.there == FOREIGN)]
    wanted = {place.path for place in places}
    given_up = [_to_give_back(image, each) for each in known.taken if each.path not in wanted]
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
    directories = tuple(sorted({*known.directories, *image.missing_above_state, *image.missing, *image.listed}))
    present = {(each.name, each.to) for each in image.diversions}
    diverted = [pair for place in places for pair in place.diversions]
    made = tuple(pair for pair in diverted if pair not in present or pair in known.diverted)
    steps += [Discard(path) for path in image.leftovers]
    after = State(version, python, tuple(taken_now), directories, made)
    if not steps and after == known:
        return []
    ended = tuple(pair for pair in known.diverted if pair not in made)
    before = State(version, python, (*after.taken, *given_up), directories, (*made, *ended), complete=False)
    return [
        *(MakeDirectory(path) for path in image.missing_above_state),
        _remember(before),
        *steps,
        _remember(after),
    ]


def uninstall(image: Image, keep_tree: bool) -> list[Step]:
    """The steps that take everything out again."""
    known = image.known
    given_back = [_to_give_back(image, each) for each in known.taken]
    before = State(known.version, known.python, tuple(given_back), known.directories, known.diverted, complete=False)
    steps: list[Step] = [_remember(before)]
    for taken in given_back:
        if not (keep_tree and taken.path == names.OWN_COMMAND):
            steps += _give_back(image, taken)
    steps += _divert(image, [], given_back)
    ours = (names.REPLACED, names.STATE) if keep_tree else (names.HOME,)
    kept = {*image.listed, image.above_state[-1]}
    directories = [path for path in sorted(known.directories, reverse=True) if path not in kept]
    above = [path for path in directories if path in image.above_state[:-1]]
    steps += [Discard(path) for path in image.leftovers]
    steps += [RemoveDirectory(path) for path in directories if path not in above]
    steps += [Discard(path) for path in ours]  # what tells what was done goes last
    steps += [RemoveDirectory(path) for path in above]
    return steps


def _remember(known: State) -> Step:
    return Write(names.STATE, state.render(known), 0o644)


def _divert(image: Image, places: list[Place], given_up: list[Taken]) -> Iterator[Step]:
    present = {(each.name, each.to) for each in image.diversions}
    local = {(each.name, each.to) for each in image.diversions if each.owner == diversions.LOCAL}
    mine = local & {*image.known.diverted}
    wanted = [pair for place in places for pair in place.diversions]
    for name, to in wanted:
        other = diversions.conflict(image.diversions, name, to)
        if other is not None:
            owner = "a local diversion" if other.owner == diversions.LOCAL else f"the package {other.owner}"
            raise ImageError(f"{other.name} is diverted to {other.to} by {owner}: end that first")
    added = tuple(pair for pair in wanted if pair not in present)
    removed = tuple(pair for taken in given_up for pair in taken.diversions if pair in mine and pair not in wanted)
    if added or removed:
        yield Divert(added, removed)


def _place_to_keep(image: Image, place: Place) -> str:
    """Where to put what stands in a place that we take.

    A package's file goes where dpkg will look for it. What somebody else has put over ours goes there never.
    """
    to = dict(place.diversions).get(place.in_packages)
    return names.REPLACED + place.path if to is None or to in image.occupied else to


def _remembered(image: Image, place: Place, kept: str) -> str:
    """Where what stood in a place is, after an installation. What nobody remembers may be put aside nevertheless."""
    if place.there == FOREIGN:
        return kept
    before = image.known.at(place.path)
    kept_before = (before.kept if before is not None else "", names.REPLACED + place.path)
    return next((path for path in kept_before if path in image.occupied), "")


def _to_give_back(image: Image, taken: Taken) -> Taken:
    """A name with the place from which it gets back what belongs there: a package may have put it where dpkg has it."""
    kept = next((path for path in (*(to for _, to in taken.diversions), taken.kept) if path in image.occupied), "")
    if not kept and not image.known.complete and image.there[taken.path] == FOREIGN:
        kept = taken.kept  # it is back already
    return Taken(taken.path, taken.link, kept, taken.diversions)


def _give_back(image: Image, taken: Taken) -> Iterator[Step]:
    """Put back what stood under a name in place of ours. What somebody else has put there stays."""
    there = image.there[taken.path]
    if there in (OURS, ABSENT) and taken.kept in image.occupied:
        yield Move(taken.kept, taken.path)
    elif there == OURS:
        yield Remove(taken.path)
