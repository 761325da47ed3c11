"""Frozen dataclasses to plain data and back, for the machines' states over a re-execution.

Only classes named here can come out of it. Lists become tuples, which is what states consist of.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import Job
from systemctl_replacement.records import fields, is_dataclass
from systemctl_replacement.supervision.fd_store import Stored
from systemctl_replacement.unitfile.parsers.commands import ExecCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RECORDS: tuple[type[Any], ...] = (ExecCommand, Job, Stored)
_TAG = "$"


def encode(value: Any, records: tuple[type[Any], ...] = ()) -> Any:
    """Plain data for a value. TypeError for what has none. records: the classes in it that only some units have
    (units/kind.py)."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [encode(item, records) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item, records) for key, item in value.items()}
    if is_dataclass(value) and type(value) in (*_RECORDS, *records):
        return {_TAG: type(value).__name__, **{f.name: encode(getattr(value, f.name), records) for f in fields(value)}}
    raise TypeError(f"cannot serialise {value!r}")


def decode(value: Any, records: tuple[type[Any], ...] = ()) -> Any:
    """The value behind the plain data of `encode`. An unknown field is left out, and a new one
    has its default, because the program may have been upgraded in between. KeyError for an unknown class."""
    if isinstance(value, list):
        return tuple([decode(item, records) for item in value])
    if isinstance(value, dict):
        if _TAG not in value:
            return {key: decode(item, records) for key, item in value.items()}
        cls = {cls.__name__: cls for cls in (*_RECORDS, *records)}[value[_TAG]]
        known = {f.name for f in fields(cls)}
        return cls(**{key: decode(item, records) for key, item in value.items() if key in known})
    return value
