"""Slices: the places in the tree of control groups that units are in (systemd.slice(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.units.simple import SimpleKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from systemctl_replacement.units.kind import Messages


class SliceKind(SimpleKind):
    """A slice is `dead` or `active`."""

    messages: ClassVar[Messages] = {
        ("start", "done"): "Created slice {}.",
        ("stop", "done"): "Removed slice {}.",
    }

    def control_group(self, unit: str, parent: str) -> str:
        return slice_path(unit) or "/"


KIND = SliceKind()
