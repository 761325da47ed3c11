"""What conditions ask of the machine: security modules, processor, control groups, pressure (systemd.unit(5))."""

from __future__ import annotations

import os

from systemctl_replacement.unitfile.values import parse_permyriad, parse_time_span

CONTROLLERS = frozenset(
    (
        "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids",
        "bpf-firewall", "bpf-devices", "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces",
    )
)  # fmt: skip
_NETLINK_AUDIT = 9
_AVERAGES = {10_000_000: "avg10", 60_000_000: "avg60", 300_000_000: "avg300"}  # of how many microseconds
_DEFAULT_AVERAGE = 300_000_000


def has_security(module: str) -> bool:
    """ConditionSecurity=. False for what a container cannot have (SELinux, secure boot) and for the unknown."""
    if module == "apparmor":
        return _first_line("/sys/module/apparmor/parameters/enabled") == "Y"
    if module == "audit":
        return _has_audit()
    if module == "tpm2":
        return _has_entries("/sys/class/tpmrm")
    return os.path.exists({
        "ima": "/sys/kernel/security/ima", "smack": "/sys/fs/smackfs", "tomoyo": "/sys/kernel/security/tomoyo/version",
    }.get(module, ""))  # fmt: skip


def has_firmware(kind: str) -> bool:
    """ConditionFirmware=. No firmware starts a container, so there is no EFI."""
    return kind == "device-tree" and os.path.exists("/sys/firmware/devicetree")


def has_cpu_feature(name: str) -> bool:
    """ConditionCPUFeature=, by the flags that the kernel reports for the first processor."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return name.lower() in line.partition(":")[2].split()
    return False


def has_controllers(names: str) -> bool:
    """ConditionControlGroupController=. None is delegated to a container, and an unknown name asks for nothing."""
    if names in ("v1", "v2"):
        return os.path.exists("/sys/fs/cgroup/cgroup.controllers") == (names == "v2")
    return not CONTROLLERS.intersection(names.split())


def is_pressure_below(resource: str, parameter: str) -> bool:
    """ConditionMemoryPressure= and the like: `[SLICE:]LIMIT[/AVERAGE]`. True if the pressure is unknown.

    `resource`: "memory", "cpu" or "io". Raises ValueError for a wrong parameter.
    """
    head, slash, span = parameter.partition("/")
    _, colon, limit_text = head.rpartition(":")
    average = _AVERAGES.get(parse_time_span(span) if slash else _DEFAULT_AVERAGE)
    if average is None:
        raise ValueError(f"not 10s, 1min or 5min: {span}")
    limit = parse_permyriad(limit_text)
    if colon:
        return True  # slices have no control groups
    try:
        with open(f"/proc/pressure/{resource}", encoding="ascii") as file:
            lines = file.read().splitlines()
    except OSError:
        return True
    kind = "some" if resource == "cpu" else "full"
    for line in lines:
        words = line.split()
        if words[0] == kind:
            found = dict(word.split("=") for word in words[1:])[average]
            return round(float(found) * 100) <= limit
    return True


def _has_audit() -> bool:
    import _socket

    try:
        _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_AUDIT).close()
    except OSError:
        return False
    return True


def _has_entries(directory: str) -> bool:
    try:
        return bool(os.listdir(directory))
    except OSError:
        return False


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline().rstrip("\n")
    except OSError:
        return ""
