"""What a container that has failed says last, where Kubernetes shows it (`kubectl describe pod`): what failed, and the
last lines of its log.

Pure. Kubernetes shows 4096 bytes: names and results come before log lines, and the newest lines before older ones.
"""

from __future__ import annotations

from systemctl_replacement.journal.record import printable
from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 4096

# When so much of it is used, no more failed units are named; and as much one line may take.
_HEADS = LIMIT // 2
_LINE = LIMIT // 8
_INDENT = "  "
_MORE = "…"


@dataclass(frozen=True)
class Failure:
    """A unit that has failed: its result (systemd.service(5)), its exit status (below 1: none to tell), its last log
    lines, oldest first."""

    unit: str
    result: str
    status: int = -1
    lines: tuple[str, ...] = ()


def compose(status: int, why: str, notes: Sequence[str], failures: Sequence[Failure]) -> bytes:
    """The message for the exit status of PID 1, which has a meaning unless `why` is "". notes: what the manager has
    warned of last. failures: in the order in which they failed."""
    first = [_line(f"Exit status {status}{': ' + why if why else ''}."), *map(_line, notes)]
    heads: list[str] = []
    for failure in failures:
        if _size(first) + _size(heads) >= _HEADS:
            break
        heads.append(_line(_head(failure)))
    uncounted = len(failures) - len(heads)
    last = [f"{uncounted} more units have failed."] if uncounted else []
    room = LIMIT - _size(first) - _size(heads) - _size(last)
    blocks: list[str] = []
    for number, head in enumerate(heads):
        lines = _newest(failures[number].lines, room // (len(heads) - number))
        room -= _size(lines)
        blocks += [head, *lines]
    return "".join([f"{line}\n" for line in (*first, *blocks, *last)]).encode()


def _head(failure: Failure) -> str:
    status = f", exit status {failure.status}" if failure.status > 0 else ""
    return f"{failure.unit}: Failed with result '{failure.result}'{status}."


def _newest(lines: Sequence[str], room: int) -> list[str]:
    """The last lines that have room, oldest first, as they are shown."""
    fitting: list[str] = []
    for line in reversed(lines):
        shown = _line(line, _INDENT)
        room -= _size([shown])
        if room < 0:
            break
        fitting.append(shown)
    return fitting[::-1]


def _size(lines: Sequence[str]) -> int:
    return sum([len(line.encode()) + 1 for line in lines])


def _line(text: str, indent: str = "") -> str:
    """What somebody has said, in a line of its own that is not too long, and drives no terminal."""
    line = indent + printable(text[:_LINE]).replace("\n", " ").rstrip()
    data = line.encode()
    if len(data) < _LINE:
        return line
    return data[: _LINE - len(_MORE.encode()) - 1].decode("utf-8", "ignore") + _MORE
