"""WorkingDirectory=. systemd.exec(5), "Paths"."""

from __future__ import annotations

import os

from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def change(child: Child) -> Outcome:
    """Changes to the directory, with the rights of the unit's user. OSError, unless it may be missing."""
    wanted = child.spec.working_directory
    path = wanted.path
    if path == "~":
        path = (child.account and child.account.home) or "/root"
    try:
        os.chdir(path)
    except OSError:
        if not wanted.missing_ok:
            raise
    return APPLIED
