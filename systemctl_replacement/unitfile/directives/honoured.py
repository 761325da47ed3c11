"""How far directives are honoured, and why not further."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Final


class Needs:
    """The capabilities that init must have for a value to be applied.

    `of`: their names, for a value. `fails`: without them the unit fails, instead of running without the setting.
    """

    __slots__ = ("fails", "of")

    def __init__(self, of: Callable[[Any], frozenset[str]], *, fails: bool) -> None:
        self.of: Final = of
        self.fails: Final = fails


def always(*names: str, fails: bool = False) -> Needs:
    """Whatever the value is, as long as there is one."""
    return Needs(lambda value: frozenset(names if value else ()), fails=fails)


def below_zero(name: str) -> Needs:
    """For a number that is lower than the one that processes start with."""
    return Needs(lambda value: frozenset((name,) if value is not None and value < 0 else ()), fails=False)


def from_zero(name: str) -> Needs:
    """For a number that is set, where -1 stands for none."""
    return Needs(lambda value: frozenset((name,) if value is not None and value >= 0 else ()), fails=False)


def for_words(name: str, *words: str) -> Needs:
    """For some of the words that a directive knows."""
    return Needs(lambda value: frozenset((name,) if value in words else ()), fails=False)


class Honoured:
    """`word`: full, best-effort, not-yet or ignored; `reason`: why, for all but full; `needs`: the privilege it takes,
    None for none."""

    __slots__ = ("needs", "reason", "word")

    def __init__(self, word: str, reason: str, needs: Needs | None = None) -> None:
        self.word: Final = word
        self.reason: Final = reason
        self.needs: Final = needs

    @property
    def applied(self) -> bool:
        """Whether setting the directive has an effect."""
        return self.word in ("full", "best-effort")


def full(needs: Needs) -> Honoured:
    """As under systemd, which needs the same privilege."""
    return Honoured("full", "", needs)


def best_effort(reason: str, needs: Needs | None = None) -> Honoured:
    """Honoured as far as the container allows."""
    return Honoured("best-effort", reason, needs)


def not_yet(reason: str) -> Honoured:
    """Not implemented yet, with what it would take."""
    return Honoured("not-yet", reason)


def _ignored(reason: str) -> Honoured:
    """Never to be implemented."""
    return Honoured("ignored", reason)


FULL = Honoured("full", "")
NOT_YET = not_yet("not implemented yet")

# Every ignored directive belongs to one of these families.
NO_CGROUP = _ignored("a container has no control group of its own to set limits on")
NO_BPF = _ignored("BPF is up to the host")
NO_LSM = _ignored("labels of security modules are up to the host")
NO_PAM = _ignored("PAM sessions need root and a PAM configuration that images seldom have")
NO_VT = _ignored("a container has no virtual terminals")
NO_UTMP = _ignored("a container has no login records")
NO_REBOOT = _ignored("a container cannot reboot itself")
NO_USB = _ignored("a container has no USB device controller")
NO_ALARM = _ignored("a container cannot wake the machine from suspend; the timer elapses when it is awake")
ONE_JOURNAL = _ignored("there is only one journal")
NO_AUTOFS = _ignored("as under systemd, a container has no automounts")
NO_SWAP = _ignored("as under systemd, swap is the host's")
NO_SCOPES = _ignored("there is only init.scope, which never stops")
NO_OOM_EVENTS = _ignored("without a control group nobody reports it")
NO_CLEANING_JOB = _ignored("systemctl removes the directories itself, without a time limit")

FAMILIES = (
    NO_CGROUP, NO_BPF, NO_LSM, NO_PAM, NO_VT, NO_UTMP, NO_REBOOT, NO_USB, NO_ALARM, NO_AUTOFS, NO_SWAP, NO_SCOPES,
    ONE_JOURNAL, NO_OOM_EVENTS, NO_CLEANING_JOB,
)  # fmt: skip
"""The reasons for which directives are ignored for good."""

# Reasons shared by several directives.
_LEFT_AS_IT_IS = "left as it is, with a warning, where the container lacks CAP_SYS_NICE"
NEEDS_NICE = best_effort(_LEFT_AS_IT_IS)
NEEDS_NICE_FOR_REALTIME = best_effort(_LEFT_AS_IT_IS, for_words("CAP_SYS_NICE", "realtime", "fifo", "rr"))
_LEFT_OUT = "left out, with a warning, where the container lacks CAP_NET_ADMIN"
NEEDS_NET_ADMIN = best_effort(_LEFT_OUT, always("CAP_NET_ADMIN"))
NUMBER_NEEDS_NET_ADMIN = best_effort(_LEFT_OUT, from_zero("CAP_NET_ADMIN"))
ONLY_ITS_OUTPUT = best_effort("for the unit's own output, not for messages about it")
SUMS = best_effort("`status` always sums up the processes that are alive")
NEEDS_MOUNTS = not_yet("needs a mount namespace, which is not implemented yet")
NEEDS_NETWORK = not_yet("needs a network namespace, which is not implemented yet")
NEEDS_IPC = not_yet("needs an IPC namespace, which is not implemented yet")
NEEDS_FILTER = not_yet("needs a filter of system calls, which is not implemented yet")
ONLY_CAPABILITIES = not_yet("its capabilities are taken away; the rest is not implemented yet")
AS_FILES = best_effort("in files on /run instead of a file system of their own")
NO_DECRYPTION = not_yet("encrypted credentials cannot be decrypted here")
NO_MEMORY_POLICIES = not_yet("memory policies are not implemented yet")
