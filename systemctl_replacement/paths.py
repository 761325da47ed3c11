"""Where everything is: the directories of units, the runtime directory, the logs, and our own program.

Client and manager must agree on these exactly, so they are decided once, here. This is on the client's hot path and
only imports `os` and `sys`. Sources: systemd.unit(5) "UNIT FILE LOAD PATH", file-hierarchy(7).
"""

from __future__ import annotations

import os
import sys

SOCKET_NAME = "systemctl-replacement.socket"
LOCK_NAME = "systemctl-replacement.lock"
LOG_DIRECTORY = "/var/log/systemctl-replacement"
# What the system bus of an image is told about us (dbus-daemon(1)).
BUS_POLICY = "/usr/share/dbus-1/system.d/systemctl-replacement.conf"

SYSTEM_RUNTIME = "/run/systemd"
# The directory that says that systemd runs (sd_booted(3)), and the mark of a manager on demand that has made it.
BOOTED = "/run/systemd/system"
BOOTED_MARK = "/run/systemd/systemctl-replacement.booted"

# In systemd's order (`systemd-analyze unit-paths`). Ours is appended, so that what an image has always wins.
# The first field says whether the directory is in the runtime directory.
_LIBRARIES = ("/lib/systemd/system", "/usr/lib/systemd/system")
_UNIT_PATH = (
    (False, "/etc/systemd/system.control"),
    (True, "system.control"),
    (True, "transient"),
    (True, "generator.early"),
    (False, "/etc/systemd/system"),
    (False, "/etc/systemd/system.attached"),
    (True, "system"),
    (True, "system.attached"),
    (True, "generator"),
    (False, "/usr/local/lib/systemd/system"),
    (False, "/lib/systemd/system"),
    (False, "/usr/lib/systemd/system"),
    (True, "generator.late"),
)


class NoRuntimeDirectory(OSError):
    """No runtime directory can be used. The error is that of the first candidate; `problems` has that of each."""

    def __init__(self, problems: list[OSError]) -> None:
        first = problems[0]
        super().__init__(first.errno, first.strerror, first.filename)
        self.problems = problems


class Paths:
    """The directories of one system: the real one (root ""), or one below a directory (`--root=DIR`)."""

    def __init__(self, root: str = "") -> None:
        self.root = "" if root in ("", "/") else os.path.abspath(root)
        self._runtime: str | None = None

    def below(self, path: str) -> str:
        """The path to open for an absolute path of the system: below the root, if there is one."""
        return self.root + path

    def runtime_candidates(self) -> list[str]:
        """Runtime directories in the order in which manager and client try them.

        Below a root there is only one. `$XDG_RUNTIME_DIR` is shared with other programs, so we use a directory in it.
        """
        if self.root:
            return [self.root + SYSTEM_RUNTIME]
        candidates = [SYSTEM_RUNTIME]
        user_directory = os.environ.get("XDG_RUNTIME_DIR", "")
        if user_directory.startswith("/"):
            candidates.append(user_directory + "/systemctl-replacement")
        # Engines mount /dev/shm even if everything else is read-only.
        candidates += [f"{directory}/systemctl-{os.geteuid()}" for directory in ("/tmp", "/dev/shm")]
        return candidates

    def trusted_runtimes(self) -> list[str]:
        """The candidates that are safe to look into.

        In /tmp and /dev/shm anybody can make one for us, with a socket that never answers or journals that are FIFOs,
        and in a /run that is open to everybody, too.
        """
        return [
            runtime
            for runtime in self.runtime_candidates()
            if (is_trusted(runtime) if _is_public(runtime) else _is_private(runtime))
        ]

    @property
    def runtime(self) -> str:
        """The runtime directory in use: the first that we may write to, created if necessary.

        Raises NoRuntimeDirectory without any. The manager and the unit path use it. A client first looks for a socket
        in all `trusted_runtimes()`, and then sets this.
        """
        if self._runtime is None:
            self._runtime = _first_usable(self.runtime_candidates())
        return self._runtime

    @runtime.setter
    def runtime(self, directory: str) -> None:
        self._runtime = directory

    def socket_path(self, runtime: str | None = None) -> str:
        """The control socket of the manager with this runtime directory (default: the one in use)."""
        return f"{self.runtime if runtime is None else runtime}/{SOCKET_NAME}"

    def credentials_directory(self) -> str:
        """Where the credentials of units are: in /run as under systemd, or where we may write and strangers may not."""
        run = os.path.realpath(self.root + "/run")
        directory = self.root + "/run/credentials"
        # Who is not root runs every service as itself, so that none is a stranger.
        is_safe = os.geteuid() != 0 or not (is_open(run) or is_open(directory))
        if is_safe and _is_public(self.runtime) and _writable(directory):
            return directory
        return f"{self.runtime}/credentials"

    def start_lock(self) -> str:
        """The file that a starter of a manager locks until the manager listens."""
        return f"{self.runtime}/{LOCK_NAME}"

    def unit_path(self) -> list[str]:
        """Unit directories, highest precedence first, whether they exist or not. The units that we ship come last.

        If /lib and /usr/lib are the same directory, only the name that the distribution's systemd uses is listed: it
        shows in FragmentPath= and in the links that `enable` makes. `/run/systemd` keeps its place if the runtime
        directory is another one, because what an image's scripts put there counts; unless strangers may have.
        """
        system_runtime = self.root + SYSTEM_RUNTIME
        runtimes = [system_runtime] if is_trusted(system_runtime) else []
        if self._runtime not in (None, system_runtime):
            runtimes.insert(0, str(self._runtime))
        directories = []
        for follows_runtime, path in _UNIT_PATH:
            if follows_runtime:
                directories += [f"{runtime}/{path}" for runtime in runtimes]
            elif path not in _LIBRARIES or path in self._libraries():
                directories.append(self.root + path)
        directories.append(shipped_units())
        return directories

    def _libraries(self) -> tuple[str, ...]:
        if not os.path.islink(self.root + "/lib"):
            return _LIBRARIES
        return _LIBRARIES[:1] if _debian_before_13(self.root) else _LIBRARIES[1:]

    def log_candidates(self) -> list[str]:
        """Directories that may have journals. A reader looks in all of them."""
        return [self.root + LOG_DIRECTORY] + [f"{runtime}/log" for runtime in self.trusted_runtimes()]

    def log_directory(self) -> str:
        """Where journals are written: below /var/log if possible, otherwise in the runtime directory."""
        directory = self.root + LOG_DIRECTORY
        return directory if _writable(directory) else self.volatile_log_directory()

    def volatile_log_directory(self) -> str:
        """Where journals are written that are not to outlive the boot."""
        return f"{self.runtime}/log"


def self_command() -> list[str]:
    """The command line that starts this program again; append the arguments.

    It is isolated from environment variables and site-packages, so that an image cannot change what PID 1 imports.
    """
    return [sys.executable, "-ISXutf8", os.path.join(_package(), "__main__.py")]


def shipped_units() -> str:
    """The directory of the unit files we ship: beside the package, in a checkout as in an image."""
    return os.path.join(os.path.dirname(_package()), "units")


def _package() -> str:
    return os.path.dirname(os.path.abspath(__file__))


def _debian_before_13(root: str) -> bool:
    """Whether this is a Debian (or an Ubuntu derived from one) whose packages still use /lib/systemd/system."""
    try:
        file = os.open(root + "/etc/debian_version", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            version = os.read(file, 64).decode("ascii", "replace").strip()
        finally:
            os.close(file)
    except OSError:
        return False
    number = version.split(".")[0]
    return int(number) < 13 if number.isdigit() else version.split("/")[0] in ("buster", "bullseye", "bookworm")


def _writable(directory: str) -> bool:
    """Whether files can be created in the directory, once it and its parents have been created."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


def _first_usable(candidates: list[str]) -> str:
    problems = []
    for directory in candidates:
        try:
            _make_usable(directory)
        except OSError as error:
            problems.append(error)
        else:
            return directory
    raise NoRuntimeDirectory(problems)


def _make_usable(directory: str) -> None:
    """Create the directory if it is missing. OSError unless we may write there and nobody else owns it.

    Only /run/systemd may belong to another user, unless we are root. There the file system's permissions decide, as in
    an image that opens /run to the group of a container platform's random user.
    """
    if _is_public(directory):
        os.makedirs(directory, mode=0o755, exist_ok=True)
        if not is_trusted(directory):
            raise PermissionError(1, "others than root may have made it, or may replace it", directory)
    else:
        try:
            os.mkdir(directory, _private_mode())
        except FileExistsError:
            fault = _fault(directory)
            if fault:
                raise PermissionError(1, fault, directory) from None
            os.chmod(directory, _private_mode())
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(13, "cannot write to runtime directory", directory)


def is_open(directory: str) -> bool:
    """Whether somebody else than root and we may have made what is in a directory, or the directory itself, or what
    stands in its place. What does not exist is not open."""
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    is_others = status.st_mode & 0o170000 != 0o040000 or status.st_uid not in (0, os.geteuid())
    group_may = status.st_mode & 0o020 and status.st_gid not in (0, os.getegid())
    return is_others or bool(status.st_mode & 0o002 or group_may)


def is_trusted(directory: str) -> bool:
    """Whether we may do what a runtime directory says. Root may not where others can have made the system's, or can put
    another one in its place. Who is not root runs every service as itself, so that none is a stranger; and what is
    below a root (`--root=`) belongs to whoever has made that."""
    if directory != SYSTEM_RUNTIME or os.geteuid() != 0:
        return True
    return not (is_open(directory) or _is_open_to_renaming(os.path.realpath(os.path.dirname(directory))))


def _is_open_to_renaming(directory: str) -> bool:
    if not is_open(directory):
        return False
    status = os.stat(directory)
    return status.st_uid != os.geteuid() or not status.st_mode & 0o1000


def _is_public(directory: str) -> bool:
    return directory.endswith("/run/systemd")


def _private_mode() -> int:
    """The mode of a private directory. Services of root's manager may run as other users, which must reach their notify
    sockets by name, but need not list the directory."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _is_private(directory: str) -> bool:
    """Whether this is a directory (not a link) that is ours and that nobody else may list."""
    return not _fault(directory)


def _fault(directory: str) -> str:
    """What keeps this from being a private directory of ours, "" if nothing does."""
    try:
        status = os.lstat(directory)
    except OSError as error:
        return str(error.strerror)
    if status.st_uid != os.geteuid():
        return f"belongs to user {status.st_uid}"
    if status.st_mode & 0o170000 != 0o040000:
        return "is no directory"
    if status.st_mode & 0o077 & ~_private_mode():
        return f"is open to others (mode {status.st_mode & 0o7777:04o})"
    return ""
