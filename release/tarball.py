"""The archives for `ADD systemctl-replacement-….tar.gz /`: the tree, and the programs that lead into it.

Nothing is compiled in the one without an interpreter, because it is for any Python; `systemctl-replacement install`,
run in the image, compiles it and has packages keep away from it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from release import archive
from systemctl_replacement import __version__
from systemctl_replacement.image import bus_policy, launchers, names, tree
from systemctl_replacement.paths import BUS_POLICY

PYTHON = "/usr/bin/python3"


def lay(root: Path, programs: Iterable[names.Name], python: str = PYTHON) -> None:
    """Lay the tree and programs below a directory that stands for an image's root. ImageError, OSError."""
    home = root / names.HOME[1:]
    home.mkdir(parents=True)
    tree.build(home)
    for name in programs:
        path = root / name.path[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.path == BUS_POLICY:
            path.write_text(bus_policy.TEXT, encoding="utf-8")
        elif name.link:
            path.symlink_to(name.link)
        else:
            path.write_text(launchers.text(name.path, python), encoding="utf-8")
            path.chmod(0o755)


def programs() -> Iterator[names.Name]:
    """What can be laid over any image: what has to be ours there, and no links, which would lead elsewhere later."""
    return (name for name in names.wanted(init_link=False, companions=True) if not (name.link or name.yields))


def build(target: Path, when: int) -> list[Path]:
    """Make the archive in a directory. ImageError, OSError."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        lay(root, programs())
        archive.settle(root, when)
        path = target / f"systemctl-replacement-{__version__}.tar.gz"
        archive.pack(root, path, when)
    return [path]
