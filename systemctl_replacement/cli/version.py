"""What --version prints."""

from __future__ import annotations

from systemctl_replacement import FEATURES

# Clients parse it: package scripts want "systemd NNN (", Ansible wants an integer and a second line.
VERSION = f"systemd 252 (252.39-1~deb12u1)\n{FEATURES}"
