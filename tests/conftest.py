"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is no failure: nothing that is measured in time is asserted here.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
