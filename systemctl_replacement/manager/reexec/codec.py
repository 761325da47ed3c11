"""Frozen dataclasses to plain data and back: how the machines' states travel over a re-execution.

Only classes named here can come out of it. Lists come back as tuples, which is what states are made of.
"""

from __future__ import annotations

from systemctl_replacement.jobs.model import Job
from systemctl_replacement.records import fields, is_dataclass
from systemctl_replacement.supervision.fd_store import Stored
from systemctl_replacement.unitfile.parsers.commands import ExecCommand
from systemctl_replacement.units.service.state import ExecStatus, Running, ServiceState
from systemctl_replacement.units.simple import SimpleState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (ExecCommand, ExecStatus, Job, Running, ServiceState, SimpleState, Stored)
}
_TAG = "$"


def encode(value: Any) -> Any:
    """Plain data for a value. TypeError for what cannot travel."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        return {_TAG: type(value).__name__, **{f.name: encode(getattr(value, f.name)) for f in fields(value)}}
    raise TypeError(f"cannot serialise {value!r}")


def decode(value: Any) -> Any:
    """The value that `encode` made plain data of. A field that is not known any more is left out, one that is new
    has its default: the program may have been upgraded in between."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if isinstance(value, dict):
        if _TAG not in value:
            return {key: decode(item) for key, item in value.items()}
        cls = _CLASSES[value[_TAG]]
        known = {f.name for f in fields(cls)}
        return cls(**{key: decode(item) for key, item in value.items() if key in known})
    return value
