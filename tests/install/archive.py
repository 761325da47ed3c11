"""A `file:` repository of Debian packages for each suite, and one that has a later version of some.

Packages of the later version are the same ones with another number, and with a line behind the programs that ours
stand in for, by which a test recognises them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.box import rootfs

PACKAGES = ("nginx", "python3-venv", "redis-server", "systemd", "systemd-sysv")
REBUILT = ("libsystemd-shared", "systemd", "systemd-sysv")
SUFFIX = "+later1"
MARK = b"later\n"
MARKED = re.compile(r"(usr/)?(bin/(systemctl|journalctl|systemd-cat)|lib/systemd/systemd)")
# Where a root shows it (see root.py).
PLACE = "/srv"
# Where apt writes: nothing is left in the root of its work but what dpkg does.
WRITTEN = ("/tmp/lists", "/tmp/apt/archives")
CONFIGURATION = f"""\
APT::Sandbox::User "root";
Dir::Cache "/tmp/apt";
Dir::Etc::sourcelist "{PLACE}/now.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "/tmp/lists";
Dpkg::Use-Pty "false";
"""


def directory(suite: str) -> Path:
    """Where it is: `now` and `later`, lists of sources for each, and a configuration for apt. Made if it is missing."""
    base = rootfs.layers(suite=suite)[-1]
    key = rootfs.key_of(base.name, *PACKAGES, *REBUILT, SUFFIX, MARKED.pattern, CONFIGURATION)
    return rootfs.cached(f"archive-{key}", lambda target: _make(target, base), {})


def _make(target: Path, base: Path) -> None:
    download = ["apt-get", "-q", "-y", "-o", "APT::Sandbox::User=root", "-o", f"Dir::Cache::archives={PLACE}"]
    commands = [["mkdir", f"{PLACE}/partial"], ["apt-get", "-q", "update"]]
    commands.append([*download, "--download-only", "install", *PACKAGES])
    scratch = target.parent / "download"
    scratch.mkdir()
    rootfs.build(scratch, [base], commands)
    for name in ("now", "later"):
        (target / name).mkdir()
        (target / f"{name}.list").write_text(f"deb [trusted=yes] file:{PLACE}/{name} ./\n", encoding="utf-8")
    for deb in (scratch / PLACE[1:]).glob("*.deb"):
        shutil.copyfile(deb, target / "now" / deb.name)
    _rebuild(target / "now", target / "later")
    for name in ("now", "later"):
        (target / name / "Packages").write_text(_index(sorted((target / name).glob("*.deb"))), encoding="utf-8")
    (target / "apt.conf").write_text(CONFIGURATION, encoding="utf-8")


def _rebuild(now: Path, later: Path) -> None:
    for name in REBUILT:
        (deb,) = now.glob(f"{name}_*.deb")
        with tempfile.TemporaryDirectory(dir=later) as scratch:
            tree = Path(scratch) / "tree"
            rootfs.run(["dpkg-deb", "-R", str(deb), str(tree)])
            control = tree / "DEBIAN/control"
            text = re.sub(r"(?m)^Version: .*$", rf"\g<0>{SUFFIX}", control.read_text(encoding="utf-8"))
            names = "|".join(map(re.escape, REBUILT))
            control.write_text(re.sub(rf"(\b(?:{names}) \(= [^)]*)\)", rf"\1{SUFFIX})", text), encoding="utf-8")
            sums = tree / "DEBIAN/md5sums"
            sums.write_text("".join(_marked(tree, line) for line in sums.read_text(encoding="utf-8").splitlines()))
            rootfs.run(["dpkg-deb", "-Znone", "-b", str(tree), str(later)])


def _marked(tree: Path, line: str) -> str:
    digest, _, path = line.partition("  ")
    if MARKED.fullmatch(path):
        with (tree / path).open("ab") as file:
            file.write(MARK)
        digest = hashlib.md5((tree / path).read_bytes()).hexdigest()
    return f"{digest}  {path}\n"


def _index(debs: Iterable[Path]) -> str:
    """What apt reads of a repository: a stanza for each package."""
    stanzas = []
    for deb in debs:
        fields = subprocess.run(["dpkg-deb", "-f", str(deb)], capture_output=True, text=True, check=True).stdout
        content = deb.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        stanzas.append(f"{fields}Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {digest}\n")
    return "\n".join(stanzas)
