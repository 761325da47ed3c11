"""What a handler of a method is given, and what the table of methods says of each: nothing here knows how calls travel.

The varlink server makes a request of a connection's call (:class:`.connection.Call`); any other way in would do the
same and use the same handlers.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Protocol
else:
    Protocol = object

# Who may call a method. A call that anybody may make is a question: it changes nothing, ends when its caller goes away,
# and is asked again where the manager executes itself meanwhile.
ANYBODY = "anybody"
OWNER = "root and the manager's own user"
OWNER_TO_SET = "anybody without parameters, else root and the manager's own user"
NOBODY = "nobody: it goes on with a call that was made before a re-execution"


@dataclass(frozen=True)
class Caller:
    """Whose call it is, by the ids that the process had when it connected."""

    pid: int
    uid: int
    gid: int


class Request(Protocol):
    """One call of a method. It ends with `reply`, `reply_list` or `fail`, at once or whenever the answer is known."""

    on_cancel: Callable[[], object] | None
    """Called when the caller goes away before the end."""
    resume_as: Callable[[], tuple[str, dict[str, Any]]] | None
    """Method and parameters that go on with this call in a manager that has executed itself. None: it cannot be gone on
    with, or is a question, which is asked again."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the types that the interface declares; optional ones that were not given are None."""

    @property
    def caller(self) -> Caller: ...

    @property
    def cancelled(self) -> bool:
        """Whether it has ended: it was answered, or the caller went away. Replies go nowhere then."""

    def work(self, steps: Iterator[object]) -> None:
        """Go on piece by piece, when it is the caller's turn. A question ends when its caller goes away."""

    def reply(self, **parameters: Any) -> None:
        """The last, or only, reply."""

    def reply_more(self, **parameters: Any) -> None:
        """A reply that others follow; left out for a caller that asked for one reply only."""

    def prepare(self, item: Any) -> Any:
        """An item of a long list as `reply_list` wants it: what is costly about sending it is done here, item by item,
        as pieces of `work`."""

    def reply_list(self, name: str, items: Sequence[Any]) -> None:
        """The last, or only, reply: one list of prepared items."""

    def fail(self, dbus_name: str, message: str) -> None:
        """End it with systemd's error: a D-Bus error name and its message."""


@dataclass(frozen=True)
class Method:
    """A row of the table of methods: its handler, and who may call it.

    ends_connection: the end of the connection is its answer, so that the caller is not kept over a re-execution.
    """

    handler: Callable[[Any], object]
    access: str
    ends_connection: bool = False

    def is_question(self, parameters: Mapping[str, Any]) -> bool:
        """Whether a call with these parameters changes nothing, so that anybody may make it."""
        if self.access == OWNER_TO_SET:
            return all(value is None for value in parameters.values())
        return self.access == ANYBODY
