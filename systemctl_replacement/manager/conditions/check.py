"""Whether the conditions and assertions of a unit hold (systemd.unit(5) "CONDITIONS AND ASSERTS")."""

from __future__ import annotations

import errno
import os

from systemctl_replacement import syscalls
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.manager.conditions import host_probes
from systemctl_replacement.manager.unit import ManagedUnit
from systemctl_replacement.unitfile import capabilities, quoting
from systemctl_replacement.unitfile.files import read_text
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.unitfile.values import parse_bool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable


_FIRST_REGULAR_ID = 1000
_NOBODY = 65534
_SECOND = 1_000_000_000


class Checker:
    """Tests conditions against the system below `root`. `unknown` is told what a container cannot know."""

    def __init__(
        self,
        root: str,
        host: Callable[[], Host],
        environment: Callable[[], Mapping[str, str]],
        virtualization: Callable[[], str],
        log_unit: Callable[[str, int, str], None],
        received: str = "",
    ) -> None:
        """received: the directory of the credentials that the manager was started with."""
        self._root = root
        self._host = host
        self._environment = environment
        self.virtualization = virtualization
        self._log_unit = log_unit
        self._tests: dict[str, Callable[[str], bool]] = {
            "PathExists": lambda p: os.path.exists(self._path(p)),
            "PathExistsGlob": lambda p: bool(syscalls.glob(self._path(p))),
            "PathIsDirectory": lambda p: os.path.isdir(self._path(p)),
            "PathIsSymbolicLink": lambda p: os.path.islink(self._path(p)),
            "PathIsMountPoint": lambda p: os.path.ismount(self._path(p)),
            "PathIsReadWrite": lambda p: os.path.exists(self._path(p)) and not _read_only(self._path(p)),
            "PathIsEncrypted": lambda p: False,
            "DirectoryNotEmpty": self._directory_not_empty,
            "FileNotEmpty": self._file_not_empty,
            "FileIsExecutable": self._file_is_executable,
            "Virtualization": self._is_virtualized,
            "Host": self._is_host,
            "User": self._is_user,
            "Group": self._is_group,
            "Environment": self._in_environment,
            "KernelCommandLine": self._on_command_line,
            "Architecture": lambda p: p in ("native", self._host().architecture),
            "ACPower": lambda p: parse_bool(p),
            "FirstBoot": lambda p: parse_bool(p) == os.path.exists(self._path("/run/systemd/first-boot")),
            "NeedsUpdate": self._needs_update,
            "OSRelease": self._is_release,
            "Security": host_probes.has_security,
            "Firmware": host_probes.has_firmware,
            "CPUFeature": host_probes.has_cpu_feature,
            "Credential": lambda p: bool(received) and "/" not in p and os.path.lexists(f"{received}/{p}"),
            "ControlGroupController": host_probes.has_controllers,
            "MemoryPressure": lambda p: host_probes.is_pressure_below("memory", p),
            "CPUPressure": lambda p: host_probes.is_pressure_below("cpu", p),
            "IOPressure": lambda p: host_probes.is_pressure_below("io", p),
            "Capability": self._has_capability,
            "CPUs": lambda p: _compare(os.cpu_count() or 1, p),
            "Memory": lambda p: _compare(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), p),
            "KernelVersion": self._kernel_version,
        }

    def hold(self, unit: ManagedUnit, which: str) -> tuple[bool, tuple[int, ...]]:
        """Whether the unit's "Conditions" or "Asserts" hold, and for each one 1 (held), -1 (failed) or 0 (not tested).

        All plain ones must hold, and at least one of those marked `|`. As in systemd, the last one is tested first,
        and none after one that decides.
        """
        conditions = unit.get("Unit", which) or ()
        results = [0] * len(conditions)
        triggered = -1
        holds = True
        for index, condition in reversed(list(enumerate(conditions))):
            if condition.trigger and triggered == 1:
                continue
            met = self._test(unit, condition, which)
            results[index] = 1 if met else -1
            if condition.trigger:
                triggered = 1 if met else 0
            elif not met:
                holds = False
                break
        return holds and triggered != 0, tuple(results)

    def holds(self, condition: Any) -> bool:
        """Whether what a condition names is so, before it is negated. OSError, LookupError, ValueError, OverflowError
        where that cannot be told."""
        test = self._tests[condition.kind]
        return test(condition.parameter)

    def _test(self, unit: ManagedUnit, condition: Any, which: str) -> bool:
        """Whether a condition is met. An unknown one is not, whether negated or not."""
        try:
            return self.holds(condition) is not condition.negate
        except (OSError, LookupError, ValueError, OverflowError) as error:
            directive = f"{which[:-1]}{condition.kind}={'|' * condition.trigger}{'!' * condition.negate}"
            reason = error.strerror if isinstance(error, OSError) else os.strerror(errno.EINVAL)
            self._log_unit(
                unit.id, LOG_WARNING,
                f"Couldn't determine result for {directive}{condition.parameter}, assuming failed: {reason}",
            )  # fmt: skip
            return False

    def _path(self, path: str) -> str:
        return self._root + path

    def _directory_not_empty(self, path: str) -> bool:
        try:
            with os.scandir(self._path(path)) as entries:
                return any(True for _ in entries)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _file_not_empty(self, path: str) -> bool:
        path = self._path(path)
        return os.path.isfile(path) and os.stat(path).st_size > 0

    def _file_is_executable(self, path: str) -> bool:
        path = self._path(path)
        return os.path.isfile(path) and bool(os.stat(path).st_mode & 0o111)

    def _is_virtualized(self, parameter: str) -> bool:
        found = self.virtualization()
        if parameter == "private-users":
            return _user_namespace()
        if parameter == "container":
            return bool(found)
        if parameter == "vm":
            return False
        try:
            return parse_bool(parameter) == bool(found)
        except ValueError:
            return parameter == found

    def _is_host(self, parameter: str) -> bool:
        host = self._host()
        if len(parameter) == 32 and all(c in "0123456789abcdef" for c in parameter.lower()):
            return parameter.lower() == host.machine_id
        return syscalls.matches(host.hostname.lower(), parameter.lower())

    def _is_user(self, parameter: str) -> bool:
        # The name comes from /etc/passwd, because PID 1 asks no name service.
        host = self._host()
        if parameter.isdigit():
            return int(parameter) == host.uid
        if parameter == "@system":
            return host.uid < _FIRST_REGULAR_ID or host.uid == _NOBODY
        return parameter == host.user

    def _is_group(self, parameter: str) -> bool:
        groups = {os.getegid(), *os.getgroups()}
        if parameter.isdigit():
            return int(parameter) in groups
        if parameter == self._host().group:
            return True
        rows = [line.split(":") for line in read_text(self._path("/etc/group")).split("\n")]
        return any(len(row) > 2 and row[0] == parameter and row[2].isdigit() and int(row[2]) in groups for row in rows)

    def _in_environment(self, parameter: str) -> bool:
        name, equals, value = parameter.partition("=")
        environment = self._environment()
        return environment.get(name) == value if equals else name in environment

    def _needs_update(self, path: str) -> bool:
        """Whether /usr is newer than the last update of /etc or /var (systemd-update-done.service(8)). A directory that
        cannot be written needs no update. Otherwise once too often is better than not at all."""
        stamp = self._path(f"{path.rstrip('/')}/.updated")
        try:
            if _read_only(self._path(path)):
                return False
            updated, usr = os.lstat(stamp), os.lstat(self._path("/usr"))
        except OSError:
            return True
        ours, theirs = usr.st_mtime_ns, updated.st_mtime_ns
        if ours // _SECOND == theirs // _SECOND and ours % _SECOND and not theirs % _SECOND:
            theirs = _exact_stamp(stamp)  # a file system that keeps whole seconds
        return ours > theirs

    def _is_release(self, parameter: str) -> bool:
        """`KEY=value` words about os-release(5), also with the operators for versions."""
        for word in quoting.split(parameter):
            position = next((i for i, c in enumerate(word) if c in "<>!="), 0)
            operator, wanted = _split_operator(word[position:])
            if not position or not operator:
                raise ValueError(f"not a comparison: {word}")
            actual = (self._host().os_release or {}).get(word[:position], "")
            if operator in ("=", "!="):
                met = (actual == wanted) == (operator == "=")
            else:
                ours, theirs = _numbers(actual), _numbers(wanted)
                met = _ordered((ours > theirs) - (ours < theirs), operator)
            if not met:
                return False
        return True

    def _on_command_line(self, parameter: str) -> bool:
        with open("/proc/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().split()
        return parameter in words if "=" in parameter else any(word.split("=")[0] == parameter for word in words)

    def _has_capability(self, parameter: str) -> bool:
        number = capabilities.number(parameter)
        with open("/proc/self/status", encoding="ascii") as file:
            bounding = next(line.split()[1] for line in file if line.startswith("CapBnd:"))
        return bool(int(bounding, 16) >> number & 1)

    def _kernel_version(self, parameter: str) -> bool:
        release = os.uname().release
        words = parameter.split()
        return all(_compare_version(release, word) for word in words) and bool(words)


def _exact_stamp(path: str) -> int:
    """The nanoseconds that systemd-update-done wrote into its file, 0 without any."""
    try:
        lines = read_text(path).splitlines()
    except OSError:
        return 0
    values = [line.partition("=")[2].strip() for line in lines if line.startswith("TIMESTAMP_NSEC=")]
    return int(values[-1]) if values and values[-1].isdigit() else 0


def _read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _user_namespace() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def _split_operator(text: str) -> tuple[str, str]:
    for operator in ("<=", ">=", "!=", "=", "<", ">"):
        if text.startswith(operator):
            return operator, text[len(operator) :].strip()
    return "", text


def _compare(actual: int, parameter: str) -> bool:
    """Compare an amount with `>=N` and the like. Without an operator it must be at least that much."""
    from systemctl_replacement.unitfile.values import parse_size

    operator, number = _split_operator(parameter)
    wanted = parse_size(number)
    return _ordered((actual > wanted) - (actual < wanted), operator or ">=")


def _ordered(order: int, operator: str) -> bool:
    return {
        "<": order < 0,
        "<=": order <= 0,
        "=": order == 0,
        "!=": order != 0,
        ">=": order >= 0,
        ">": order > 0,
    }[operator]


def _compare_version(release: str, word: str) -> bool:
    operator, wanted = _split_operator(word)
    if not operator:
        return syscalls.matches(release, word)
    ours, theirs = _numbers(release), _numbers(wanted)
    return _ordered((ours > theirs) - (ours < theirs), operator)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.replace("-", ".").split("."):
        digits = "".join(character for character in part if character.isdigit())
        if digits != part:
            break
        numbers.append(int(digits))
    return tuple(numbers)
