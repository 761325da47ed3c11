"""MemoryDenyWriteExecute=, by prctl(2). systemd.exec(5), "Sandboxing"."""

from __future__ import annotations

import errno

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED, NOT_ALLOWED, NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def deny(child: Child) -> Outcome:
    """Forbids the program memory that it could both write and execute. OSError."""
    if child.spec.sandbox.memory_deny_write_execute:
        try:
            syscalls.deny_write_execute()
        except OSError as error:
            if error.errno not in (errno.EINVAL, *NOT_ALLOWED):
                raise
            return NotPossible(f"MemoryDenyWriteExecute= needs Linux 6.3, ignoring: {error.strerror}")
    return APPLIED
