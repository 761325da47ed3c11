"""Numbers that stand for no limit and for nothing set, in settings, properties and unit states alike."""

from __future__ import annotations

INFINITY = 2**64 - 1
UNSET_ID = 2**32 - 1
"""No user or group."""
