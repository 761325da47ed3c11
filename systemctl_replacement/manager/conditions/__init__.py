"""Conditions and assertions of units (systemd.unit(5)), and what they ask of the host."""
