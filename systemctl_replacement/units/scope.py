"""Scopes: processes that somebody else has started (systemd.scope(5)). There is one, the manager's own, init.scope."""

from __future__ import annotations

from systemctl_replacement.unitfile.names import slice_path
from systemctl_replacement.units.simple import SimpleKind


class ScopeKind(SimpleKind):
    """A scope is `dead` or `running`. None can be made yet."""

    on = "running"
    is_switch = False

    def control_group(self, unit: str, parent: str) -> str:
        return f"{slice_path(parent)}/{unit}" if parent else ""


KIND = ScopeKind()
