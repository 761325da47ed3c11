"""Root file systems that a test changes: programs run in them, and we are installed into them from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.box import rootfs
from tests.install import archive

# What a program sees of the machine: nothing.
ENVIRONMENT = {"PATH": rootfs.PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}


class Root:
    """A directory of changes over layers that others use, too."""

    def __init__(self, directory: Path, lower: Sequence[Path]) -> None:
        self._lower = list(lower)
        self._changes = directory / "changes"
        for name in ("changes", "work", "merged"):
            (directory / name).mkdir(parents=True)

    @property
    def layers(self) -> list[Path]:
        """Its layers, topmost first. Others can be made on them, and nothing is changed in this one from then on."""
        return [self._changes, *self._lower]

    def run(
        self,
        script: str,
        *,
        suite: str = "",
        shown: Mapping[str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell's script in it, as RUN does: without an init, and with a /tmp and /run of its own.

        With a suite, its packages can be installed. `shown` are files and directories of the machine, read-only.
        """
        places = {place: str(path) for place, path in (shown or {}).items()}
        variables = {**ENVIRONMENT, **(environment or {})}
        commands = [["/bin/sh", "-c", script]]
        if suite:
            commands.insert(0, ["mkdir", "-p", *(f"{directory}/partial" for directory in archive.WRITTEN)])
            places[archive.PLACE] = str(archive.directory(suite))
            variables["APT_CONFIG"] = f"{archive.PLACE}/apt.conf"
        spec = {
            "lower": [str(layer) for layer in self._lower],
            "upper": str(self._changes),
            "work": str(self._changes.with_name("work")),
            "root": str(self._changes.with_name("merged")),
            "binds": {},
            "shown": places,
            "commands": commands,
            "environment": variables,
        }
        return _finish([sys.executable, "-IS", str(rootfs.LAUNCH), "build", json.dumps(spec)], check)

    def apt(self, suite: str, words: str, *, later: bool = False) -> None:
        """Run apt-get. `later` is about the packages of the later version."""
        sources = f"-o Dir::Etc::sourcelist={archive.PLACE}/later.list" if later else ""
        self.run(f"apt-get -q {sources} update && apt-get -q -y {sources} {words}", suite=suite)

    def manage(self, command: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `systemctl-replacement COMMAND --root=` from outside."""
        merged = self._changes.with_name("merged")
        options = f"lowerdir={':'.join(map(str, self._lower))},upperdir={self._changes},"
        script = (
            f"mount -t overlay overlay -o {options}workdir={self._changes.with_name('work')} {merged} && "
            f'exec {sys.executable} -m systemctl_replacement.image.command {command} --root={merged} "$@"'
        )
        return _finish(["unshare", "--mount", "sh", "-c", script, "sh", *words], check)


def _finish(argv: Sequence[str], check: bool) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        argv,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(rootfs.REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert not check or result.returncode == 0, f"exit status {result.returncode}\n{result.stdout[-6000:]}"
    return result
