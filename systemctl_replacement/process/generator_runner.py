"""The program that runs all generators at once (systemd.generator(7)), in a process of its own: PID 1 never waits.

`--generators RUNTIME PROGRAM…`: what generators of before have left in RUNTIME is removed first. A program that is no
path is an option of our own. What they print goes
to our stdout, and so does what became of them. The last thing written is `FINISHED`; then whatever is left is killed.
"""

from __future__ import annotations

import os

from systemctl_replacement import paths
from systemctl_replacement.process.spawn_program import spawn_program
from systemctl_replacement.signals import SIGKILL
from systemctl_replacement.wait_status import describe_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

FINISHED = b"\0"
# The name of what is an option.
_OWN = "The generator for init scripts"


def directories(runtime: str) -> tuple[str, str, str]:
    """The directories to which generators write, in the order of their arguments: normal, early, late."""
    return f"{runtime}/generator", f"{runtime}/generator.early", f"{runtime}/generator.late"


def main(runtime: str, programs: list[str]) -> NoReturn:
    """Run the generators, wait for them, and kill the processes that they have left behind."""
    os.umask(0o022)
    try:
        _generate(directories(runtime), programs)
    except OSError as error:
        _say(f"Cannot run generators: {error}")
    os.write(1, FINISHED)
    os.killpg(0, SIGKILL)
    os._exit(0)


def _generate(targets: tuple[str, ...], programs: list[str]) -> None:
    from systemctl_replacement.tree_walk import (
        remove,  # not at the top: PID 1 imports this module for its names
    )

    for directory in targets:
        remove(directory)
        if programs:
            os.mkdir(directory, 0o755)
    running = {}
    for program in programs:
        try:
            running[_spawn(program, targets)] = program if program.startswith("/") else _OWN
        except OSError as error:
            _say(f"{program} failed to execute: {error.strerror}")
    while running:
        pid, status = os.wait()
        ended = running.pop(pid, "")
        if ended and status:
            _say(describe_failure(ended, status))
    for directory in targets:
        try:
            os.rmdir(directory)
        except OSError:
            continue  # not empty, or not there


def _spawn(program: str, targets: tuple[str, ...]) -> int:
    command = [program] if program.startswith("/") else [*paths.self_command(), program]
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        return spawn_program([*command, *targets], os.environ, {0: null, 2: 1}, fresh_signals=True)
    finally:
        os.close(null)


def _say(text: str) -> None:
    os.write(1, text.encode(errors="surrogateescape") + b"\n")
