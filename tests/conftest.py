"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is no failure: nothing that is measured in time is asserted here. Every run draws the same inputs, so
# that a change is judged by what it changes; `pytest --hypothesis-profile=explore` draws others each time.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("house")
