"""The wheels of the libraries that ours needs, so that a release can be installed without an index.

They are put together again from what pip has installed here.
"""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

from systemctl_replacement.image import vendor


def build(target: Path, when: int) -> list[Path]:
    """Make the wheels in a directory. OSError, and PackageNotFoundError if a library is not installed here."""
    return [_wheel(name, target) for name in vendor.LIBRARIES]


def _wheel(name: str, target: Path) -> Path:
    distribution = importlib.metadata.distribution(name)
    (tag,) = [
        line.partition(": ")[2] for line in (distribution.read_text("WHEEL") or "").splitlines() if line[:4] == "Tag:"
    ]
    path = target / f"{name}-{distribution.version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(distribution.files or (), key=str):
            if file.suffix != ".pyc" and ".." not in file.parts and file.name not in ("INSTALLER", "REQUESTED"):
                # The time of an entry without one is 1980.
                archive.writestr(zipfile.ZipInfo(str(file)), Path(str(distribution.locate_file(file))).read_bytes())
    return path
