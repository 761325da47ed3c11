"""Units of types that cannot be run yet: loaded and shown; they fail when somebody wants them.

What is missing for each is said in unitfile/not_built.py.
"""

from __future__ import annotations

from systemctl_replacement.units.simple import SimpleKind


class NotBuiltKind(SimpleKind):
    """Such a unit is `dead` or `failed`."""

    is_switch = False


KIND = NotBuiltKind()
