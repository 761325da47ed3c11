"""The unit directories and what each stands for: the administrator's, the volatile ones, the vendor's.

Source: systemd.unit(5) "UNIT FILE LOAD PATH", systemctl(1) on enable, revert and is-enabled. All paths are inside the
root.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass, replace

SYSTEM = "system"
GLOBAL = "global"
"""The two scopes: units of the system, and `--global`, units of every user's manager."""

IMAGE_UNITS = "/usr/lib/systemctl-replacement/units"
"""Where the units we ship are in an image."""

_SYSTEM_GENERATORS = ("/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late")
_GLOBAL_DIRECTORIES = (
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/share/systemd/user",
    "/usr/share/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
)


@dataclass(frozen=True)
class UnitDirectories:
    """The unit directories of one scope, highest precedence first."""

    scope: str
    search_path: tuple[str, ...]
    persistent_config: str
    runtime_config: str
    transient: str = ""
    persistent_control: str = ""
    runtime_control: str = ""
    generators: tuple[str, ...] = ()
    shipped: str = ""
    """Where the units that come with this program are, and their presets."""

    def config(self, runtime: bool) -> str:
        """Where links are made: /etc/systemd/system, with `--runtime` /run/systemd/system."""
        return self.runtime_config if runtime else self.persistent_config

    def without_generated(self) -> UnitDirectories:
        """The same directories without those that generators write to."""
        return replace(self, search_path=tuple(path for path in self.search_path if path not in self.generators))

    def is_config(self, path: str) -> bool:
        """Whether a file is the administrator's: directly in /etc/systemd/system or /run/systemd/system."""
        return _parent(path) in (self.persistent_config, self.runtime_config)

    def is_generated(self, path: str) -> bool:
        """Whether a generator wrote the file."""
        return _parent(path) in self.generators

    def is_transient(self, path: str) -> bool:
        """Whether the manager wrote the file at a client's request."""
        return bool(self.transient) and _parent(path) == self.transient

    def is_control(self, path: str) -> bool:
        """Whether `systemctl set-property` wrote it."""
        return _parent(path) in (self.persistent_control, self.runtime_control)

    def is_runtime(self, path: str) -> bool:
        """Whether the path does not survive a reboot."""
        return path == "/run" or path.startswith("/run/")

    def is_vendor_or_generated(self, path: str) -> bool:
        """Whether the file came with the system, so that `revert` has something to go back to."""
        return path.startswith(("/usr/", "/lib/")) or self.is_generated(path)

    def shall_revert(self, path: str) -> bool:
        """Whether `revert` removes a drop-in directory of that path."""
        return self.is_config(path) or self.is_control(path) or self.is_transient(path)


def system_directories(unit_path: list[str], root: str, shipped: str) -> UnitDirectories:
    """The directories of the system, from the load path that `Paths.unit_path()` gives (below the root).

    `shipped` is where this program keeps its units. Below a root they are the image's own, never those of the running
    program.
    """
    inside = []
    for directory in unit_path:
        if root and directory == shipped:
            inside.append(IMAGE_UNITS)
        elif directory.startswith(root + "/"):
            inside.append(directory[len(root) :])
    return UnitDirectories(
        scope=SYSTEM,
        search_path=tuple(inside),
        persistent_config="/etc/systemd/system",
        runtime_config="/run/systemd/system",
        transient="/run/systemd/transient",
        persistent_control="/etc/systemd/system.control",
        runtime_control="/run/systemd/system.control",
        generators=_SYSTEM_GENERATORS,
        shipped=IMAGE_UNITS if root else shipped,
    )


def global_directories() -> UnitDirectories:
    """The directories of `--global`: units for the managers of all users."""
    return UnitDirectories(
        scope=GLOBAL,
        search_path=_GLOBAL_DIRECTORIES,
        persistent_config="/etc/systemd/user",
        runtime_config="/run/systemd/user",
    )


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
