"""An interpreter to carry into images that have none: Debian's Python, with the part of its library that we import.

It brings its shared libraries, the C library and the loader too, so that it runs in an image with an older one. Its
files are those of a root file system that apt has made. Only where it looks for libraries is changed (patchelf), and
its library is compiled and left without sources.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from release import archive, tarball
from release.imports import find
from release.python_package import BuildError, run
from systemctl_replacement import __version__
from systemctl_replacement.image import names
from tests.box import rootfs

HOME = f"{names.HOME}/python"
PROGRAM = f"{HOME}/bin/python3"
# What of Python's library is never reached from where we import it: for other platforms, or for programs that run it.
UNREACHED = (
    "_aix_support", "_hashlib", "_osx_support", "_ssl", "asyncio", "bz2", "concurrent", "ctypes.macholib", "decimal",
    "distutils", "doctest", "lzma", "fractions", "readline", "site", "statistics",
    "multiprocessing", "pdb", "pydoc", "ssl", "test", "tkinter", "unittest", "webbrowser",
)  # fmt: skip
# Whose licences have to be with them, by the packages that their files are from.
_PACKAGES = ("libc6", "libexpat1", "libffi8", "libpython3.11-minimal", "libpython3.11-stdlib", "zlib1g")
_COMPILE = """
import os, py_compile, sys
directory, shown = sys.argv[1:]
for above, _, names in os.walk(directory):
    for name in names:
        if name.endswith(".py"):
            path = os.path.join(above, name)
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(path, path + "c", shown + path[len(directory):], True, 2, mode)
"""


def build(target: Path, when: int) -> list[Path]:
    """Make the archive for images without Python in a directory. BuildError, ImageError, OSError."""
    machine = run(["dpkg", "--print-architecture"]).strip()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        tarball.lay(root, tarball.programs(), PROGRAM)
        copy(rootfs.layers()[-1], root / HOME[1:])
        start = runnable(root / HOME[1:])
        home = root / names.HOME[1:]
        script = f"{home}/systemctl_replacement/image/bytecode.py"
        run([*start, "-X", "no_debug_ranges", script, str(home), names.HOME])
        archive.settle(root, when)
        path = target / f"systemctl-replacement-{__version__}-with-python-{machine}.tar.gz"
        archive.pack(root, path, when)
    return [path]


def copy(root: Path, target: Path) -> None:
    """Make the directory that becomes HOME, from a root file system that has Debian's python3. BuildError, OSError."""
    (program,) = [path for path in (root / "usr/bin").glob("python3.*") if path.name[8:].isdigit()]
    version = program.name
    library, extensions = root / "usr/lib" / version, root / "usr/lib" / version / "lib-dynload"
    (target / "bin").mkdir(parents=True)
    shutil.copyfile(program, target / "bin/python3")
    (target / "bin/python3").chmod(0o755)
    placed = [target / "bin/python3"]
    sources = list((archive.REPOSITORY / "systemctl_replacement").rglob("*.py"))
    for path in find(sources, (library, extensions), UNREACHED):
        place = target / "lib" / version / path.relative_to(library)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        if path.suffix == ".so":
            placed.append(place)
    _copy_libraries(root, target / "lib", placed)
    for package in _PACKAGES:
        place = target / "licences" / package
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(root / "usr/share/doc" / package / "copyright", place)
    run([*runnable(target), "-c", _COMPILE, str(target / "lib" / version), f"{HOME}/lib/{version}"])
    for path in (target / "lib" / version).rglob("*.py"):
        path.unlink()


def runnable(target: Path) -> list[str]:
    """The command that runs the interpreter where it has been made."""
    (loader,) = (target / "lib").glob("ld-linux*")
    return [str(loader), "--library-path", str(target / "lib"), str(target / "bin/python3"), "-BISXutf8"]


def _copy_libraries(root: Path, target: Path, placed: Iterable[Path]) -> None:
    """Copy the shared libraries that programs and libraries need, and have the program look for them there."""
    program, *_ = waiting = list(placed)
    while waiting:
        for name in run(["patchelf", "--print-needed", str(waiting.pop())]).split():
            place = target / name
            if not place.exists():
                shutil.copyfile(_library(root, name), place)
                waiting.append(place)
    loader = Path(run(["patchelf", "--print-interpreter", str(program)]).strip())
    shutil.copyfile(_library(root, loader.name), target / loader.name)
    (target / loader.name).chmod(0o755)
    # (The old kind of path, which also holds for what the libraries themselves need.)
    run(["patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib", str(program)])
    run(["patchelf", "--set-interpreter", f"{HOME}/lib/{loader.name}", str(program)])


def _library(root: Path, name: str) -> Path:
    for directory in ("usr/lib", "lib"):
        for path in sorted((root / directory).glob(f"*-linux-gnu/{name}")):
            return path.parent / path.readlink() if path.is_symlink() else path
    raise BuildError(f"no {name} in {root}")
