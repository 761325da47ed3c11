"""Clients that are connected during a re-execution: their sockets are kept, so that they never notice.

Their unhandled requests and unsent replies are taken along, and the call that a client waits in is made again: a
question as it was asked, any other call as it says itself (`Request.resume_as`). Callers whose answer is the end of the
connection stay behind.

Clients with the most unread data may lose their connection: a re-execution must not depend on clients that do not read.
"""

from __future__ import annotations

import _socket

from systemctl_replacement.control.connection import Connection
from systemctl_replacement.control.request import Caller
from systemctl_replacement.control.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Bytes that are taken along, for all strangers together and for all others. JSON makes up to six bytes of one, the
# whole state has to fit into one message (`process.link`), and no signal is heard while it is written.
_OF_STRANGERS = 256 << 10
_OF_OTHERS = 8 << 20


def is_possible(server: Server) -> bool:
    """Whether all calls can be continued."""
    return all(
        call is None or call.resume_as is not None or call.is_question or call.ends_connection
        for call in (connection.call for connection in server.connections)
    )


def save(server: Server) -> list[dict[str, Any]]:
    """All connections to keep, as plain data; "fd" is the socket. Those with the least data come first."""
    staying = sorted(filter(_stays, server.connections), key=lambda connection: connection.held)
    kept = []
    for trusted, room in ((True, _OF_OTHERS), (False, _OF_STRANGERS)):
        for connection in staying:
            if server.may_change(connection.caller) is trusted:
                room -= connection.held
                if room >= 0:
                    kept.append(_saved(connection))
    return kept


def _stays(connection: Connection) -> bool:
    return connection.call is None or not connection.call.ends_connection


def _saved(connection: Connection) -> dict[str, Any]:
    call = connection.call
    if call is None:
        return {**connection.saved(), "call": None}
    method, parameters = (call.name, call.parameters) if call.resume_as is None else call.resume_as()
    return {**connection.saved(), "call": {"method": method, "parameters": parameters, "more": call.wants_more}}


def take_over(server: Server, saved: list[dict[str, Any]], complain: Callable[[str], object]) -> None:
    """Go on serving those who were connected. What cannot be continued is closed, with a complaint."""
    for one in saved:
        try:
            _take_over(server, one)
        except Exception as error:
            complain(f"Cannot go on with a client: {type(error).__name__}: {error}")


def _take_over(server: Server, saved: dict[str, Any]) -> None:
    connection = server.adopt(_socket.socket(fileno=saved["fd"]), Caller(*saved["peer"]))
    try:
        connection.restore(saved)
        told = saved["call"]
        if told is not None:
            server.resume(connection, told["method"], told["parameters"], more=told["more"], oneway=saved["oneway"])
        connection.go_on()
    except BaseException:
        connection.close()
        raise
