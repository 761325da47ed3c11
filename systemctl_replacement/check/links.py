"""What is enabled for, or said about, units which are not there."""

from __future__ import annotations

import os

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.manager.generators import init_script_units
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.load import NOT_FOUND
from systemctl_replacement.unitfile.loadpath import DEPENDENCY_SUFFIXES
from systemctl_replacement.units.table import traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.check.image import Image


_ADMINISTRATORS = "/etc/systemd/system"


def findings(image: Image) -> Iterator[Finding]:
    """Links in the `.wants/`, `.requires/` and `.upholds/` directories of units that start, to no unit."""
    for unit in image.starting:
        for suffix, kind in DEPENDENCY_SUFFIXES:
            for name in unit.related(kind):
                if image.registry[name].file.load_state == NOT_FOUND:
                    for path in _links(image, unit.file.names, f"{suffix}/{name}"):
                        yield Finding("link", name, f"Unit {name} not found, but enabled by {path}", path)
    yield from _of_no_unit(image)


def _of_no_unit(image: Image) -> Iterator[Finding]:
    """Directories of the administrator that belong to no unit: their name may be a slip."""
    suffixes = (".d", *(f".{suffix}" for suffix, _ in DEPENDENCY_SUFFIXES))
    directory = f"{image.root}{_ADMINISTRATORS}"
    try:
        entries = sorted(os.listdir(directory))
    except OSError:
        return
    for entry in entries:
        name, dot, suffix = entry.rpartition(".")
        if dot + suffix in suffixes and names.valid_unit_name(name) and _is_unknown(image, name):
            path = f"{directory}/{entry}"
            yield Finding("link", name, f"Unit {name} not found, which {path} is for", path)


def _is_unknown(image: Image, name: str) -> bool:
    """Whether nothing has the name: no file, no init script, nothing that init skips, nothing without a file."""
    traits = traits_of(name)
    has_a_file = traits.startable and not (traits.from_mountinfo or traits.holds_members)
    script = f"{image.root}{init_script_units.SCRIPTS}/{names.prefix_of(name)}"
    is_there = image.index.fragment(name).path or image.skips.reason([name]) or os.path.lexists(script)
    is_of_many = names.prefix_of(name).endswith("-")  # a-.service.d
    return bool(has_a_file and not is_there and not is_of_many)


def _links(image: Image, aliases: tuple[str, ...], link: str) -> Iterator[str]:
    for directory in image.directories:
        for name in aliases:
            path = f"{directory}/{name}.{link}"
            if os.path.lexists(path):
                yield path
