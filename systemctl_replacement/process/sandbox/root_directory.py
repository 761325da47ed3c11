"""RootDirectory=, by chroot(2). systemd.exec(5), "Paths"."""

from __future__ import annotations

import os

from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def change_root(child: Child) -> Outcome:
    """Makes the directory the root of the program. OSError."""
    root = child.spec.sandbox.root_directory
    if root and root != "/":
        os.chroot(root)
        os.chdir("/")
    return APPLIED
