"""Boxes: PID 1 in fresh namespaces over a throw-away copy of a Debian root file system, as a container engine runs it.

    with Box(packages=["nginx"]) as box:                 # ours is /usr/bin/systemctl, and PID 1
        box.run("systemctl start nginx", check=True)     # as `docker exec` does: no tty, a session of its own
        box.signal(signal.SIGTERM)
        assert box.wait() == 0
        assert "nginx" in box.console                    # what PID 1 printed

    with Box(systemd=True) as box: ...                   # the real systemd 252, with all capabilities
    with Box(init=["sleep", "infinity"]) as box: ...     # no init: a container that somebody execs into

Changes are in a tmpfs in the box's own mount namespace, so nothing is left behind, however the test ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Optional, TypeVar, Union

import psutil

from tests.box import rootfs
from tests.box.console import Console
from tests.box.profiles import DOCKER_CAPABILITIES, PROFILES, Profile

__all__ = ["DOCKER_CAPABILITIES", "PROFILES", "SYSTEMD_PACKAGES", "Box", "BoxError", "Profile"]

T = TypeVar("T")
Command = Union[str, Sequence[str]]

SYSTEMD_PACKAGES = ("systemd", "systemd-sysv", "dbus")
# A box boots in a fraction of a second; this is for busy machines.
START_TIMEOUT = 30.0
POLL_INTERVAL = 0.01
SYS_OPENAT2 = 437
RESOLVE_IN_ROOT = 0x10


class BoxError(RuntimeError):
    """The box could not be made, or PID 1 could not be executed."""


class Box:
    """One box, as a context manager: entering boots it (unless `boot=False`), leaving destroys it.

    profile         the name of one of PROFILES, or a Profile of one's own
    packages        Debian packages in the root file system
    root            layers of a root file system, topmost first, in place of those that `packages` and `ours` make
    systemd         the real systemd is PID 1 (profile "full", its packages are added); else ours is installed
    ours            whether our systemctl overwrites /usr/bin/systemctl (default: if not `systemd`)
    init            argv of PID 1; default `/usr/bin/systemctl init`, or systemd
    files           path to text: laid down before PID 1 starts, directories made as needed
    environment     for PID 1 and for commands, in addition to the profile's
    read_only_root  overrides the profile's
    tty             PID 1 gets a terminal, which is /dev/console, as with `docker run -t`
    limits          resource limits of PID 1, by their names: {"NOFILE": (1024, 1024)}
    images          path to layers: further root file systems, mounted there read-only
    """

    def __init__(
        self,
        profile: Union[str, Profile, None] = None,
        packages: Sequence[str] = (),
        init: Optional[Sequence[str]] = None,
        files: Optional[Mapping[str, str]] = None,
        systemd: bool = False,
        *,
        ours: Optional[bool] = None,
        environment: Optional[Mapping[str, str]] = None,
        read_only_root: Optional[bool] = None,
        root: Optional[Sequence[Path]] = None,
        tty: bool = False,
        limits: Optional[Mapping[str, tuple[int, int]]] = None,
        images: Optional[Mapping[str, Sequence[Path]]] = None,
        hostname: str = "box",
        boot: bool = True,
    ) -> None:
        if profile is None:
            profile = "full" if systemd else "docker"
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        if read_only_root is not None:
            self.profile = replace(self.profile, read_only_root=read_only_root)
        self.packages = [*packages, *self.profile.packages, *(SYSTEMD_PACKAGES if systemd else ())]
        self.ours = not systemd if ours is None else ours
        self._layers = root
        ours_as_init = ["/sbin/init"] if systemd else [*self.profile.first, "/usr/bin/systemctl", "init"]
        self.init = list(init or self.profile.host or ours_as_init)
        self.environment = dict(self.profile.environment)
        self.environment.update({"container": "docker"} if systemd else {"HOSTNAME": hostname})
        self.environment.update(environment or {})
        self.files = {"/etc/hostname": hostname + "\n", **dict(self.profile.files), **(files or {})}
        self.tty = tty
        self.limits = dict(limits or {})
        self.images = dict(images or {})
        self.hostname = hostname
        self.pid1 = 0  # as the host sees it; kept after its end
        self._owner = self.profile.ids[0][1] if self.profile.ids else 0  # root, as the machine sees it
        self._boot_on_enter = boot
        self._console: Optional[Console] = None
        self._status: Optional[int] = None
        self._stack = contextlib.ExitStack()
        self._events = b""

    # --- life ---

    def __enter__(self) -> Box:
        try:
            self._mount()
            for path, text in self.files.items():
                self.write(path, text)
            if self._boot_on_enter:
                self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        console = self.console if error is not None else ""
        self.close()
        if console:
            print(f"--- console of the box ---\n{console}\n--- end of the console ---")

    def _mount(self) -> None:
        if os.geteuid() != 0:
            raise BoxError("boxes need root")
        if self._layers is not None:
            lower = list(self._layers)
        else:
            lower = rootfs.layers(self.packages)
            lower = rootfs.with_ours(lower) if self.ours else lower
        # One mount point for all boxes: each covers it in its own mount namespace.
        scratch = rootfs.cache_directory() / "mount-point"
        scratch.mkdir(exist_ok=True)
        self._control, theirs = socket.socketpair()
        self._stack.callback(self._control.close)
        tty = None
        if self.tty:
            output, stdout = os.openpty()
            tty = os.ttyname(stdout)
        else:
            output, stdout = os.pipe()
            user, _, group = self.profile.user.partition(":")
            if user.isdigit():
                os.fchown(stdout, int(user) or self._owner, int(group or -1))  # as runc does
        self._terminal = output
        spec = {
            "control": theirs.fileno(),
            "scratch": str(scratch),
            "lower": [str(layer) for layer in lower],
            "hostname": self.hostname,
            "tmpfs": dict(self.profile.tmpfs),
            "tty": tty,
            "images": {path: [str(layer) for layer in layers] for path, layers in self.images.items()},
            "control_groups": self.profile.control_groups,
            "group_limits": dict(self.profile.group_limits),
            "read_only_root": self.profile.read_only_root,
            "stdin": self.profile.stdin,
            "stdout": self.profile.stdout,
            **self._identity(self.profile.host_user if self.profile.host else self.profile.user),
        }
        self._launcher = subprocess.Popen(
            [sys.executable, "-IS", str(rootfs.LAUNCH), "boot", json.dumps(spec)],
            stdin=stdout if self.tty else subprocess.DEVNULL,
            stdout=stdout,
            stderr=stdout,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        os.close(stdout)
        self._console = Console(output)
        event = self._event(START_TIMEOUT)
        if event["event"] != "mounted":
            raise BoxError(event.get("error", str(event)))
        self._groups = [f"/proc/{self._launcher.pid}/fd/{fd}" for fd in event["groups"]]
        self._root = os.open(f"/proc/{self._launcher.pid}/cwd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._stack.callback(os.close, self._root)

    def _identity(self, user: str) -> dict[str, Any]:
        return {
            "user": user,
            "capabilities": self.profile.capabilities,
            "no_new_privileges": self.profile.no_new_privileges,
            "ids": self.profile.ids,
            "seccomp": self.profile.seccomp,
            "limits": {name: list(pair) for name, pair in self.limits.items()},
        }

    def boot(self, init: Optional[Sequence[str]] = None) -> None:
        """Start PID 1, for the first time or again after its end (like `docker restart`: file systems are kept)."""
        self._status = None
        environment = dict(self.environment)
        if not self._is_systemd():
            environment.setdefault("HOME", "/root" if self.profile.user == "0" else "/")
        request = {"argv": list(init or self.init), "environment": environment}
        self._control.sendall(json.dumps(request).encode() + b"\n")
        event = self._event(START_TIMEOUT)
        if event["event"] != "started":
            raise BoxError(f"cannot execute PID 1: {event.get('error', event)}")
        self.pid1 = event["pid"]

    def _is_systemd(self) -> bool:
        return not self.ours and self.profile.control_groups in ("systemd", "engine")

    def close(self) -> None:
        """Destroy the box: kill everything in it and drop its files. This is safe at any time, also twice."""
        launcher = getattr(self, "_launcher", None)
        if launcher is not None:
            self._control.close()
            try:
                launcher.wait(START_TIMEOUT)
            except subprocess.TimeoutExpired:
                launcher.kill()
                launcher.wait()
        self._stack.close()

    def _event(self, timeout: Optional[float]) -> dict[str, Any]:
        self._control.settimeout(timeout)
        while b"\n" not in self._events:
            data = self._control.recv(1 << 16)
            if not data:
                raise BoxError(f"the box is gone\n{self.console}")
            self._events += data
        line, _, self._events = self._events.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    # --- PID 1 ---

    def signal(self, number: int) -> None:
        """Send PID 1 a signal from outside, like `docker kill --signal`."""
        os.kill(self.pid1, number)

    def wait(self, timeout: float = 30.0) -> int:
        """Exit status of PID 1 (negative: the signal that killed it). Raises TimeoutError."""
        if self._status is None:
            try:
                event = self._event(timeout)
            except socket.timeout:
                raise TimeoutError(f"PID 1 still runs after {timeout} s\n{self.console}") from None
            self._status = int(event["status"])
        return self._status

    @property
    def console(self) -> str:
        """Everything PID 1 (and what shares its output) has printed so far."""
        return self._console.text() if self._console is not None else ""

    def resize(self, columns: int) -> None:
        """Set the width of the terminal (`tty=True`), which at first has none."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        """Type on the terminal (`tty=True`)."""
        os.write(self._terminal, text.encode())

    # --- commands ---

    def run(
        self,
        command: Command,
        *,
        user: Optional[str] = None,
        timeout: float = 30.0,
        stdin: Optional[str] = None,
        environment: Optional[Mapping[str, str]] = None,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the box and wait until its output is closed; a string goes to /bin/sh.

        `user` is a name, a uid or uid:gid (default: the container's). Raises subprocess.TimeoutExpired after killing
        it, and with `check` AssertionError with its output if the exit status is not 0.
        """
        process = self.popen(
            command,
            user=user,
            environment=environment,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        result = subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
        if check and result.returncode:
            raise AssertionError(f"{command!r}: exit status {result.returncode}\n{stdout}{stderr}")
        return result

    def popen(
        self,
        command: Command,
        *,
        user: Optional[str] = None,
        environment: Optional[Mapping[str, str]] = None,
        **arguments: Any,
    ) -> subprocess.Popen[str]:
        """Start a command in the box. `arguments` are subprocess.Popen's; its `terminate()` kills the command."""
        if not os.path.exists(f"/proc/{self.pid1}/ns/pid"):
            raise BoxError(f"cannot run {command!r}: PID 1 is not there any more\n{self.console}")
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        spec = {
            "pid": self.pid1,
            "argv": argv,
            "environment": {**self.environment, **(environment or {})},
            "home": True,
            "groups": self._groups,
            **self._identity(user or self.profile.user),
        }
        arguments.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            [sys.executable, "-IS", str(rootfs.LAUNCH), "enter", json.dumps(spec)],
            text=True,
            errors="replace",
            start_new_session=True,
            cwd="/",
            **arguments,
        )

    def wait_for(self, condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
        """Wait until the condition is true and return its value. AssertionError with the console after `timeout` s."""
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what or 'the condition'} is still {value!r} after {timeout} s\n{self.console}")
            time.sleep(POLL_INTERVAL)

    def wait_said(self, text: str) -> None:
        """Wait until PID 1 has printed a text: a line comes a little later than the answer to the command that it is
        about."""
        self.wait_for(lambda: text in self.console, what=repr(text))

    def wait_booted(self, timeout: float = 30.0) -> str:
        """Wait until the manager has started everything. Returns its state: "running", "degraded" …"""
        user = self.profile.user.partition(":")[0]
        runtimes = ("/run/systemd", f"/tmp/systemctl-{user}", f"/dev/shm/systemctl-{user}")
        sockets = ("/run/systemd/private", *(f"{runtime}/systemctl-replacement.socket" for runtime in runtimes))
        self.wait_for(lambda: any(map(self.exists, sockets)), timeout, "the manager's socket")

        def state() -> str:
            # A socket may be left over from before a restart of the container.
            text = self.run("systemctl is-system-running --wait", timeout=timeout).stdout.strip()
            return "" if text == "offline" else text

        return self.wait_for(state, timeout, "the manager's state")

    def limit_processes(self, number: int) -> None:
        """Change how many processes there may be, in a profile that has such a limit."""
        (group,) = self._groups
        Path(group, "pids.max").write_text(str(number))

    # --- processes, as the host sees them ---

    def processes(self) -> list[psutil.Process]:
        """Every process of the box, including zombies, PID 1 first."""
        try:
            namespace = os.stat(f"/proc/{self.pid1}/ns/pid").st_ino
        except FileNotFoundError:
            return []
        found = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                # (Ask nothing else about all of them: beside other tests there are thousands.)
                if os.stat(f"/proc/{pid}/ns/pid").st_ino == namespace:
                    found.append(psutil.Process(pid))
        return sorted(found, key=lambda process: (process.pid != self.pid1, process.pid))

    def inner_pid(self, process: psutil.Process) -> int:
        """The pid that a process of the box has inside."""
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
        raise psutil.NoSuchProcess(process.pid)

    def process(self, inner_pid: int) -> psutil.Process:
        """The process with this pid inside the box. Raises psutil.NoSuchProcess."""
        for process in self.processes():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                if self.inner_pid(process) == inner_pid:
                    return process
        raise psutil.NoSuchProcess(inner_pid)

    def find(self, text: str) -> list[psutil.Process]:
        """The processes whose command line contains a text."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if text in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def sole(self, text: str) -> psutil.Process:
        """The only process whose command line contains a text. Waits until it is: what was forked off it has the same
        command line until it executes something."""
        self.wait_for(lambda: len(self.find(text)) == 1, what=f"the number of processes with {text!r} being one")
        return self.find(text)[0]

    # --- files: paths are the box's, also where they lead over absolute symbolic links ---

    def read(self, path: str) -> str:
        """The text of a file, also after PID 1 has ended. Raises the OSErrors of open."""
        with os.fdopen(self._open(path, os.O_RDONLY), "rb") as file:
            return file.read().decode(errors="replace")

    def exists(self, path: str) -> bool:
        """Whether something exists at the path, following symbolic links."""
        try:
            os.close(self._open(path, os.O_PATH))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def list_directory(self, path: str) -> list[str]:
        """The names in a directory, sorted."""
        descriptor = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file and create its directories. It is executable if the text begins with `#!`."""
        directory, _, name = path.rpartition("/")
        parent = self._make_directories(directory)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            mode = 0o755 if text.startswith("#!") and mode == 0o644 else mode
            with os.fdopen(os.open(name, flags, mode, dir_fd=parent), "wb") as file:
                os.fchmod(file.fileno(), mode)
                if self._owner:
                    os.fchown(file.fileno(), self._owner, self._owner)
                file.write(text.encode(errors="surrogateescape"))
        finally:
            os.close(parent)

    def symlink(self, target: str, path: str) -> None:
        """Create a symbolic link and its directories."""
        directory, _, name = path.rpartition("/")
        parent = self._make_directories(directory)
        try:
            os.symlink(target, name, dir_fd=parent)
        finally:
            os.close(parent)

    def _make_directories(self, path: str) -> int:
        walked = "/"
        parent = self._open(walked, os.O_PATH | os.O_DIRECTORY)
        for name in path.strip("/").split("/"):
            if not name:
                continue
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
                os.chown(name, self._owner, self._owner, dir_fd=parent)
            os.close(parent)
            walked = f"{walked.rstrip('/')}/{name}"
            parent = self._open(walked, os.O_PATH | os.O_DIRECTORY)
        return parent

    def _open(self, path: str, flags: int) -> int:
        """openat2(2) with the box's root as the root, because an absolute link must not lead to the host's files."""
        how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT)
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor: int = libc.syscall(SYS_OPENAT2, self._root, path.encode(), ctypes.byref(how), ctypes.sizeof(how))
        if descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
        return descriptor
