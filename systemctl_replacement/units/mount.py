"""Mounts: what the kernel has mounted (systemd.mount(5)). Mounting and unmounting are not built yet."""

from __future__ import annotations

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile import perpetual
from systemctl_replacement.units.simple import SimpleKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

    from systemctl_replacement.unitfile.load import Unit
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

    def found(self, file: Unit, settings: Mapping[str, Any]) -> Unit:
        merged = {**file.settings, **{("Mount", name): value for name, value in settings.items()}}
        merged.setdefault(("Unit", "Description"), merged[("Mount", "Where")])
        source = file.source_path or ("" if file.id in perpetual.UNITS else "/proc/self/mountinfo")
        return replace(file, load_state="loaded", load_error=None, derived=True, settings=merged, source_path=source)

    def can_reload(self, config: Any) -> bool:
        return True


KIND = MountKind()
