"""Real engines: podman with runc, runc alone, and systemd-nspawn.

They run on a machine of their own (a box whose init is the real systemd), so that nothing of theirs is installed on
this one or left behind: containers, mounts, control groups and storage go with the box. Container engines differ in
their words; a `Container` says the same things to each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, TypeVar

from tests.box import rootfs
from tests.box.console import Console
from tests.box.harness import SYSTEMD_PACKAGES, Box

T = TypeVar("T")
# Its threads never end: what runs in a box dies with the thread that has started it.
_POOL = ThreadPoolExecutor(4)
INIT = ("/usr/bin/systemctl", "init")
IMAGE = "/images/servers"
DEFAULTS = """\
[containers]
log_driver = "k8s-file"
netns = "none"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
"""
STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "/run/storage"\nrunroot = "/run/storage-run"\n'


def machine(images: Mapping[str, Sequence[Path]]) -> Box:
    """The machine with the engines, and these images. `IMAGE` on it has nginx, redis and PostgreSQL, and us as
    /usr/bin/systemctl.
    """
    files = {"/etc/containers/containers.conf": DEFAULTS, "/etc/containers/storage.conf": STORAGE}
    servers = rootfs.with_ours(rootfs.layers(rootfs.SERVERS))
    packages = [name for name in rootfs.ENGINES if name not in SYSTEMD_PACKAGES]
    return Box("engine", packages, systemd=True, files=files, images={IMAGE: servers, **images})


@dataclass
class Container(ABC):
    """A container that an engine runs. The engine's own words for it are in the subclasses."""

    machine: Box
    name: str
    init: Sequence[str] = INIT
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    image: str = IMAGE
    options: Sequence[str] = ()  # of podman
    limits: Mapping[str, object] = field(default_factory=dict)  # of runc: "resources" of its configuration

    def __post_init__(self) -> None:
        """Give it a root file system of its own."""
        self.root = f"/run/roots/{self.name}/root"
        directory = os.path.dirname(self.root)
        self.machine.run(
            f"mkdir -p {directory}/upper {directory}/work {self.root} && mount -t overlay overlay "
            f"-o lowerdir={self.image},upperdir={directory}/upper,workdir={directory}/work {self.root}",
            check=True,
        )
        for path, text in self.files.items():
            self.machine.write(self.root + path, text)

    @abstractmethod
    def start(self) -> None:
        """Start it, for the first time or again."""

    @abstractmethod
    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as `docker exec` does."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send its PID 1 a signal, as `docker kill -s` does."""

    @abstractmethod
    def wait(self) -> int:
        """Its exit status, as the engine reports it."""

    @property
    @abstractmethod
    def logs(self) -> str:
        """What it has printed."""

    def read(self, path: str) -> str:
        """The text of a file in it."""
        return self.machine.read(self.root + path)

    def wait_booted(self) -> str:
        """The state of the system when everything has been started."""

        def state() -> str:
            text = self.run("systemctl is-system-running --wait").stdout.strip()
            return "" if text == "offline" else text

        return self.wait_for(state, "the manager's state")

    def wait_for(self, condition: Callable[[], T], what: str) -> T:
        """Wait until the condition is true and return its value. AssertionError with the container's logs otherwise."""
        try:
            return self.machine.wait_for(condition, 30, what)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.logs}") from None


C = TypeVar("C", bound=Container)


def together(action: Callable[[C], T], containers: Iterable[C]) -> list[T]:
    """Do the same with containers at the same time, because engines take a second for each."""
    return list(_POOL.map(action, containers))


class Podman(Container):
    """`podman run --rootfs`."""

    _made = False

    def podman(self, *words: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run podman on the machine."""
        return self.machine.run(["podman", "--log-level=error", *words], check=check, timeout=timeout)

    def start(self) -> None:
        """`podman run -d`, later `podman start`."""
        if self._made:
            self.podman("start", self.name)
            return
        environment = [f"--env={name}={value}" for name, value in self.environment.items()]
        tty = ["--tty"] if self.tty else []
        words = ["--name", self.name, *tty, *environment, *self.options, "--rootfs", self.root, *self.init]
        self.podman("run", "--detach", *words)
        self._made = True

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """`podman exec`."""
        return self.podman("exec", self.name, "sh", "-c", command, check=False)

    def signal(self, number: int) -> None:
        """`podman kill -s`."""
        self.podman("kill", "--signal", str(number), self.name)

    def stop(self, seconds: Optional[int] = None) -> None:
        """`podman stop`."""
        self.podman("stop", *([] if seconds is None else ["--time", str(seconds)]), self.name)

    def restart(self) -> None:
        """`podman restart`."""
        self.podman("restart", self.name)

    def wait(self) -> int:
        """`podman wait`, and what `podman inspect` says too."""
        inspect = "podman inspect --format '{{.State.ExitCode}}'"
        both = self.machine.run(f"podman wait {self.name} && {inspect} {self.name}", check=True).stdout.split()
        assert both[0] == both[1]
        return int(both[0])

    @property
    def logs(self) -> str:
        """`podman logs`."""
        shown = self.podman("logs", self.name, check=False)
        return shown.stdout + shown.stderr


class InForeground(Container):
    """An engine that stays in the foreground as long as the container runs."""

    process: Optional[subprocess.Popen[str]] = None
    _console: Optional[Console] = None
    _terminal = -1

    def _run(self, argv: Sequence[str]) -> None:
        output, theirs = os.openpty() if self.tty else os.pipe()
        stdin = theirs if self.tty else subprocess.DEVNULL
        self.process = self.machine.popen(argv, stdin=stdin, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._terminal = output
        self._console = Console(output)

    def type(self, text: str) -> None:
        """Type on the terminal."""
        os.write(self._terminal, text.encode())

    def wait(self) -> int:
        """The exit status of the engine's program."""
        assert self.process is not None
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs\n{self.logs}") from None

    @property
    def logs(self) -> str:
        """What the engine's program has printed."""
        return self._console.text() if self._console is not None else ""


class Runc(InForeground):
    """`runc run`."""

    def start(self) -> None:
        """`runc run` with the configuration that `runc spec` proposes, and what podman grants besides."""
        bundle = os.path.dirname(self.root)
        self.machine.run(f"cd {bundle} && rm -f config.json && runc spec", check=True)
        self.machine.write(f"{bundle}/config.json", json.dumps(self._configuration(f"{bundle}/config.json")))
        self._run(["runc", "run", "--bundle", bundle, self.name])
        self.wait_for(self._runs, "the container")

    def _runs(self) -> bool:
        return '"status": "running"' in self.machine.run(["runc", "state", self.name]).stdout

    def _configuration(self, path: str) -> dict[str, Any]:
        configuration: dict[str, Any] = json.loads(self.machine.read(path))
        process = configuration["process"]
        process["terminal"] = self.tty
        process["args"] = list(self.init)
        process["env"] = [f"PATH={rootfs.PATH}", *(f"{name}={value}" for name, value in self.environment.items())]
        for kind in process["capabilities"]:
            process["capabilities"][kind] = CAPABILITIES
        configuration["root"] = {"path": self.root}
        configuration["linux"]["cgroupsPath"] = f"/{self.name}"
        configuration["linux"]["resources"].update(self.limits)
        return configuration

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """`runc exec`."""
        return self.machine.run(["runc", "exec", self.name, "sh", "-c", command])

    def signal(self, number: int) -> None:
        """`runc kill`."""
        self.machine.run(["runc", "kill", self.name, str(number)], check=True)


# As Docker and podman grant them; `runc spec` proposes less than nginx and redis need.
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
        "SETFCAP", "SYS_CHROOT",
    )
]  # fmt: skip


class Nspawn(InForeground):
    """`systemd-nspawn --boot`, as a service of the machine: that is how `machinectl start` runs it."""

    def start(self) -> None:
        """PID 1 is the image's /sbin/init, with the arguments of `init`."""
        environment = [f"--setenv={name}={value}" for name, value in self.environment.items()]
        console = "interactive" if self.tty else "pipe"
        options = ["--quiet", "--keep-unit", "--private-network", f"--console={console}", f"--machine={self.name}"]
        nspawn = ["systemd-nspawn", "--boot", f"--directory={self.root}", *options, *environment, "--", *self.init[1:]]
        kill_mode = "--property=KillMode=mixed"
        self._run(["systemd-run", "--quiet", "--wait", "--pty" if self.tty else "--pipe", kill_mode, *nspawn])
        self.wait_for(self._leader, "the leader")

    def _leader(self) -> str:
        return self.machine.run(["machinectl", "show", "--property=Leader", "--value", self.name]).stdout.strip()

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """nsenter(1): nspawn has no exec, and machinectl's needs D-Bus in the container."""
        return self.machine.run(["nsenter", "--target", self._leader(), "--all", "sh", "-c", command])

    def signal(self, number: int) -> None:
        """`machinectl kill`."""
        self.machine.run(["machinectl", "kill", "--kill-whom=leader", f"--signal={number}", self.name], check=True)
