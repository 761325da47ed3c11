"""Telling of our own defects without the module `traceback`, which every supervisor would carry."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def describe(error: BaseException) -> str:
    """An exception and where it came from, without importing the module that prints tracebacks."""
    frames, traceback = [], error.__traceback__
    while traceback:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    error.__traceback__ = None
    return f"{error!r} at " + ", ".join(frames)


def guard(report: Callable[[BaseException], object], handler: Callable[..., object], *arguments: object) -> None:
    """Calls the handler; what goes wrong in it is reported, and goes no further."""
    try:
        handler(*arguments)
    except Exception as error:
        try:
            report(error)
        except Exception:
            return  # nobody is left to tell
