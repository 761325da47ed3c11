"""Where generators are looked for, and whether the one of ours is wanted."""

from __future__ import annotations

import os

from systemctl_replacement.manager.generators.init_script_units import GENERATOR, SCRIPTS, find, native_directories

# Highest precedence first: a program hides those of the same name in the directories after it.
DIRECTORIES = (
    "/run/systemd/system-generators",
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
)


def init_scripts_are_ours(root: str) -> bool:
    """Whether there are init scripts that only we can make units of: systemd's generator for them is neither there nor
    masked."""
    if root or any(os.path.lexists(f"{directory}/{GENERATOR}") for directory in DIRECTORIES):
        return False
    return bool(find(SCRIPTS, native_directories()))
