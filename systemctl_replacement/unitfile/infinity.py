"""The numbers that mean "no limit" and "not set" in settings, properties and states of units."""

from __future__ import annotations

INFINITY = 2**64 - 1
UNSET_ID = 2**32 - 1
"""No user or group."""
