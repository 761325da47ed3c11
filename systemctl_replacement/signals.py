"""Signal numbers and names as systemd writes them, without importing `signal` (which pulls in enum).

The supervisor, the manager and the client all need this, and none can afford the import.
The numbers are Linux's generic ones (x86, ARM, RISC-V, POWER, s390). RTMIN is glibc's 34 whatever the
libc of the container says, because `kill -s RTMIN+3` of podman and OpenShift means 37 by number.
"""

from __future__ import annotations

SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE = 1, 2, 3, 4, 5, 6, 7, 8
SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT = 9, 10, 11, 12, 13, 14, 15, 16
SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU = 17, 18, 19, 20, 21, 22, 23, 24
SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS = 25, 26, 27, 28, 29, 30, 31
SIGRTMIN, SIGRTMAX = 34, 64

_NAMES = (
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
_NUMBERS = {name: number for number, name in enumerate(_NAMES) if name}


def name(number: int) -> str:
    """The name without "SIG": "TERM", "RTMIN+3"; a number without a name is given back as digits."""
    if 0 < number < len(_NAMES):
        return _NAMES[number]
    if SIGRTMIN <= number <= SIGRTMAX:
        return f"RTMIN+{number - SIGRTMIN}"
    return str(number)


def number(text: str) -> int | None:
    """The signal that "SIGTERM", "TERM", "15", "RTMIN+3" or "RTMAX-2" stands for, None for none (systemd.kill(5))."""
    if text.isascii() and text.isdigit():
        return _valid(int(text))
    text = text.removeprefix("SIG")
    if text in _NUMBERS:
        return _NUMBERS[text]
    if text[:5] in ("RTMIN", "RTMAX"):
        base, sign, offset = (SIGRTMIN, "+", text[6:]) if text[:5] == "RTMIN" else (SIGRTMAX, "-", text[6:])
        if len(text) == 5:
            return base
        if text[5] == sign and offset.isascii() and offset.isdigit():
            count = int(offset)
            if count <= SIGRTMAX - SIGRTMIN:
                return base + count if sign == "+" else base - count
        return None
    return _valid(int(text)) if text.isascii() and text.isdigit() else None


def _valid(number: int) -> int | None:
    return number if 0 < number <= SIGRTMAX else None
