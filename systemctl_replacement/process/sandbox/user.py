"""User=, Group= and SupplementaryGroups= applied. systemd.exec(5), "Credentials"."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED, StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome

_KEEP_CAPABILITIES, _KEEP_CAPABILITIES_LOCKED = 1 << 4, 1 << 5  # SECBIT_KEEP_CAPS and its lock


def set_groups(child: Child) -> Outcome:
    """Changes to the groups; what we have already needs no privilege. OSError."""
    gid, groups = child.gid, child.groups
    if child.spec.identity.only_looked_up:
        return APPLIED
    if groups is not None:
        ours = os.getegid()
        if os.geteuid() == 0 or {*groups, ours} != {*os.getgroups(), ours}:
            os.setgroups(groups)
    if gid is not None:
        os.setresgid(gid, gid, gid)
    return APPLIED


def set_user(child: Child) -> Outcome:
    """Changes to the user. The permitted capabilities survive where some of them are still to be set. StepFailed."""
    if child.account and not child.spec.identity.only_looked_up:
        uid, secure_bits = child.account.uid, child.spec.sandbox.secure_bits
        try:
            if uid != 0 and (child.ambient or secure_bits):
                _keep_capabilities(secure_bits)
            os.setresuid(uid, uid, uid)
        except OSError as error:
            raise StepFailed(f"Failed to change UID to {uid}", error) from None
    return APPLIED


def _keep_capabilities(secure_bits: int) -> None:
    # Not locked before it is as it is to stay.
    wanted = (secure_bits | _KEEP_CAPABILITIES) & ~_KEEP_CAPABILITIES_LOCKED
    if syscalls.prctl(syscalls.PR_GET_SECUREBITS) != wanted:
        if secure_bits:
            syscalls.prctl(syscalls.PR_SET_SECUREBITS, wanted)
        else:
            syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 1)  # the same, and needs no privilege
