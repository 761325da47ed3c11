"""Resource limits and the umask. systemd.exec(5), "Process Properties"."""

from __future__ import annotations

import os

from systemctl_replacement import syscalls
from systemctl_replacement.defaults import NOFILE_HARD, NOFILE_SOFT
from systemctl_replacement.process.exec_spec import Limit
from systemctl_replacement.process.step import APPLIED, StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.step import Outcome

# Our own limit of descriptors is raised; systemd's default for services is this.
_NOFILE = Limit("NOFILE", NOFILE_SOFT, NOFILE_HARD)


def set_umask(child: Child) -> Outcome:
    """UMask=. It does not hold for the directories of the unit, which have modes of their own."""
    os.umask(child.spec.umask)
    return APPLIED


def set_limits(child: Child) -> Outcome:
    """LimitNOFILE= and its siblings. StepFailed names the limit that cannot be set."""
    limits = {limit.resource: limit for limit in (_NOFILE, *child.spec.limits)}
    for limit in limits.values():
        try:
            syscalls.set_limit(limit.resource, limit.soft, limit.hard)
        except OSError as error:
            raise StepFailed(f"Failed to adjust resource limit RLIMIT_{limit.resource}", error) from None
    return APPLIED
