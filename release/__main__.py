"""`python -m release`, which `make dist` runs: build every part of a release into dist/."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from release import archive, python_package
from systemctl_replacement import __version__

PARTS = (python_package.build,)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--into", type=Path, default=archive.REPOSITORY / "dist", metavar="DIR")
    directory: Path = parser.parse_args().into
    directory.mkdir(parents=True, exist_ok=True)
    print(f"==> systemctl-replacement {__version__}, into {directory}")
    when = archive.epoch()
    for build in PARTS:
        try:
            made = build(directory, when)
        except (python_package.BuildError, OSError) as error:
            sys.exit(f"release: {error}")
        for path in made:
            print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
