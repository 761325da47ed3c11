"""The names of capabilities, by number. Source: capabilities(7), linux/capability.h."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip


def number(name: str) -> int:
    """The number of a capability, in any case. ValueError if there is none of that name."""
    return NAMES.index(name.upper())


ALL = 2**64 - 1
"""Every capability, those too that have no name yet."""


def mask(items: Iterable[str], initial: int) -> int:
    """The bit set of CapabilityBoundingSet= (starts as ALL) and AmbientCapabilities= (starts as 0).

    Each item is one assignment: names, with `~` in front to take them away; none at all: all or nothing. Of the names
    that nobody knows systemd does not complain either.
    """
    found = initial
    for item in items:
        inverted = item.startswith("~")
        named = 0
        for word in item.lstrip("~").split():
            if word.upper() in NAMES:
                named |= 1 << number(word)
        if not named or found == initial:
            found = ALL & ~named if inverted else named
        else:
            found = found & ~named if inverted else found | named
    return found


def named(bits: int) -> dict[str, int]:
    """The names in a bit set, with their numbers."""
    return {name: bit for bit, name in enumerate(NAMES) if bits >> bit & 1}
