"""The mode verbose: all fields of an entry, one in a line."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output import multiline
from systemctl_replacement.cli.journalctl.output.colors import BOLD, RESET
from systemctl_replacement.cli.journalctl.output.links import file_link, links_wanted
from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.stamps import Stamps, source_time
from systemctl_replacement.cli.journalctl.output.values import (
    CHARACTERS_MAX,
    any_text,
    decoded,
    last_value,
    plain_fields,
    to_bytes,
)
from systemctl_replacement.cli.printable import blob, is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry


class Verbose(Output):
    """The time and the cursor of an entry, and below them its fields in the order of the journal."""

    def __init__(self, settings: OutputSettings) -> None:
        super().__init__(settings)
        self._stamps = Stamps("verbose", settings.utc)
        self._links = settings.colors and links_wanted(settings.colors)
        self._plain = settings.full and settings.fields is None and not settings.colors

    def format(self, entry: Entry) -> bytes:
        line = entry.line
        told = source_time(last_value(line.decode("utf-8", "replace"), entry, '"_SOURCE_REALTIME_TIMESTAMP":'))
        head = f"{self._stamps.text(told or entry.realtime)} [{entry.cursor}]\n"
        plain = plain_fields(line) if self._plain else None
        if plain is None:
            parts = self._parts(entry)
        else:
            parts = [f"    {field}\n" for field in plain if not field.startswith("__")]
        return "".join([head, *parts, self.explanation(entry)]).encode("utf-8", "surrogateescape")

    def _parts(self, entry: Entry) -> list[str]:
        chosen = self.settings.fields
        return [
            self._field(name, one)
            for name, value in entry.fields.items()
            if not name.startswith("__") and (chosen is None or name in chosen)
            for one in decoded(value)
        ]

    def _field(self, name: str, value: Value) -> str:
        settings = self.settings
        on, off = (BOLD, RESET) if settings.colors and name == "MESSAGE" else ("", "")
        begin = f"    {on}{name}="
        length = len(to_bytes(value)) + len(name) + 1
        if not settings.all:
            too_long = not settings.full and length >= CHARACTERS_MAX
            if too_long or isinstance(value, bytes) or not is_printable_text(value):
                return f"{begin}{blob(len(to_bytes(value)))}{off}\n"
        text = any_text(value)
        if self._links and name == "CONFIG_FILE":
            text = file_link(text)
        return f"{begin}{multiline.whole(4 + len(name) + 1, text, ('', ''))}\n{off}"
