"""Entries for the tests of the output modes, and the way to show them."""

from __future__ import annotations

from typing import Any

from systemctl_replacement import wire
from systemctl_replacement.cli.journalctl.output.make import make
from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.journal.entry import Entry
from systemctl_replacement.journal.record import plain

REALTIME = 1_795_765_625_231_820  # Fri 2026-11-27 07:47:05 UTC
MONOTONIC = 1_234_567
BOOT = "00112233445566778899aabbccddeeff"
HEAD = "Nov 27 07:47:05 box python3[51]: "


def entry(message: Any = "x", later: int = 0, **fields: Any) -> Entry:
    """An entry as it is read back from a journal. A list stands for several values; None leaves a field out."""
    record: dict[str, Any] = {
        "__SEQNUM": "1",
        "__REALTIME_TIMESTAMP": str(REALTIME + later),
        "__MONOTONIC_TIMESTAMP": str(MONOTONIC + later),
        "_BOOT_ID": BOOT,
        "_HOSTNAME": "box",
        "SYSLOG_IDENTIFIER": "python3",
        "_PID": "51",
        "PRIORITY": "6",
    }
    record.update(fields, MESSAGE=message)
    encoded = {
        name: [plain(one) for one in value] if isinstance(value, list) else plain(value)
        for name, value in record.items()
        if value is not None
    }
    return Entry(wire.dumps(encoded), "f5b01952a1524c70a13157d32be0105d")


def shown(found: Entry, mode: str = "short", **settings: Any) -> str:
    """An entry in an output mode. Bytes that are no UTF-8 are surrogate escapes."""
    return make(OutputSettings(mode, **settings)).format(found).decode("utf-8", "surrogateescape")
