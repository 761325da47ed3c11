"""Numbers that come from services, read as systemd reads them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Optional

PID_MAX: Final = 2**31 - 1

_BLANKS = " \t\n\r\v\f"
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_DIGITS = "0123456789abcdef"
_MOST_DIGITS = 128


def c_integer(text: str) -> Optional[int]:
    """A whole number as systemd reads one: strtol(3) with base 0, and nothing may follow. None if it is none."""
    text = text.lstrip(_BLANKS)
    digits = text[1:] if text[:1] in ("+", "-") else text
    base = _BASES.get(digits[:2].lower())
    if base is not None:
        digits = digits[2:]
    else:
        base = 8 if digits[:1] == "0" else 10
    if not digits or any(digit not in _DIGITS[:base] for digit in digits.lower()):
        return None
    # int() refuses thousands of digits; what is out of every range need not be exact.
    number = int(digits, base) if len(digits.lstrip("0")) <= _MOST_DIGITS else 1 << _MOST_DIGITS
    return -number if text[:1] == "-" else number
