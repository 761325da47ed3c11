"""Links that enable units which are not there."""

from __future__ import annotations

import os

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.unitfile.load import NOT_FOUND
from systemctl_replacement.unitfile.loadpath import DEPENDENCY_SUFFIXES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.check.image import Image


def findings(image: Image) -> Iterator[Finding]:
    """Links in the `.wants/`, `.requires/` and `.upholds/` directories of units that start, to no unit."""
    for unit in image.starting:
        for suffix, kind in DEPENDENCY_SUFFIXES:
            for name in unit.related(kind):
                if image.registry[name].file.load_state == NOT_FOUND:
                    for path in _links(image, unit.file.names, f"{suffix}/{name}"):
                        yield Finding("link", name, f"Unit {name} not found, but enabled by {path}", path)


def _links(image: Image, names: tuple[str, ...], link: str) -> Iterator[str]:
    for directory in image.directories:
        for name in names:
            path = f"{directory}/{name}.{link}"
            if os.path.lexists(path):
                yield path
