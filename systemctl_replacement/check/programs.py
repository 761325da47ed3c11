"""Whether the programs of a unit can be executed: execve(2) in advance, as far as files tell."""

from __future__ import annotations

import errno
import os

from systemctl_replacement.check.tree import Account, Tree, Unknown
from systemctl_replacement.defaults import SEARCH_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

_HEAD = 256  # BINPRM_BUF_SIZE: so much of a file the kernel looks at
_DEEPEST = 5  # interpreters of interpreters
_LONGEST_PATH = 4096
# Of an ELF file (elf(5)), by its class: the fields that say where the program headers are, their size and number; in
# each of them its kind, and the place and the size of what it describes.
_HEADERS = {1: ((28, 4), (42, 2), (44, 2)), 2: ((32, 8), (54, 2), (56, 2))}
_HEADER = {1: ((0, 4), (4, 4), (16, 4)), 2: ((0, 4), (8, 8), (32, 8))}
_INTERPRETER = 3
_MOST_HEADERS = 64
_FARTHEST = 2**62


def fault(tree: Tree, path: str, account: Account, search: Sequence[str] | None = SEARCH_PATH) -> str:
    """Why a program cannot be executed for somebody, in the words of strerror(3); "" if it can, or nobody can tell.

    `path`: absolute, or a name to be looked for. `search`: the directories in which programs are looked for by name,
    None if nobody knows.
    """
    try:
        if "/" in path:
            return _fault_of_file(tree, path, account, search, _DEEPEST)
        return "" if search is None else _not_found(tree, path, account, search)
    except Unknown:
        return ""


def _not_found(tree: Tree, name: str, account: Account, search: Sequence[str]) -> str:
    """What is wrong with the program of a name: of several files that cannot be executed, with the first one."""
    missing, first = os.strerror(errno.ENOENT), ""
    for directory in search:
        reason = _fault_of_file(tree, f"{directory}/{name}", account, search, _DEEPEST)
        if not reason:
            return ""
        first = first or (reason if reason != missing else "")
    return first or missing


def _fault_of_file(tree: Tree, path: str, account: Account, search: Sequence[str] | None, deepest: int) -> str:
    try:
        tree.check_executable(path, account)
        head = tree.head(path, _HEAD)
        if head.startswith(b"#!"):
            return _fault_of_script(tree, head, account, search, deepest)
        if not head.startswith(b"\x7fELF"):
            return os.strerror(errno.ENOEXEC)
        loader = _loader(tree, path)
    except OSError as error:
        return error.strerror or os.strerror(errno.EIO)
    if loader:
        try:
            tree.check_executable(loader, account)
        except OSError as error:
            return f"Its loader {loader}: {error.strerror}"
    return ""


def _fault_of_script(tree: Tree, head: bytes, account: Account, search: Sequence[str] | None, deepest: int) -> str:
    line = head[2:].split(b"\n")[0].decode(errors="surrogateescape").strip(" \t")
    interpreter, _, argument = line.replace("\t", " ").partition(" ")
    if not interpreter:
        return os.strerror(errno.ENOEXEC)
    if not interpreter.startswith("/"):
        return ""  # the working directory decides
    reason = _fault_of_file(tree, interpreter, account, search, deepest - 1) if deepest else os.strerror(errno.ELOOP)
    if not reason and interpreter.endswith("/env") and search is not None:
        interpreter = _of_env(argument.split())
        reason = _not_found(tree, interpreter, account, search) if interpreter else ""
    return f"Its interpreter {interpreter}: {reason}" if reason else ""


def _of_env(words: Sequence[str]) -> str:
    """The program that env(1) is to find, "" if that takes more than a look."""
    plain = [word for word in words if word != "-S" and "=" not in word][:1]
    return plain[0] if plain and "/" not in plain[0] and not plain[0].startswith("-") else ""


def _loader(tree: Tree, path: str) -> str:
    """The program interpreter that an ELF file asks for, "" if it asks for none, or is not a file of this kind."""
    header = tree.head(path, 64)
    kind = header[4:5]
    order: Literal["big", "little"] = "big" if header[5:6] == b"\x02" else "little"
    if kind not in (b"\x01", b"\x02"):
        return ""

    def number(data: bytes, field: tuple[int, int]) -> int:
        return int.from_bytes(data[field[0] : sum(field)], order)

    start, size, count = (number(header, field) for field in _HEADERS[kind[0]])
    for index in range(min(count, _MOST_HEADERS)):
        entry = tree.head(path, size, min(start + index * size, _FARTHEST))
        what, offset, length = (number(entry, field) for field in _HEADER[kind[0]])
        if what == _INTERPRETER:
            text = tree.head(path, min(length, _LONGEST_PATH), min(offset, _FARTHEST))
            return text.split(b"\0")[0].decode(errors="surrogateescape")
    return ""
