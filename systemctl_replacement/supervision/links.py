"""The manager's loop and a link: when it is to be flushed."""

from __future__ import annotations

from systemctl_replacement.loop import READ, WRITE, Loop, now_monotonic
from systemctl_replacement.process.link import RETRY_SECONDS, Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_RETRY_USEC = int(RETRY_SECONDS * 1_000_000)


def watch(loop: Loop, link: Link, ready: Callable[[], object], rests: bool = False) -> None:
    """Call back, as when something arrives, when there is room for what waits to be sent. `ready` flushes the link, if
    it is still in use.

    rests: nothing more is read from it in this turn of the loop, however often it looks for what has arrived before it
    believes a deadline. Who sends descriptors makes work.
    """
    loop.modify(link.fileno(), (0 if rests else READ) | (WRITE if link.wants_write else 0))
    if rests:
        loop.call_soon(lambda: watch(loop, link, ready) if link.fileno() >= 0 else None)
    if link.stalled and link.queued:
        loop.call_at(now_monotonic() + _RETRY_USEC, ready)
