"""The message catalogue: explanations of messages that have a MESSAGE_ID=, for `journalctl -x`.

Catalogue files are text, ours as well as those of packages. systemd compiles them into a database, we read them.
Source: https://systemd.io/CATALOG/, journalctl(1) "--catalog".
"""

from __future__ import annotations

import os

from systemctl_replacement.cli.journalctl.output.values import any_text, values_of
from systemctl_replacement.cli.printable import blob, is_printable_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from systemctl_replacement.journal.entry import Entry

DIRECTORIES = (
    "/etc/systemd/catalog",
    "/run/systemd/catalog",
    "/usr/local/lib/systemd/catalog",
    "/usr/lib/systemd/catalog",
    "/lib/systemd/catalog",
)
_OURS = os.path.join(os.path.dirname(__file__), "messages.catalog")
_SUFFIX = ".catalog"
_BEGIN = "-- "
_DOCUMENTATION = "Documentation:"
_ID_DIGITS = 32
_HEXADECIMAL = frozenset("0123456789abcdef")
_FILE_MAX = 4 << 20


class Catalog:
    """Explanations by MESSAGE_ID=."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self.entries = entries

    def text(self, entry: Entry) -> str | None:
        """What is known of an entry's message, with the entry's fields filled in; None if it has no explanation.

        Fields are data: of one that could drive a terminal only the size is shown.
        """
        ids = values_of(entry, "MESSAGE_ID")
        found = self.entries.get(message_id(any_text(ids[0]))) if ids else None
        return None if found is None else "".join([_filled(part, entry) for part in _parts(found)])

    def documentation(self, entry: Entry) -> str:
        """Where there is more to read about an entry's message, "" if that is not known."""
        for line in (self.text(entry) or "").split("\n"):
            if line.startswith(_DOCUMENTATION):
                return line[len(_DOCUMENTATION) :].strip()
            if not line:
                break
        return ""


def message_id(text: str) -> str:
    """An id as files and entries may write it, in the form that is looked for; "" if it is none."""
    digits = text.lower()
    if len(digits) == 36 and [digits[at] for at in (8, 13, 18, 23)] == ["-"] * 4:
        digits = digits.replace("-", "")
    return digits if len(digits) == _ID_DIGITS and _HEXADECIMAL.issuperset(digits) else ""


def parse(text: str, language: str = "") -> Iterator[tuple[str, str, str]]:
    """The entries of a catalogue file: (id, language, text). language: of entries that tell none.

    An entry begins after an empty line. Several empty lines count as one, and comments as nothing.
    """
    begun = ("", "")
    lines: list[str] = []
    after_empty = True
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        words = line.split()
        begins = after_empty and line.startswith(_BEGIN) and len(words) in (2, 3) and message_id(words[1])
        if begins:
            if begun[0]:
                yield begun[0], begun[1], "\n".join(lines).strip()
            begun = message_id(words[1]), words[2] if len(words) == 3 else language
            lines = []
            after_empty = False
        elif not line:
            after_empty = True
        elif begun[0]:
            if after_empty:
                lines.append("")
            lines.append(line.rstrip("\r"))
            after_empty = False
    if begun[0]:
        yield begun[0], begun[1], "\n".join(lines).strip()


def load(root: str = "") -> Catalog:
    """The catalogue of the image below `root`, in the user's language where it has it, and of our own messages."""
    languages = _languages()
    found: dict[str, tuple[int, str]] = {}
    for path in [_OURS, *_files(root)]:
        language = _language_of(path)
        if language and language not in languages:
            continue
        for identifier, its_language, text in parse(_read(path), language):
            if its_language and its_language not in languages:
                continue
            rank = languages.index(its_language) if its_language else len(languages)
            if identifier not in found or rank <= found[identifier][0]:
                found[identifier] = rank, text
    return Catalog({identifier: text for identifier, (_, text) in found.items()})


def _files(root: str) -> list[str]:
    """The catalogue files of an image, by name. One in /etc replaces one of the same name in /usr."""
    by_name: dict[str, str] = {}
    for directory in DIRECTORIES:
        try:
            names = os.listdir(root + directory)
        except OSError:
            continue
        for name in names:
            if name.endswith(_SUFFIX):
                by_name.setdefault(name, f"{root}{directory}/{name}")
    return [by_name[name] for name in sorted(by_name)]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_FILE_MAX)
    except OSError:
        return ""


def _language_of(path: str) -> str:
    """The language in a file's name (`systemd.de.catalog`), "" for none."""
    return os.path.basename(path)[: -len(_SUFFIX)].partition(".")[2]


def _languages() -> list[str]:
    """The languages of the locale, the best one first."""
    import _locale

    try:
        name = _locale.setlocale(_locale.LC_MESSAGES, "")
    except _locale.Error:  # type: ignore[attr-defined]
        return []
    name = name.partition(".")[0]
    return [] if name in ("", "C", "POSIX") else list(dict.fromkeys((name, name.partition("_")[0])))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Text and names of fields between two `@`: (whether it is a field, what it is)."""
    at = 0
    while (begin := text.find("@", at)) >= 0:
        end = text.find("@", begin + 1)
        name = text[begin + 1 : end] if end > 0 else ""
        if name and name.isascii() and name.replace("_", "A").isalnum() and name == name.upper():
            yield False, text[at:begin]
            yield True, name
            at = end + 1
        else:
            yield False, text[at : begin + 1]
            at = begin + 1
    yield False, text[at:]


def _filled(part: tuple[bool, str], entry: Entry) -> str:
    is_field, text = part
    if not is_field:
        return text
    values = values_of(entry, text)
    if not values:
        return text
    value = values[0]
    if isinstance(value, str) and is_printable_text(value):
        return value
    return blob(len(value if isinstance(value, bytes) else value.encode()))
