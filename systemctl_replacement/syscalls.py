"""System calls that Python's C modules lack, in one place, so that tests can replace them.

This is import-light, because supervisors use it. Calls raise OSError. Probes for newer system calls treat EPERM like
ENOSYS, because seccomp filters of old container engines answer EPERM to calls that they do not know.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import fcntl
import os
import resource
import sys
from _ctypes import Structure, byref, get_errno

from systemctl_replacement import libc
from systemctl_replacement.libc import Character, Int, Long, String, Unsigned32, UnsignedLong
from systemctl_replacement.libc import check as _check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_GET_SECUREBITS = 27
PR_SET_SECUREBITS = 28
PR_SET_TIMERSLACK = 29
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
_PR_SET_MDWE = 65
_PR_MDWE_REFUSE_EXEC_GAIN = 1
PR_CAP_AMBIENT_RAISE = 2

TIOCSCTTY = 0x540E
_RB_AUTOBOOT = 0x01234567
_TIOCNOTTY = 0x5422

# These numbers are the same on every architecture: calls newer than Linux 5.0 share one table.
_SYS_PIDFD_OPEN = 434
_SYS_CLOSE_RANGE = 436

# kcmp(2) is older and has a number per architecture. It is None where that is not known.
_KCMP_NUMBERS = {"x86_64": 312, "aarch64": 272, "riscv64": 272, "ppc64le": 354, "s390x": 343}
_SYS_KCMP = _KCMP_NUMBERS.get(os.uname().machine) if sys.maxsize > 2**32 else None
_KCMP_FILE = 0

# The same holds for ioprio_set(2).
_IOPRIO_NUMBERS = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "ppc64le": 273, "s390x": 282}
_SYS_IOPRIO_SET = _IOPRIO_NUMBERS.get(os.uname().machine) if sys.maxsize > 2**32 else None
_IOPRIO_WHO_PROCESS, _IOPRIO_CLASS_SHIFT = 1, 13

# And for sched_setattr(2).
_SCHEDULE_NUMBERS = {"x86_64": 314, "aarch64": 274, "riscv64": 274, "ppc64le": 355, "s390x": 345}
_SYS_SCHED_SETATTR = _SCHEDULE_NUMBERS.get(os.uname().machine) if sys.maxsize > 2**32 else None
_SCHED_ATTR_SIZE = 48

# And for mq_open(2) and mq_unlink(2).
_QUEUE_NUMBERS = {
    "x86_64": (240, 241), "aarch64": (180, 181), "riscv64": (180, 181), "ppc64le": (262, 263), "s390x": (271, 272),
}  # fmt: skip

_UNKNOWN_CALL = (errno.ENOSYS, errno.EPERM)

_SFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_SIGINFO_SIZE = 128
_SIGSET_SIZE = 128
_MAXIMUM_FD = 0xFFFFFFFF

_syscall = libc.long_function("syscall")
_prctl = libc.function("prctl")
_quick_prctl = libc.quick_function("prctl")
_ioctl = libc.function("ioctl")
_fnmatch = libc.function("fnmatch")
_reboot = libc.function("reboot")

ALL_SIGNALS = frozenset(int(number) for number in _signal.valid_signals())


def prctl(option: int, second: int = 0, third: int = 0, fourth: int = 0, fifth: int = 0) -> int:
    """prctl(2) with numbers only."""
    words = [UnsignedLong(word) for word in (second, third, fourth, fifth)]
    return _check(_prctl(Int(option), *words), "prctl")


def reboot() -> None:
    """reboot(2): in a process namespace with a PID 1 of its own the kernel ends that one, and SIGHUP says why."""
    _check(_reboot(Int(_RB_AUTOBOOT)), "reboot")


def set_child_subreaper() -> None:
    """Make orphans among our descendants our children, however deep they were."""
    # Every supervisor calls this, and it would be its only call through the other handle, which costs 80 KB each.
    if _quick_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), "prctl")


def die_with_parent() -> None:
    """Get SIGKILL when our parent ends. It may have ended already, so compare getppid() afterwards."""
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)


def set_process_name(comm: str) -> None:
    """Set the name in /proc/PID/comm, of which the kernel keeps 15 bytes."""
    _check(_prctl(PR_SET_NAME, comm.encode("utf-8", "surrogateescape")[:15], 0, 0, 0), "prctl")


def set_no_new_privileges() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def deny_write_execute() -> None:
    """Deny memory that is both writable and executable, also to what we execute. OSError EINVAL before Linux 6.3."""
    prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN)


# --- signals ---


def block_all_signals() -> None:
    """Block every signal that can be blocked."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, ALL_SIGNALS)


def await_signal(number: int, usec: int) -> None:
    """Wait until a blocked signal comes, and take it; no longer than this. It needs no descriptor."""
    _signal.sigtimedwait((number,), usec / 1_000_000)


def unblock_all_signals() -> None:
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def reset_signal_dispositions() -> None:
    """Reset every signal to its default disposition: Python ignores SIGPIPE and SIGXFSZ, nohup adds SIGHUP."""
    for number in ALL_SIGNALS:
        if number not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(number, _signal.SIG_DFL)


def signalfd(signals: Iterable[int] = ALL_SIGNALS) -> int:
    """A non-blocking descriptor for reading the given (blocked) signals, with `read_signalfd`."""
    mask = bytearray(_SIGSET_SIZE)
    for number in signals:
        mask[(number - 1) // 8] |= 1 << (number - 1) % 8
    return _check(libc.function("signalfd")(-1, bytes(mask), _SFD_FLAGS), "signalfd")


def read_signalfd(fd: int) -> list[tuple[int, int, int, int]]:
    """The signals that have arrived: (number, sender's or child's pid, child's status, si_code)."""
    arrived: list[tuple[int, int, int, int]] = []
    while True:
        try:
            data = os.read(fd, _SIGINFO_SIZE * 16)
        except BlockingIOError:
            return arrived
        for start in range(0, len(data), _SIGINFO_SIZE):
            word = memoryview(data)[start : start + 44].cast("i")
            arrived.append((word[0], word[3], word[10], word[2]))
        if len(data) < _SIGINFO_SIZE * 16:
            return arrived


def open_pidfd(pid: int) -> int:
    """A descriptor that is readable when the process has ended. OSError: ESRCH if it is gone, ENOSYS if unsupported."""
    fd = _syscall(Long(_SYS_PIDFD_OPEN), Long(pid), Long(0))
    if fd < 0 and get_errno() in _UNKNOWN_CALL:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "pidfd_open")
    return int(_check(fd, "pidfd_open"))


# --- descriptors ---


def file_identity(fd: int) -> tuple[int, int]:
    """(device, inode) of a descriptor's file, which identify the file as long as it is open."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def same_open_file(fd: int, other: int) -> bool:
    """Whether two of our descriptors share one open file description. OSError if the kernel does not tell."""
    if _SYS_KCMP is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "kcmp")
    pid = os.getpid()
    words = [UnsignedLong(word) for word in (_SYS_KCMP, pid, pid, _KCMP_FILE, fd, other)]
    return _check(int(_syscall(*words)), "kcmp") == 0


def duplicate_above(fd: int, minimum: int) -> int:
    """A close-on-exec duplicate of `fd` with a number of at least `minimum`."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, minimum)


def close_all_except(keep: Iterable[int]) -> None:
    """Close every descriptor except the given ones, without counting up to RLIMIT_NOFILE."""
    keep = sorted(set(keep))
    try:
        # For the few that our processes have open this is cheaper than close_range(2), which would touch many pages.
        names = os.listdir("/proc/self/fd")
    except OSError:
        _close_ranges(keep)
        return
    for fd in map(int, names):
        if fd not in keep:
            try:
                os.close(fd)
            except OSError as error:  # the descriptor of the listing itself is among the names
                if error.errno != errno.EBADF:
                    raise


def _close_ranges(keep: list[int]) -> None:
    start = 0
    for fd in [*keep, _MAXIMUM_FD + 1]:
        if fd > start:
            words = [UnsignedLong(word) for word in (_SYS_CLOSE_RANGE, start, fd - 1, 0)]
            _check(_syscall(*words), "close_range")
        start = fd + 1


# --- terminals ---


def take_terminal(fd: int, force: bool = False) -> None:
    """Make a terminal the controlling terminal of our session. `force` steals it (which needs CAP_SYS_ADMIN)."""
    _check(_ioctl(fd, UnsignedLong(TIOCSCTTY), Int(force)), "ioctl")


def give_up_terminal(fd: int) -> None:
    """Leave our session without its controlling terminal. If we lead the session, the terminal's foreground process
    group gets SIGHUP and SIGCONT."""
    _check(_ioctl(fd, UnsignedLong(_TIOCNOTTY), Int(0)), "ioctl")


# --- limits ---

RLIMITS = {
    "CPU": 0, "FSIZE": 1, "DATA": 2, "STACK": 3, "CORE": 4, "RSS": 5, "NPROC": 6, "NOFILE": 7,
    "MEMLOCK": 8, "AS": 9, "LOCKS": 10, "SIGPENDING": 11, "MSGQUEUE": 12, "NICE": 13, "RTPRIO": 14, "RTTIME": 15,
}  # fmt: skip
INFINITY = 2**64 - 1


def get_limit(name: str) -> tuple[int, int]:
    """(soft, hard) of RLIMIT_`name`, INFINITY for none."""
    soft, hard = resource.getrlimit(RLIMITS[name])
    return soft & INFINITY, hard & INFINITY


def _set_limit(name: str, soft: int, hard: int) -> None:
    signed = [value - 2**64 if value >= 2**63 else value for value in (soft, hard)]
    try:
        resource.setrlimit(RLIMITS[name], (signed[0], signed[1]))
    except ValueError:  # which the module raises for EINVAL and EPERM
        number = errno.EINVAL if soft > hard else errno.EPERM
        raise OSError(number, os.strerror(number), "setrlimit") from None


def set_limit(name: str, soft: int, hard: int) -> None:
    """Set RLIMIT_`name`. Without the privilege, use the nearest value that the hard limit allows, as systemd does."""
    soft, hard = soft & INFINITY, hard & INFINITY  # some callers say -1
    try:
        _set_limit(name, soft, hard)
    except PermissionError:
        ceiling = get_limit(name)[1]
        _set_limit(name, min(soft, ceiling), min(hard, ceiling))


def raise_limit(name: str) -> None:
    """Raise the soft RLIMIT_`name` to the hard one, unless the kernel refuses (above fs.nr_open it does)."""
    hard = get_limit(name)[1]
    try:
        set_limit(name, hard, hard)
    except OSError:
        return  # it stays as it is


# --- capabilities ---

_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(Structure):
    _fields_ = (("version", Unsigned32), ("pid", Int))


class _CapabilityWords(Structure):
    _fields_ = (("effective", Unsigned32), ("permitted", Unsigned32), ("inheritable", Unsigned32))


def get_capabilities() -> tuple[int, int, int]:
    """Our (effective, permitted, inheritable) capabilities as bit masks."""
    header, words = _CapabilityHeader(_CAPABILITY_VERSION_3, 0), (_CapabilityWords * 2)()
    _check(libc.function("capget")(byref(header), words), "capget")
    low, high = words
    return (
        low.effective | high.effective << 32,
        low.permitted | high.permitted << 32,
        low.inheritable | high.inheritable << 32,
    )


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    header, words = _CapabilityHeader(_CAPABILITY_VERSION_3, 0), (_CapabilityWords * 2)()
    for index, shift in enumerate((0, 32)):
        words[index].effective = effective >> shift & 0xFFFFFFFF
        words[index].permitted = permitted >> shift & 0xFFFFFFFF
        words[index].inheritable = inheritable >> shift & 0xFFFFFFFF
    _check(libc.function("capset")(byref(header), words), "capset")


def last_capability() -> int:
    """The highest capability number that this kernel knows."""
    number = 0
    while number < 63 and _prctl(PR_CAPBSET_READ, UnsignedLong(number + 1), 0, 0, 0) >= 0:
        number += 1
    return number


def drop_bounding_capability(number: int) -> None:
    """Remove a capability from the bounding set. If it is not in the set this needs no privilege."""
    if prctl(PR_CAPBSET_READ, number):
        prctl(PR_CAPBSET_DROP, number)


# --- scheduling ---


def set_io_priority(kind: int, level: int) -> None:
    """ioprio_set(2) for ourselves. OSError, ENOSYS if the number of the call is unknown."""
    if _SYS_IOPRIO_SET is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "ioprio_set")
    words = [Long(word) for word in (_SYS_IOPRIO_SET, _IOPRIO_WHO_PROCESS, 0, kind << _IOPRIO_CLASS_SHIFT | level)]
    _check(int(_syscall(*words)), "ioprio_set")


def set_time_slice(nanoseconds: int) -> None:
    """Ask for short turns on the CPU: who asks for little at a time gets it sooner, and no more in all. Linux 6.12
    knows this, an older one ignores it. OSError, ENOSYS if the number of the call is unknown."""
    if _SYS_SCHED_SETATTR is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "sched_setattr")
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    words = ((_SCHED_ATTR_SIZE, 4), (0, 4), (0, 8), (nice, 4), (0, 4), (nanoseconds, 8), (0, 8), (0, 8))
    attributes = b"".join([word.to_bytes(size, sys.byteorder, signed=True) for word, size in words])
    _check(int(_syscall(Long(_SYS_SCHED_SETATTR), Long(0), attributes, Long(0))), "sched_setattr")


def set_personality(persona: int) -> None:
    """personality(2)."""
    _check(libc.function("personality")(UnsignedLong(persona)), "personality")


# --- watching files ---


def inotify() -> int:
    """A non-blocking descriptor that becomes readable when a watched event happens."""
    return _check(libc.function("inotify_init1")(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")


def watch_path(fd: int, path: str, events: int) -> int:
    """Watch a file or directory for events of inotify(7), which tell of it by the number returned. OSError."""
    return _check(libc.function("inotify_add_watch")(fd, os.fsencode(path), Unsigned32(events)), "inotify_add_watch")


def inotify_events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """What was read from an inotify descriptor: (number of the watch, events, name in the directory if any)."""
    words = memoryview(data).cast("I")
    at = 0
    while at + 4 <= len(words):
        number, events, length = words[at], words[at + 1], words[at + 3]
        at += 4
        yield number, events, data[4 * at : 4 * at + length].rstrip(b"\0")
        at += length // 4


def unwatch(fd: int, watch: int) -> None:
    """Watch something no more. If it is gone already, that is no error."""
    libc.function("inotify_rm_watch")(fd, watch)


# --- sockets ---


def set_socket_option(fd: int, level: int, number: int, value: int | bytes) -> None:
    """setsockopt(2). The module socket takes no such values for AF_VSOCK."""
    data = value if isinstance(value, bytes) else value.to_bytes(4, sys.byteorder, signed=value < 0)
    _check(libc.function("setsockopt")(fd, level, number, data, Unsigned32(len(data))), "setsockopt")


def get_socket_option(fd: int, level: int, number: int) -> int:
    """getsockopt(2), of an option that is an int."""
    value, size = Int(), Unsigned32(4)
    _check(libc.function("getsockopt")(fd, level, number, byref(value), byref(size)), "getsockopt")
    return value.value


# --- message queues ---


class _QueueSizes(Structure):
    _fields_ = (("flags", Long), ("messages", Long), ("size", Long), ("waiting", Long), ("reserved", Long * 4))


def open_queue(name: str, mode: int, sizes: tuple[int, int] | None) -> int:
    """mq_open(3) for reading, without blocking; a queue that is not there is made, with room for (messages, bytes of
    each). OSError."""
    number = _queue_number(0)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_CREAT
    attributes = None if sizes is None else byref(_QueueSizes(os.O_NONBLOCK, *sizes))
    path = os.fsencode(name.removeprefix("/"))
    return _check(int(_syscall(Long(number), path, Long(flags), Long(mode), attributes)), "mq_open")


def unlink_queue(name: str) -> None:
    """mq_unlink(3)."""
    _check(int(_syscall(Long(_queue_number(1)), os.fsencode(name.removeprefix("/")))), "mq_unlink")


def _queue_number(which: int) -> int:
    numbers = _QUEUE_NUMBERS.get(os.uname().machine) if sys.maxsize > 2**32 else None
    if numbers is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "mq_open")
    return numbers[which]


# --- file names ---

_NOSORT, _BRACE = 1 << 2, 1 << 10


class _Glob(Structure):
    # The first two fields are the same in glibc and musl. The rest is room for either.
    _fields_ = (("count", UnsignedLong), ("paths", UnsignedLong), ("rest", Character * 128))


def glob(pattern: str, braces: bool = False) -> list[str]:
    """glob(3): the names that match, sorted. A name without wildcards matches if it exists. braces: {a,b} stands for
    either (where the C library knows that), and nothing is sorted."""
    found = _Glob()
    try:
        if libc.function("glob")(os.fsencode(pattern), _NOSORT | _BRACE if braces else 0, None, byref(found)) != 0:
            return []
        return [os.fsdecode(path) for path in (String * found.count).from_address(found.paths)]
    finally:
        libc.function("globfree")(byref(found))


def matches(name: str, pattern: str) -> bool:
    """fnmatch(3), as systemd uses it. Python's module of that name imports `re`, which costs PID 1 a megabyte."""
    try:
        return int(_fnmatch(os.fsencode(pattern), os.fsencode(name), 0)) == 0
    except UnicodeEncodeError:  # JSON can spell strings that are not text, and so no name
        return False
