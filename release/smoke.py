"""Trying a release: each way in, into a fresh Debian with nginx, which is then booted and halted.

Where a way needs Python it is there, without pip; the way that carries one gets a Debian without it.
"""

from __future__ import annotations

import importlib.metadata
import signal
from dataclasses import dataclass
from pathlib import Path

from systemctl_replacement import __version__
from tests.box.harness import Box

# One of the root file systems that tools/prepare-tests makes.
PACKAGES = ("nginx", "redis-server")
RELEASE, PIP = "/release", "/pip"  # where the machine's pip is shown
_NO_PYTHON = "rm -rf /usr/bin/python3* /usr/lib/python3* /usr/lib/*-linux-gnu/libexpat.so*"
# What has been written since the box was made is in a tmpfs, and nothing else.
_SIZE = "df --block-size=1K --output=used / | tail -n 1"


@dataclass(frozen=True)
class Way:
    """How one part of a release is installed: a script that is run in the image, as a Dockerfile's RUN would."""

    name: str
    script: str
    needs_python: bool = True


@dataclass(frozen=True)
class Tried:
    """What a way in has added to an image, in KiB, before anything was started and after it has run."""

    installed: int
    after_running: int


_VERSION = __version__
WAYS = (
    Way(
        "wheel",
        f"python3 -m venv --without-pip /opt/install && PYTHONPATH={PIP} /opt/install/bin/python -m pip install --quiet"
        f" --no-cache-dir --no-index --find-links={RELEASE} systemctl-replacement=={_VERSION}"
        " && /opt/install/bin/systemctl-replacement install && rm -r /opt/install",
    ),
    Way("tarball", f"tar -xzf {RELEASE}/systemctl-replacement-{_VERSION}.tar.gz -C / && systemctl-replacement install"),
    Way("tarball alone", f"tar -xzf {RELEASE}/systemctl-replacement-{_VERSION}.tar.gz -C /"),
    Way("debian package", f"dpkg -i {RELEASE}/systemctl-replacement_{_VERSION}_all.deb"),
    Way("one file", f"cp {RELEASE}/systemctl-replacement-{_VERSION}.py /usr/bin/systemctl && systemctl --version"),
    Way(
        "with python",
        f"tar -xzf {RELEASE}/systemctl-replacement-{_VERSION}-with-python-$(dpkg --print-architecture).tar.gz -C /"
        " && systemctl-replacement install",
        needs_python=False,
    ),
)


def attempt(way: Way, release: Path, empty: Path) -> Tried:
    """Install, boot, ask, and halt. AssertionError with what was printed if anything of it fails.

    `empty` is a directory for the use of the kernel, which makes no overlay of a single one.
    """
    pip = Path(str(importlib.metadata.distribution("pip").locate_file("pip")))
    images = {RELEASE: [release, empty], f"{PIP}/pip": [pip, empty]}
    with Box(packages=PACKAGES, ours=False, init=["/bin/sleep", "infinity"], images=images) as box:
        if not way.needs_python:
            box.run(_NO_PYTHON, check=True)
        before = int(box.run(_SIZE, check=True).stdout)
        box.run(f"set -e; {way.script}; systemctl enable nginx", check=True, timeout=60)
        installed = int(box.run(_SIZE, check=True).stdout) - before
        box.signal(signal.SIGKILL)
        box.wait()
        box.boot(["/usr/bin/systemctl", "init"])
        box.wait_booted()
        box.run("systemctl is-active nginx && curl -sS --fail --output /dev/null http://localhost", check=True)
        after = int(box.run(_SIZE, check=True).stdout) - before
        box.signal(signal.SIGTERM)
        status = box.wait()
        assert status == 0, f"exit status {status}\n{box.console}"
        return Tried(installed, after)
