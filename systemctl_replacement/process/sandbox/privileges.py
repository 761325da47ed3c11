"""What a program may do: groups, user, capabilities, secure bits. systemd.exec(5), capabilities(7).

A restriction that cannot be applied is an OSError; a privilege that we do not have ourselves cannot be given, and is
answered, so that it can be told.
"""

from __future__ import annotations

import os

from systemctl_replacement import syscalls

_KEEP_CAPABILITIES, _KEEP_CAPABILITIES_LOCKED = 1 << 4, 1 << 5  # SECBIT_KEEP_CAPS and its lock


def set_groups(gid: int | None, groups: list[int] | None) -> None:
    """Changes to the groups; what we have already needs no privilege."""
    if groups is not None:
        ours = os.getegid()
        if os.geteuid() == 0 or {*groups, ours} != {*os.getgroups(), ours}:
            os.setgroups(groups)
    if gid is not None:
        os.setresgid(gid, gid, gid)


def set_user(uid: int, keep: bool, secure_bits: int) -> None:
    """Changes to the user; with `keep` the permitted capabilities survive, for what is still to be set."""
    if keep and uid != 0:
        # Not locked before it is as it is to stay.
        wanted = (secure_bits | _KEEP_CAPABILITIES) & ~_KEEP_CAPABILITIES_LOCKED
        if syscalls.prctl(syscalls.PR_GET_SECUREBITS) != wanted:
            if secure_bits:
                syscalls.prctl(syscalls.PR_SET_SECUREBITS, wanted)
            else:
                syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 1)  # the same, and needs no privilege
    os.setresuid(uid, uid, uid)


def grantable(mask: int) -> int:
    """What of a mask of capabilities we can hand on."""
    return mask & syscalls.get_capabilities()[1]


def set_ambient(ambient: int) -> None:
    """Makes the capabilities of the mask inheritable, effective and ambient."""
    _, permitted, inheritable = syscalls.get_capabilities()
    syscalls.set_capabilities(permitted, permitted, inheritable | ambient)
    for number in range(64):
        if ambient >> number & 1:
            syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_RAISE, number)


def set_bounding(mask: int) -> bool:
    """Drops every capability that is not in the mask from the bounding and the inheritable set.

    Whether that could be done: without CAP_SETPCAP it cannot, and :func:`forgo` is to follow.
    """
    dropped = True
    for number in range(syscalls.last_capability() + 1):
        if not mask >> number & 1:
            try:
                syscalls.drop_bounding_capability(number)
            except PermissionError:
                dropped = False
    effective, permitted, inheritable = syscalls.get_capabilities()
    if inheritable & ~mask:
        syscalls.set_capabilities(effective, permitted, inheritable & mask)
    return dropped


def forgo(mask: int) -> None:
    """Gives up our own capabilities outside of the mask, and that a program could bring any: what a bounding set is
    there for, and needs no privilege."""
    effective, permitted, inheritable = syscalls.get_capabilities()
    if permitted & ~mask or inheritable & ~mask:
        syscalls.set_capabilities(effective & mask, permitted & mask, inheritable & mask)
    syscalls.set_no_new_privileges()


def set_secure_bits(wanted: int) -> None:
    """SecureBits=. Only changed where they differ, because that takes CAP_SETPCAP."""
    if syscalls.prctl(syscalls.PR_GET_SECUREBITS) != wanted:
        _, permitted, inheritable = syscalls.get_capabilities()
        syscalls.set_capabilities(permitted, permitted, inheritable)  # a change of user has left none effective
        syscalls.prctl(syscalls.PR_SET_SECUREBITS, wanted)
