"""Root file systems for boxes: a cached debootstrap, layers of packages on top, and our installation as the last one.

Each layer is a directory that is made once, under a lock, and then used read-only as a lower directory of an overlay.
They are kept outside of the work tree, in `$SYSTEMCTL_REPLACEMENT_CACHE`, `/var/cache/systemctl-replacement` or
`~/.cache/systemctl-replacement`. Packages come from the mirror that the machine's own apt uses; the downloaded .debs
are kept too.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

SUITE = "bookworm"
NEWER_SUITE = "trixie"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH = Path(__file__).with_name("launch.py")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Part of every key: raise it when the recipe below changes the contents of a layer.
RECIPE = "1"
# What the launcher and the tests need in every box, without systemd.
BASE_PACKAGES = ("python3", "procps", "curl")
# As in Debian's official images, packages do not start services during their installation.
POLICY_RC_D = "#!/bin/sh\nexit 101\n"
# As in Debian's slim images, and without fsync, because an unfinished layer is thrown away.
DPKG_CONFIGURATION = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/doc/*/copyright
"""
# Older builds of our own layer are removed if there are more than this: each change of the sources makes one.
KEEP_INSTALLATIONS = 4
# The machine with container engines, and what runs in their containers (tests/engines).
ENGINES = ("catatonit", "dbus", "podman", "runc", "systemd", "systemd-container", "systemd-sysv")
SERVERS = ("nginx", "postgresql", "redis-server")
# Packages with sockets, timers and paths (tests/box/test_packages.py).
ACTIVATED = (
    "avahi-daemon", "certbot", "cron", "cups-daemon", "docker.io", "logrotate", "man-db", "oidentd", "openssh-client",
    "openssh-server", "php-common", "rabbitmq-server", "rpcbind", "sysstat", "dbus", "systemd", "systemd-sysv",
)  # fmt: skip
# Programs that log, each in its own way (tests/box/test_log_programs.py).
LOGGING = (
    "cron", "dbus", "haproxy", "openssh-client", "openssh-server", "postfix", "python3-systemd", "rsyslog", "sudo",
    "systemd", "systemd-sysv",
)  # fmt: skip
# Made by `python -m tests.box.rootfs` before the tests run, so that no test waits for a download.
PREPARED: tuple[tuple[str, ...], ...] = (
    (),
    ("dbus",),
    ("dbus", "systemd", "systemd-sysv"),
    ("dbus", "systemd", "systemd-journal-remote", "systemd-sysv"),
    ("dumb-init", "tini"),
    ("nginx", "redis-server"),
    ("nginx", "redis-server", "dbus", "systemd", "systemd-sysv"),
    ("acl", "attr", "dbus", "iproute2", "libcap2-bin", "systemd", "systemd-sysv", "systemd-tests"),
    SERVERS,
    ENGINES,
    ACTIVATED,
    LOGGING,
)


class BuildError(RuntimeError):
    """A root file system could not be made. The text has the output of what failed."""


def cache_directory() -> Path:
    """Where root file systems are kept. Created if it is missing."""
    configured = os.environ.get("SYSTEMCTL_REPLACEMENT_CACHE")
    if configured:
        candidates = [Path(configured)]
    else:
        candidates = [Path("/var/cache/systemctl-replacement"), Path.home() / ".cache/systemctl-replacement"]
    for directory in candidates:
        with contextlib.suppress(PermissionError):
            (directory / "debs/partial").mkdir(parents=True, exist_ok=True)
            if os.access(directory, os.W_OK):
                return directory
    raise BuildError(f"cannot write to {' or '.join(map(str, candidates))}: set SYSTEMCTL_REPLACEMENT_CACHE")


def machine_mirror() -> str:
    """The Debian mirror in the machine's apt configuration, for the suite that boxes are made from."""
    configured = os.environ.get("SYSTEMCTL_REPLACEMENT_MIRROR")
    if configured:
        return configured
    directory = Path("/etc/apt")
    for path in [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for stanza in re.split(r"\n\s*\n", text) if path.suffix == ".sources" else text.splitlines():
            uri = re.search(r"(?m)^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+)", stanza)
            if uri and re.search(rf"(?<![-\w]){SUITE}(?![-\w/])", stanza) and "debian" in uri[1]:
                return uri[1].rstrip("/")
    return DEFAULT_MIRROR


def layers(packages: Iterable[str] = (), suite: str = SUITE) -> list[Path]:
    """The layers of a Debian with these packages, topmost first. Made if they are not in the cache."""
    names = sorted(set(packages))
    base = _base(suite)
    if not names:
        return [base]
    key = key_of(base.name, *names)
    layer = cached(f"packages-{key}", lambda target: _install_packages(base, target, names), {"packages": names})
    return [layer, base]


def with_ours(lower: list[Path]) -> list[Path]:
    """The same layers with our systemctl installed on top, built from the present sources.

    One process gets the same installation each time, because what a run compares must not change halfway.
    """
    known = _installed.get(tuple(lower))
    if known is None:
        known = _installed[tuple(lower)] = _build_ours(lower)
    os.utime(known)  # in use: must not be removed
    return [known, *lower]


_installed: dict[tuple[Path, ...], Path] = {}


def _build_ours(lower: list[Path]) -> Path:
    cache = cache_directory()
    key = key_of(*[layer.name for layer in lower], sources_digest())
    target = cached(f"ours-{key}", lambda target: _install_ours(lower, target), {})
    os.utime(target)
    installations = sorted(cache.glob("ours-*/"), key=_modified, reverse=True)
    for old in installations[KEEP_INSTALLATIONS:]:
        with _lock(old.name, blocking=False) as locked:
            # Only stale builds: another run on older sources may be using a recent one.
            if locked and _modified(old) < _modified(target) - 3600:
                shutil.rmtree(old, ignore_errors=True)
    return target


def _modified(path: Path) -> float:
    """When a directory was last changed or used, 0 if another run has just removed it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def key_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def sources_digest() -> str:
    digest = hashlib.sha256()
    for directory in ("systemctl_replacement", "units"):
        for path in sorted((REPOSITORY / directory).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(REPOSITORY)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _lock(name: str, blocking: bool = True) -> Iterator[bool]:
    with open(cache_directory() / f".{name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def cached(name: str, make: Callable[[Path], None], description: dict[str, object]) -> Path:
    """The layer with this name, made by `make(directory)` unless it exists. Half-made layers are never seen."""
    cache = cache_directory()
    target = cache / name
    if target.is_dir():
        return target
    with _lock(name):
        if target.is_dir():
            return target
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=cache))
        try:
            (scratch / "root").mkdir()
            make(scratch / "root")
            if description:
                (cache / f"{name}.json").write_text(json.dumps(description) + "\n", encoding="utf-8")
            (scratch / "root").chmod(0o755)
            (scratch / "root").rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def run(argv: list[str]) -> None:
    """Run a command. Raises BuildError with its output if it fails."""
    result = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if result.returncode:
        raise BuildError(f"{' '.join(argv[:4])} …: exit status {result.returncode}\n{result.stdout[-6000:]}")


def _base(suite: str) -> Path:
    mirror = machine_mirror()
    key = key_of(RECIPE, suite, *BASE_PACKAGES)
    return cached(f"base-{key}", lambda target: _make_base(target, suite, mirror), {})


def _make_base(target: Path, suite: str, mirror: str) -> None:
    if shutil.which("debootstrap") is None:
        raise BuildError("debootstrap is not installed (`make test` installs what the tests need)")
    debs = cache_directory() / "debs"
    # An older debootstrap does not know a newer suite, which is made like the newest one of all.
    scripts = Path("/usr/share/debootstrap/scripts")
    script = [] if (scripts / suite).exists() else [str(scripts / "sid")]
    run(["debootstrap", "--variant=minbase", f"--cache-dir={debs}", suite, str(target), mirror, *script])
    (target / "usr/sbin/policy-rc.d").write_text(POLICY_RC_D, encoding="utf-8")
    (target / "usr/sbin/policy-rc.d").chmod(0o755)
    (target / "etc/dpkg/dpkg.cfg.d/box").write_text(DPKG_CONFIGURATION, encoding="utf-8")
    (target / "etc/apt/apt.conf.d/99box").write_text(_apt_configuration(), encoding="utf-8")
    (target / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n", encoding="utf-8")
    build(target, None, [["apt-get", "-q", "update"], _apt_install(BASE_PACKAGES)])
    if suite != SUITE:
        # Layers on it are few. They fetch the lists again, which take more room than the rest.
        for directory in ("var/lib/apt/lists", "var/cache/apt"):
            shutil.rmtree(target / directory)
            (target / directory / "partial").mkdir(parents=True)


def _apt_configuration() -> str:
    """Apt settings: what the machine's apt needs to reach its mirror, and quick, small installations."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True).stdout
    lines = [line for line in dump.splitlines() if re.match(r"Acquire::(http|https|ftp)::Proxy\b", line)]
    return "\n".join(
        [
            *lines,
            'APT::Install-Recommends "false";',
            'Acquire::Languages "none";',
            'APT::Keep-Downloaded-Packages "true";',
            "",
        ]
    )


def _apt_install(packages: Iterable[str]) -> list[str]:
    return ["apt-get", "-q", "-y", "-o", "APT::Sandbox::User=root", "install", *packages]


def _install_packages(base: Path, target: Path, names: list[str]) -> None:
    try:
        build(target, [base], [_apt_install(names)])
    except BuildError:
        # The package lists in the cached base may be older than the packages on the mirror.
        build(target, [base], [["apt-get", "-q", "update"], _apt_install(names)])


def _install_ours(lower: list[Path], target: Path) -> None:
    """Run `systemctl-replacement install --root=` on the merged layers from outside, as a user would."""
    scratch = target.parent
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={target},workdir={scratch}/work"
    script = (
        f"set -e; mount -t overlay overlay -o {options} {scratch}/merged; "
        f"exec {sys.executable} -m systemctl_replacement.image.command install --root={scratch}/merged"
    )
    for name in ("work", "merged"):
        (scratch / name).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd="/",
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if result.returncode:
        raise BuildError(f"cannot install into the box: exit status {result.returncode}\n{result.stdout[-6000:]}")


def build(
    target: Path,
    lower: list[Path] | None,
    commands: list[list[str]],
    shown: Mapping[str, str] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run commands in `target` itself, or in the layers `lower` with `target` taking the changes.

    Network and the .deb cache are the machine's. `shown` are more of its files, read-only, by their place inside.
    Raises BuildError with the output of a command that fails.
    """
    shown = dict(shown)
    if Path("/etc/resolv.conf").exists():
        shown["/etc/resolv.conf"] = "/etc/resolv.conf"
    variables = {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    variables.update({key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")})
    spec = {
        "lower": [str(layer) for layer in lower or ()],
        "upper": str(target),
        "work": str(target.parent / "work"),
        "root": str(target.parent / "merged") if lower else str(target),
        "binds": {"/var/cache/apt/archives": str(cache_directory() / "debs")},
        "shown": shown,
        "commands": commands,
        "environment": {**variables, **environment},
    }
    # apt locks the shared directory of .debs, so run one at a time.
    with _lock("apt"):
        run([sys.executable, "-IS", str(LAUNCH), "build", json.dumps(spec)])


def main() -> None:
    """Make what the tests use, and report progress."""
    for packages in PREPARED:
        print(f"==> Debian {SUITE} with {', '.join(packages) or 'nothing added'}:", end=" ", flush=True)
        started = time.monotonic()
        layers(packages)
        print(f"{time.monotonic() - started:.1f} s", flush=True)
    print(f"    (kept in {cache_directory()})")


if __name__ == "__main__":
    main()
