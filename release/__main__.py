"""`python -m release`, which `make dist` runs: build every part of a release into dist/, and try each of them."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from release import (
    archive,
    debian_package,
    interpreter,
    libraries,
    one_file,
    python_package,
    smoke,
    tarball,
)
from systemctl_replacement import __version__
from systemctl_replacement.image.errors import ImageError

Build = Callable[[Path, int], list[Path]]
PARTS: dict[str, Build] = {
    "python": python_package.build,
    "libraries": libraries.build,
    "tarball": tarball.build,
    "deb": debian_package.build,
    "one-file": one_file.build,
    "with-python": interpreter.build,
}


# Built from a root file system that only root can make.
NEED_ROOT = ("with-python",)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all, and try them)"
    )
    parser.add_argument("--into", type=Path, default=archive.REPOSITORY / "dist", metavar="DIR")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}")
    parts = chosen.parts or [name for name in PARTS if name not in NEED_ROOT or os.geteuid() == 0]
    try:
        build(parts, chosen.into)
        if not chosen.parts:
            attempt(chosen.into)
    except (python_package.BuildError, ImageError, OSError) as error:
        sys.exit(f"release: {error}")


def build(parts: list[str], directory: Path) -> None:
    """Build parts of a release, and say what has been made."""
    directory.mkdir(parents=True, exist_ok=True)
    print(f"==> systemctl-replacement {__version__}, into {directory}", flush=True)
    when = archive.epoch()
    for name in parts:
        for path in PARTS[name](directory, when):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            print(f"{digest}  {path.name}  ({path.stat().st_size:,} bytes)", flush=True)


def attempt(directory: Path) -> None:
    """Try a release, and say what each way in has added to an image."""
    if os.geteuid() != 0:
        print(f"==> not root: no {', '.join(NEED_ROOT)}, and nothing is tried in a container")
        return
    with tempfile.TemporaryDirectory() as empty:
        for way in smoke.WAYS:
            print(f"==> {way.name}:", end=" ", flush=True)
            tried = smoke.attempt(way, directory, Path(empty))
            print(
                f"nginx runs, and halts with status 0; {tried.installed:,} KiB more, {tried.after_running:,} after that"
            )


if __name__ == "__main__":
    main()
