"""What goes into an image: our package, its unit files, and what of click, jeepney and psutil is run there.

They are copied, with their licences, from the environment that runs the installer, so that an image needs neither pip
nor a network.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path, PurePosixPath
from typing import Optional

from systemctl_replacement.image.errors import ImageError

DISTRIBUTIONS = ("click", "jeepney", "psutil")
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


def copy_distribution(name: str, target: Path) -> None:
    """Copy the modules and licences of an installed distribution. Raises ImageError if it is not installed.

    An image that reinstalls itself has no metadata any more. Then the modules beside our package are copied.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        _copy_vendored(name, target)
        return
    for file in distribution.files or ():
        destination = _destination(name, file)
        if destination is not None:
            (target / destination).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(distribution.locate_file(file)), target / destination)


def _copy_vendored(name: str, target: Path) -> None:
    here = Path(__file__).resolve().parents[2]
    licences = here / LICENCE_DIRECTORY / name
    if not (here / name).is_dir() or not licences.is_dir():
        raise ImageError(f"{name} is not installed beside systemctl-replacement: cannot put it into the image")
    shutil.copytree(here / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(licences, target / LICENCE_DIRECTORY / name)


def _destination(name: str, file: PurePosixPath) -> Optional[str]:
    """Where a file of a distribution goes: modules stay in place, licences go below its name, the rest is left out."""
    if file.parts[0] == name:
        kept = "tests" not in file.parts and file.suffix in (".py", ".so")
        return str(file) if kept else None
    if file.parts[0].endswith(".dist-info") and "LICEN" in file.name.upper():
        return f"{LICENCE_DIRECTORY}/{name}/{file.name}"
    return None
