"""Journal records as `status` and `journalctl` print them: the --output= modes.

Source: journalctl(1) "--output=".
"""

from __future__ import annotations

import os
import time

from systemctl_replacement.journal.reader import number, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def format_record(record: dict[str, Any], mode: str) -> str:
    """One record in an --output= mode; several lines if the message has several."""
    if mode in ("json", "json-pretty", "json-sse", "json-seq"):
        return _json(record, mode)
    if mode == "cat":
        return text_of(record)
    if mode == "export":
        return "".join(f"{name}={text_of(record, name)}\n" for name in record)
    if mode == "verbose":
        head = _timestamp(record, "short-full")
        return "\n".join(
            [head, *(f"    {name}={text_of(record, name)}" for name in record if not name.startswith("__"))]
        )
    return _short(record, mode)


def _json(record: dict[str, Any], mode: str) -> str:
    import json

    if mode == "json-pretty":
        return json.dumps(record, indent="\t", ensure_ascii=False)
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    if mode == "json-sse":
        return f"data: {text}\n"
    return f"\x1e{text}" if mode == "json-seq" else text


def _short(record: dict[str, Any], mode: str) -> str:
    identifier = text_of(record, "SYSLOG_IDENTIFIER") or text_of(record, "_COMM") or "unknown"
    if mode == "with-unit":
        identifier = text_of(record, "_SYSTEMD_UNIT") or identifier
    pid = text_of(record, "_PID") or text_of(record, "SYSLOG_PID")
    head = f"{_timestamp(record, mode)} {text_of(record, '_HOSTNAME') or os.uname().nodename} {identifier}"
    head += f"[{pid}]: " if pid else ": "
    first, *others = text_of(record).rstrip("\n").split("\n")
    return "\n".join([head + first, *(" " * len(head) + line for line in others)])


def _timestamp(record: dict[str, Any], mode: str) -> str:
    usec = number(record, "__REALTIME_TIMESTAMP")
    seconds, fraction = divmod(usec, 1_000_000)
    if mode in ("short-monotonic", "short-delta"):
        monotonic = number(record, "__MONOTONIC_TIMESTAMP")
        return f"[{monotonic // 1_000_000:5d}.{monotonic % 1_000_000:06d}]"
    if mode == "short-unix":
        return f"{seconds}.{fraction:06d}"
    fields = time.localtime(seconds)
    clock = time.strftime("%H:%M:%S", fields)
    if mode.startswith("short-iso"):
        zone = time.strftime("%z", fields)
        precise = f".{fraction:06d}" if mode == "short-iso-precise" else ""
        return f"{time.strftime('%Y-%m-%dT', fields)}{clock}{precise}{zone}"
    if mode in ("short-full", "with-unit"):
        return f"{_DAYS[fields.tm_wday]} {time.strftime('%Y-%m-%d', fields)} {clock} {fields.tm_zone}"
    precise = f".{fraction:06d}" if mode == "short-precise" else ""
    return f"{_MONTHS[fields.tm_mon - 1]} {fields.tm_mday:02d} {clock}{precise}"
