"""Users and groups of an image, from its files (passwd(5), group(5)), and whether a unit's are among them."""

from __future__ import annotations

from systemctl_replacement.check.tree import ROOT, Account, Tree, Unknown
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NOBODY = 65534
_LONGEST_ID = 10  # digits
_MOST = 1 << 22  # bytes of a file that are looked at
# Sources of nsswitch.conf(5) that have nobody beyond the files, but for those that units bring along.
_LOCAL = frozenset(("files", "compat", "systemd", "altfiles", "usrfiles", "extrausers"))


@dataclass(frozen=True)
class Accounts:
    """`users`: (uid, gid) by name. `groups`: gid by name. `members`: the groups of users, beside their own.
    `others`: there may be more, whom only the running container knows."""

    users: Mapping[str, tuple[int, int]]
    groups: Mapping[str, int]
    members: Mapping[str, frozenset[int]]
    others: bool = False

    def user(self, name: str) -> Account | None:
        """The user of a name or number, as `User=` has it; None if there is none."""
        if name in ("root", "0"):
            return ROOT
        if name in ("nobody", str(_NOBODY)):
            return Account(_NOBODY, _NOBODY)
        number = _number(name)
        if number is not None:
            name = next((known for known, (uid, _) in self.users.items() if uid == number), "")
        if name not in self.users:
            return None
        return Account(*self.users[name], self.members.get(name, frozenset()))

    def group(self, name: str) -> int | None:
        """The gid of a name or number, as `Group=` has it; None if there is none."""
        if name in ("root", "0"):
            return 0
        number = _number(name)
        return self.groups.get(name) if number is None else number if number in self.groups.values() else None


def read(tree: Tree) -> Accounts:
    """The accounts that an image has."""
    users: dict[str, tuple[int, int]] = {}
    groups: dict[str, int] = {}
    members: dict[str, set[int]] = {}
    for name, _, *numbers in _rows(tree, "/etc/passwd", 4):
        uid, gid = map(_number, numbers[:2])
        if uid is not None and gid is not None:
            users.setdefault(name, (uid, gid))
    for name, _, number, names, *_ in _rows(tree, "/etc/group", 4):
        gid = _number(number)
        if gid is not None:
            groups.setdefault(name, gid)
            for user in names.split(","):
                members.setdefault(user, set()).add(gid)
    sources = {
        source
        for line in _lines(tree, "/etc/nsswitch.conf")
        if line.startswith(("passwd:", "group:"))
        for source in line.split("#")[0].split()[1:]
        if not source.startswith("[")
    }
    return Accounts(users, groups, {user: frozenset(gids) for user, gids in members.items()}, bool(sources - _LOCAL))


def _number(text: str) -> int | None:
    """An id, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else None


def _rows(tree: Tree, path: str, fields: int) -> list[list[str]]:
    return [row for row in (line.split(":") for line in _lines(tree, path)) if len(row) >= fields]


def _lines(tree: Tree, path: str) -> list[str]:
    try:
        return tree.head(path, _MOST).decode(errors="surrogateescape").split("\n")
    except (OSError, Unknown):
        return []
