"""Where generators are looked for, and whether the one of ours is wanted."""

from __future__ import annotations

import os

from systemctl_replacement import paths
from systemctl_replacement.manager.generators.init_script_units import GENERATOR, SCRIPTS, find, native_directories

# Highest precedence first, after the one in /run/systemd: a program hides those of its name in the directories below.
_DIRECTORIES = (
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
)


def directories(root: str) -> list[str]:
    """Where to look for them, below the root; not in /run/systemd if it may be a stranger's."""
    runtime = root + paths.SYSTEM_RUNTIME
    own = [f"{runtime}/system-generators"] if paths.is_trusted(runtime) else []
    return [*own, *(root + directory for directory in _DIRECTORIES)]


def init_scripts_are_ours(root: str) -> bool:
    """Whether there are init scripts that only we can make units of: systemd's generator for them is neither there nor
    masked."""
    if root or any(os.path.lexists(f"{directory}/{GENERATOR}") for directory in directories(root)):
        return False
    return bool(find(SCRIPTS, native_directories()))
