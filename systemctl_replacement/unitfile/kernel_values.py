"""Settings of systemd.exec(5) that the kernel knows by number: for what is shown, and for what processes are given.

Source: linux/ioprio.h, linux/securebits.h, linux/netlink.h, core(5).
"""

from __future__ import annotations

_IO_CLASSES = ("none", "realtime", "best-effort", "idle")
_SECURE_BITS = {
    "noroot": 1,
    "noroot-locked": 2,
    "no-setuid-fixup": 4,
    "no-setuid-fixup-locked": 8,
    "keep-caps": 16,
    "keep-caps-locked": 32,
}
_COREDUMP_FILTER = (
    "private-anonymous", "shared-anonymous", "private-file-backed", "shared-file-backed", "elf-headers",
    "private-huge", "shared-huge", "private-dax", "shared-dax",
)  # fmt: skip
NETLINK = {
    0: "route", 3: "firewall", 4: "inet-diag", 5: "nflog", 6: "xfrm", 7: "selinux", 8: "iscsi", 9: "audit",
    10: "fib-lookup", 11: "connector", 12: "netfilter", 13: "ip6-fw", 14: "dnrtmsg", 15: "kobject-uevent",
    16: "generic", 18: "scsitransport", 19: "ecryptfs", 20: "rdma",
}  # fmt: skip
"""Families of netlink sockets."""

_COREDUMP_DEFAULT, _COREDUMP_ALL = 0x33, 2**32 - 1


def secure_bits(value: frozenset[str]) -> int:
    """SecureBits= as the mask of prctl(2)."""
    return sum(_SECURE_BITS[word] for word in value)


def io_class(value: str) -> int:
    """IOSchedulingClass= by number; without a class, as `none` is meant, the kernel's default applies."""
    return _IO_CLASSES.index(value) or _IO_CLASSES.index("best-effort") if value in _IO_CLASSES else int(value)


def coredump_filter(value: frozenset[str]) -> int:
    """CoredumpFilter= as the mask of core(5)."""
    mask = 0
    for word in value:
        if word in _COREDUMP_FILTER:
            mask |= 1 << _COREDUMP_FILTER.index(word)
        elif word == "default":
            mask |= _COREDUMP_DEFAULT
        elif word == "all":
            return _COREDUMP_ALL
        else:
            mask |= int(word, 16)
    return mask
