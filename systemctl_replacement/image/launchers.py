"""The programs that we put into an image: scripts of a few lines that name one interpreter. Pure."""

from __future__ import annotations

from systemctl_replacement.image.names import HOME, OWN_COMMAND

# With -I and -S neither environment variables nor the image's site-packages change what PID 1 imports. They are one
# argument, because the kernel passes everything after the interpreter as one. The kernel drops signals that PID 1 does
# not handle unless it blocks them, which therefore comes before anything else.
_PROGRAM = """#!{python} -ISXutf8
import _signal, posix, sys
if posix.getpid() == 1:
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
sys.path.insert(0, "{home}")
from systemctl_replacement.__main__ import main
main()
"""
_OWN_COMMAND = """#!{python} -ISXutf8
import sys
sys.path.insert(0, "{home}")
from systemctl_replacement.image.command import run
run()
"""
_MARK = f'sys.path.insert(0, "{HOME}")'.encode()
# Everything of a launcher is within this.
LONGEST = 4096


def text(path: str, python: str) -> str:
    """The launcher at a path. What it does is told by its name, but for the command that is ours alone."""
    return (_OWN_COMMAND if path == OWN_COMMAND else _PROGRAM).format(python=python, home=HOME)


def is_launcher(beginning: bytes) -> bool:
    """Whether a file that begins so is a launcher of ours, of whatever version."""
    return _MARK in beginning


def interpreter(beginning: bytes) -> str:
    """The interpreter that a launcher names."""
    line = beginning.partition(b"\n")[0].decode("utf-8", "surrogateescape")
    return line.removeprefix("#!").partition(" ")[0]
