"""Made-up images: directories laid out like a root file system, and installing names into them without a tree."""

from __future__ import annotations

import os
from pathlib import Path

from systemctl_replacement.image import names, plan, state, survey
from systemctl_replacement.image.apply import apply
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State
from systemctl_replacement.image.steps import Step

PYTHON = "/usr/bin/python3"


def merged(directory: Path, *, dpkg: bool = True, packages: str = "") -> Root:
    """An image with merged /usr. `packages` are the files of its one package, as dpkg lists them."""
    for name in ("usr/bin", "usr/sbin", "usr/lib", "var/lib"):
        (directory / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib"):
        (directory / name).symlink_to(f"usr/{name}")
    return _with_dpkg(directory, packages) if dpkg else Root(str(directory))


def unmerged(directory: Path, *, dpkg: bool = True, packages: str = "") -> Root:
    """An image in which /bin and /usr/bin are two directories."""
    for name in ("usr/bin", "usr/sbin", "usr/lib", "var/lib", "bin", "sbin", "lib"):
        (directory / name).mkdir(parents=True)
    return _with_dpkg(directory, packages) if dpkg else Root(str(directory))


def _with_dpkg(directory: Path, packages: str) -> Root:
    (directory / "var/lib/dpkg/info").mkdir(parents=True)
    (directory / "var/lib/dpkg/status").touch()
    (directory / "var/lib/dpkg/diversions").write_text("/bin/sh\n/bin/sh.distrib\ndash\n")
    (directory / "var/lib/dpkg/info/systemd.list").write_text(f"/.\n{packages}")
    return Root(str(directory))


def steps(root: Root, init_link: bool = True, companions: bool = True) -> list[Step]:
    """The plan of an installation without its tree."""
    known = state.read(root) or State()
    return plan.install(survey.look(root, names.wanted(init_link, companions), PYTHON, known), "1", PYTHON, ())


def install(root: Root, init_link: bool = True, companions: bool = True) -> None:
    apply(root, steps(root, init_link, companions))


def uninstall(root: Root) -> None:
    known = state.read(root)
    assert known is not None
    apply(root, plan.uninstall(survey.look(root, (), known.python, known), False))


def everything(directory: Path) -> dict[str, tuple[int, int, str]]:
    """What is below a directory: mode, owner, and contents or text of the link. Times change when databases do."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(directory))
        if path.is_symlink():
            text = os.readlink(path)
        else:
            text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        if not name.startswith("var/lib/dpkg/diversions-"):
            found[name] = (status.st_mode, status.st_uid, text)
    return found
