"""What programs that root runs in this container may see of others' processes: init scripts depend on it."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.unitfile import capabilities


def sees_all() -> bool:
    """Whether programs that root runs here can look at the processes of everybody."""
    return os.geteuid() == 0 and bool(syscalls.prctl(syscalls.PR_CAPBSET_READ, capabilities.number("CAP_SYS_PTRACE")))
