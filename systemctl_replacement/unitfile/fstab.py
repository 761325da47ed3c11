"""The units that /etc/fstab describes (fstab(5), systemd-fstab-generator(8)).

In a container its entries are the engine's business: they are shown, and skipped at a boot.
"""

from __future__ import annotations

from systemctl_replacement.unitfile import names, verify
from systemctl_replacement.unitfile.without_file import without_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

    Settings = Mapping[tuple[str, str], Any]

PATH = "/etc/fstab"
SKIPPED = f"in {PATH}: the engine mounts the file systems of a container"

_BLANKS = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))
# What names a device by something else than its path, with the directory of links that systemd looks in.
_TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}


def read(text: str) -> dict[str, Settings]:
    """The settings of each unit. The root is always there, what a kernel brings along has no unit; of two entries for
    one place the first one counts."""
    found: dict[str, Settings] = {}
    for line in text.split("\n"):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if len(words) < 2 or words[0].startswith("#"):
            continue
        what, where, kind, options = map(_plain, (*words[:4], "", "")[:4])
        entry = _entry(_device(what), where, kind, options)
        if entry is not None:
            found.setdefault(*entry)
    return found


def _entry(what: str, where: str, kind: str, options: str) -> tuple[str, Settings] | None:
    try:
        if kind == "swap":
            settings = {("Unit", "Description"): what, ("Swap", "What"): what, ("Swap", "Options"): options}
            return names.escape_path(what) + ".swap", settings
        where = names.simplify_path(where)
        unit = names.escape_path(where) + ".mount"
    except ValueError:
        return None
    if not where.startswith("/") or where == "/" or verify.is_api(where) or not names.valid_unit_name(unit):
        return None
    given = {"Where": where, "What": what, "Type": "" if kind == "auto" else kind, "Options": options}
    return unit, {("Unit", "Description"): where, **{("Mount", name): value for name, value in given.items()}}


def as_unit(file: Unit, settings: Settings) -> Unit:
    """What stands for the file of a unit that has none, because fstab describes it."""
    documentation = ("man:fstab(5)", "man:systemd-fstab-generator(8)")
    return without_file(file, {("Unit", "Documentation"): documentation, **settings}, PATH)


def _plain(word: str) -> str:
    for code, character in _BLANKS:
        word = word.replace(code, character)
    return word


def _device(what: str) -> str:
    """The path of what is named by a tag, which systemd escapes as udev does."""
    tag, _, value = what.partition("=")
    if tag not in _TAGS:
        return what
    value = value.strip('"')
    safe = "".join([one if one.isalnum() or one in "#+-.:=@_" else f"\\x{ord(one):02x}" for one in value])
    return f"/dev/disk/by-{_TAGS[tag]}/{safe}"
