"""Reboots that an engine carries out: systemd-nspawn and LXC start a container again whose PID 1 calls reboot(2).

Everywhere else the exit status has to say it: the kernel would end PID 1 with SIGHUP, which other engines take for an
accident.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.manager.halt.final_status import ASKED, REBOOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_THEY_DO = ("systemd-nspawn", "lxc", "lxc-libvirt")
# The machine's own process namespace (PROC_PID_INIT_INO of the kernel): there it would be the machine that reboots.
_MACHINES = 0xEFFFFFFC


def understands(engine: str) -> bool:
    """Whether an engine, as in pid1.container_engine, starts a container again that reboots."""
    return engine in _THEY_DO


def is_meant(known: Mapping[str, int]) -> bool:
    """Whether a halt of which this is known (.halt.final_status) is a reboot, whatever the exit status is: something
    may have been killed on the way, or the foreground command may have ended with any status."""
    return REBOOT in known and ASKED not in known


def reboot(engine: str) -> None:
    """Reboot the container if its engine does that. Returns where it does not."""
    try:
        if asks(engine, os.getpid(), os.stat("/proc/self/ns/pid").st_ino):
            syscalls.reboot()
    except OSError:
        pass  # not permitted, or /proc is not there: the exit status says it


def asks(engine: str, pid: int, namespace: int) -> bool:
    """Whether reboot(2) means the container, and its engine understands."""
    return understands(engine) and pid == 1 and namespace != _MACHINES
