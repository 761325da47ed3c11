"""The modes json, json-pretty, json-sse and json-seq.

The lines of a journal are nearly what `json` prints, so that most of them are passed on without being read.

Source: journalctl(1) "--output=", and what systemd 252 prints. (It prints the fields in no particular order.)
"""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output import colors
from systemctl_replacement.cli.journalctl.output.output import Output
from systemctl_replacement.cli.journalctl.output.values import decoded, to_bytes
from systemctl_replacement.cli.printable import is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
    from systemctl_replacement.cli.journalctl.output.values import Value
    from systemctl_replacement.journal.entry import Entry

_VALUE_MAX = 4096
"""A value with its field's name is not printed if it is longer than this (bytes), unless all is wanted."""
_BEGIN = b'{"__SEQNUM":"'
_NEXT = b'"__REALTIME_TIMESTAMP":"'
_NUMBER_MAX = 20
_SURELY_SHORT = _VALUE_MAX // 2
_ALWAYS = ("_BOOT_ID",)


class Json(Output):
    """An object for each entry."""

    def __init__(self, settings: OutputSettings) -> None:
        super().__init__(settings)
        self._passes = settings.mode != "json-pretty" and settings.fields is None and not settings.colors
        self._before, self._after = _FRAMES.get(settings.mode, (b"", b"\n"))
        self._write = _Pretty(settings.colors) if settings.mode == "json-pretty" else _Compact(settings.colors)

    def format(self, entry: Entry) -> bytes:
        line = entry.line
        if self._passes and len(line) <= _VALUE_MAX and line.startswith(_BEGIN) and _is_as_printed(line):
            at = line.find(_NEXT, len(_BEGIN), len(_BEGIN) + _NUMBER_MAX + len(_NEXT) + 2)
            if at > 0:
                return b'%b{"__CURSOR":"%b",%b%b' % (self._before, entry.cursor.encode(), line[at:], self._after)
        return b"%b%b%b" % (self._before, self._write.text(self._members(entry)).encode(), self._after)

    def _members(self, entry: Entry) -> dict[str, object]:
        chosen = self.settings.fields
        members: dict[str, object] = {
            "__CURSOR": entry.cursor,
            "__REALTIME_TIMESTAMP": str(entry.realtime),
            "__MONOTONIC_TIMESTAMP": str(entry.monotonic),
            "_BOOT_ID": entry.boot_id,
        }
        for name, value in entry.fields.items():
            if name.startswith("__") or name in _ALWAYS or (chosen is not None and name not in chosen):
                continue
            if value.__class__ is str and len(value) < _SURELY_SHORT and value.isascii() and value.isprintable():
                members[name] = value
            else:
                values = [self._value(name, one) for one in decoded(value)]
                members[name] = values[0] if len(values) == 1 else values
        return members

    def _value(self, name: str, value: Value) -> object:
        data = to_bytes(value)
        if not self.settings.all and len(data) + len(name) + 1 > _VALUE_MAX:
            return None
        return value if isinstance(value, str) and is_printable_text(value) else list(data)


def _is_as_printed(line: bytes) -> bool:
    """Whether a line has nothing that is printed in another way: characters that are not ASCII, and those that a
    terminal might act on."""
    if not line.isascii():
        return False
    text = line.decode("ascii")
    if not text.isprintable():
        return False
    if "\\" in text:
        for escape in ("\\\\", '\\"', "\\n", "\\t"):
            text = text.replace(escape, "")
        return "\\" not in text
    return True


_FRAMES = {
    "json-sse": (b"data: ", b"\n\n"),  # events of https://html.spec.whatwg.org/multipage/server-sent-events.html
    "json-seq": (b"\x1e", b"\n"),  # RFC 7464
}


class _Compact:
    """Writes JSON in one line."""

    def __init__(self, colored: bool) -> None:
        self._string, self._number, self._off = (colors.GREEN, colors.BOLD_BLUE, colors.RESET) if colored else ("",) * 3
        self._null = f"{colors.BOLD}null{colors.RESET}" if colored else "null"

    def text(self, members: dict[str, object]) -> str:
        return "{" + ",".join([f"{self.string(name)}:{self.value(value)}" for name, value in members.items()]) + "}"

    def value(self, value: object) -> str:
        if isinstance(value, list):
            return f"[{','.join([self.value(item) for item in value])}]"
        return self.scalar(value)

    def scalar(self, value: object) -> str:
        if value is None:
            return self._null
        return self.string(value) if isinstance(value, str) else f"{self._number}{value}{self._off}"

    def string(self, text: str) -> str:
        if "\\" in text or '"' in text or "\n" in text or "\t" in text:
            text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{self._string}{text}{self._off}"'


class _Pretty(_Compact):
    """Writes JSON with one value in a line, indented by tabs."""

    def text(self, members: dict[str, object]) -> str:
        lines = [f"\t{self.string(name)} : {self._indented(value, 1)}" for name, value in members.items()]
        return "{\n" + ",\n".join(lines) + "\n}"

    def _indented(self, value: object, depth: int) -> str:
        if isinstance(value, str):
            return self.string(value)
        if not isinstance(value, list):
            return self.scalar(value)
        if not value:
            return "[]"
        tabs = "\t" * depth
        items = ",\n".join([f"{tabs}\t{self._indented(item, depth + 1)}" for item in value])
        return f"[\n{items}\n{tabs}]"
