"""Mounts: what the kernel has mounted (systemd.mount(5)). Mounting and unmounting are not built yet."""

from __future__ import annotations

from systemctl_replacement.units.simple import SimpleKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from systemctl_replacement.units.kind import Messages


class MountKind(SimpleKind):
    """A mount is `dead` or `mounted`, as the kernel says."""

    on = "mounted"
    is_switch = False
    messages: ClassVar[Messages] = {
        ("start", ""): "Mounting {}...",
        ("stop", ""): "Unmounting {}...",
        ("start", "done"): "Mounted {}.",
        ("start", "failed"): "Failed to mount {}.",
        ("stop", "done"): "Unmounted {}.",
        ("stop", "failed"): "Failed unmounting {}.",
    }

    def can_reload(self, config: Any) -> bool:
        return True


KIND = MountKind()
