"""dpkg's diversions: what a package has under a name is put elsewhere, and the name is left to us (dpkg-divert(1)).

The database is edited as dpkg-divert does it, because images are also installed into from outside, and because the
diversions of one installation are made together or not at all. No lock is taken: dpkg-divert takes none, as it runs
while dpkg holds it, and dpkg reads the file again when it has become another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.records import dataclass

ADMINISTRATION = "/var/lib/dpkg"
DATABASE = f"{ADMINISTRATION}/diversions"
LOCAL = ":"


@dataclass(frozen=True)
class Diversion:
    """`name` is the path in packages, `to` where their files go, `owner` the package whose own files do not go there,
    or ":" for a local diversion."""

    name: str
    to: str
    owner: str = LOCAL


def parse(text: str) -> list[Diversion]:
    """The diversions of a database: three lines each. ImageError if it is damaged."""
    lines = text.split("\n")  # nothing else separates them: a name may have any other character
    if not lines[-1]:
        lines.pop()
    if len(lines) % 3:
        raise ImageError(f"{DATABASE} is damaged: its last entry is not complete")
    return [Diversion(*lines[index : index + 3]) for index in range(0, len(lines), 3)]


def render(diversions: Iterable[Diversion]) -> str:
    return "".join(f"{each.name}\n{each.to}\n{each.owner}\n" for each in diversions)


def conflict(present: Iterable[Diversion], name: str, to: str) -> Diversion | None:
    """The diversion that keeps a new one from being made: one name goes to one place, and a place takes one name."""
    for each in present:
        if (each.name, each.to) != (name, to) and ({each.name, each.to} & {name, to}):
            return each
    return None


def is_used(root: Root) -> bool:
    """Whether dpkg manages the image's packages."""
    return root.has(f"{ADMINISTRATION}/status")


def read(root: Root) -> list[Diversion]:
    """The image's diversions. OSError, ImageError."""
    data = root.read(DATABASE)
    if data is None:
        if root.has(DATABASE):
            raise ImageError(f"{DATABASE} in {root.shown} is not a regular file")
        return []
    return parse(data.decode("utf-8", "surrogateescape"))


def write(root: Root, diversions: Iterable[Diversion]) -> None:
    """Replace the database, all of it or nothing. The one before stays as `diversions-old`, as with dpkg. OSError."""
    path = root.at(DATABASE)
    fresh, old = f"{path}-new", f"{path}-old"
    if os.path.lexists(fresh):
        os.unlink(fresh)  # left behind by somebody, or a link that leads elsewhere
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(render(diversions).encode("utf-8", "surrogateescape"))
        os.fchmod(descriptor, 0o644)
        file.flush()
        os.fsync(descriptor)
    if os.path.lexists(path):
        if os.path.lexists(old):
            os.unlink(old)
        os.link(path, old)
    os.rename(fresh, path)


def names_in_packages(root: Root, names: Iterable[str]) -> set[str]:
    """Those of the names that an installed package has a file under. OSError."""
    wanted = {name: f"\n{name}\n".encode() for name in names}
    found: set[str] = set()
    directory = root.resolve(f"{ADMINISTRATION}/info/") if is_used(root) else ""
    if not directory or not os.path.isdir(root.directory + directory):
        return found
    for entry in sorted(os.listdir(root.directory + directory)):
        if entry.endswith(".list"):
            text = b"\n" + (root.read(directory + entry) or b"")
            found.update(name for name, line in wanted.items() if line in text)
    return found
