"""The system bus of an image: whether it lets init start units for it."""

from __future__ import annotations

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.check.tree import Unknown
from systemctl_replacement.manager.bus.door import BUS_SERVICE
from systemctl_replacement.paths import BUS_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.check.tree import Tree
    from systemctl_replacement.manager.unit import ManagedUnit

# That of the package systemd permits the same, and more.
_OF_SYSTEMD = "org.freedesktop.systemd1.conf"
_POLICIES = (BUS_POLICY, f"/usr/share/dbus-1/system.d/{_OF_SYSTEMD}", f"/etc/dbus-1/system.d/{_OF_SYSTEMD}")


def findings(tree: Tree, examined: dict[str, ManagedUnit]) -> Iterator[Finding]:
    """A bus that the boot starts, or may start, but whose configuration keeps init from what it asks of an init."""
    if BUS_SERVICE in examined and not any(_is_there(tree, path) for path in _POLICIES):
        text = f"The bus cannot start units (SystemdService=): {BUS_POLICY}, which permits it, is missing."
        yield Finding("bus", BUS_SERVICE, text, BUS_POLICY)


def _is_there(tree: Tree, path: str) -> bool:
    try:
        return tree.exists(path)
    except Unknown:
        return True
