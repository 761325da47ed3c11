"""What goes into an image: our package, its unit files, and what of jeepney is run there.

They are copied, with their licences, from the environment that runs the installer, so that an image needs neither pip
nor a network.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

from systemctl_replacement.image.errors import ImageError

# Distributions, and of each the modules that are imported. A test holds this against what is.
LIBRARIES = {"jeepney": ("__init__", "auth", "bus", "bus_messages", "fds", "low_level", "wrappers")}
LICENCE_DIRECTORY = "licences"
# A wheel cannot have data beside a package: pip puts the shipped units here, without their symbolic links.
UNITS_OF_A_WHEEL = "share/systemctl-replacement/units"
# Unit names that are links. A test holds this against the units/ directory.
UNIT_LINKS = {
    "ctrl-alt-del.target": "reboot.target",
    "default.target": "graphical.target",
    "runlevel0.target": "poweroff.target",
    "runlevel1.target": "rescue.target",
    "runlevel2.target": "multi-user.target",
    "runlevel3.target": "multi-user.target",
    "runlevel4.target": "multi-user.target",
    "runlevel5.target": "graphical.target",
    "runlevel6.target": "reboot.target",
}


def copy_package(target: Path) -> None:
    """Copy our package, without what the installer's interpreter has compiled."""
    source = Path(__file__).resolve().parents[1]
    shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns("__pycache__"))


def copy_units(target: Path, prefix: str) -> None:
    """Copy the shipped units, from beside the package (a checkout, an image) or from where pip put them below `prefix`.

    Raises ImageError if they are in neither place.
    """
    beside = Path(__file__).resolve().parents[2] / "units"
    for source in (beside, Path(prefix) / UNITS_OF_A_WHEEL):
        if (source / "multi-user.target").is_file():
            break
    else:
        raise ImageError(f"no unit files to ship in {beside} or {source}: the installation of this package is damaged")
    (target / "units").mkdir()
    for path in sorted(source.iterdir()):
        if path.name not in UNIT_LINKS:
            shutil.copyfile(path, target / "units" / path.name)
    for name, destination in UNIT_LINKS.items():
        (target / "units" / name).symlink_to(destination)


def copy_library(name: str, modules: Sequence[str], target: Path) -> None:
    """Copy modules and licences of an installed distribution. Raises ImageError if it is not installed.

    An image that reinstalls itself has no metadata any more. Then what is beside our package is copied.
    """
    try:
        distribution = importlib.metadata.distribution(name)
        sources = Path(str(distribution.locate_file(name)))
        licences = [
            Path(str(distribution.locate_file(file))) for file in distribution.files or () if _is_licence(file.parts)
        ]
    except importlib.metadata.PackageNotFoundError:
        here = Path(__file__).resolve().parents[2]
        sources = here / name
        directory = here / LICENCE_DIRECTORY / name
        licences = sorted(directory.iterdir()) if directory.is_dir() else []
    if not sources.is_dir() or not licences:
        raise ImageError(f"{name} is not installed beside systemctl-replacement: cannot put it into the image")
    (target / name).mkdir()
    (target / LICENCE_DIRECTORY / name).mkdir(parents=True)
    for module in modules:
        shutil.copyfile(sources / f"{module}.py", target / name / f"{module}.py")
    for licence in licences:
        shutil.copyfile(licence, target / LICENCE_DIRECTORY / name / licence.name)


def _is_licence(parts: Sequence[str]) -> bool:
    return parts[0].endswith(".dist-info") and "LICEN" in parts[-1].upper()
