"""The %-specifiers of unit files.

Source: systemd.unit(5) "SPECIFIERS". Values from outside the unit are in a `Host`, so that expanding is pure.
"""

from __future__ import annotations

import os

from systemctl_replacement.records import dataclass, field
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.files import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ARCHITECTURES = {
    "x86_64": "x86-64", "amd64": "x86-64", "i386": "x86", "i486": "x86", "i586": "x86", "i686": "x86",
    "aarch64": "arm64", "aarch64_be": "arm64-be", "armv8l": "arm", "armv7l": "arm", "armv6l": "arm", "armv5tel": "arm",
    "ppc64le": "ppc64-le", "ppcle": "ppc-le", "mipsel": "mips-le", "mips64el": "mips64-le",
}  # fmt: skip


def architecture() -> str:
    """The architecture as systemd names it: x86-64, arm64 (systemd.unit(5), ConditionArchitecture=)."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


class SpecifierError(ValueError):
    """A specifier that does not exist or cannot be resolved; the text is the message of the errno systemd reports."""


@dataclass(frozen=True)
class Host:
    """What specifiers need to know of the system and of the user the manager runs as."""

    hostname: str = "localhost"
    pretty_hostname: str = ""
    machine_id: str = ""
    boot_id: str = ""
    kernel: str = ""
    architecture: str = ""
    os_release: Mapping[str, str] | None = field(default_factory=dict)  # None: there is no such file
    user: str = "root"
    uid: int = 0
    group: str = "root"
    gid: int = 0
    home: str = "/root"
    shell: str = "/bin/sh"
    runtime_root: str = "/run"
    credentials_root: str = "/run/credentials"
    state_root: str = "/var/lib"
    cache_root: str = "/var/cache"
    log_root: str = "/var/log"
    configuration_root: str = "/etc"
    tmp: str = "/tmp"
    var_tmp: str = "/var/tmp"

    @staticmethod
    def current(root: str = "", boot_id: str = "") -> Host:
        """The system we run on, its files read below `root`. `boot_id` is ours to make: /proc has the host's.

        Reads files only, no name service: PID 1 must not block on one.
        """
        uname = os.uname()
        uid, gid = os.geteuid(), os.getegid()
        user, home, shell = _account(root, uid)
        machine = read_machine_id(root)
        info = parse_environment_file(_read("/etc/machine-info"))  # like the host name, whatever is below `root`
        return Host(
            hostname=uname.nodename,
            pretty_hostname=info.get("PRETTY_HOSTNAME", "") or uname.nodename,
            machine_id=machine,
            boot_id=boot_id or _read("/proc/sys/kernel/random/boot_id").strip().replace("-", ""),
            kernel=uname.release,
            architecture=_ARCHITECTURES.get(uname.machine, uname.machine),
            os_release=_os_release(root),
            user=user,
            uid=uid,
            group=_group(root, gid),
            gid=gid,
            home=home,
            shell=shell,
        )


def read_machine_id(root: str) -> str:
    """As machine-id(5) says, "" if there is none."""
    return _read(root + "/etc/machine-id").strip() or _read(root + "/run/machine-id").strip()


def _read(path: str) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""


def _os_release(root: str) -> dict[str, str] | None:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            return parse_environment_file(read_text(root + path))
        except OSError:
            continue
    return None


def _account(root: str, uid: int) -> tuple[str, str, str]:
    for line in _read(root + "/etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == str(uid):
            return fields[0], fields[5] or "/", fields[6] or "/bin/sh"
    # A container may run as a uid that its passwd does not know (OpenShift): systemd uses the number as a name.
    return ("root", "/root", "/bin/sh") if uid == 0 else (str(uid), "/", "/bin/sh")


def _group(root: str, gid: int) -> str:
    for line in _read(root + "/etc/group").splitlines():
        fields = line.split(":")
        if len(fields) == 4 and fields[2] == str(gid):
            return fields[0]
    return "root" if gid == 0 else str(gid)


def parse_environment_file(text: str) -> dict[str, str]:
    """The assignments of /etc/os-release and its like: shell-like quoting on one line each (os-release(5))."""
    found = {}
    for line in text.splitlines():
        line = line.strip()
        key, equals, value = line.partition("=")
        if not equals or line.startswith(("#", ";")):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            quote = value[0]
            value = value[1:-1]
            if quote == '"':
                for character in '"\\$`':
                    value = value.replace("\\" + character, character)
        found[key.strip()] = value
    return found


@dataclass(frozen=True)
class Subject:
    """The unit whose settings are expanded: its name, its file ("" if none) and the host."""

    unit: str
    host: Host
    fragment_path: str = ""


def expand(text: str, subject: Subject) -> str:
    """`text` with every specifier replaced. Raises SpecifierError; a % before what is no letter or digit stays."""
    if "%" not in text:
        return text
    parts = text.split("%")
    out = [parts[0]]
    index = 1
    while index < len(parts):
        part = parts[index]
        if not part:
            # "%%", or a lone % at the end.
            out.append("%")
            if index + 1 < len(parts):
                out.append(parts[index + 1])
            index += 2
            continue
        letter = part[0]
        resolve = _TABLE.get(letter)
        if resolve is not None:
            out.append(resolve(subject))
            out.append(part[1:])
        elif letter.isascii() and letter.isalnum():
            raise SpecifierError("Invalid slot")
        else:
            out.append("%" + part)
        index += 1
    return "".join(out)


def _unescaped(text: str) -> str:
    try:
        return names.unescape(text)
    except ValueError:
        raise SpecifierError("Invalid argument") from None


def _stem(subject: Subject) -> str:
    return subject.unit[: subject.unit.rfind(".")]


def _last_component(subject: Subject) -> str:
    return names.prefix_of(subject.unit).rpartition("-")[2]


def _path(subject: Subject) -> str:
    """%f: the instance, or without one the prefix, unescaped, as an absolute path."""
    text = names.instance_of(subject.unit) or names.prefix_of(subject.unit)
    try:
        return names.unescape_path(text) if "@" not in subject.unit else "/" + names.unescape(text).lstrip("/")
    except ValueError:
        raise SpecifierError("Invalid argument") from None


def _machine_id(subject: Subject) -> str:
    if not subject.host.machine_id or not subject.host.machine_id.isalnum():
        raise SpecifierError("No such file or directory")
    return subject.host.machine_id


def _release(key: str) -> Callable[[Subject], str]:
    def resolve(subject: Subject) -> str:
        if subject.host.os_release is None:
            raise SpecifierError("Protocol driver not attached")
        return subject.host.os_release.get(key, "")

    return resolve


_TABLE: dict[str, Callable[[Subject], str]] = {
    "a": lambda subject: subject.host.architecture,
    "A": _release("IMAGE_VERSION"),
    "b": lambda subject: subject.host.boot_id,
    "B": _release("BUILD_ID"),
    "C": lambda subject: subject.host.cache_root,
    "d": lambda subject: f"{subject.host.credentials_root}/{subject.unit}",
    "E": lambda subject: subject.host.configuration_root,
    "f": _path,
    "g": lambda subject: subject.host.group,
    "G": lambda subject: str(subject.host.gid),
    "h": lambda subject: subject.host.home,
    "H": lambda subject: subject.host.hostname,
    "i": lambda subject: names.instance_of(subject.unit),
    "I": lambda subject: _unescaped(names.instance_of(subject.unit)),
    "j": _last_component,
    "J": lambda subject: _unescaped(_last_component(subject)),
    "l": lambda subject: subject.host.hostname.partition(".")[0],
    "L": lambda subject: subject.host.log_root,
    "m": _machine_id,
    "M": _release("IMAGE_ID"),
    "n": lambda subject: subject.unit,
    "N": _stem,
    "o": _release("ID"),
    "p": lambda subject: names.prefix_of(subject.unit),
    "P": lambda subject: _unescaped(names.prefix_of(subject.unit)),
    "q": lambda subject: subject.host.pretty_hostname,
    "s": lambda subject: subject.host.shell,
    "S": lambda subject: subject.host.state_root,
    "t": lambda subject: subject.host.runtime_root,
    "T": lambda subject: subject.host.tmp,
    "u": lambda subject: subject.host.user,
    "U": lambda subject: str(subject.host.uid),
    "v": lambda subject: subject.host.kernel,
    "V": lambda subject: subject.host.var_tmp,
    "w": _release("VERSION_ID"),
    "W": _release("VARIANT_ID"),
    "y": lambda subject: subject.fragment_path,
    "Y": lambda subject: os.path.dirname(subject.fragment_path),
}
