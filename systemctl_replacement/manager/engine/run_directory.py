"""/run, which engines mount with any mode, and what the engine says of itself in /run/host.

An emptyDir volume of Kubernetes and a tmpfs of Docker are open to everybody, and outlive a restart of the container.
Under systemd /run is root's alone: who may write there could replace the units, sockets and credentials in it.
"""

from __future__ import annotations

import os

from systemctl_replacement.paths import is_open
from systemctl_replacement.unitfile.files import read_text

_RUN = "/run"
_MODE = 0o755  # systemd's


def close(run: str = _RUN) -> None:
    """Keep everybody but root from making files in /run. For PID 1, before it looks for anything there."""
    if os.geteuid() != 0:
        return  # every service is us, or the mode is somebody else's affair
    try:
        if is_open(os.path.realpath(run)):
            os.chmod(run, _MODE)
    except OSError:
        return  # warnings() says it


def warnings(root: str) -> list[str]:
    """What is wrong with /run for a manager that is root, and runs the system below a root ("" for the real one)."""
    if root or os.geteuid() != 0 or not is_open(os.path.realpath(_RUN)):
        return []
    return [f"Others than root may write to {_RUN}. They can replace what the manager and services have there."]


def told_by_engine(name: str, root: str = "") -> str:
    """The first line of /run/host/NAME, "" if there is none, or if somebody else may have written it."""
    directory = f"{root}{_RUN}/host"
    try:
        return "" if is_open(directory) else read_text(f"{directory}/{name}").partition("\n")[0].strip()
    except OSError:
        return ""
