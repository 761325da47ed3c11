"""The wheel and the source archive, as pip takes them.

They are built in a copy of the sources (what an earlier build has left in `build/` would get into a wheel), by the
setuptools of the environment, so that nothing is asked of a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from release import archive
from systemctl_replacement import __version__

SOURCES = ("CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "systemctl_replacement", "units")
_BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


class BuildError(RuntimeError):
    """A part of the release could not be made. The text has the output of what failed."""


def run(command: list[str], **environment: str) -> str:
    """Run a command and return its output. BuildError if it fails."""
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
    )
    if result.returncode:
        raise BuildError(f"{' '.join(command[:4])} …: exit status {result.returncode}\n{result.stdout[-6000:]}")
    return result.stdout


def copy_sources(target: Path, when: int) -> None:
    """Copy what a package is built from."""
    for name in SOURCES:
        source = archive.REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target / name)
    archive.settle(target, when)


def build(target: Path, when: int) -> list[Path]:
    """Make the wheel and the source archive in a directory. BuildError, OSError."""
    with tempfile.TemporaryDirectory() as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "made")
        sources.mkdir()
        made.mkdir()
        copy_sources(sources, when)
        for what in ("build_sdist", "build_wheel"):
            # (Where setuptools writes its own files decides what is packed: in the directory that it is started in.)
            shell = f"cd {sources} && umask 022 && exec {sys.executable} -c '{_BUILD}' {what} {made}"
            run(["/bin/sh", "-c", shell], SOURCE_DATE_EPOCH=str(when), PYTHONDONTWRITEBYTECODE="1")
        (wheel,) = made.glob("*.whl")
        (packed,) = made.glob("*.tar.gz")
        shutil.copyfile(wheel, target / wheel.name)
        name = f"systemctl_replacement-{__version__}"
        with tarfile.open(packed) as file:
            file.extractall(made)
        archive.settle(made / name, when)
        archive.pack(made / name, target / packed.name, when, f"{name}/")
        return [target / wheel.name, target / packed.name]
