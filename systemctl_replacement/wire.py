"""JSON through the C module `_json` alone.

The package `json` imports `re` and `enum`: 10 ms that `systemctl is-active` cannot afford, and memory in every
supervisor. Text is written as ASCII, so that bytes that are not UTF-8 (surrogate escapes) survive.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs more than the package json
    from collections.abc import Callable
    from typing import Any

_WHITESPACE = " \t\n\r"

_scan: Callable[[str, int], tuple[Any, int]]
_encode: Callable[[Any, int], Any]
_scan_string: Callable[[str, int], tuple[str, int]]
quoted: Callable[[str], str]
"""The JSON text of one string, in ASCII."""


class _ScannerSettings:
    """The settings that `_json.make_scanner` reads from a decoder. The constants are Python's NaN and infinities."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        raise ValueError(f"{name} is not JSON")


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


try:
    from _json import encode_basestring_ascii as quoted
    from _json import make_encoder, make_scanner
    from _json import scanstring as _scan_string

    _scan = make_scanner(_ScannerSettings)  # type: ignore[arg-type]
    _encode = make_encoder(None, _refuse, quoted, None, ":", ",", False, False, False)
except ImportError:  # an interpreter without the accelerator
    import json

    _scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    _scan_string = json.decoder.scanstring  # type: ignore[attr-defined]

    def _encode(value: Any, level: int) -> Any:
        return (json.dumps(value, separators=(",", ":"), allow_nan=False),)

    quoted = json.dumps


def dumps(value: Any) -> bytes:
    """The JSON text of `value` in one line of ASCII. TypeError or ValueError if it has none."""
    return "".join(_encode(value, 0)).encode("ascii")


def loads(data: bytes | str) -> Any:
    """The value of one JSON text. ValueError for anything else, from anybody."""
    text = data if isinstance(data, str) else data.decode("utf-8")
    start, end = 0, len(text)
    while start < end and text[start] in _WHITESPACE:
        start += 1
    try:
        value, stop = _scan(text, start)
    except (StopIteration, SystemError):  # SystemError, because the exception class of the package json is missing
        raise ValueError("not a JSON text") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    while stop < end:
        if text[stop] not in _WHITESPACE:
            raise ValueError("more than one JSON text")
        stop += 1
    return value


def string_at(text: str, start: int) -> tuple[str, int]:
    """The string in a JSON text whose opening quote is just before `start`, and where what follows it begins.
    ValueError if it has no end."""
    try:
        return _scan_string(text, start)
    except SystemError:  # as above
        raise ValueError("not a JSON string") from None
