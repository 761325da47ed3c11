"""What the manager keeps for the users of a unit with DynamicUser= or RemoveIPC=, so that they outlive a supervisor.

For each name there is a pair of connected sockets: what process/sandbox/dynamic_user.py leaves in it, the lock of a
user id above all, exists as long as somebody has the pair open. The manager only ever holds it, and gives it to the
supervisor.
"""

from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from systemctl_replacement.process.exec_spec import ExecSpec

    Send = Callable[[dict[str, Any], Sequence[int]], object]

_ENDS = ("inside", "outside")


class KeptUsers:
    """The socket pairs of one unit, by user name."""

    __slots__ = ("_pairs", "_settings")

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[int, int]] = {}
        self._settings: dict[str, Any] = {}  # what else a supervisor must know to clean up after the users

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def prepare(self, spec: ExecSpec, send: Send) -> None:
        """Make the pairs that a process needs, before it is requested, and send new ones to the supervisor. OSError."""
        names, identity = spec.launch.kept_users, spec.identity
        if not names:
            return
        settings = {"directory": identity.dynamic_users, "remove_ipc": identity.remove_ipc}
        missing = [name for name in names if name not in self._pairs]
        if not missing and settings == self._settings:
            return
        sockets = {name: _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM) for name in missing}
        _give(settings, {name: (pair[0].fileno(), pair[1].fileno()) for name, pair in sockets.items()}, send)
        # Recorded only now: pairs that could not be sent are made again the next time.
        self._settings = settings
        self._pairs.update({name: (pair[0].detach(), pair[1].detach()) for name, pair in sockets.items()})

    def give_all(self, send: Send) -> None:
        """Send all pairs to a new supervisor."""
        if self._pairs:
            _give(self._settings, self._pairs, send)

    def close(self) -> None:
        """Close the pairs. Their content is gone once no other process has them open."""
        for pair in self._pairs.values():
            for fd in pair:
                os.close(fd)
        self._pairs = {}

    # --- over a re-execution ---

    def saved(self) -> dict[str, Any]:
        """Plain data."""
        pairs = [{"name": name, **dict(zip(_ENDS, pair))} for name, pair in self._pairs.items()]
        return {"pairs": pairs, "settings": self._settings}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over saved pairs. Those that were lost on the way are made again when needed."""
        pairs = {entry["name"]: (entry["inside"], entry["outside"]) for entry in saved.get("pairs", ())}
        self._settings = dict(saved.get("settings", {}))
        self._pairs = {name: pair for name, pair in pairs.items() if min(pair) >= 0}


def _give(settings: dict[str, Any], pairs: Mapping[str, tuple[int, int]], send: Send) -> None:
    fds = [fd for pair in pairs.values() for fd in pair]
    send({"op": "users", "names": list(pairs), **settings}, fds)


def places(saved: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    """The places in the saved data that hold descriptors."""
    return [(entry, end) for entry in saved.get("pairs", ()) for end in _ENDS]
