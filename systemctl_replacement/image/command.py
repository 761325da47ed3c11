"""`systemctl-replacement`: the commands that are ours alone. (For systemctl's command line see cli/options.py.)"""

from __future__ import annotations

import contextlib
import os
from typing import Optional

import click

from systemctl_replacement import __version__
from systemctl_replacement.image import install as installation
from systemctl_replacement.image.errors import ImageError


@click.group()
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Run systemd's unit files in containers, without systemd."""


@main.command()
@click.option("--root", default="/", show_default=True, metavar="DIR", help="The image's root file system.")
@click.option("--python", metavar="PATH", help="The image's python3, as a path inside of it. [default: found]")
@click.option("--keep-original", is_flag=True, help=f"Rename the image's own programs to …{installation.KEPT}.")
def install(root: str, python: Optional[str], keep_original: bool) -> None:
    """Put ourselves into an image, as /usr/bin/systemctl and journalctl."""
    directory = os.path.abspath(root)
    try:
        installation.install("" if directory == "/" else directory, python, keep_original, click.echo)
    except (ImageError, OSError) as error:
        raise click.ClickException(str(error)) from error


def run() -> None:
    """Run the program. A failure to write output is one line instead of click's traceback."""
    try:
        main()
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, f"Error: {error.strerror}\n".encode())
        os._exit(1)  # otherwise Python would try to write again


if __name__ == "__main__":
    run()
