"""What an install verb does, as data: a plan of steps, each with the changes that are reported for it, and its
execution.

Planning reads only (see install_tree); this is the one place of the install verbs that writes.
"""

from __future__ import annotations

import os

from systemctl_replacement.enablement.planned_tree import Tree
from systemctl_replacement.records import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from systemctl_replacement.unitfile.syntax import Problem

SYMLINK = "symlink"
UNLINK = "unlink"
MASKED = "masked"
DANGLING = "dangling"
DESTINATION_MISSING = "destination-missing"
AUXILIARY_FAILED = "auxiliary-failed"
ERROR = "error"


class InstallFailed(Exception):
    """A unit file cannot be found or used, or a link not be made; `error` is an errno."""

    def __init__(self, error: int) -> None:
        super().__init__(os.strerror(error))
        self.error = error


@dataclass(frozen=True)
class InstallChange:
    """One line of the report. Paths of files carry the root in front, as systemctl prints them.

    kind SYMLINK: `path` now points to `source`. UNLINK: `path` is gone. MASKED, DANGLING: nothing was done for `path`.
    DESTINATION_MISSING: `source` was added to a unit `path` that does not exist. AUXILIARY_FAILED: a unit of Also=.
    ERROR: `error` is an errno; what `path` and `source` are depends on it.
    """

    kind: str
    path: str
    source: str = ""
    error: int = 0


@dataclass(frozen=True)
class Action:
    """One change on disk, paths inside the root. kind "link": make or replace the link; "unlink"; "remove": a whole
    directory.

    Directories that an "unlink" leaves empty are removed up to, not including, `boundary`.
    """

    kind: str
    path: str
    target: str = ""
    boundary: str = ""


@dataclass(frozen=True)
class Step:
    """What is reported, and the action it reports on if there is one."""

    changes: tuple[InstallChange, ...]
    action: Action | None = None


@dataclass(frozen=True)
class Outcome:
    """The end of a plan or of its execution. `error`: errno of the failure that ended or spoilt it, 0 if none.

    `carried`: how many links the units' [Install] asked for (whether made now or there before); 0 is worth a hint.
    """

    steps: tuple[Step, ...] = ()
    error: int = 0
    carried: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def changes(self) -> tuple[InstallChange, ...]:
        """Everything to report, in order."""
        return tuple(change for step in self.steps for change in step.changes)


def apply(outcome: Outcome, root: str) -> Outcome:
    """Carry out a plan below `root`. A step that fails becomes an error in the report; the others are still done."""
    steps = []
    error = outcome.error
    for step in outcome.steps:
        if step.action is not None:
            try:
                _execute(step.action, Tree(root))
            except OSError as problem:
                code = problem.errno or 0
                error = error or code
                failed = InstallChange(ERROR, step.changes[-1].path, "", code)
                step = Step((failed,))
        steps.append(step)
    return replace(outcome, steps=tuple(steps), error=error)


def unlinked(changes: Iterable[InstallChange]) -> list[str]:
    """The paths a plan would remove: the links that enable a unit."""
    return [change.path for change in changes if change.kind == UNLINK]


def _execute(action: Action, tree: Tree) -> None:
    path = tree.on_disk(action.path)
    if action.kind == "link":
        _make_link(path, action.target)
    elif action.kind == "remove":
        _remove_tree(path)
    else:
        _unlink(path)
        if action.boundary:
            _remove_empty_parents(os.path.dirname(path), tree.root + tree.chase(action.boundary))


def _make_link(path: str, target: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    except OSError:
        pass  # as under systemd, that there is no directory is told of the link
    try:
        os.symlink(target, path)
    except FileExistsError:
        # Replaced in one step: at no time is the unit without its link.
        temporary = f"{os.path.dirname(path)}/.#{os.path.basename(path)}{os.getpid():08x}"
        os.symlink(target, temporary)
        try:
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return  # somebody else was faster: what was wanted is so


def _remove_tree(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    else:
        _unlink(path)


def _remove_empty_parents(directory: str, boundary: str) -> None:
    while directory.startswith(boundary + "/"):
        try:
            os.rmdir(directory)
        except OSError:
            return  # not empty, or not ours to remove: it stays
        directory = os.path.dirname(directory)
