"""What containers are granted: the few ways to run an image that differ in what its units may do."""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_EVERYWHERE = frozenset(
    (
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP",
    )
)  # fmt: skip
_DOCKER = _EVERYWHERE | {"CAP_NET_RAW", "CAP_MKNOD", "CAP_AUDIT_WRITE"}


@dataclass(frozen=True)
class Profile:
    """How an engine runs a container unless it is told otherwise.

    `uid`: the user of init; where that is not root, it is one that the image does not know, in the group root.
    `environment`, `engine` (the answer to ConditionVirtualization=): by which init knows how long the engine waits for
    a halt.
    """

    name: str
    capabilities: frozenset[str]
    environment: Mapping[str, str]
    engine: str
    uid: int = 0


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("docker", _DOCKER, {}, "docker"),
        Profile("podman", _EVERYWHERE, {}, "podman"),
        Profile("kubernetes", _DOCKER, {"KUBERNETES_SERVICE_HOST": ""}, "container-other"),
        Profile("openshift", frozenset(), {"KUBERNETES_SERVICE_HOST": ""}, "container-other", uid=1000650000),
        Profile("privileged", frozenset(capabilities.NAMES), {}, "docker"),
    )
}
"""By name. docker: root with Docker's default capabilities; podman: with the fewer of Podman; kubernetes: as docker,
with its own time for a halt; openshift: an arbitrary user in the group root without any; privileged: root with all."""
DEFAULT = "docker"
