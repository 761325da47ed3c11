"""The roots that installations are tried in: Debian 12 and 13, and what each would be without us."""

from __future__ import annotations

import time
from pathlib import Path

from tests.box import rootfs
from tests.install import archive
from tests.install.root import Root

SUITES = (rootfs.SUITE, rootfs.NEWER_SUITE)
# What is done to a root, in this order, in words of apt-get.
ADD = "install systemd systemd-sysv"
AGAIN = "install --reinstall systemd systemd-sysv"
UPGRADE = "upgrade"
# (systemd-sysv is a protected package in Debian 13.)
REMOVE = "remove --allow-remove-essential systemd systemd-sysv"
PURGE = "purge --allow-remove-essential systemd systemd-sysv"


def plain(suite: str) -> list[Path]:
    """Debian with python3, and without systemd."""
    return rootfs.layers(suite=suite)


def with_systemd(suite: str) -> list[Path]:
    """Debian with systemd and systemd-sysv."""
    return _after(plain(suite), suite, ADD)


def upgraded(suite: str) -> list[Path]:
    """Debian with the later version of both."""
    return _after(with_systemd(suite), suite, UPGRADE, later=True)


def purged(suite: str) -> list[Path]:
    """Debian which has had systemd."""
    return _after(upgraded(suite), suite, PURGE)


def _after(lower: list[Path], suite: str, words: str, later: bool = False) -> list[Path]:
    key = rootfs.key_of(lower[0].name, archive.directory(suite).name, words)

    def make(target: Path) -> None:
        root = Root(target.parent / "scratch", lower)
        root.apt(suite, words, later=later)
        target.rmdir()
        root.layers[0].rename(target)

    return [rootfs.cached(f"without-us-{key}", make, {}), *lower]


def main() -> None:
    """Make them all, and report progress."""
    for suite in SUITES:
        print(f"==> Debian {suite}, and its systemd installed, upgraded and purged:", end=" ", flush=True)
        started = time.monotonic()
        purged(suite)
        print(f"{time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
