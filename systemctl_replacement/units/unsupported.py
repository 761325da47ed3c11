"""Units of types that systemd does not support in a container, and neither do we: automounts, swaps, devices.

They are loaded and shown. A start job ends as `unsupported`, and the unit stays down.
"""

from __future__ import annotations

from systemctl_replacement.units.simple import SimpleKind


class UnsupportedKind(SimpleKind):
    """Such a unit is `dead`."""

    is_switch = False


KIND = UnsupportedKind()
