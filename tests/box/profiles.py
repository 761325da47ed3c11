"""Places to run in: what container engines grant, and what is missing there. Each is a profile of a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Optional

from tests.box import rootfs

# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE
# SETFCAP
DOCKER_CAPABILITIES = sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
# A user and a group that no account file knows.
ARBITRARY_USER = "1000650000:0"
# Of the machine: the root of a user namespace, and its other users.
UNPRIVILEGED, SUBORDINATE = 64000, 100000


@dataclass(frozen=True)
class Profile:
    """What a container engine grants (docs/design.md, "Tests").

    ids             a user namespace: (first inside, first outside, how many) of its users and groups
    control_groups  "read-only", "writable" (version 2), "v1" (read-only), "systemd" (both, as systemd needs them),
                    "engine" (those and the controllers of version 1) or "none"
    group_limits    by controller: {"memory": bytes, "pids": processes}
    seccomp         the error of all system calls that an old engine does not know, by its name
    stdin, stdout   as in tests/box/streams.py
    first           what comes before init on the command line of PID 1, and runs it as a child
    host            what PID 1 is, and as which user, where init is started beside it
    """

    capabilities: Optional[int]  # bounding set; None means everything
    user: str = "0"
    no_new_privileges: bool = False
    read_only_root: bool = False
    ids: tuple[tuple[int, int, int], ...] = ()
    control_groups: str = "read-only"
    group_limits: tuple[tuple[str, int], ...] = ()
    seccomp: str = ""
    stdin: str = "null"
    stdout: str = "pipe"
    tmpfs: tuple[tuple[str, str], ...] = (("/run", "0755"), ("/tmp", "1777"))  # with mode, and "noexec"
    environment: tuple[tuple[str, str], ...] = (("PATH", rootfs.PATH),)
    files: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    host_user: str = "0"


_DOCKER = Profile(DOCKER_CAPABILITIES, files=(("/.dockerenv", ""),))
_READ_ONLY = replace(_DOCKER, read_only_root=True)
# restricted-v2 of OpenShift with an emptyDir on /run: an unknown user in the root group without any privilege.
_OPENSHIFT = Profile(
    capabilities=0,
    user=ARBITRARY_USER,
    no_new_privileges=True,
    tmpfs=(("/run", "0777"), ("/tmp", "1777")),
    environment=(("PATH", rootfs.PATH), ("KUBERNETES_SERVICE_HOST", "10.0.0.1")),
)

# PID 1 of a machine: it has processes of its own, reaps what falls to it, and prints each signal that it gets.
_HOST = """\
import os, signal
signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
if os.fork() == 0:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    os.execlp("sh", "sh", "-c", "sleep 98765 & exec sleep 98764")
while True:
    got = signal.sigwaitinfo(signals)
    if got.si_signo != signal.SIGCHLD:
        print("PID 1 got signal", got.si_signo, "from", got.si_pid, flush=True)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""
_BESIDE = replace(_DOCKER, files=(*_DOCKER.files, ("/host.py", _HOST)), host=("python3", "/host.py"))

PROFILES: Mapping[str, Profile] = {
    "docker": _DOCKER,
    "readonly": _READ_ONLY,
    "openshift": _OPENSHIFT,
    "full": Profile(capabilities=None, control_groups="systemd"),
    # A machine on which container engines run, with systemd as its init.
    "engine": Profile(capabilities=None, control_groups="engine"),
    # Only /dev/shm can be written to, and nobody hears us.
    "bare": replace(_READ_ONLY, tmpfs=(), control_groups="none", stdin="closed", stdout="closed"),
    "bare-user": replace(_OPENSHIFT, tmpfs=(), read_only_root=True, stdout="full"),
    "noexec": replace(_READ_ONLY, tmpfs=(("/run", "0755,noexec"), ("/tmp", "1777,noexec")), control_groups="v1"),
    # Podman as an unprivileged user, with and without lines in /etc/subuid.
    "rootless": replace(_DOCKER, ids=((0, UNPRIVILEGED, 1), (1, SUBORDINATE, 65535)), control_groups="writable"),
    "rootless-single": replace(_DOCKER, ids=((0, UNPRIVILEGED, 1),)),
    "old-engine": replace(_DOCKER, seccomp="EPERM", stdout="unread"),
    "old-engine-user": replace(_OPENSHIFT, seccomp="ENOSYS"),
    "small": replace(_DOCKER, group_limits=(("memory", 64 << 20),)),
    "few-processes": replace(_DOCKER, group_limits=(("pids", 20),)),
    # `docker run --init`, a pod with shareProcessNamespace, `docker run --pid=host`.
    "tini": replace(_DOCKER, packages=("dumb-init", "tini"), first=("tini", "--")),
    "pause": replace(_BESIDE, host_user="65535:65535"),
    "host": replace(_BESIDE, user=ARBITRARY_USER, tmpfs=_OPENSHIFT.tmpfs),
}
