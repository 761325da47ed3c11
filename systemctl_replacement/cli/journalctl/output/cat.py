"""The mode cat: messages alone."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.colors import RESET, of_priority
from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.short import found_in, plain
from systemctl_replacement.cli.journalctl.output.values import any_text, first_value, to_bytes
from systemctl_replacement.cli.printable import blob, is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry


class Cat(Output):
    """The message of an entry, or the first value of each field that is asked for, in a line of its own.

    Programs get it unchanged. For a person, nothing of it is to drive the terminal.
    """

    def format(self, entry: Entry) -> bytes:
        line = entry.line.decode("utf-8", "replace")
        shown = [
            self._line(name, value, line, entry)
            for name in sorted(self.settings.fields or ("MESSAGE",))
            if (value := first_value(line, entry, f'"{name}":')) is not None
        ]
        return b"".join(shown)

    def _line(self, name: str, value: Value, line: str, entry: Entry) -> bytes:
        settings = self.settings
        shown = value
        if settings.tty and not settings.all:
            shown = plain(value)
            if isinstance(shown, bytes) or not is_printable_text(shown):
                return blob(len(to_bytes(shown))).encode() + b"\n"
        if not settings.colors:
            return to_bytes(shown) + b"\n"
        color, mark = of_priority(first_value(line, entry, '"PRIORITY":'))
        text = any_text(shown)
        if color and name == "MESSAGE":
            span = found_in(settings, value, shown)
            if span is not None:
                text = f"{text[: span[0]]}{mark}{text[span[0] : span[1]]}{color}{text[span[1] :]}"
        return f"{color}{text}{RESET if color else ''}\n".encode("utf-8", "surrogateescape")
