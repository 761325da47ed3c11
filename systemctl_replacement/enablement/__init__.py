"""Enabling units: [Install] sections, presets, the links they make, and the states of unit files."""
