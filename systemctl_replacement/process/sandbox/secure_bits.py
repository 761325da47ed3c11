"""SecureBits=. systemd.exec(5), "Capabilities"."""

from __future__ import annotations

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome


def set_bits(child: Child) -> Outcome:
    """Sets the bits, if they differ: a change takes CAP_SETPCAP. OSError."""
    wanted = child.spec.sandbox.secure_bits
    if wanted and syscalls.prctl(syscalls.PR_GET_SECUREBITS) != wanted:
        _, permitted, inheritable = syscalls.get_capabilities()
        syscalls.set_capabilities(permitted, permitted, inheritable)  # a change of user has left none effective
        syscalls.prctl(syscalls.PR_SET_SECUREBITS, wanted)
    return APPLIED
