"""What an install verb does, as data: a plan made of steps, the changes reported for each, and carrying the plan out.

Planning only reads (see planned_tree). `apply` is the one place where the install verbs write.
"""

from __future__ import annotations

import os

from systemctl_replacement.enablement.planned_tree import PlannedTree
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


class InstallError(Exception):
    """A unit file cannot be found or used, or a link cannot be made. `error` is an errno."""

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
class FileOperation:
    """One change on disk, with paths inside the root.

    kind "link" makes or replaces a link, "unlink" removes one, "remove" removes a whole directory. Directories that an
    "unlink" leaves empty are removed up to, but not including, `boundary`.
    """

    kind: str
    path: str
    target: str = ""
    boundary: str = ""


@dataclass(frozen=True)
class PlanStep:
    """What is reported, and the operation behind it if there is one."""

    changes: tuple[InstallChange, ...]
    operation: FileOperation | None = None


@dataclass(frozen=True)
class Plan:
    """The steps of a verb, before or after they are carried out.

    `error` is the errno of the first failure, 0 if there was none. `carried` counts the links that the units' [Install]
    sections ask for, including those that exist already; a count of 0 is worth a hint to the user.
    """

    steps: tuple[PlanStep, ...] = ()
    error: int = 0
    carried: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def changes(self) -> tuple[InstallChange, ...]:
        """Everything to report, in order."""
        return tuple(change for step in self.steps for change in step.changes)


def apply(plan: Plan, root: str) -> Plan:
    """Carry out a plan below `root`. A step that fails becomes an error in the report; the others are still done."""
    steps = []
    error = plan.error
    for step in plan.steps:
        if step.operation is not None:
            try:
                _execute(step.operation, PlannedTree(root))
            except OSError as problem:
                code = problem.errno or 0
                error = error or code
                failed = InstallChange(ERROR, step.changes[-1].path, "", code)
                step = PlanStep((failed,))
        steps.append(step)
    return replace(plan, steps=tuple(steps), error=error)


def unlinked(changes: Iterable[InstallChange]) -> list[str]:
    """The paths a plan would remove: the links that enable a unit."""
    return [change.path for change in changes if change.kind == UNLINK]


def _execute(operation: FileOperation, tree: PlannedTree) -> None:
    path = tree.on_disk(operation.path)
    if operation.kind == "link":
        _make_link(path, operation.target)
    elif operation.kind == "remove":
        _remove_tree(path)
    else:
        _unlink(path)
        if operation.boundary:
            _remove_empty_parents(os.path.dirname(path), tree.root + tree.chase(operation.boundary))


def _make_link(path: str, target: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    except OSError:
        pass  # as under systemd, a missing directory is reported as a failure to make the link
    try:
        os.symlink(target, path)
    except FileExistsError:
        # Replace it in one step, so that the unit is never without its link.
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
        return  # somebody else was faster: the goal is reached


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
            return  # not empty, or not ours to remove
        directory = os.path.dirname(directory)
