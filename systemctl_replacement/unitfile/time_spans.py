"""Time spans, as text and in microseconds. Source: systemd.time(7)."""

from __future__ import annotations

from systemctl_replacement.unitfile.infinity import INFINITY

USEC_PER_SEC = 1_000_000

_USEC = {
    "seconds": 10**6, "second": 10**6, "sec": 10**6, "s": 10**6, "msec": 1000, "ms": 1000, "usec": 1, "us": 1,
    "µs": 1, "μs": 1, "minutes": 60 * 10**6, "minute": 60 * 10**6, "min": 60 * 10**6, "m": 60 * 10**6,
    "hours": 3600 * 10**6, "hour": 3600 * 10**6, "hr": 3600 * 10**6, "h": 3600 * 10**6,
    "days": 86400 * 10**6, "day": 86400 * 10**6, "d": 86400 * 10**6,
    "weeks": 604800 * 10**6, "week": 604800 * 10**6, "w": 604800 * 10**6,
    "months": 2629800 * 10**6, "month": 2629800 * 10**6, "M": 2629800 * 10**6,
    "years": 31557600 * 10**6, "year": 31557600 * 10**6, "y": 31557600 * 10**6,
}  # fmt: skip
_NSEC = {name: usec * 1000 for name, usec in _USEC.items()}
_NSEC.update({"nsec": 1, "ns": 1})
_SHOWN_UNITS = (
    ("y", 31557600 * 10**6), ("month", 2629800 * 10**6), ("w", 604800 * 10**6), ("d", 86400 * 10**6),
    ("h", 3600 * 10**6), ("min", 60 * 10**6), ("s", 10**6), ("ms", 1000), ("us", 1),
)  # fmt: skip
_BLANK = " \t\n\r"
_DIGITS = frozenset("0123456789")


def _spans(text: str, units: dict[str, int], default: int) -> int:
    """The sum of terms such as `2min 1.5s`, each unit worth what `units` says; INFINITY for "infinity"."""
    text = text.strip(_BLANK)
    if text == "infinity":
        return INFINITY
    if not text:
        raise ValueError("empty time span")
    total = 0
    position = 0
    end = len(text)
    while position < end:
        if text[position] == "+":
            position += 1
        start = position
        while position < end and text[position] in _DIGITS:
            position += 1
        whole = text[start:position]
        fraction = ""
        if position < end and text[position] == ".":
            start = position = position + 1
            while position < end and text[position] in _DIGITS:
                position += 1
            fraction = text[start:position]
            if not fraction:
                raise ValueError(f"not a time span: {text!r}")
        if not whole and not fraction:
            raise ValueError(f"not a time span: {text!r}")
        behind = position
        while position < end and text[position] in _BLANK:
            position += 1
        start = position
        while position < end and text[position].isalpha():
            position += 1
        name = text[start:position]
        unit = units.get(name, 0) if name else default
        if not unit:
            raise ValueError(f"unknown unit of time: {name!r}")
        if position == behind != end or int(whole or "0") >= INFINITY // unit:
            # Neither a unit nor a blank in between ("1.5.5"), or out of range.
            raise ValueError(f"not a time span: {text!r}")
        total += int(whole or "0") * unit
        scale = unit
        for digit in fraction:
            scale //= 10
            total += int(digit) * scale
        while position < end and text[position] in _BLANK:
            position += 1
    if total >= INFINITY:
        raise ValueError(f"time span out of range: {text!r}")
    return total


def parse_time_span(text: str, default_unit: str = "s") -> int:
    """A time span such as `1min 30s` in microseconds; a bare number counts `default_unit`; "infinity" is INFINITY."""
    return _spans(text, _USEC, _USEC[default_unit])


def parse_nsec_span(text: str) -> int:
    """A time span in nanoseconds (TimerSlackNSec=); a bare number counts nanoseconds."""
    return _spans(text, _NSEC, 1)


def format_time_span(usec: int, accuracy: int = 1) -> str:
    """Microseconds as systemd prints them: `1min 30s`, `2.5s`, `infinity`. Parts below `accuracy` are dropped."""
    if usec >= INFINITY:
        return "infinity"
    if usec <= 0:
        return "0"
    parts: list[str] = []
    for name, size in _SHOWN_UNITS:
        if usec <= 0 or (usec < accuracy and parts):
            break
        if usec < size:
            continue
        whole, rest = divmod(usec, size)
        if usec < 60 * USEC_PER_SEC and rest > 0:
            # Below a minute: one number with a decimal point, if its digits end where accuracy ends.
            digits = len(str(size)) - 1
            scale = accuracy
            fraction = rest
            while scale > 1:
                fraction //= 10
                digits -= 1
                scale //= 10
            if fraction > 0 and digits > 0:
                parts.append(f"{whole}.{fraction:0{digits}d}{name}")
                break
        parts.append(f"{whole}{name}")
        usec = rest
    return " ".join(parts) if parts else "0"
