"""The Debian package. It is for every architecture, and holds the tree and the command that installs from it.

What it takes from other packages it takes as the command does in any image, when it is configured: dpkg hears of the
diversions before it unpacks anything else, and `uninstall` takes them back before the tree is removed.
"""

from __future__ import annotations

import gzip
import tempfile
from email.utils import formatdate
from pathlib import Path

from release import archive, tarball
from release.python_package import run
from systemctl_replacement import __version__
from systemctl_replacement.image import names, tree

PACKAGE = "systemctl-replacement"
# There is no address that would answer.
_MAINTAINER = "The systemctl-replacement authors <noreply@localhost>"
# What lintian(1) does not know of this package.
_OVERRIDES = f"""\
# The command is ours, and not systemd's.
{PACKAGE}: maintainer-script-calls-systemctl [postinst:4]
{PACKAGE}: maintainer-script-calls-systemctl [prerm:4]
{PACKAGE}: bogus-mail-host Maintainer noreply@localhost
{PACKAGE}: bogus-mail-host-in-debian-changelog noreply@localhost *
"""
_CHANGES = """\
{package} ({version}) unstable; urgency=medium

  * See https://keepachangelog.com/ for the form of the project's own
    changelog, from which this package is made: CHANGELOG.md.

 -- {maintainer}  {date}
"""
_CONTROL = """\
Package: {package}
Version: {version}
Architecture: all
Maintainer: {maintainer}
Installed-Size: {kilobytes}
Depends: python3 (>= 3.9)
Section: admin
Priority: optional
Description: systemctl and init for containers that cannot run systemd
 It reads systemd's unit files, runs as PID 1 of a container, starts the
 enabled services, and answers systemctl and journalctl. It needs neither
 control groups nor capabilities of its own.
 .
 It diverts the programs of the packages systemd and systemd-sysv, which may
 be installed, upgraded and removed beside it. It is for containers: do not
 install it on a machine that boots.
"""
_SCRIPTS = {
    "postinst": """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    systemctl-replacement install
fi
""",
    "prerm": """\
#!/bin/sh
set -e
if [ "$1" = remove ]; then
    systemctl-replacement uninstall --keep-tree
fi
""",
}
_LICENCES = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: {owner}
License: Expat
{text}

Files: usr/lib/systemctl-replacement/jeepney/*
Copyright: 2017 Thomas Kluyver
License: Expat
"""


def build(target: Path, when: int) -> list[Path]:
    """Make the package in a directory. BuildError, ImageError, OSError."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        tarball.lay(root, [name for name in names.NAMES if name.path == names.OWN_COMMAND])
        _write_documents(root, when)
        kilobytes = -(-tree.size(str(root)) // 1024)
        control = _CONTROL.format(package=PACKAGE, version=__version__, maintainer=_MAINTAINER, kilobytes=kilobytes)
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(control, encoding="utf-8")
        for name, text in _SCRIPTS.items():
            (root / "DEBIAN" / name).write_text(text, encoding="utf-8")
            (root / "DEBIAN" / name).chmod(0o755)
        archive.settle(root, when)
        path = target / f"{PACKAGE}_{__version__}_all.deb"
        options = ["--root-owner-group", "-Zxz", "--threads-max=1"]
        run(["dpkg-deb", *options, "--build", str(root), str(path)], SOURCE_DATE_EPOCH=str(when))
    return [path]


def _write_documents(root: Path, when: int) -> None:
    """What Debian's policy asks for in /usr/share."""
    _, _, text = (archive.REPOSITORY / "LICENSE").read_text(encoding="utf-8").partition("\n\n")
    owner, _, text = text.partition("\n\n")
    indented = "\n".join(f" {line}" if line else " ." for line in text.rstrip().splitlines())
    terms = _LICENCES.format(owner=owner.removeprefix("Copyright (c) "), text=indented)
    changes = _CHANGES.format(package=PACKAGE, version=__version__, maintainer=_MAINTAINER, date=formatdate(when))
    manual = (archive.REPOSITORY / "release/systemctl-replacement.8").read_text(encoding="utf-8")
    _write(root / "usr/share/doc" / PACKAGE / "copyright", terms.encode())
    _write(root / "usr/share/doc" / PACKAGE / "changelog.gz", _compressed(changes))
    _write(root / "usr/share/man/man8" / f"{PACKAGE}.8.gz", _compressed(manual))
    _write(root / "usr/share/lintian/overrides" / PACKAGE, _OVERRIDES.encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), 9, mtime=0)
