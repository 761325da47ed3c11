"""The file systems of a box: root, /dev, /sys and /proc as a container engine mounts them."""

from __future__ import annotations

import os
import stat

from tests.box.control_groups import ENGINE_CONTROLLERS
from tests.box.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REMOUNT,
    bind,
    mount,
    unmount,
)

# What `docker run` shows as read-only, and what it hides.
READ_ONLY_PROC = ("bus", "fs", "irq", "sys", "sysrq-trigger")
# With their numbers from the kernel's devices.txt.
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def mount_overlay(lower: list[str], upper: str, work: str, root: str, owner: int = 0) -> None:
    """Mount the layers, topmost first, with `upper` taking the changes. The owner is the user of the root directory."""
    for directory in (upper, work, root):
        os.makedirs(directory, exist_ok=True)
    os.chown(upper, owner, owner)
    mount("overlay", root, "overlay", data=f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}")


def mount_tmpfs(target: str, options: str, owner: int = 0) -> None:
    """Mount a tmpfs. Options: its mode, and "noexec"."""
    mode, *flags = options.split(",")
    os.makedirs(target, exist_ok=True)
    no_exec = MS_NOEXEC if "noexec" in flags else 0
    mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV | no_exec, f"mode={mode},uid={owner},gid={owner}")


def mount_devices(root: str, tty: str | None, owner: int = 0) -> None:
    """Make /dev as a container engine does."""
    dev = f"{root}/dev"
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, f"mode=755,uid={owner},gid={owner}")
    for name, numbers in DEVICES.items():
        make_device(f"{dev}/{name}", f"/dev/{name}", *numbers)
    os.mkdir(f"{dev}/pts")
    mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    os.mkdir(f"{dev}/shm")
    mount("shm", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m")
    for name, target in (
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"{dev}/{name}")
    if tty is not None:
        os.close(os.open(f"{dev}/console", os.O_CREAT | os.O_WRONLY, 0o600))
        bind(tty, f"{dev}/console")


def make_device(path: str, original: str, major: int, minor: int) -> None:
    """Make the box's own device node: root in the box may change its mode and owner, and the machine's stays as it is.

    Where nodes cannot be made or opened (in a user namespace, or because of the engine's rules for devices) the
    machine's is bound read-only: it can be written to, but not changed.
    """
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        os.chmod(path, 0o666)
        if original != "/dev/tty":  # which cannot be opened without a terminal
            os.close(os.open(path, os.O_RDONLY | os.O_NOCTTY))
        return
    except PermissionError:
        if os.path.lexists(path):
            os.unlink(path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
    mount(original, path, "", MS_BIND)
    mount("", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC)


def mount_sys(root: str, control_groups: str) -> None:
    """Mount /sys read-only, with control groups as the profile says."""
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    top = f"{root}/sys/fs/cgroup"
    try:
        if control_groups in ("read-only", "writable"):
            read_only = MS_RDONLY if control_groups == "read-only" else 0
            mount("cgroup", top, "cgroup2", read_only | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        elif control_groups == "v1":
            mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755")
            os.mkdir(f"{top}/systemd")
            mount(
                "cgroup", f"{top}/systemd", "cgroup", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "none,name=systemd"
            )
            mount("", top, "", MS_REMOUNT | MS_BIND | MS_RDONLY)
        elif control_groups in ("systemd", "engine"):
            mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755")
            hierarchies = [("systemd", "cgroup", "none,name=systemd"), ("unified", "cgroup2", "")]
            if control_groups == "engine":
                hierarchies += [(name, "cgroup", name) for name in ENGINE_CONTROLLERS]
            for name, kind, data in hierarchies:
                os.mkdir(f"{top}/{name}")
                mount("cgroup", f"{top}/{name}", kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, data)
    except OSError:
        if control_groups in ("systemd", "engine"):
            raise
        mount("tmpfs", top, "tmpfs", MS_RDONLY, "mode=755")


def mount_proc(protected: bool) -> None:
    """Mount /proc of the caller's process namespace. In a container parts of it are read-only."""
    unmount("/proc")
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if protected:
        for name in READ_ONLY_PROC:
            if os.path.exists(f"/proc/{name}"):
                bind(f"/proc/{name}", f"/proc/{name}", read_only=True)
