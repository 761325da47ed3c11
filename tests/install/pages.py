"""Dockerfiles in the pages, carried out: RUN lines run in order over a root of the distribution that FROM names.

COPY and ADD take files of a directory that stands for the context of the build, and packages come from the archive
(archive.py), where the page has the network.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.box import rootfs
from tests.install import roots
from tests.install.root import Root

PAGES = (rootfs.REPOSITORY / "README.md", rootfs.REPOSITORY / "docs/install.md")
# What FROM names, as far as it can be had here. (A stage of "scratch" is for files only.)
BASES = {"debian:12": rootfs.SUITE, "debian:13": rootfs.NEWER_SUITE}
SCRATCH = "scratch"
CONTEXT = "/mnt"


@dataclass(frozen=True)
class Example:
    """A Dockerfile of a page, and commands with what the page says that they print."""

    name: str
    steps: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]

    @property
    def suite(self) -> str:
        """Of the last stage, "" if it cannot be had here."""
        return BASES.get([text for name, text in self.steps if name == "FROM"][-1], "")

    @property
    def files(self) -> set[str]:
        """The files of the context that it takes."""
        return {text.split()[-2] for name, text in self.steps if name in ("COPY", "ADD") and "--from" not in text}


def examples(page: Path) -> Iterator[Example]:
    """Those of a page. Commands are those of the blocks that come before the next Dockerfile."""
    blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"))
    starts = [index for index, (kind, _) in enumerate(blocks) if kind == "dockerfile"]
    for start, end in zip(starts, [*starts[1:], len(blocks)]):
        commands = [pair for kind, text in blocks[start:end] if kind == "console" for pair in _commands(text)]
        steps = tuple(_steps(blocks[start][1]))
        yield Example(f"{page.name}-{starts.index(start)}", steps, tuple(commands))


def _steps(text: str) -> Iterator[tuple[str, str]]:
    lines = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ").splitlines()
    for line in filter(None, map(str.strip, lines)):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"(?m)^\$ ", text)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def build(example: Example, directory: Path, context: Path) -> Root:
    """Carry out an example. Returns the root of its last stage. AssertionError with the output of what fails."""
    stages: dict[str, Path] = {}
    root = Root(directory / "root", roots.plain(example.suite))
    files = root.layers[0]  # where files are laid at present
    pending = ""
    for name, text in example.steps:
        if name == "FROM":
            base, _, stage = text.partition(" AS ")
            files = stages[stage] = directory / stage if base == SCRATCH else root.layers[0]
            files.mkdir(exist_ok=True)
        elif name in ("COPY", "ADD"):
            *options, source, target = text.split()
            if options:
                place = stages[options[0][len("--from=") :]]
                rootfs.run(["cp", "-aT", f"{place}{source}", f"{files}{target}"])
            elif name == "ADD":
                rootfs.run(["tar", "-C", f"{files}{target}", "-xf", str(context / source)])
            else:
                # As part of what runs next, because nothing is kept in /tmp.
                pending += _copy(context, source, target)
        elif name == "RUN":
            root.run(pending + text, suite=example.suite, shown={CONTEXT: context})
            pending = ""
        else:
            assert name == "CMD", text
    assert not pending
    return root


def _copy(context: Path, source: str, target: str) -> str:
    if (context / source).is_dir():
        return f"mkdir -p {target} && cp -r {CONTEXT}/{source}/. {target} && "
    return f"mkdir -p $(dirname {target}x) && cp {CONTEXT}/{source} {target} && "


def size(root: Root) -> float:
    """What of ours is in a root, in MB: the bytes of the files."""
    patterns = ("usr/lib/systemctl-replacement*/**/*", "usr/bin/systemctl*")
    ours = [path.lstat() for pattern in patterns for path in root.layers[0].glob(pattern)]
    return sum(status.st_size for status in ours if stat.S_ISREG(status.st_mode)) / 1e6
