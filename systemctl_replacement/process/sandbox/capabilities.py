"""CapabilityBoundingSet= and AmbientCapabilities=. systemd.exec(5), "Capabilities"; capabilities(7)."""

from __future__ import annotations

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED, NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def set_bounding(child: Child) -> Outcome:
    """Drops every capability that is not to be kept from the bounding and the inheritable set. OSError.

    Without CAP_SETPCAP the bounding set stays as it is, and :func:`forgo` does what it can later.
    """
    kept = child.spec.sandbox.capability_bounding
    if kept is None:
        return APPLIED
    for number in range(syscalls.last_capability() + 1):
        if not kept >> number & 1:
            try:
                syscalls.drop_bounding_capability(number)
            except PermissionError:
                child.bounding_refused = True
    effective, permitted, inheritable = syscalls.get_capabilities()
    if inheritable & ~kept:
        syscalls.set_capabilities(effective, permitted, inheritable & kept)
    return APPLIED


def forgo(child: Child) -> Outcome:
    """Where the bounding set could not be changed: gives up our own capabilities outside of it, and that a program
    could bring any. That is what a bounding set is there for, and needs no privilege. OSError."""
    kept = child.spec.sandbox.capability_bounding
    if kept is not None and child.bounding_refused:
        effective, permitted, inheritable = syscalls.get_capabilities()
        if permitted & ~kept or inheritable & ~kept:
            syscalls.set_capabilities(effective & kept, permitted & kept, inheritable & kept)
        syscalls.set_no_new_privileges()
    return APPLIED


def find_ambient(child: Child) -> Outcome:
    """Which of the ambient capabilities we have ourselves, before a change of user takes them away. OSError."""
    sandbox = child.spec.sandbox
    wanted = {capability.name: 1 << capability.number for capability in sandbox.ambient_capabilities}
    asked = sum(wanted.values())
    if sandbox.capability_bounding is not None:
        asked &= sandbox.capability_bounding
    if not asked:
        return APPLIED
    child.ambient = asked & syscalls.get_capabilities()[1]
    missing = [name for name, bit in wanted.items() if asked & ~child.ambient & bit]
    if not missing:
        return APPLIED
    text = "Failed to apply ambient capabilities that the manager does not have itself, ignoring: "
    return NotPossible(text + " ".join(missing))


def set_ambient(child: Child) -> Outcome:
    """Makes those capabilities inheritable, effective and ambient. OSError."""
    if child.ambient:
        _, permitted, inheritable = syscalls.get_capabilities()
        syscalls.set_capabilities(permitted, permitted, inheritable | child.ambient)
        for number in range(64):
            if child.ambient >> number & 1:
                syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_RAISE, number)
    return APPLIED
