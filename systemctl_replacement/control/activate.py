"""Starting a manager in the background, when the first verb that has to change something finds none.

The manager is a separate process. It keeps nothing of the command that happened to start it, neither
descriptors nor session, directory, environment, limits or priorities. It takes these from PID 1, as a service
would.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
import resource

from systemctl_replacement.control.client import Client, connect
from systemctl_replacement.control.init_process import look, wait_for_manager, whose
from systemctl_replacement.paths import BOOTED, BOOTED_MARK, LOCK_NAME, SYSTEM_RUNTIME, Paths, self_command

# Only this is kept of the caller's environment, because it determines the runtime directory.
_KEPT = (b"XDG_RUNTIME_DIR",)
_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class ActivationError(Exception):
    """The manager did not start. The text is the manager's, if it printed any."""


def start_manager(paths: Paths) -> Client:
    """Start a manager, or wait for one that somebody else is starting. Returns a connection to it.

    None is started if PID 1 is an init of ours, which answers soon or does not answer us. Raises ActivationError,
    OSError.
    """
    lock = os.open(paths.start_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(lock).st_uid not in (0, os.geteuid()):
            raise ActivationError(f"{paths.start_lock()} belongs to another user")
        fcntl.flock(lock, fcntl.LOCK_EX)
        # PID 1 may have become an init while we waited. It also holds the lock until it answers.
        manager = connect(paths) or wait_for_manager(paths)
        if manager is None:
            init = look()
            if init is not None:
                raise ActivationError(whose(init))
            _start(paths)
            manager = connect(paths)
        if manager is None:
            raise ActivationError("it does not answer")
        return manager
    finally:
        os.close(lock)


def tidy_up(paths: Paths) -> None:
    """No manager answers: remove the directory that says that one runs, if a killed one has made it."""
    try:
        lock = os.open(f"{SYSTEM_RUNTIME}/{LOCK_NAME}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return  # not ours to remove
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if connect(paths) is None:  # and none has started meanwhile
            os.unlink(BOOTED_MARK)
            os.rmdir(BOOTED)
    except OSError:
        return  # one is starting, or somebody has put units into the directory
    finally:
        os.close(lock)


def _start(paths: Paths) -> None:
    """Start it and wait until it listens."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _become_manager(paths, writing)
        finally:
            os._exit(127)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.readline().decode("utf-8", "replace").strip()
    if answer != "READY":
        raise ActivationError(answer or "it ended before it was ready")


def _become_manager(paths: Paths, writing: int) -> None:
    """In the child: detach, and execute the manager in a grandchild."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    ready = 3
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(writing, ready, inheritable=True)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor, inheritable=True)
    _close_all_above(ready)
    os.chdir("/")
    os.umask(0o022)
    for number in _signal.valid_signals():
        # Signals that cannot be changed (KILL, STOP, those of the C library) do not matter.
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    _copy_from_pid_1()
    command = [*self_command(), "init", "--on-demand", f"--ready-fd={ready}"]
    if paths.root:
        command.append(f"--root={paths.root}")
    os.execve(command[0], command, _environment())


def _close_all_above(last: int) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > last:
            try:
                os.close(int(name))
            except OSError:
                continue  # the descriptor of the listing itself


def _copy_from_pid_1() -> None:
    """Copy PID 1's limits, nice, affinity and OOM score, as far as we may read and set them."""
    for limit in _LIMITS:
        try:
            resource.setrlimit(limit, resource.prlimit(1, limit))
        except (OSError, ValueError):
            continue
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(1))
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 1))
        with open("/proc/1/oom_score_adj", "rb") as source, open("/proc/self/oom_score_adj", "wb") as target:
            target.write(source.read())
    except OSError:
        pass  # not allowed, so it keeps ours


def _environment() -> dict[bytes, bytes]:
    """PID 1's environment, or a minimal one if we may not read it."""
    environment = {b"PATH": _PATH}
    try:
        with open("/proc/1/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        entries = []
    for entry in entries:
        name, equals, value = entry.partition(b"=")
        if equals and name not in _KEPT:
            environment[name] = value
    environment.update({name: os.environb[name] for name in _KEPT if name in os.environb})
    return environment
