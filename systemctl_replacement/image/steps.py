"""The steps of a plan: what is to be done to an image, as data, with paths inside the image. `apply.py` does it.

The text of a step is what `--dry-run` prints.
"""

from __future__ import annotations

from typing import Union

from systemctl_replacement.image.names import HOME
from systemctl_replacement.records import dataclass


@dataclass(frozen=True)
class MakeDirectory:
    """Make a directory that is missing."""

    path: str

    def __str__(self) -> str:
        return f"make the directory {self.path}"


@dataclass(frozen=True)
class RemoveDirectory:
    """Remove a directory, unless something is in it."""

    path: str

    def __str__(self) -> str:
        return f"remove the directory {self.path} if it is empty"


@dataclass(frozen=True)
class Write:
    """Write a file, in place of one of ours if there is one."""

    path: str
    text: str
    mode: int = 0o755

    def __str__(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True)
class MakeLink:
    """Make a symbolic link, in place of one of ours if there is one."""

    path: str
    link: str

    def __str__(self) -> str:
        return f"link {self.path} to {self.link}"


@dataclass(frozen=True)
class Move:
    """Rename what is not ours, in place of what was kept there before."""

    path: str
    to: str

    def __str__(self) -> str:
        return f"move {self.path} to {self.to}"


@dataclass(frozen=True)
class Remove:
    """Remove a file or link of ours."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True)
class Divert:
    """Make and end local diversions of dpkg."""

    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        lines = [f"have dpkg divert {name} to {to}" for name, to in self.added]
        return "\n".join(lines + [f"have dpkg divert {name} no longer" for name, _ in self.removed])


@dataclass(frozen=True)
class PutTree:
    """Put the tree that was prepared at `prepared` into our directory."""

    prepared: str

    def __str__(self) -> str:
        return f"put our files into {HOME}"


@dataclass(frozen=True)
class Discard:
    """Remove a file, or a directory with everything in it, when all else is done: it does not come back."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"


Step = Union[MakeDirectory, RemoveDirectory, Write, MakeLink, Move, Remove, Divert, PutTree, Discard]
