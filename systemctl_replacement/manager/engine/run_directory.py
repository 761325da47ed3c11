"""/run, which engines mount with any mode, and what the engine says of itself in /run/host.

An emptyDir volume of Kubernetes and a tmpfs of Docker are open to everybody, and outlive a restart of the container.
Under systemd /run is root's alone: who may write there could replace the units, sockets and credentials in it.
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.paths import is_open
from systemctl_replacement.syscalls import glob
from systemctl_replacement.unitfile.files import read_text

_RUN = "/run"
_MODE = 0o755  # systemd's, and all that others may do in what is root's
# What is read from these decides what root runs, or makes.
_CONFIGURATION = ("systemd", "credstore", "environment.d", "sysusers.d", "tmpfiles.d", "sysctl.d")
_ASIDE = "set-aside."


def close(run: str = _RUN) -> None:
    """Keep everybody but root from making files in /run, and take away the configuration that somebody else has made
    there. For PID 1, before it looks for anything there."""
    if os.geteuid() != 0:
        return  # every service is us, or the mode is somebody else's affair
    _try_to_close(os.path.realpath(run))
    for name in _CONFIGURATION:
        _try_to_close(f"{run}/{name}")
        if is_open(f"{run}/{name}"):
            _set_aside(run, name)


def _try_to_close(directory: str) -> None:
    if not is_open(directory):
        return
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # it is none
    try:
        os.fchmod(fd, os.fstat(fd).st_mode & _MODE)
    except OSError:
        pass  # warnings() says it
    finally:
        os.close(fd)


def _set_aside(run: str, name: str) -> None:
    """Move it to where only root can look at it; not if it is a volume, which the engine has put there."""
    path, directory = f"{run}/{name}", f"{run}/{_ASIDE}{time.time_ns()}"
    if os.path.ismount(path):
        return
    try:
        os.mkdir(directory, 0o700)
        os.rename(path, f"{directory}/{name}")
    except OSError:
        return  # we may not write to /run, or it is full


def warnings(root: str, run: str = _RUN) -> list[str]:
    """What is wrong with /run for a manager that is root, and runs the system below a root ("" for the real one)."""
    if root or os.geteuid() != 0:
        return []
    found = [
        f"Others than root had made {run}/{os.path.basename(path)}, which does not count. It is in {path} now."
        for path in glob(f"{run}/{_ASIDE}*/*")
        if not is_open(os.path.dirname(path))
    ]
    if is_open(os.path.realpath(run)):
        found.append(f"Others than root may write to {run}. They can replace what the manager and services have there.")
    return found


def told_by_engine(name: str, root: str = "") -> str:
    """The first line of /run/host/NAME, "" if there is none, or if somebody else may have written it."""
    directory = f"{root}{_RUN}/host"
    try:
        return "" if is_open(directory) else read_text(f"{directory}/{name}").partition("\n")[0].strip()
    except OSError:
        return ""
