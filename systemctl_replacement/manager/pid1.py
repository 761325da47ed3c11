"""What a manager owes the system it runs: signals, runtime files, children; as PID 1, and as a subreaper elsewhere.

The table of signals is the container contract (docs/container.md).
"""

from __future__ import annotations

import os
import stat

from systemctl_replacement import signals, syscalls
from systemctl_replacement.manager import leftovers
from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.signals import SIGCHLD, SIGHUP, SIGINT, SIGPWR, SIGQUIT, SIGRTMIN, SIGTERM, SIGUSR2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Mount = dict[str, str]


# Signal -> (what to do, with what).
ACTIONS: dict[int, tuple[str, str]] = {
    SIGCHLD: ("reap", ""),
    SIGTERM: ("halt", "poweroff"),
    SIGINT: ("halt", "poweroff"),
    SIGQUIT: ("halt", "poweroff"),  # the STOPSIGNAL that images inherit from those of nginx and php-fpm
    SIGPWR: ("halt", "poweroff"),
    SIGRTMIN + 3: ("halt", "halt"),
    SIGRTMIN + 4: ("halt", "poweroff"),
    SIGRTMIN + 5: ("halt", "reboot"),
    SIGRTMIN + 6: ("halt", "kexec"),
    SIGRTMIN + 13: ("force", "halt"),
    SIGRTMIN + 14: ("force", "poweroff"),
    SIGRTMIN + 15: ("force", "reboot"),
    SIGRTMIN + 16: ("force", "kexec"),
    SIGHUP: ("reload", ""),
    SIGRTMIN + 25: ("reexecute", ""),
    SIGUSR2: ("dump", ""),
    SIGRTMIN + 0: ("isolate", "default.target"),
    SIGRTMIN + 1: ("isolate", "rescue.target"),
    SIGRTMIN + 2: ("isolate", "emergency.target"),
    SIGRTMIN + 20: ("show-status", "yes"),
    SIGRTMIN + 21: ("show-status", "no"),
    SIGRTMIN + 22: ("log-level", "debug"),
    SIGRTMIN + 23: ("log-level", ""),
}


# What of it ends the manager.
HALTING = ("halt", "force")


def signal_name(number: int) -> str:
    """How a log line names a signal."""
    return f"SIG{signals.name(number)}"


def become_the_systems_manager(runtime: str, environment: Mapping[str, str]) -> None:
    """What PID 1 sets up before the first service starts: the directory that says systemd is there, the name of the
    container's engine, a place for locks; and what `docker restart` left of an earlier life is cleared."""
    leftovers.clear_run(leftovers.before_this_life())
    make_runtime_files(runtime, environment)
    _make_lock_directory("/run/lock")


def _make_lock_directory(path: str) -> None:
    """What /var/lock leads to; an engine that mounts a tmpfs on /run hides the image's. Open to everybody, as Debian's
    systemd makes it; where a distribution wants it otherwise, its tmpfiles.d(5) say so."""
    try:
        os.mkdir(path)
        os.chmod(path, 0o1777)
    except OSError:
        return  # it is there, or /run is not ours to write


def make_runtime_files(runtime: str, environment: Mapping[str, str]) -> None:
    """What says that systemd is there, and in what container (sd_booted(3)). OSError."""
    try:
        os.makedirs(f"{runtime}/system", mode=0o755, exist_ok=True)
        engine = environment.get("container", "")
        if engine:
            with open(f"{runtime}/container", "w", encoding="utf-8") as file:
                file.write(engine)
    except OSError as error:
        raise OSError(error.errno, f"Cannot write below {runtime}: {error.strerror}") from error


def clear_sockets(runtime: str) -> None:
    """Remove notify sockets of a manager that is gone."""
    for path in syscalls.glob(f"{runtime}/notify/*"):
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                os.unlink(path)
        except OSError:
            continue  # what we may not remove is not ours to worry about


def raise_descriptor_limit() -> None:
    """Open as many descriptors as the hard limit allows: every unit needs a few."""
    _soft, hard = syscalls.get_limit("NOFILE")
    syscalls.set_limit("NOFILE", hard, hard)


def boot_id(on_demand: bool) -> str:
    """A new one for a new boot. Managers on demand, which come and go, share one: that of PID 1's life."""
    first = read_stat(1) if on_demand else None
    if first is None:
        return os.urandom(16).hex()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{file.read().replace('-', ''):.16}{first[3]:016x}"


# What systemd knows containers by, as ConditionVirtualization= and the property Virtualization name them.
_ENGINES = (
    "systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch",
)  # fmt: skip


def container_engine(root: str, environment: Mapping[str, str]) -> str:
    """What runs this container, as systemd names it: by $container, or by its marker file; "" outside of one."""
    told = environment.get("container", "")
    if told and told != "oci":  # which is the name of no engine: some images carry it
        return told if told in _ENGINES else "container-other"
    if os.path.exists(f"{root}/run/.containerenv"):
        return "podman"
    if os.path.exists(f"{root}/.dockerenv"):
        return "docker"
    return "container-other" if told or "KUBERNETES_SERVICE_HOST" in environment else ""


# What every system has mounted before its manager runs: no units, for systemd either.
_KERNEL_MOUNTS = frozenset(
    (
        "/proc", "/sys", "/dev", "/dev/shm", "/dev/pts", "/run", "/sys/fs/cgroup", "/sys/fs/pstore", "/sys/fs/bpf",
        "/sys/kernel/security", "/sys/fs/smackfs", "/sys/firmware/efi/efivars", "/sys/fs/selinux", "/dev/console",
        "/proc/kmsg", "/proc/sys", "/proc/sys/kernel/random/boot_id",
    )
)  # fmt: skip


def mounted_units() -> dict[str, Mount]:
    """The mount units of what the kernel has mounted, each with its settings: Where, What, Type, Options (proc(5))."""
    from systemctl_replacement.unitfile.names import escape_path

    found: dict[str, Mount] = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            place, _, source = line.rstrip("\n").partition(" - ")
            point, options = (_unescape_octal(text) for text in place.split(" ")[4:6])
            kind, what, superblock = (_unescape_octal(text) for text in source.split(" ")[:3])
            try:
                name = f"{escape_path(point)}.mount"
            except ValueError:
                continue  # a mount point that no unit can be named after
            if point in _KERNEL_MOUNTS or point.startswith("/sys/fs/cgroup/"):
                continue
            found[name] = {"Where": point, "What": what, "Type": kind, "Options": _all_options(options, superblock)}
    return found


def _all_options(mount: str, superblock: str) -> str:
    """The options of a mount and of its file system as one list, `rw` or `ro` once."""
    return ",".join(dict.fromkeys((mount + "," + superblock).split(",")))


def _unescape_octal(text: str) -> str:
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text


# Variables that are meant for init alone.
_OURS = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def inherited_environment() -> dict[str, str]:
    """The environment init was given, less what is meant for init alone."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}
