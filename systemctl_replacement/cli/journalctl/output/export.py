"""The mode export: the Journal Export Format.

Source: https://systemd.io/JOURNAL_EXPORT_FORMATS/.
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.values import decoded
from systemctl_replacement.cli.printable import is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry


class Export(Output):
    """Text in one line as it is, anything else behind its size in 64 bits; an empty line after each entry."""

    def format(self, entry: Entry) -> bytes:
        chosen = self.settings.fields
        head = (
            f"__CURSOR={entry.cursor}\n__REALTIME_TIMESTAMP={entry.realtime}\n"
            f"__MONOTONIC_TIMESTAMP={entry.monotonic}\n_BOOT_ID={entry.boot_id}\n"
        )
        parts = [head]
        for name, value in entry.fields.items():
            if name.startswith("__") or name == "_BOOT_ID" or (chosen is not None and name not in chosen):
                continue
            if value.__class__ is str and value.isascii() and value.isprintable():
                parts.append(f"{name}={value}\n")
            else:
                parts += [_field(name, one) for one in decoded(value)]
        parts.append("\n")
        return "".join(parts).encode("utf-8", "surrogateescape")


def _field(name: str, value: Value) -> str:
    if isinstance(value, str) and "\n" not in value and is_printable_text(value):
        return f"{name}={value}\n"
    data = value if isinstance(value, bytes) else value.encode()
    return (f"{name}\n".encode() + len(data).to_bytes(8, "little") + data + b"\n").decode("utf-8", "surrogateescape")
