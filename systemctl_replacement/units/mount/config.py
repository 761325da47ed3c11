"""The settings of a mount that its state machine needs, and the commands that they make.

Sources: systemd.mount(5), systemd.kill(5). Times are microseconds, INFINITY means no limit.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.units.commands.config import ExecSettings, exec_settings
from systemctl_replacement.units.mounted import MakeMountPoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.unitfile.manager_config import ManagerConfig

MOUNT, UNMOUNT, REMOUNT = "ExecMount", "ExecUnmount", "ExecRemount"
PHASES = (MOUNT, UNMOUNT, REMOUNT)
"""What systemd calls the commands, which no directive has."""

_MOUNT, _UMOUNT = "/bin/mount", "/bin/umount"
# Options that say when to mount, and nothing to mount(8).
_NOT_FOR_MOUNT = frozenset(("nofail", "noauto", "auto"))
_BINDS = frozenset(("bind", "rbind"))


@dataclass(frozen=True)
class MountConfig(ExecSettings):
    """The settings of a mount as its files have it; what is mounted there may be something else."""

    where: str = ""
    what: str = ""
    type: str = ""
    options: str = ""
    sloppy: bool = False
    read_write_only: bool = False
    lazy: bool = False
    force: bool = False
    directory_mode: int = 0o755
    timeout_usec: int = 90_000_000

    @property
    def timeout_stop_usec(self) -> int:
        return self.timeout_usec

    @property
    def is_bind(self) -> bool:
        """Whether it mounts what is somewhere else in the tree."""
        return self.type in _BINDS or not _BINDS.isdisjoint(_words(self.options))

    @property
    def mount_point(self) -> MakeMountPoint:
        """What has to be there before it can be mounted."""
        return MakeMountPoint(self.where, self.directory_mode, self.what if self.is_bind else "")

    def phase(self, name: str) -> tuple[ExecCommand, ...]:
        """The one command that mounts, unmounts or remounts; () where the unit's files do not say what to mount."""
        if name == UNMOUNT:
            flags = [*["-l"] * self.lazy, *["-f"] * self.force]
            return (ExecCommand(_UMOUNT, (_UMOUNT, self.where, "-c", *flags), no_environment=True),)
        if not self.what:
            return ()
        manner = [*["-s"] * self.sloppy, *["-w"] * self.read_write_only, *(["-t", self.type] if self.type else ())]
        if name == REMOUNT:
            options = f"remount,{self.options}" if self.options else "remount"
            arguments = ["-o", options, *manner]
        else:
            options = ",".join([word for word in _words(self.options) if word not in _NOT_FOR_MOUNT])
            arguments = [*manner, *(["-o", options] if options else ())]
        return (ExecCommand(_MOUNT, (_MOUNT, self.what, self.where, *arguments), no_environment=True),)

    @staticmethod
    def from_unit(unit: Unit, manager: ManagerConfig) -> MountConfig:
        """Read a loaded mount; what the unit leaves open comes from the manager's configuration."""

        def get(name: str) -> Any:
            return unit.get("Mount", name)

        timeout = get("TimeoutSec")
        return MountConfig(
            where=get("Where") or "",
            what=get("What") or "",
            type=get("Type") or "",
            options=get("Options") or "",
            sloppy=get("SloppyOptions"),
            read_write_only=get("ReadWriteOnly"),
            lazy=get("LazyUnmount"),
            force=get("ForceUnmount"),
            directory_mode=get("DirectoryMode"),
            timeout_usec=manager.default_timeout_start if timeout is None else timeout,
            **exec_settings(get),
        )


def _words(options: str) -> list[str]:
    """The options, separated by commas; a backslash takes a comma into a word (fstab(5))."""
    words, rest = [], options
    while rest:
        end = 0
        while end < len(rest) and rest[end] != ",":
            end += 2 if rest[end] == "\\" else 1
        words.append(rest[:end])
        rest = rest[end + 1 :]
    return [word for word in words if word]
