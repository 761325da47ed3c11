"""Records as JSON objects and back, checked field by field against the records' own annotations.

A field that has its default is left out, so that a message holds only what was asked for, and a receiver of an older
version refuses a field only where it would have to be acted on. Annotations are made of str, bool, int, bytes (base64
in JSON), records of the same module, `tuple[T, ...]` and `T | None`. They are interpreted as they stand: readers built
ahead would be hundreds of small objects, on pages that every supervisor touches.
"""

from __future__ import annotations

import sys
from binascii import a2b_base64, b2a_base64

from systemctl_replacement.records import fields, is_dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLAIN = {"str": (str, "a string"), "bool": (bool, "a boolean"), "int": (int, "an integer")}
_OPTIONAL, _TUPLE, _ANY_LENGTH = " | None", "tuple[", ", ...]"


class FieldError(ValueError):
    """A field that the record does not have, or whose value has the wrong type; the text names it."""


def encode(record: Any) -> dict[str, Any]:
    """The JSON object of a record, without the fields that have their defaults."""
    return {
        field.name: _encode_value(value)
        for field in fields(record)
        if (value := getattr(record, field.name)) is not field.default and value != field.default
    }


def _encode_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encode_value(item) for item in value]
    if isinstance(value, bytes):
        return b2a_base64(value, newline=False).decode()
    return encode(value) if is_dataclass(value) else value


def decode(cls: type[Any], value: Any, where: str) -> Any:
    """The record of a JSON object, which FieldError calls `where`."""
    if type(value) is not dict:
        raise FieldError(f"{where} is not an object")
    annotations = cls.__annotations__
    made = {}
    for name, item in value.items():
        if name not in annotations:
            raise FieldError(f"{where}.{name} is unknown")
        made[name] = _decode_value(annotations[name], cls, item, f"{where}.{name}")
    for name in annotations:
        if name not in made and not hasattr(cls, name):
            raise FieldError(f"{where}.{name} is missing")
    return cls(**made)


def _decode_value(annotation: str, cls: type[Any], value: Any, where: str) -> Any:
    if annotation.endswith(_OPTIONAL):
        return None if value is None else _decode_value(annotation[: -len(_OPTIONAL)], cls, value, where)
    if annotation.startswith(_TUPLE):
        if type(value) is not list:
            raise FieldError(f"{where} is not an array")
        inner = annotation[len(_TUPLE) : -len(_ANY_LENGTH)]
        return tuple([_decode_value(inner, cls, item, f"{where}[{i}]") for i, item in enumerate(value)])
    if annotation in _PLAIN:
        kind, called = _PLAIN[annotation]
        if type(value) is not kind:  # True is an int to isinstance()
            raise FieldError(f"{where} is not {called}")
        return value
    if annotation == "bytes":
        return _decode_bytes(value, where)
    return decode(_record(annotation, cls), value, where)


def _decode_bytes(value: Any, where: str) -> bytes:
    try:
        return a2b_base64(value)
    except (TypeError, ValueError):
        raise FieldError(f"{where} is not base64") from None


def _record(annotation: str, cls: type[Any]) -> Any:
    return vars(sys.modules[cls.__module__]).get(annotation)


def prepare(cls: type[Any]) -> None:
    """Makes a record of the class and of all that it may hold, so that processes forked later share what the first use
    of a class changes in memory. TypeError for a field whose type cannot be checked."""
    cls(**dict.fromkeys(cls.__annotations__))
    for annotation in cls.__annotations__.values():
        inner = annotation[: -len(_OPTIONAL)] if annotation.endswith(_OPTIONAL) else annotation
        while inner.startswith(_TUPLE) and inner.endswith(_ANY_LENGTH):
            inner = inner[len(_TUPLE) : -len(_ANY_LENGTH)]
        if inner not in _PLAIN and inner != "bytes":
            if not is_dataclass(_record(inner, cls)):
                raise TypeError(f"{cls.__name__} cannot have a field of type {annotation}")
            prepare(_record(inner, cls))
