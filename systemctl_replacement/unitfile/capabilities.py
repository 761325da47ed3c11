"""The names of capabilities, by number. Source: capabilities(7), linux/capability.h."""

from __future__ import annotations

from systemctl_replacement.unitfile import quoting, values

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

# The kernel may know capabilities that have no name here; a set has room for them.
_HIGHEST = 63


def number(name: str) -> int:
    """The number of a capability: its name in any case, or the number itself, which may be octal or hexadecimal.

    ValueError if there is no such capability.
    """
    try:
        return values.parse_integer(name, 0, _HIGHEST)
    except OverflowError:
        raise ValueError(f"no capability has the number {name}") from None
    except ValueError:
        return NAMES.index(name.upper())


ALL = 2**64 - 1
"""Every capability, including those that have no name yet."""


def mask(items: Iterable[str], initial: int) -> int:
    """The bit set of CapabilityBoundingSet= (starts as ALL) and AmbientCapabilities= (starts as 0).

    Each item is one assignment: names or numbers, which a leading `~` removes; without any, it means all or none.
    Unknown names are skipped in silence, as systemd does.
    """
    found = initial
    for item in items:
        inverted = item.startswith("~")
        named = 0
        for word in _words(item[inverted:]):
            try:
                named |= 1 << number(word)
            except ValueError:
                continue
        if not named or found == initial:
            found = ALL & ~named if inverted else named
        else:
            found = found & ~named if inverted else found | named
    return found


def _words(text: str) -> Iterable[str]:
    """The words of an assignment, up to an unterminated quote."""
    position = 0
    while True:
        try:
            word, position = quoting.first_word(text, position, unescape=False)
        except quoting.QuotingError:
            return
        if word is None:
            return
        yield word


def named(bits: int) -> dict[str, int]:
    """The names in a bit set, with their numbers."""
    return {name: bit for bit, name in enumerate(NAMES) if bits >> bit & 1}
