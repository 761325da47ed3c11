"""Beginning a manager's life: as PID 1, in the foreground elsewhere, on demand, or after a re-execution."""

from __future__ import annotations

import os
import sys

from systemctl_replacement import paths, syscalls
from systemctl_replacement.manager import foreign, pid1, reexecution
from systemctl_replacement.manager.life import Life
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.successor import ALIVE
from systemctl_replacement.process.client import ForkServer

__all__ = ["ALIVE", "run"]


def run(options: InitOptions, forkserver: ForkServer | None) -> int:
    """Run a manager to its end; the exit status. `forkserver` is None after a re-execution."""
    state, lost = None, ""
    if options.deserialize_fd >= 0:
        try:
            state = reexecution.read(options.deserialize_fd)
        except reexecution.Unreadable as error:
            lost = str(error)
            forkserver = reexecution.start_over()
    is_pid1 = os.getpid() == 1 and not options.root
    if not is_pid1:
        refused = foreign.refusal(options)
        if refused:
            return _cannot_start(options, refused)
        syscalls.set_child_subreaper()
    try:
        pid1.raise_descriptor_limit()
        runtime = paths.Paths(options.root).runtime
        if is_pid1 and state is None:
            pid1.become_the_systems_manager(options.root, runtime, os.environ)
        elif is_pid1:
            syscalls.set_process_name("systemd")
        life = Life(options, forkserver, state)
    except paths.NoRuntimeDirectory as error:
        return _cannot_start(options, f"{_text(error)}. It needs a directory to write to: {_REMEDY}")
    except OSError as error:
        return _cannot_start(options, _text(error))
    _leave_terminal(options)
    if state is not None:
        life.resume(state)
    else:
        life.start(lost)
    if options.ready_fd >= 0:
        os.write(options.ready_fd, b"READY\n")
        os.close(options.ready_fd)
    return life.run()


_REMEDY = "mount a tmpfs on /run (docker and podman: --tmpfs /run; Kubernetes: an emptyDir volume)."


def _text(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def _cannot_start(options: InitOptions, why: str) -> int:
    os.write(options.ready_fd if options.ready_fd >= 0 else 2, f"Cannot start the manager: {why}\n".encode())
    return 1


def _leave_terminal(options: InitOptions) -> None:
    """Read from nowhere, and write to nowhere: nothing may block on the standard descriptors.

    stdout and stderr stay open, unless they are those of a client who has started us: what is written to
    /proc/1/fd/1, as cron jobs in containers do, is for the container's output.
    """
    sys.stdout = sys.stderr = None
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2) if options.on_demand else (0,):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    os.chdir("/")
