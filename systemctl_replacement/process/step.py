"""A step between fork and exec: what it does, the exit status of its failure, and what is logged of it.

Every step is a function of the :class:`.child.Child`. It returns APPLIED, also where nothing was asked for, or
NotPossible where the container does not allow what was asked for and the program can run without it. What the program
must not run without is an OSError: the child exits with the step's exit status.
"""

from __future__ import annotations

import errno

from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Union

    from systemctl_replacement.process.child import Child

    Outcome = Union["NotPossible", None]

APPLIED = None
NOT_ALLOWED = (errno.EPERM, errno.EACCES, errno.ENOSYS)
"""What the kernel answers where a container lacks a privilege or filters a system call."""


_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class NotPossible:
    """The program runs without what the step is for; why, as it is logged, with further fields of the record."""

    why: str
    level: int = LOG_WARNING
    fields: Mapping[str, str] = _NONE


@dataclass(frozen=True)
class Step:
    """A row of the table of steps (steps.py)."""

    perform: Callable[[Child], Outcome]
    exit_status: int
    failure: str
    """systemd's message if it fails, without the reason."""
    restricts: bool = False
    """It restricts the program: left out for a command with the "+" prefix."""
    dispensable: bool = False
    """It protects nobody: where the container does not allow it, the program runs without it."""


class StepFailed(Exception):
    """A step failed with a message of its own instead of its row's. level, fields: of the record of that message."""

    def __init__(self, failure: str, error: OSError, level: int = LOG_ERR, fields: Mapping[str, str] = _NONE) -> None:
        super().__init__(failure)
        self.failure = failure
        self.error = error
        self.level = level
        self.fields = fields


class Skipped(Exception):
    """The program does not exist, and the command says that this is no failure."""
