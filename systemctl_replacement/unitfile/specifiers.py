"""The %-specifiers of unit files.

Source: systemd.unit(5) "SPECIFIERS". What they stand for outside of the unit is a `Host`, so that expanding is pure.
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
    os_release: Mapping[str, str] = field(default_factory=dict)
    user: str = "root"
    uid: int = 0
    group: str = "root"
    gid: int = 0
    home: str = "/root"
    shell: str = "/bin/sh"
    runtime_root: str = "/run"
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
        machine = _read(root + "/etc/machine-id").strip()
        info = parse_environment_file(_read(root + "/etc/machine-info"))
        release = _read(root + "/etc/os-release") or _read(root + "/usr/lib/os-release")
        return Host(
            hostname=uname.nodename,
            pretty_hostname=info.get("PRETTY_HOSTNAME", "") or uname.nodename,
            machine_id=machine,
            boot_id=boot_id or _read("/proc/sys/kernel/random/boot_id").strip().replace("-", ""),
            kernel=uname.release,
            architecture=_ARCHITECTURES.get(uname.machine, uname.machine),
            os_release=parse_environment_file(release),
            user=user,
            uid=uid,
            group=_group(root, gid),
            gid=gid,
            home=home,
            shell=shell,
        )


def _read(path: str) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""


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
class Context:
    """The unit whose settings are expanded: its name, its file ("" if none) and the host."""

    unit: str
    host: Host
    fragment_path: str = ""


def expand(text: str, context: Context) -> str:
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
            out.append(resolve(context))
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


def _stem(context: Context) -> str:
    return context.unit[: context.unit.rfind(".")]


def _last_component(context: Context) -> str:
    return names.prefix_of(context.unit).rpartition("-")[2]


def _path(context: Context) -> str:
    """%f: the instance, or without one the prefix, unescaped, as an absolute path."""
    text = names.instance_of(context.unit) or names.prefix_of(context.unit)
    try:
        return names.unescape_path(text) if "@" not in context.unit else "/" + names.unescape(text).lstrip("/")
    except ValueError:
        raise SpecifierError("Invalid argument") from None


def _machine_id(context: Context) -> str:
    if not context.host.machine_id or not context.host.machine_id.isalnum():
        raise SpecifierError("No such file or directory")
    return context.host.machine_id


def _release(key: str) -> Callable[[Context], str]:
    return lambda context: context.host.os_release.get(key, "")


def _gone(context: Context) -> str:
    raise SpecifierError("Operation not supported")


_TABLE: dict[str, Callable[[Context], str]] = {
    "a": lambda context: context.host.architecture,
    "A": _release("IMAGE_VERSION"),
    "b": lambda context: context.host.boot_id,
    "B": _release("BUILD_ID"),
    "C": lambda context: context.host.cache_root,
    "d": lambda context: f"{context.host.runtime_root}/credentials/{context.unit}",
    "E": lambda context: context.host.configuration_root,
    "f": _path,
    "g": lambda context: context.host.group,
    "G": lambda context: str(context.host.gid),
    "h": lambda context: context.host.home,
    "H": lambda context: context.host.hostname,
    "i": lambda context: names.instance_of(context.unit),
    "I": lambda context: _unescaped(names.instance_of(context.unit)),
    "j": _last_component,
    "J": lambda context: _unescaped(_last_component(context)),
    "l": lambda context: context.host.hostname.partition(".")[0],
    "L": lambda context: context.host.log_root,
    "m": _machine_id,
    "M": _release("IMAGE_ID"),
    "n": lambda context: context.unit,
    "N": _stem,
    "o": _release("ID"),
    "p": lambda context: names.prefix_of(context.unit),
    "P": lambda context: _unescaped(names.prefix_of(context.unit)),
    "q": lambda context: context.host.pretty_hostname,
    "s": lambda context: context.host.shell,
    "S": lambda context: context.host.state_root,
    "t": lambda context: context.host.runtime_root,
    "T": lambda context: context.host.tmp,
    "u": lambda context: context.host.user,
    "U": lambda context: str(context.host.uid),
    "v": lambda context: context.host.kernel,
    "V": lambda context: context.host.var_tmp,
    "w": _release("VERSION_ID"),
    "W": _release("VARIANT_ID"),
    "y": lambda context: context.fragment_path,
    "Y": lambda context: os.path.dirname(context.fragment_path),
}
