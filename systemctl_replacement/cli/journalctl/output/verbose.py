"""The mode verbose: all fields of an entry, one in a line."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output import multiline
from systemctl_replacement.cli.journalctl.output.colors import BOLD, RESET
from systemctl_replacement.cli.journalctl.output.links import file_link, links_wanted
from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.stamps import Stamps, source_time
from systemctl_replacement.cli.journalctl.output.values import CHARACTERS_MAX, any_text, decoded, to_bytes
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
        self._links = links_wanted(settings.colors)
        self._plain = settings.full and not settings.colors and not self._links

    def format(self, entry: Entry) -> bytes:
        fields = entry.fields
        told = source_time(fields.get("_SOURCE_REALTIME_TIMESTAMP"))
        parts = [f"{self._stamps.text(told or entry.realtime)} [{entry.cursor}]\n"]
        chosen = self.settings.fields
        for name, value in fields.items():
            if name.startswith("__") or (chosen is not None and name not in chosen):
                continue
            if self._plain and value.__class__ is str and value.isascii() and value.isprintable():
                parts.append(f"    {name}={value}\n")
            else:
                parts += [self._field(name, one) for one in decoded(value)]
        parts.append(self.explanation(entry))
        return "".join(parts).encode("utf-8", "surrogateescape")

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
