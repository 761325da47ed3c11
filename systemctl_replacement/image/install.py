"""Installing into an image, and taking everything out again.

What is to be done is decided first (`plan.py`) and then done as a whole (`apply.py`): a failed installation leaves the
image as it was. The tree is prepared beside its final place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from systemctl_replacement import __version__
from systemctl_replacement.image import bytecode, diversions, interpreter, names, plan, state, survey, tree
from systemctl_replacement.image.apply import apply, discard
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State
from systemctl_replacement.image.steps import PutTree, Step
from systemctl_replacement.records import dataclass

_PACKAGE = "systemctl-replacement"


@dataclass(frozen=True)
class Options:
    """What to install. `python` is a path inside the image, found if it is ""."""

    python: str = ""
    init_link: bool = True
    companions: bool = True
    dry_run: bool = False


def install(root: Root, options: Options, say: Callable[[str], None]) -> None:
    """Install into an image, or mend an installation. Progress goes to `say`. ImageError, OSError."""
    root.check()
    in_place = _runs_from(root)
    if not in_place:
        _refuse_if_packaged(root, f"apt-get install --reinstall {_PACKAGE}")
    found = interpreter.find(root.directory, options.python or None)
    known = state.read(root) or State()
    image = survey.look(root, names.wanted(options.init_link, options.companions), found.path, known)
    home, prepared = root.resolve(names.HOME), root.resolve(names.beside(names.HOME, "new"))
    steps = plan.install(image, __version__, found.path, () if in_place else (PutTree(prepared),))
    if options.dry_run:
        _show(steps, say)
        return
    try:
        if in_place:
            tree.compile_for(found, home)
        else:
            discard(root.directory + prepared)
            os.makedirs(root.directory + prepared)
            tree.build(Path(root.directory + prepared))
            tree.compile_for(found, prepared)
        apply(root, steps)
        tree.protect(root.directory + home)
    finally:
        shutil.rmtree(root.directory + prepared, ignore_errors=True)
    _show([step for step in steps if not isinstance(step, PutTree)], say)
    megabytes = tree.size(root.directory + home) / 1e6
    say(f"{names.HOME}: version {__version__} for {found.path}, Python {found.number}; {megabytes:.1f} MB")


def uninstall(root: Root, keep_tree: bool, dry_run: bool, say: Callable[[str], None]) -> None:
    """Put everything back as it was. `keep_tree` leaves our own files to dpkg, which has brought them.

    ImageError if nothing is installed. OSError.
    """
    root.check()
    if not keep_tree:
        _refuse_if_packaged(root, f"apt-get remove {_PACKAGE}")
    known = state.read(root)
    if known is None:
        raise ImageError(f"{names.STATE} is not in {root.shown}: nothing is installed there")
    image = survey.look(root, (), known.python, known)
    steps = plan.uninstall(image, keep_tree)
    if not dry_run:
        apply(root, steps)
        if keep_tree:
            bytecode.remove(root.at(names.HOME))
    _show(steps, say)


def _show(steps: list[Step], say: Callable[[str], None]) -> None:
    for step in steps:
        say(str(step))


def _runs_from(root: Root) -> bool:
    """Whether the tree in the image is the one that runs: then it is left where it is."""
    running = Path(__file__).resolve().parents[2]
    return os.path.realpath(root.at(names.HOME)) == str(running)


def _refuse_if_packaged(root: Root, command: str) -> None:
    if root.has(f"{diversions.ADMINISTRATION}/info/{_PACKAGE}.list"):
        raise ImageError(f"dpkg has installed {_PACKAGE} in {root.shown}: use `{command}` there")
