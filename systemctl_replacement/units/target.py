"""Targets: they group other units, and are reached when these are up (systemd.target(5))."""

from __future__ import annotations

from systemctl_replacement.units.simple import SimpleKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from systemctl_replacement.units.kind import Messages


class TargetKind(SimpleKind):
    """A target is `dead` or `active`."""

    messages: ClassVar[Messages] = {
        ("start", "done"): "Reached target {}.",
        ("stop", "done"): "Stopped target {}.",
    }


KIND = TargetKind()
