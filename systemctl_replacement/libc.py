"""The C library through `_ctypes` alone.

The module `ctypes` on top of it would cost PID 1 half a megabyte, and each process that imports it some milliseconds.
Nothing that it adds is needed here.
"""

from __future__ import annotations

import os
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO, CFuncPtr, _SimpleCData, dlopen, dlsym, get_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _Number = _SimpleCData[int]
    _Bytes = _SimpleCData[bytes]
else:
    _Number = _Bytes = _SimpleCData


class Int(_Number):
    """int"""

    _type_ = "i"


class Unsigned32(_Number):
    """uint32_t"""

    _type_ = "I"


class Long(_Number):
    """long"""

    _type_ = "l"


class UnsignedLong(_Number):
    """unsigned long, and size_t"""

    _type_ = "L"


class Character(_Bytes):
    """char"""

    _type_ = "c"


class String(_Bytes):
    """char *, up to the first NUL"""

    _type_ = "z"


class _Function(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = Int


class _LongFunction(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = Long


class _QuickFunction(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL
    _restype_ = Int


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE, _MUCH = 128 * 1024, 1024 * 1024

_library = dlopen(None, 0)  # type: ignore[arg-type]


def function(name: str) -> Any:
    """A function that returns int. Numbers are passed as int, bytes as char *; the caller wraps what is wider."""
    return _Function(dlsym(_library, name))


def long_function(name: str) -> Any:
    """A function that returns long."""
    return _LongFunction(dlsym(_library, name))


def quick_function(name: str) -> Any:
    """A function that returns int without errno. Such a call writes to no page that is shared with other processes."""
    return _QuickFunction(dlsym(_library, name))


def return_memory() -> None:
    """Have large blocks returned to the kernel as soon as they are free. The C library would learn from the first one
    to keep those to come."""
    try:
        mallopt = function("mallopt")
    except OSError:
        return  # musl always returns them
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _MUCH)


def check(result: int, what: str) -> int:
    """The result of a function. OSError with errno if it is negative."""
    if result < 0:
        number = get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
