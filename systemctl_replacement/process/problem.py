"""Telling of our own defects without the module `traceback`, which every supervisor would carry."""

from __future__ import annotations


def describe(error: BaseException) -> str:
    """An exception and where it came from, without importing the module that prints tracebacks."""
    frames, traceback = [], error.__traceback__
    while traceback:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    error.__traceback__ = None
    return f"{error!r} at " + ", ".join(frames)
