"""Running a command line under the real systemctl and under ours, each on a fresh copy of a tree at the same path."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from unittest import mock

from systemctl_replacement.cli import option_table, streams, verbs
from systemctl_replacement.cli.invocation import Invocation
from systemctl_replacement.cli.main import guarded

REAL = "/usr/bin/systemctl"
"""By its path: a systemctl in $PATH may be ours."""

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def real_version() -> int:
    """The version of the real systemctl, 0 without one. (Ours starts with #! and does not count.)"""
    try:
        with open(REAL, "rb") as file:
            if file.read(4) != b"\x7fELF":
                return 0
        words = subprocess.run([REAL, "--version"], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(words[1]) if words[:1] == ["systemd"] else 0


@dataclass(frozen=True)
class Tree:
    """What is below a root: files with their text, links with their targets, directories."""

    files: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    directories: tuple[str, ...] = ()

    def build(self, root: Path) -> None:
        """Build the tree anew. Entries whose place is taken are left out."""
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for directory in self.directories:
            (root / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for path, text in self.files:
            place = root / path.lstrip("/")
            if _free(place):
                place.write_bytes(text.encode("utf-8", "surrogateescape"))
        for path, target in self.links:
            place = root / path.lstrip("/")
            if _free(place):
                place.symlink_to(target)


def _free(place: Path) -> bool:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    return not os.path.lexists(place)


@dataclass(frozen=True)
class Result:
    """Everything that a command shows: output, exit status, and the tree afterwards."""

    stdout: str
    stderr: str
    status: int
    after: tuple[tuple[str, str], ...]


def snapshot(root: Path) -> tuple[tuple[str, str], ...]:
    """Every path below the root with what it is."""
    found = []
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            path = Path(directory, name)
            shown = "/" + str(path.relative_to(root))
            if path.is_symlink():
                found.append((shown, f"-> {os.readlink(path)}"))
            elif path.is_dir():
                found.append((shown, "directory"))
            else:
                found.append((shown, f"file of {path.stat().st_size}"))
    return tuple(sorted(found))


def run_real(root: Path, commands: tuple[tuple[str, ...], ...]) -> list[Result]:
    """Run the commands one after the other."""
    results = []
    for command in commands:
        done = subprocess.run(
            [REAL, f"--root={root}", *command],
            env=_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        out, err = (data.decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr))
        results.append(Result(out, err, done.returncode, snapshot(root)))
    return results


def run_ours(root: Path, commands: tuple[tuple[str, ...], ...]) -> list[Result]:
    """The same in this process: the verb's function with parsed options."""
    results = []
    directory = os.getcwd()
    os.chdir("/")
    try:
        for command in commands:
            results.append(_run_ours(root, command))
    finally:
        os.chdir(directory)
    return results


def _run_ours(root: Path, command: tuple[str, ...]) -> Result:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        with (
            mock.patch.object(streams, "stdout", streams.OutputStream(stdout.fileno())),
            mock.patch.object(streams, "stderr", streams.OutputStream(stderr.fileno())),
        ):
            status = guarded(lambda: _systemctl(["systemctl", f"--root={root}", *command]))
        out, err = (_text(file) for file in (stdout, stderr))
    return Result(out, err, status, snapshot(root))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _systemctl(argv: list[str]) -> int:
    options, operands = option_table.parse(argv, str, str)
    return verbs.run(operands[0], operands[1:], options, Invocation(options))
