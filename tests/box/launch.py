"""The part of the box harness that runs in the namespaces.

A container engine in miniature, run as a script (`python3 -IS launch.py MODE SPEC`) because it has to live between
the host and the box. It keeps the mount namespace alive, so that files can be read after PID 1 has gone, and it takes
everything down with it when the test process dies. Modes:

`boot`     prepare namespaces and mounts, then run PID 1 as often as asked; speaks JSON lines on the control socket
`enter`    run a command inside a running box, like `docker exec`
`build`    run commands in a chroot whose changes end up in a directory: a layer of a root file system

Nothing may be imported after the root has been changed.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import resource
import select
import signal
import socket
import stat
import struct
import sys
import traceback
from typing import Any, NoReturn

libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 1, 24, 38, 47, 4
LAST_CAPABILITY = 40
SYS_CLONE = {"x86_64": 56, "aarch64": 220}
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

# What `docker run` shows as read-only, and what it hides.
READ_ONLY_PROC = ("bus", "fs", "irq", "sys", "sysrq-trigger")
# With their numbers from the kernel's devices.txt.
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def check(result: int, what: str) -> int:
    """Turn libc's -1 into an OSError that says what was attempted."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    what = f"mount {kind} {source} on {target} ({data})"
    check(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()), what)


def bind(source: str, target: str, read_only: bool = False) -> None:
    """Bind-mount one file or tree."""
    mount(source, target, "", MS_BIND | MS_REC)
    if read_only:
        mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def unmount(target: str) -> None:
    """Detach whatever is mounted there, if anything."""
    libc.umount2(target.encode(), MNT_DETACH)


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(libc.unshare(flags), f"unshare {flags:#x}")


def pivot_root(new_root: str) -> None:
    """Make a mount point the root of this mount namespace and detach the old root."""
    os.chdir(new_root)
    check(libc.syscall(SYS_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def loopback_up() -> None:
    """Set `lo` up, because it is down in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


def limit_capabilities(mask: int | None) -> None:
    """Limit the capabilities that a process of the box has and can ever get to `mask` (None: everything)."""
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if mask is None:
        return
    for capability in range(LAST_CAPABILITY + 1):
        if not mask >> capability & 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def reduce_to(mask: int) -> None:
    """Give up every capability that is not in `mask`, and let none be inherited."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("Ii", 0x20080522, 0)
    check(libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)), "capset")


def look_up_user(user: str) -> tuple[int, int, list[int], str]:
    """uid, gid, supplementary groups and home of "name", "uid" or "uid:gid", from the box's own files."""
    name, _, group = user.partition(":")
    uid, gid, home = -1, -1, "/"
    for line in _lines("/etc/passwd"):
        fields = line.split(":")
        if len(fields) >= 6 and name in (fields[0], fields[2]):
            name, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
            break
    if uid < 0:
        if not name.isdigit():
            raise LookupError(f"no user {name!r} in the box")
        uid, gid = int(name), 0
    if group:
        return uid, int(group), [], home
    groups = [line.split(":") for line in _lines("/etc/group")]
    members = [int(fields[2]) for fields in groups if len(fields) >= 4 and name in fields[3].strip().split(",")]
    return uid, gid, members, home


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def become(spec: dict[str, Any]) -> None:
    """Become a process of the container: user, capabilities, limits, signals, and dying with the parent."""
    uid, gid, groups, home = look_up_user(spec.get("user") or "0")
    for name, (soft, hard) in spec.get("limits", {}).items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (soft, hard))
    mask = spec.get("capabilities")
    limit_capabilities(mask)
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    if uid != 0:
        os.setresuid(uid, uid, uid)  # takes all capabilities away
    elif mask is not None:
        reduce_to(mask)
    if spec.get("no_new_privileges"):
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if spec.get("home"):
        spec["environment"].setdefault("HOME", home)
    os.umask(0o022)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # last, because a change of credentials clears it


def execute(argv: list[str], environment: dict[str, str]) -> NoReturn:
    """exec, with the program looked up in the PATH of its own environment."""
    if "/" in argv[0]:
        os.execve(argv[0], argv, environment)
    for directory in environment.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":"):
        try:
            os.execve(f"{directory}/{argv[0]}", argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(f"{argv[0]}: not found in PATH")


class ControlGroups:
    """Give the box its own control group in systemd's named hierarchy and in the unified one, where they exist.

    Boxes run side by side: without this two systemds would share /system.slice. Empty groups that a killed harness
    left behind are removed by the next one.
    """

    HIERARCHIES = (("cgroup", "none,name=systemd"), ("cgroup2", ""))

    def __init__(self, scratch: str) -> None:
        self.name = f"systemctl-replacement-box-{os.getpid()}"
        self.tops: list[int] = []
        for number, (kind, data) in enumerate(self.HIERARCHIES):
            directory = f"{scratch}/cgroup{number}"
            os.mkdir(directory)
            try:
                mount(kind, directory, kind, data=data)
            except OSError:
                continue
            self.tops.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._sweep(directory)
            os.mkdir(f"{directory}/{self.name}")
            self._join(self.tops[-1], f"{self.name}/cgroup.procs")

    def _join(self, top: int, procs: str) -> None:
        file = os.open(procs, os.O_WRONLY | os.O_CLOEXEC, dir_fd=top)
        try:
            os.write(file, b"0")
        finally:
            os.close(file)

    def _sweep(self, directory: str) -> None:
        for name in os.listdir(directory):
            prefix, _, pid = name.rpartition("-")
            if prefix == self.name.rpartition("-")[0] and not os.path.exists(f"/proc/{pid}"):
                remove_groups(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), name)

    def remove(self) -> None:
        """Leave the groups and remove them. The box's processes must be gone."""
        for top in self.tops:
            self._join(top, "cgroup.procs")
            remove_groups(top, self.name)


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


def mount_overlay(lower: list[str], upper: str, work: str, root: str) -> None:
    """Mount the layers, topmost first, with `upper` taking the changes."""
    for directory in (upper, work, root):
        os.makedirs(directory, exist_ok=True)
    mount("overlay", root, "overlay", data=f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}")


def mount_devices(root: str, tty: str | None) -> None:
    """Make /dev as a container engine does."""
    dev = f"{root}/dev"
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755")
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
    """Mount /sys read-only, with control groups as the profile says: "read-only", "systemd" or "none"."""
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    top = f"{root}/sys/fs/cgroup"
    try:
        if control_groups == "read-only":
            mount("cgroup", top, "cgroup2", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        elif control_groups == "systemd":
            mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755")
            for name, kind, data in (("systemd", "cgroup", "none,name=systemd"), ("unified", "cgroup2", "")):
                os.mkdir(f"{top}/{name}")
                mount("cgroup", f"{top}/{name}", kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, data)
    except OSError:
        if control_groups == "systemd":
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


def boot(spec: dict[str, Any], control: socket.socket) -> None:
    """Prepare the box, then run PID 1 whenever told to; return when the other end of the control socket is closed."""
    unshare(CLONE_NEWNS)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    scratch = spec["scratch"]
    mount("box", scratch, "tmpfs", 0, "mode=755")
    groups = ControlGroups(scratch)
    try:
        unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)
        socket.sethostname(spec["hostname"])
        loopback_up()
        root = f"{scratch}/root"
        mount_overlay(spec["lower"], f"{scratch}/upper", f"{scratch}/work", root)
        for target, mode in spec["tmpfs"].items():
            os.makedirs(root + target, exist_ok=True)
            mount("tmpfs", root + target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")
        mount_devices(root, spec.get("tty"))
        mount_sys(root, spec["control_groups"])
        os.chdir(root)
        serve(spec, control)
    finally:
        groups.remove()


def serve(spec: dict[str, Any], control: socket.socket) -> None:
    """Serve the control socket: "boot" starts PID 1, whose end is reported. Before that, files are laid down."""
    say(control, {"event": "mounted"})
    root = os.getcwd()
    buffer, child, watch, pivoted = b"", 0, -1, False
    while True:
        ready, _, _ = select.select([control] + ([watch] if watch >= 0 else []), [], [])
        if watch in ready:
            status = os.waitpid(child, 0)[1]
            os.close(watch)
            watch, child = -1, 0
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            say(control, {"event": "exited", "status": code})
        if control in ready:
            data = control.recv(1 << 16)
            if not data:
                break
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                request = json.loads(line)
                if not pivoted:
                    pivot_root(root)
                    if spec["read_only_root"]:
                        mount("", "/", "", MS_REMOUNT | MS_BIND | MS_RDONLY)
                    pivoted = True
                child, error = start_first_process({**spec, **request})
                if error:
                    os.waitpid(child, 0)
                    child = 0
                    say(control, {"event": "failed", "error": error})
                else:
                    watch = os.pidfd_open(child)
                    say(control, {"event": "started", "pid": child})
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def say(control: socket.socket, message: dict[str, Any]) -> None:
    """Send a message to the harness, which may have gone."""
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        pass


def start_first_process(spec: dict[str, Any]) -> tuple[int, str]:
    """Start PID 1 in a new process namespace. Returns its pid as seen here, and why it could not be executed, or ""."""
    reading, writing = os.pipe()
    # Not unshare() and fork(), which a process can do only once, while a box can be booted again.
    child = check(libc.syscall(SYS_CLONE[platform.machine()], CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0), "clone")
    if child == 0:
        try:
            os.setsid()
            if spec.get("tty"):
                fcntl.ioctl(0, 0x540E, 0)  # TIOCSCTTY
            mount_proc(protected=True)
            become(spec)
            execute(spec["argv"], spec["environment"])
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
            os._exit(127)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as errors:
        return child, errors.read()


def enter(spec: dict[str, Any]) -> NoReturn:
    """Join the box of a PID 1 and run a command there. We end in the same way as the command."""
    namespaces = [
        os.open(f"/proc/{spec['pid']}/ns/{name}", os.O_RDONLY) for name in ("cgroup", "ipc", "uts", "net", "pid", "mnt")
    ]
    for namespace in namespaces:
        check(libc.setns(namespace, 0), "setns")
        os.close(namespace)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.chdir("/")
            become(spec)
            execute(spec["argv"], spec["environment"])
        except BaseException as error:
            os.write(2, f"cannot run {spec['argv'][0]} in the box: {error}\n".encode())
            os._exit(127)
    # It must not die itself: nobody in the box would reap the command, and a box cannot end before that.
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, signal.SIGKILL))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # Only the command may hold the caller's descriptors, otherwise its end would not be seen.
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def build(spec: dict[str, Any]) -> NoReturn:
    """Run commands as root in the layers `lower`, with the host's network. The changes go to `upper`."""
    unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
    child = check(libc.syscall(SYS_CLONE[platform.machine()], CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0), "clone")
    if child:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        status = os.waitpid(child, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    root = spec["root"]
    if spec["lower"]:
        mount_overlay(spec["lower"], spec["upper"], spec["work"], root)
    else:
        mount(root, root, "", MS_BIND)
    for directory, source in spec["binds"].items():
        target = root + directory
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        bind(source, target)
    mount_devices(root, None)
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    pivot_root(root)
    mount_proc(protected=False)
    os.setsid()
    for argv in spec["commands"]:
        pid = os.fork()
        if pid == 0:
            try:
                become(spec)
                execute(argv, spec["environment"])
            except BaseException:
                traceback.print_exc()
                os._exit(127)
        status = 1
        while True:  # as PID 1 of the namespace: reap daemons left by maintainer scripts
            reaped, state = os.wait()
            if reaped == pid:
                status = os.WEXITSTATUS(state) if os.WIFEXITED(state) else 128 + os.WTERMSIG(state)
                break
        if status:
            os._exit(status)
    os._exit(0)


def main() -> None:
    """Dispatch on the mode."""
    mode, spec = sys.argv[1], json.loads(sys.argv[2])
    if mode == "boot":
        control = socket.socket(fileno=spec["control"])
        os.set_inheritable(control.fileno(), False)
        try:
            boot(spec, control)
        except Exception:
            say(control, {"event": "failed", "error": traceback.format_exc()})
            sys.exit(1)
    elif mode == "enter":
        enter(spec)
    else:
        build(spec)


if __name__ == "__main__":
    main()
