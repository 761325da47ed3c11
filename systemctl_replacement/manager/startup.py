"""Starting a manager: as PID 1, in the foreground elsewhere, on demand, or after a re-execution."""

from __future__ import annotations

import fcntl
import os
import sys

from systemctl_replacement import paths, syscalls
from systemctl_replacement.journal.record import printable
from systemctl_replacement.loop import now_monotonic
from systemctl_replacement.manager import other_init, pid1
from systemctl_replacement.manager.engine import run_directory
from systemctl_replacement.manager.halt.early import EarlyHalt
from systemctl_replacement.manager.halt.stop_time import stop_time
from systemctl_replacement.manager.life import Life
from systemctl_replacement.manager.options import InitOptions
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.manager.reexec.probe import ALIVE
from systemctl_replacement.process import descendants
from systemctl_replacement.supervision.client import ForkServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.manager.reexec.takeover import Outcome

__all__ = ["ALIVE", "run"]

# A manager on demand that is starting listens in a fraction of a second. Nothing reports the end of a lock.
_LOCK_PATIENCE_USEC = 10_000_000
_LOCK_LOOK_USEC = 5_000


def run(options: InitOptions, forkserver: ForkServer | None) -> int:
    """Run a manager to its end. Returns the exit status. `forkserver` is None after a re-execution."""
    command = _fork_command(options) if options.command else None
    os.umask(0o022)  # whoever started us may have left one that keeps services away from their notify sockets
    state, outcome, lost = None, None, ""
    if options.deserialize_fd >= 0:
        try:
            state = reexec_state.read(options.deserialize_fd)
        except reexec_state.Unreadable as error:
            lost = f"Cannot read the state of the previous manager ({error}): its services are restarted."
            forkserver = reexec_state.start_over()
            command = _command_before(options) if options.foreground else None
    is_pid1 = options.is_pid1
    if not is_pid1:
        refused = other_init.refusal(options)
        if refused:
            return _cannot_start(options, refused)
        syscalls.set_child_subreaper()
    places = paths.Paths(options.root)
    lock = -1
    try:
        pid1.raise_descriptor_limit()
        if is_pid1:
            run_directory.close()
        if options.deserialize_fd < 0 and not options.on_demand:
            engine = pid1.container_engine(options.root, os.environ)
            halt = EarlyHalt(lambda: stop_time(options.stop_timeout, os.environ, engine))
            try:
                lock = _lock(places.start_lock(), halt)
                outcome = _take_over(places, is_pid1, halt)
            finally:
                halt.close()
        if is_pid1 and state is None:
            pid1.become_the_systems_manager(places, os.environ)
        life = Life(options, forkserver, state if outcome is None else outcome.state, command)
    except paths.NoRuntimeDirectory as error:
        tried = "; ".join(map(_text, error.problems))
        return _cannot_start(options, f"{tried}. It needs a directory to write to: {_REMEDY}")
    except OSError as error:
        return _cannot_start(options, _text(error))
    finally:
        if lock >= 0:
            os.close(lock)
    if is_pid1:
        # By this clients know that the manager answers. Until then they wait.
        syscalls.set_process_name("systemd")
    _leave_terminal(options)
    descendants.keep_reserve()
    if outcome is not None:
        life.begin_after(outcome)
    elif state is not None:
        life.resume(state)
    else:
        life.start(lost)
    if options.ready_fd >= 0:
        os.write(options.ready_fd, b"READY\n")
        os.close(options.ready_fd)
    # A defect up to here is reported on the container's output. From now on nothing may block there.
    sys.stdout = sys.stderr = None
    return life.run()


def _fork_command(options: InitOptions) -> dict[str, Any]:
    """The foreground command, which waits until it may run. OSError."""
    from systemctl_replacement.manager import foreground
    from systemctl_replacement.process.foreground import fork

    environment = pid1.inherited_environment()
    with open("/proc/self/environ", "rb") as file:
        given = file.read().split(b"\0")
    if not any(entry.startswith(b"LC_CTYPE=") for entry in given):
        environment.pop("LC_CTYPE", None)  # which Python has set (PEP 538)
    forked = fork(options.command, environment, (options.ready_fd,))
    return foreground.begun(forked, options.command, options.wait_for, not options.no_group)


def _command_before(options: InitOptions) -> dict[str, Any]:
    from systemctl_replacement.manager import foreground

    return foreground.found_again(options.foreground, not options.no_group)


def _lock(path: str, halt: EarlyHalt) -> int:
    """Keep clients from starting a manager on demand until we listen. One that is starting now will listen soon."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return -1  # making the socket in this directory will report what is wrong with it
    if os.fstat(lock).st_uid != os.geteuid():
        return lock  # a stranger's: its holder starts no manager of ours
    end = now_monotonic() + _LOCK_PATIENCE_USEC
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError:
            if now_monotonic() > end or halt.since:
                return lock
        halt.wait(now_monotonic() + _LOCK_LOOK_USEC)


def _take_over(places: paths.Paths, is_pid1: bool, halt: EarlyHalt) -> Outcome | None:
    """What became of a manager that was running, None if there is no trace of one."""
    if not any(os.path.lexists(places.socket_path(runtime)) for runtime in places.trusted_runtimes()):
        return None
    from systemctl_replacement.manager.reexec.takeover import take_over

    return take_over(places, is_pid1, halt)


_REMEDY = "mount a tmpfs on /run (docker and podman: --tmpfs /run; Kubernetes: an emptyDir volume)."


def _text(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def _cannot_start(options: InitOptions, why: str) -> int:
    line = printable(f"Cannot start the manager: {why}").replace("\n", "?")  # it may contain any file name
    os.write(options.ready_fd if options.ready_fd >= 0 else 2, f"{line}\n".encode("utf-8", "replace"))
    return 1


def _leave_terminal(options: InitOptions) -> None:
    """Read from /dev/null. A manager that a client has started also writes there.

    Others keep stdout and stderr open, but write to neither: what is written to /proc/1/fd/1, as by cron jobs in
    containers, is for the container's output.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2) if options.on_demand else (0,):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    os.chdir("/")
