"""`systemctl-replacement`: the commands that are ours alone. (For systemctl's command line see cli/options.py.)"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Optional

from systemctl_replacement import __version__
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root

_PROGRAM = "systemctl-replacement"


def _install(options: argparse.Namespace) -> int:
    from systemctl_replacement.image import install

    chosen = install.Options(options.python, options.init_link, options.companions, options.dry_run)
    install.install(Root(options.root or ""), chosen, print)
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    from systemctl_replacement.image import install

    install.uninstall(Root(options.root or ""), options.keep_tree, options.dry_run, print)
    return 0


def _check(options: argparse.Namespace) -> int:
    from systemctl_replacement.image import check

    return check.report(Root(options.root or ""), print)


def _version(_options: argparse.Namespace) -> int:
    print(f"{_PROGRAM} {__version__}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(_PROGRAM, description="Run systemd's unit files in containers, without systemd.")
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    install = _command(commands, "install", _install, "put it into an image as /usr/bin/systemctl, or mend it there")
    install.add_argument("--python", default="", metavar="PATH", help="the image's python3, as a path inside of it")
    _switch(install, "init-link", "make /sbin/init, and /lib/systemd/systemd to which it leads, ours, too")
    _switch(install, "companions", "put journalctl, systemd-cat, halt, reboot … beside it")
    _dry_run(install)
    uninstall = _command(commands, "uninstall", _uninstall, "put everything back as it was")
    uninstall.add_argument("--keep-tree", action="store_true", help=argparse.SUPPRESS)  # for the scripts of our package
    _dry_run(uninstall)
    _command(commands, "check", _check, "say whether everything is in place; exit status 1 if it is not")
    commands.add_parser("version", help="print the version").set_defaults(run=_version)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--root", type=_directory, metavar="DIR", help="the image's root file system (default: /)")
    parser.set_defaults(run=run)
    return parser


def _directory(value: str) -> str:
    """A directory on the command line. An empty variable is a mistake, and does not mean the running system."""
    if not value:
        raise argparse.ArgumentTypeError("the name of the directory is empty")
    return value


def _switch(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """`--NAME`, which is the default, and `--no-NAME`. (argparse itself has this from Python 3.9 on, unhelpfully.)"""
    place = name.replace("-", "_")
    parser.add_argument(f"--{name}", dest=place, action="store_true", default=True, help=f"{text} (default)")
    parser.add_argument(f"--no-{name}", dest=place, action="store_false", help=argparse.SUPPRESS)


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command. Returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ImportError as error:
        print(f"Error: {sys.executable} lacks {error.name}: install the complete python3", file=sys.stderr)
        return 1
    except (ImageError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return status


def run() -> None:
    """Run the program. A failure to write output is one line instead of a traceback."""
    try:
        try:
            status = main()
        except SystemExit as end:  # help, the version, a wrong command line
            status = end.code if isinstance(end.code, int) else 0
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError as error:
        _complain(error)
        status = 1
    os._exit(status)  # otherwise Python would try to write again


def _complain(error: OSError) -> None:
    try:
        os.write(2, f"Error: {error.strerror}\n".encode())
    except OSError:
        return  # there is nobody to tell


if __name__ == "__main__":
    run()
