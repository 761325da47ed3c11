"""NoNewPrivileges=. systemd.exec(5), "Security"."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def forbid(child: Child) -> Outcome:
    """Keeps the program from gaining privileges by executing another. OSError."""
    sandbox = child.spec.sandbox
    if sandbox.no_new_privileges or (sandbox.no_new_privileges_unless_root and os.geteuid() != 0):
        syscalls.set_no_new_privileges()
    return APPLIED
