"""The control groups of a box."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from tests.box.kernel import mount

# Hierarchies of version 1 that container engines use.
ENGINE_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")


class ControlGroups:
    """Give the box its own control group in systemd's named hierarchy and in the unified one, where they exist.

    Boxes run side by side: without this two systemds would share /system.slice. Empty groups that a killed harness
    left behind are removed by the next one.
    """

    HIERARCHIES = (("cgroup", "none,name=systemd"), ("cgroup2", ""))
    # By the controller of the limit.
    LIMITS: ClassVar[dict[str, str]] = {"memory": "memory.limit_in_bytes", "pids": "pids.max"}

    def __init__(self, scratch: str, limits: Mapping[str, int], controllers: Sequence[str] = ()) -> None:
        """limits: of the box's processes, by controller. They count from the moment when they join `limited`.
        controllers: those (of version 1) in whose hierarchies the box gets a group of its own, too.
        """
        self.name = f"systemctl-replacement-box-{os.getpid()}"
        self.tops: list[int] = []
        self.above: list[int] = []
        for number, (kind, data) in enumerate([*self.HIERARCHIES, *(("cgroup", name) for name in controllers)]):
            directory = f"{scratch}/cgroup{number}"
            os.mkdir(directory)
            try:
                mount(kind, directory, kind, data=data)
            except OSError:
                continue
            self.tops.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._sweep(directory)
            os.mkdir(f"{directory}/{self.name}")
            for name in ("cpuset.cpus", "cpuset.mems"):
                if os.path.exists(f"{directory}/{name}"):
                    self._inherit(directory, name)
            join(self.tops[-1], self.name)
        self.limited: list[int] = []  # the directories of those that have limits
        for controller, limit in limits.items():
            self._limit(f"{scratch}/{controller}", controller, limit)

    def _limit(self, directory: str, controller: str, limit: int) -> None:
        os.mkdir(directory)
        mount("cgroup", directory, "cgroup", data=controller)
        # Below our own group, which may have a limit, too.
        top = directory + _own_group(controller)
        self._sweep(top)
        self.above.append(os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        os.mkdir(f"{top}/{self.name}")
        with open(f"{top}/{self.name}/{self.LIMITS[controller]}", "w", encoding="ascii") as file:
            file.write(str(limit))
        self.limited.append(os.open(f"{top}/{self.name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def _inherit(self, directory: str, name: str) -> None:
        """Give our group a setting of its parent without which nobody can join it."""
        with open(f"{directory}/{name}", encoding="ascii") as parents:
            value = parents.read()
        with open(f"{directory}/{self.name}/{name}", "w", encoding="ascii") as ours:
            ours.write(value)

    def _sweep(self, directory: str) -> None:
        for name in os.listdir(directory):
            prefix, _, pid = name.rpartition("-")
            if prefix == self.name.rpartition("-")[0] and not os.path.exists(f"/proc/{pid}"):
                remove_groups(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), name)

    def remove(self) -> None:
        """Leave the groups and remove them. The box's processes must be gone."""
        for top in self.tops:
            join(top)
            remove_groups(top, self.name)
        for top in self.above:
            remove_groups(top, self.name)


def join(top: int, name: str = ".") -> None:
    """Enter the control group `name` below a directory."""
    file = os.open(f"{name}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC, dir_fd=top)
    try:
        os.write(file, b"0")
    finally:
        os.close(file)


def _own_group(controller: str) -> str:
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, group = line.rstrip("\n").split(":", 2)
            if controller in controllers.split(","):
                return group
    raise OSError(f"this machine has no control groups with the controller {controller}")


def remove_groups(top: int, name: str) -> None:
    """Remove a tree of control groups, children first. Groups that are still in use stay."""
    here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=top)
    try:
        for child in os.listdir(here):
            try:
                remove_groups(here, child)
            except NotADirectoryError:
                continue
        os.rmdir(name, dir_fd=top)
    except OSError as error:
        if error.errno == 20:  # ENOTDIR: an attribute file, left to the caller
            raise
    finally:
        os.close(here)
