"""From options and operands to what is asked of the journal.

Source: journalctl(1), systemd.journal-fields(7), sd_journal_add_match(3).
"""

from __future__ import annotations

import os

from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.journal.expression import All, Any, Is

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Union

    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.journal.query import Journal

    Expression = Union[Is, All, Any]
    Unique = Callable[[str], Iterable[bytes]]

# sd-messages(3): a process of a unit has dumped core.
_COREDUMP = b"fc2e22bc6ee647b6b90729ab34a250b1"
# The fields that name a unit: a pattern is held against their values.
_UNIT_FIELDS = ("_SYSTEMD_UNIT", "COREDUMP_UNIT", "UNIT", "OBJECT_SYSTEMD_UNIT", "_SYSTEMD_SLICE")
_USER_UNIT_FIELDS = (
    "_SYSTEMD_USER_UNIT", "USER_UNIT", "COREDUMP_USER_UNIT", "OBJECT_SYSTEMD_USER_UNIT", "_SYSTEMD_USER_SLICE",
)  # fmt: skip
_FIELD_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_PRIORITIES = 8
_NAME_MAX = 15  # bytes of a process's name that the kernel keeps


def expression(
    options: Options, operands: Sequence[str], journal: Journal, say: Callable[[str], None]
) -> Expression | None:
    """What entries must match, None if all do. Boots, times and patterns are not part of it.

    journal: is asked what there is. say: is told about names that had to be escaped. Raises Failure.
    """
    terms: list[Expression] = []
    if options.dmesg:
        terms.append(Is("_TRANSPORT", b"kernel"))
    if options.units or options.user_units:
        terms.append(_of_units(options, journal.unique, say))
    if options.identifiers:
        terms.append(Any(Is("SYSLOG_IDENTIFIER", _raw(name)) for name in options.identifiers))
    if options.priorities is not None and len(options.priorities) < _PRIORITIES:
        terms.append(_numbers("PRIORITY", options.priorities))
    if options.facilities:
        terms.append(_numbers("SYSLOG_FACILITY", sorted(options.facilities)))
    if operands:
        terms.append(_of_operands(operands, journal.latest_boot))
    return None if not terms else terms[0] if len(terms) == 1 else All(terms)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _numbers(field: str, numbers: Iterable[int]) -> Expression:
    return Any(Is(field, b"%d" % number) for number in numbers)


def _of_units(options: Options, unique: Unique, say: Callable[[str], None]) -> Expression:
    system = _names(options.units, _UNIT_FIELDS, unique, say)
    user = _names(options.user_units, _USER_UNIT_FIELDS, unique, say)
    if not system and not user:
        raise Failure("Failed to add filter for units: No data available")
    return Any([term for name in system for term in about_unit(name)] + [term for name in user for term in _user(name)])


def _names(words: Sequence[str], fields: Sequence[str], unique: Unique, say: Callable[[str], None]) -> list[bytes]:
    """The names of units for words, and for patterns those that the journal knows."""
    from systemctl_replacement.cli.unit_words import mangled_with_hint
    from systemctl_replacement.unitfile.names import is_glob

    try:
        made = [mangled_with_hint(word, ".service", say) for word in words]
    except ValueError:
        raise Failure("Failed to add filter for units: Invalid argument") from None
    names = [_raw(name) for name in made if not is_glob(name)]
    patterns = [name for name in made if is_glob(name)]
    if patterns:
        from systemctl_replacement.unitfile.patterns import matches

        known = {value for field in fields for value in unique(field)}
        texts = {value: value.decode("utf-8", "surrogateescape") for value in known}
        names += sorted(value for value in known if any(matches(texts[value], pattern) for pattern in patterns))
    return list(dict.fromkeys(names))


def about_unit(name: bytes) -> list[Expression]:
    """What a unit has logged, or others about it that may: any of these."""
    found: list[Expression] = [
        Is("_SYSTEMD_UNIT", name),
        All((Is("MESSAGE_ID", _COREDUMP), Is("_UID", b"0"), Is("COREDUMP_UNIT", name))),
        *by_manager(Is("UNIT", name)),
        All((Is("_UID", b"0"), Is("OBJECT_SYSTEMD_UNIT", name))),
    ]
    if name.endswith(b".slice"):
        found.append(Is("_SYSTEMD_SLICE", name))
    return found


def by_manager(what: Is) -> list[Expression]:
    """What the manager has said, any of these. It is in init.scope, whether it is PID 1 or not."""
    return [All((Is("_PID", b"1"), what)), All((Is("_SYSTEMD_UNIT", b"init.scope"), what))]


def _user(name: bytes) -> list[Expression]:
    own = Is("_UID", b"%d" % os.getuid())
    found: list[Expression] = [
        All((Is("_SYSTEMD_USER_UNIT", name), own)),
        All((Is("USER_UNIT", name), own)),
        All((Is("COREDUMP_USER_UNIT", name), Any((own, Is("_UID", b"0"))))),
        All((Is("OBJECT_SYSTEMD_USER_UNIT", name), Any((own, Is("_UID", b"0"))))),
    ]
    if name.endswith(b".slice"):
        found.append(All((Is("_SYSTEMD_USER_SLICE", name), own)))
    return found


def _of_operands(operands: Sequence[str], latest_boot: Callable[[], str]) -> Expression:
    """FIELD=VALUE and paths. Values of the same field are alternatives, `+` separates alternatives of several terms."""
    alternatives: list[dict[str, list[Expression]]] = [{}]
    for word in operands:
        if word == "+":
            if not alternatives[-1]:
                break
            alternatives.append({})
            continue
        for term in _of_path(word, latest_boot) if word.startswith("/") else [_assignment(word)]:
            alternatives[-1].setdefault(term.field, []).append(term)
    if not alternatives[-1]:
        raise Failure('"+" can only be used between terms')
    return Any(All(Any(same) for same in terms.values()) for terms in alternatives)


def _assignment(word: str) -> Is:
    field, equals, value = word.partition("=")
    if not equals or not field or field.startswith("__") or not _FIELD_LETTERS.issuperset(field):
        raise Failure(f"Failed to add match '{word}': Invalid argument")
    return Is(field, _raw(value))


def _of_path(word: str, latest_boot: Callable[[], str]) -> list[Is]:
    """The terms of an executable, a script, or a device node, whose number means something in one boot only."""
    import stat

    try:
        os.stat(word)
    except OSError as error:
        raise Failure(f"Couldn't canonicalize path: {error.strerror}") from None
    path = os.path.realpath(word)
    status = os.stat(path)
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o111:
        return _of_program(path)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        kind = "c" if stat.S_ISCHR(status.st_mode) else "b"
        number = f"{kind}{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        return [Is("_KERNEL_DEVICE", number.encode()), Is("_BOOT_ID", latest_boot().encode())]
    raise Failure(f"File is neither a device node, nor regular file, nor executable: {word}")


def _of_program(path: str) -> list[Is]:
    try:
        with open(path, "rb") as file:
            first = file.readline(4096)
    except OSError:
        first = b""
    if not first.startswith(b"#!"):
        return [Is("_EXE", _raw(path))]
    interpreter = os.fsdecode((first[2:].split() or [b""])[0])
    terms = [Is("_COMM", _raw(os.path.basename(path))[:_NAME_MAX])]
    # Where an interpreter is a link, it says little about what is executed.
    if os.path.isabs(interpreter) and os.path.exists(interpreter) and not os.path.islink(interpreter):
        terms.append(Is("_EXE", _raw(interpreter)))
    return terms
