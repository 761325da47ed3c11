"""What an installation does to an image, as it is remembered there: what `uninstall` undoes.

It is written before anything else is changed, so that both can go on from wherever one of them was killed.
"""

from __future__ import annotations

import json
from typing import Any

from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.names import STATE
from systemctl_replacement.image.root import Root
from systemctl_replacement.records import dataclass


@dataclass(frozen=True)
class Taken:
    """A name that we have taken. `path` is without links above it, `link` as in names.py, `kept` where what stood there
    is then, or "" if nothing did."""

    path: str
    link: str = ""
    kept: str = ""
    diversions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class State:
    """An installation: our version, the interpreter that launchers name, what was taken, and the directories
    that go with it if nobody else has anything in them. `diverted` are the diversions that we have made.

    While it is not `complete` some of it may not be done yet, or no longer: a name with a `kept` at which nothing is
    has what stood there itself.
    """

    version: str = ""
    python: str = ""
    taken: tuple[Taken, ...] = ()
    directories: tuple[str, ...] = ()
    diverted: tuple[tuple[str, str], ...] = ()
    complete: bool = True

    def at(self, path: str) -> Taken | None:
        """What was taken at a path, None if nothing was."""
        return next((each for each in self.taken if each.path == path), None)

    @property
    def diversions(self) -> tuple[tuple[str, str], ...]:
        return tuple(pair for each in self.taken for pair in each.diversions)


def render(state: State) -> str:
    taken = [
        {
            "path": each.path,
            "link": each.link,
            "kept": each.kept,
            "diversions": [list(pair) for pair in each.diversions],
        }
        for each in state.taken
    ]
    value = {
        "version": state.version,
        "python": state.python,
        "taken": taken,
        "directories": list(state.directories),
        "diverted": [list(pair) for pair in state.diverted],
        "complete": state.complete,
    }
    return json.dumps(value, indent=1) + "\n"


def parse(text: str) -> State:
    """ImageError if this is not what `render` makes."""
    try:
        value: Any = json.loads(text)
        taken = [
            Taken(
                str(each["path"]),
                str(each["link"]),
                str(each["kept"]),
                _pairs(each["diversions"]),
            )
            for each in value["taken"]
        ]
        return State(
            str(value["version"]),
            str(value["python"]),
            tuple(taken),
            tuple(str(each) for each in value["directories"]),
            _pairs(value["diverted"]),
            bool(value["complete"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ImageError(f"{STATE} is damaged ({error}): it does not tell what was installed") from error


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(to)) for name, to in value)


def read(root: Root) -> State | None:
    """What is installed, None if nothing is. OSError, ImageError."""
    data = root.read(STATE)
    return None if data is None else parse(data.decode("utf-8", "replace"))
