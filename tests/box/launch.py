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

import fcntl
import json
import os
import platform
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from typing import Any, NoReturn

if not __package__:
    sys.path.insert(0, __file__.rpartition("/tests/box/")[0])

from tests.box import streams, user_namespace
from tests.box.control_groups import ENGINE_CONTROLLERS, ControlGroups, join
from tests.box.identity import become, execute
from tests.box.kernel import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    MS_BIND,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_SET_PDEATHSIG,
    SYS_CLONE,
    bind,
    check,
    libc,
    mount,
    pivot_root,
    unshare,
)
from tests.box.mounts import mount_devices, mount_overlay, mount_proc, mount_sys, mount_tmpfs


def loopback_up() -> None:
    """Set `lo` up, because it is down in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


def boot(spec: dict[str, Any], control: socket.socket) -> None:
    """Prepare the box, then run PID 1 whenever told to; return when the other end of the control socket is closed."""
    unshare(CLONE_NEWNS)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    scratch = spec["scratch"]
    mount("box", scratch, "tmpfs", 0, "mode=755")
    controllers = ENGINE_CONTROLLERS if spec["control_groups"] == "engine" else ()
    groups = ControlGroups(scratch, spec["group_limits"], controllers)
    try:
        unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)
        socket.sethostname(spec["hostname"])
        loopback_up()
        root, lower, ids = f"{scratch}/root", spec["lower"], spec["ids"]
        owner = ids[0][1] if ids else 0
        if ids:
            lower = user_namespace.shift(lower, ids, scratch)
        mount_overlay(lower, f"{scratch}/upper", f"{scratch}/work", root, owner)
        for target, options in spec["tmpfs"].items():
            mount_tmpfs(root + target, options, owner)
        for target, layers in spec["images"].items():
            os.makedirs(root + target)
            mount("overlay", root + target, "overlay", MS_RDONLY, f"lowerdir={':'.join(layers)}")
        mount_devices(root, spec.get("tty"), owner)
        mount_sys(root, spec["control_groups"])
        os.chdir(root)
        spec["namespace"] = user_namespace.make(ids) if ids else -1
        spec["groups"] = groups.limited
        spec["output"] = streams.make_output(spec["stdout"])
        serve(spec, control)
    finally:
        groups.remove()


def serve(spec: dict[str, Any], control: socket.socket) -> None:
    """Serve the control socket: "boot" starts PID 1, whose end is reported. Before that, files are laid down."""
    say(control, {"event": "mounted", "groups": spec["groups"]})
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
            for group in spec["groups"]:
                join(group)
            streams.replace(spec["stdin"], spec["output"])
            if spec["namespace"] >= 0:
                user_namespace.join(spec["namespace"])
                unshare(CLONE_NEWNET)  # so that it is the namespace's own, whose root may use all ports
                loopback_up()
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
    users = os.open(f"/proc/{spec['pid']}/ns/user", os.O_RDONLY) if spec["ids"] else -1
    groups = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in spec["groups"]]
    for namespace in namespaces:
        check(libc.setns(namespace, 0), "setns")
        os.close(namespace)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.chdir("/")
            for group in groups:
                join(group)
            if users >= 0:
                user_namespace.join(users)
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
    for place, source in {**spec["binds"], **spec["shown"]}.items():
        target = root + place
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        bind(source, target, read_only=place in spec["shown"])
    mount_devices(root, None)
    mount_tmpfs(f"{root}/run", "755")
    mount_tmpfs(f"{root}/tmp", "1777")
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
