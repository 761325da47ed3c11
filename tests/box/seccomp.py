"""A filter for system calls such as old container engines have: one error for all that they do not know."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from tests.box.kernel import check, libc

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, JUMP_IF_GREATER_OR_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06

# Linux 5.1, newer than the filters of Docker before 20.10: pidfd_open, clone3, close_range, openat2, faccessat2 …
FIRST_UNKNOWN = 424
# Those that Docker's default profile knows and refuses, and statx, rseq, io_pgetevents, which came before Linux 5.1.
REFUSED = {
    "x86_64": {
        "mount": 165, "umount2": 166, "pivot_root": 155, "unshare": 272, "setns": 308, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "kcmp": 312, "bpf": 321, "userfaultfd": 323, "add_key": 248, "request_key": 249,
        "keyctl": 250, "perf_event_open": 298, "statx": 332, "io_pgetevents": 333, "rseq": 334,
    },
    "aarch64": {
        "mount": 40, "umount2": 39, "pivot_root": 41, "unshare": 97, "setns": 268, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "kcmp": 272, "bpf": 280, "userfaultfd": 282, "add_key": 217, "request_key": 218,
        "keyctl": 219, "perf_event_open": 241, "statx": 291, "io_pgetevents": 292, "rseq": 293,
    },
}  # fmt: skip


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_what_is_new(error: str) -> None:
    """Answer system calls that such an engine does not allow with an error, by its name. Needs CAP_SYS_ADMIN."""
    refused = sorted(REFUSED[platform.machine()].values())
    program = [_instruction(LOAD, 0)]  # the number of the call
    program.append(_instruction(JUMP_IF_GREATER_OR_EQUAL, FIRST_UNKNOWN, len(refused) + 1))
    program += [_instruction(JUMP_IF_EQUAL, number, len(refused) - place) for place, number in enumerate(refused)]
    program += [_instruction(RETURN, ALLOW), _instruction(RETURN, ERRNO | getattr(errno, error))]
    filter_program = Program(len(program), b"".join(program))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0), "seccomp")


def _instruction(code: int, value: int, jump_if_true: int = 0) -> bytes:
    """struct sock_filter"""
    return struct.pack("HBBI", code, jump_if_true, 0, value)
