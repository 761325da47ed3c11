"""What a manager does for the system it runs, as PID 1 or as a subreaper elsewhere: signals, runtime files, limits.

The table of signals is the container contract (docs/container.md).
"""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement import signals, syscalls
from systemctl_replacement.manager import credentials, leftovers
from systemctl_replacement.manager.engine import machine_id, run_directory
from systemctl_replacement.process.descendants import read_stat
from systemctl_replacement.signals import SIGCHLD, SIGHUP, SIGINT, SIGPWR, SIGQUIT, SIGRTMIN, SIGTERM, SIGUSR2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from systemctl_replacement.paths import Paths


# Signal -> (action, argument).
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


# The actions that end the manager.
HALTING = ("halt", "force")


def signal_name(number: int) -> str:
    """The name of a signal in log lines."""
    return f"SIG{signals.name(number)}"


def become_the_systems_manager(places: Paths, environment: Mapping[str, str]) -> None:
    """Set up what PID 1 owes the first service: the directory that says that systemd runs, the name of
    the container's engine and the credentials that it passes, a machine id, a place for locks. Also clear what an
    earlier life before a `docker restart` has left."""
    before = leftovers.before_this_life()
    leftovers.clear_run(before, environment.get("NOTIFY_SOCKET", ""))  # it is the engine's
    secrets = places.credentials_directory()
    credentials.clear(secrets, before)
    make_runtime_files(places.runtime, environment)
    credentials.link_received(secrets, environment)
    machine_id.set_up(environment)
    _make_lock_directory("/run/lock")


def _make_lock_directory(path: str) -> None:
    """Make the target of /var/lock; a tmpfs on /run hides the image's. It is open to everybody, as Debian's
    systemd makes it. If a distribution wants another mode, its tmpfiles.d(5) say so."""
    try:
        os.mkdir(path)
        os.chmod(path, 0o1777)
    except OSError:
        return  # it exists, or we may not write to /run


def make_runtime_files(runtime: str, environment: Mapping[str, str]) -> None:
    """Make what says that systemd runs, and in which container (sd_booted(3)). OSError, unless the disk is full: who
    boots nevertheless can be asked what has filled it."""
    try:
        os.makedirs(f"{runtime}/system", mode=0o755, exist_ok=True)
        engine = environment.get("container", "")
        if engine:
            with open(f"{runtime}/container", "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(engine + "\n")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return
        raise OSError(error.errno, f"Cannot write below {runtime}: {error.strerror}") from error


def clear_sockets(runtime: str) -> None:
    """Remove notify sockets of a manager that is gone."""
    for path in syscalls.glob(f"{runtime}/notify/*"):
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                os.unlink(path)
        except OSError:
            continue  # what we may not remove does not matter to us


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the hard limit permits, because every unit needs a few."""
    _soft, hard = syscalls.get_limit("NOFILE")
    syscalls.set_limit("NOFILE", hard, hard)


def boot_id(on_demand: bool) -> str:
    """A new id for a new boot. Managers on demand, which come and go, share the id of PID 1's life."""
    first = read_stat(1) if on_demand else None
    if first is None:
        return os.urandom(16).hex()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{file.read().replace('-', ''):.16}{first[3]:016x}"


# systemd's names of container engines, as in ConditionVirtualization= and the property Virtualization.
_ENGINES = (
    "systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch",
)  # fmt: skip


def container_engine(root: str, environment: Mapping[str, str]) -> str:
    """The container's engine in systemd's words, by what it says of itself or its marker file. "" outside of a
    container."""
    told = run_directory.told_by_engine("container-manager", root) or environment.get("container", "")
    if told and told != "oci":  # no engine has this name, but some images set it
        return told if told in _ENGINES else "container-other"
    if os.path.exists(f"{root}/run/.containerenv"):
        return "podman"
    if os.path.exists(f"{root}/.dockerenv"):
        return "docker"
    return "container-other" if told or "KUBERNETES_SERVICE_HOST" in environment else ""


# Variables for init alone.
_OURS = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def inherited_environment() -> dict[str, str]:
    """The environment of init, without what is meant for init alone."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}
