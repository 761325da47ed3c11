"""Unit names: what is valid, what the parts mean, escaping, and what systemctl makes of a name typed by hand.

Source: systemd.unit(5), systemd-escape(1). Names are short strings and checked constantly: no `re` here.
"""

from __future__ import annotations

from systemctl_replacement.units.table import TYPES

UNIT_TYPES = tuple(TYPES)
NAME_MAX = 255

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALID = frozenset("0123456789" + _LETTERS + ":-_.\\")
_VALID_WITH_AT = _VALID | {"@"}
_GLOB = frozenset("*?[")
_VALID_GLOB = _VALID_WITH_AT | frozenset("[]!-*?")
_ESCAPE_KEEPS = _VALID - frozenset("-\\")
_TYPE_SET = frozenset(UNIT_TYPES)


def valid_unit_name(name: str, *, plain: bool = True, instance: bool = True, template: bool = True) -> bool:
    """Whether this names a unit of a wanted kind: plain `a.service`, instance `a@b.service`, template `a@.service`."""
    if not name or len(name) > NAME_MAX:
        return False
    dot = name.rfind(".")
    if dot <= 0 or name[dot + 1 :] not in _TYPE_SET or not _VALID_WITH_AT.issuperset(name):
        return False
    at = name.find("@")
    if at == 0:
        return False
    if at < 0 or at > dot:
        return plain
    return template if at + 1 == dot else instance


def unit_type(name: str) -> str:
    """The type ("service") a valid unit name ends in."""
    return name[name.rfind(".") + 1 :]


def prefix_of(name: str) -> str:
    """What stands before the `@` or, without one, before the suffix: %p."""
    stem = name[: name.rfind(".")]
    return stem.partition("@")[0]


def instance_of(name: str) -> str:
    """What stands between the first `@` and the suffix, "" for plain names and templates: %i."""
    return name[: name.rfind(".")].partition("@")[2]


def is_template(name: str) -> bool:
    """Whether this is a template, such as `getty@.service`."""
    at = name.find("@")
    return at >= 0 and at + 1 == name.rfind(".")


def is_instance(name: str) -> bool:
    """Whether this is an instance of a template, such as `getty@tty1.service`."""
    at = name.find("@")
    return 0 <= at < name.rfind(".") - 1


def template_of(name: str) -> str:
    """The template `a@.service` that an instance `a@b.service` comes from; other names come back unchanged."""
    at = name.find("@")
    return name if at < 0 else name[: at + 1] + name[name.rfind(".") :]


def replace_instance(name: str, instance: str) -> str:
    """`name`, a template or instance, with its instance replaced: (`a@.service`, `b`) gives `a@b.service`."""
    at = name.find("@")
    return name if at < 0 else name[: at + 1] + instance + name[name.rfind(".") :]


def _hex(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def escape(text: str) -> str:
    """`text` made fit for a unit name: `/` to `-`, all but letters, digits and `:_.` to \\xNN (systemd-escape(1))."""
    out = []
    for position, character in enumerate(text):
        if character == "/":
            out.append("-")
        elif character not in _ESCAPE_KEEPS or (character == "." and position == 0):
            out.append(_hex(character))
        else:
            out.append(character)
    return "".join(out)


def unescape(text: str) -> str:
    """The opposite of `escape`. Raises ValueError for a backslash that starts no \\xNN."""
    if "\\" not in text:
        return text.replace("-", "/")
    out = bytearray()
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            digits = text[position + 2 : position + 4]
            if text[position + 1 : position + 2] != "x" or len(digits) != 2 or not _is_hex(digits):
                raise ValueError(f"invalid escape in {text!r}")
            out.append(int(digits, 16))
            position += 4
            continue
        out += b"/" if character == "-" else character.encode("utf-8", "surrogateescape")
        position += 1
    return out.decode("utf-8", "surrogateescape")


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)


def simplify_path(path: str) -> str:
    """`path` without doubled slashes, `.` components and trailing slashes; `..` stays (systemd's path_simplify)."""
    if "//" not in path and "/." not in path and not path.startswith("./") and not path.endswith("/"):
        return path
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/"):
        return "/" + "/".join(parts)
    return "/".join(parts) or ("." if path else "")


def is_normalized_path(path: str) -> bool:
    """Whether a path has no `.` or `..` components, no doubled slashes and is not too long."""
    if not path or len(path.encode("utf-8", "surrogateescape")) >= 4096 or "//" in path:
        return False
    return not any(part in (".", "..") for part in path.split("/"))


def escape_path(path: str) -> str:
    """A file system path as a unit name without suffix: `/var//lib` to `var-lib`, `/` to `-`. ValueError for `..`."""
    path = simplify_path(path)
    if path in ("", "/"):
        return "-"
    if not is_normalized_path(path):
        raise ValueError(f"path {path!r} is not normalized")
    return escape(path.strip("/"))


def unescape_path(text: str) -> str:
    """The absolute path an escaped name stands for. ValueError if it stands for none."""
    if not text:
        raise ValueError("empty name")
    if text == "-":
        return "/"
    path = unescape(text)
    if path.startswith("/") or path.endswith("/") or "\0" in path or not is_normalized_path("/" + path):
        raise ValueError(f"{text!r} is not an escaped path")
    return "/" + path


def path_of(unit: str) -> str:
    """The path that a unit is named after (mounts, automounts, swaps, devices, slices), "/" if its name is none."""
    try:
        return unescape_path(prefix_of(unit))
    except ValueError:
        return "/"


def is_glob(text: str) -> bool:
    """Whether the text has any of the wildcards `*`, `?` and `[`."""
    return not _GLOB.isdisjoint(text)


def mangle(name: str, suffix: str = ".service", *, glob: bool = False) -> str:
    """What systemctl makes of a name typed: `foo` to `foo.service`, `/dev/x` to `dev-x.device`, `/a` to `a.mount`.

    With `glob`, patterns are left alone. Raises ValueError if no unit name comes out.
    """
    if not name:
        raise ValueError("empty unit name")
    if valid_unit_name(name) or (glob and is_glob(name) and _VALID_GLOB.issuperset(name)):
        return name
    if name.startswith("/"):
        simple = simplify_path(name)
        device = simple.startswith(("/dev/", "/sys/"))
        try:
            made = escape_path(simple) + (".device" if device else ".mount")
        except ValueError:
            made = ""
        if valid_unit_name(made):
            return made
    keeps = _VALID_GLOB if glob else _VALID_WITH_AT
    made = "".join("-" if c == "/" else c if c in keeps else _hex(c) for c in name)
    if not (glob and is_glob(made)) and not valid_unit_name(made):
        made += suffix
    if not glob and not valid_unit_name(made):
        raise ValueError(f"invalid unit name {name!r}")
    return made


def slice_parent(name: str) -> str:
    """The slice that holds a slice: `a-b.slice` is in `a.slice`, that one in `-.slice`, which is in none ("")."""
    stem = name[: -len(".slice")]
    if stem == "-":
        return ""
    dash = stem.rfind("-")
    return "-.slice" if dash < 0 else stem[:dash] + ".slice"


def slice_path(name: str) -> str:
    """The control group of a slice: `/a.slice/a-b.slice` for `a-b.slice`, "" for the root, `-.slice`."""
    parent = slice_parent(name)
    return f"{slice_path(parent)}/{name}" if parent else ""


def valid_slice_name(name: str) -> bool:
    """Whether a valid unit name is also a valid slice: no leading, trailing or doubled dash except in `-.slice`."""
    if not valid_unit_name(name, instance=False, template=False) or not name.endswith(".slice"):
        return False
    stem = name[: -len(".slice")]
    return stem == "-" or not (stem.startswith("-") or stem.endswith("-") or "--" in stem)
