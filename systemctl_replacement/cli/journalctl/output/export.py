"""The mode export: the Journal Export Format.

Source: https://systemd.io/JOURNAL_EXPORT_FORMATS/.
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.values import decoded, plain_fields
from systemctl_replacement.cli.printable import is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry

_IN_HEAD = ("__", "_BOOT_ID=")


class Export(Output):
    """Text in one line as it is, anything else behind its size in 64 bits; an empty line after each entry."""

    def format(self, entry: Entry) -> bytes:
        chosen = self.settings.fields
        head = (
            f"__CURSOR={entry.cursor}\n__REALTIME_TIMESTAMP={entry.realtime}\n"
            f"__MONOTONIC_TIMESTAMP={entry.monotonic}\n_BOOT_ID={entry.boot_id}"
        )
        plain = plain_fields(entry.line)
        if plain is None:
            parts = self._parts(entry)
        elif chosen is None:
            parts = [field for field in plain if not field.startswith(_IN_HEAD)]
        else:
            parts = [field for field in plain if field.partition("=")[0] in chosen and not field.startswith(_IN_HEAD)]
        return "\n".join([head, *parts, "\n"]).encode("utf-8", "surrogateescape")

    def _parts(self, entry: Entry) -> list[str]:
        chosen = self.settings.fields
        return [
            _field(name, one)
            for name, value in entry.fields.items()
            if not f"{name}=".startswith(_IN_HEAD) and (chosen is None or name in chosen)
            for one in decoded(value)
        ]


def _field(name: str, value: Value) -> str:
    if isinstance(value, str) and "\n" not in value and is_printable_text(value):
        return f"{name}={value}"
    data = value if isinstance(value, bytes) else value.encode()
    return (f"{name}\n".encode() + len(data).to_bytes(8, "little") + data).decode("utf-8", "surrogateescape")
