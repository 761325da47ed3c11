"""Small images in a directory, and what a check says of them."""

from __future__ import annotations

import os
from pathlib import Path

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.check.report import Question, Report, check

# An ELF file that asks for no loader.
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:33:\nlog:x:4:web\n"
TARGETS = {
    "default.target": "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nAllowIsolate=yes\n",
    "multi-user.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n",
    "basic.target": "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nWants=sockets.target timers.target\n",
    "sysinit.target": "[Unit]\n",
    "sockets.target": "[Unit]\n",
    "timers.target": "[Unit]\n",
}


class TestImage:
    """An image with a few programs, users and targets. Its unit files need not say much: see `unit`."""

    __test__ = False

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in TARGETS.items():
            self.write(f"/lib/systemd/system/{name}", text)
        self.write("/etc/passwd", PASSWD)
        self.write("/etc/group", GROUP)
        for path in ("/bin/sh", "/usr/bin/true", "/usr/bin/env"):
            self.program(path)

    def path(self, path: str) -> Path:
        found = self.root / path.lstrip("/")
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.path(path).write_text(text)
        self.path(path).chmod(mode)

    def program(self, path: str, content: bytes = ELF, mode: int = 0o755) -> None:
        self.path(path).write_bytes(content)
        self.path(path).chmod(mode)

    def link(self, target: str, path: str) -> None:
        self.path(path).unlink(missing_ok=True)
        os.symlink(target, self.path(path))

    def unit(
        self, name: str, text: str = "[Service]\nExecStart=/usr/bin/true\n", wanted_by: str = "multi-user.target"
    ) -> None:
        """A unit in /etc, enabled."""
        self.write(f"/etc/systemd/system/{name}", text)
        if wanted_by:
            self.link(f"../{name}", f"/etc/systemd/system/{wanted_by}.wants/{name}")

    def service(self, settings: str, head: str = "", name: str = "a.service") -> None:
        """A service that is enabled; ExecStart= is there unless it is set."""
        start = "" if "ExecStart=" in settings else "ExecStart=/usr/bin/true\n"
        self.unit(name, f"[Unit]\n{head}\n[Service]\n{start}{settings}\n")

    def check(self, profile: str = "docker", stop_timeout: int | None = 3600_000_000, **environment: str) -> Report:
        return check(Question(str(self.root), profile, stop_timeout=stop_timeout, environment=environment))

    def findings(self, profile: str = "docker") -> list[Finding]:
        return list(self.check(profile).findings)

    def found(self, profile: str = "docker") -> list[tuple[str, str]]:
        """The codes of the findings, each with its unit."""
        return [(finding.code, finding.unit) for finding in self.findings(profile)]
