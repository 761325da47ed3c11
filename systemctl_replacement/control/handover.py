"""Clients that are connected while the manager executes itself: their sockets are kept, so they never notice.

What a client sent and was not sent yet goes along, and the call it waits in is made again: a question as it was asked,
another call in the way it says itself (`Call.handover`). The caller of Reexecute is told by the end of its connection.
"""

from __future__ import annotations

import _socket

from systemctl_replacement.control.server import MANAGER, QUERIES, Call, Peer, Server, _Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_REEXECUTE = "Reexecute"


def is_possible(server: Server) -> bool:
    """Whether no call is at a point where it could not be gone on with."""
    return all(
        call is None or call.handover is not None or call.method in (*QUERIES, _REEXECUTE)
        for call in (connection._call for connection in server._connections)
    )


def save(server: Server) -> list[dict[str, Any]]:
    """All connections that are kept, as plain data; "fd" is the socket."""
    return [_saved(connection) for connection in server._connections if _stays(connection)]


def _stays(connection: _Connection) -> bool:
    return connection._call is None or connection._call.method != _REEXECUTE


def _saved(connection: _Connection) -> dict[str, Any]:
    peer, call = connection.peer, connection._call
    saved: dict[str, Any] = {
        "fd": connection._socket.fileno(),
        "peer": [peer.pid, peer.uid, peer.gid],
        "received": connection._received.decode("latin-1"),
        "unread": connection._unread.decode("latin-1"),
        "oneway": connection._oneway,
        "call": None,
    }
    if call is not None:
        method, parameters = (call.method, call.parameters) if call.handover is None else call.handover()
        saved["call"] = {"method": method, "parameters": parameters, "more": call.wants_more}
    return saved


def take_over(server: Server, saved: list[dict[str, Any]], complain: Callable[[str], object]) -> None:
    """Go on serving those who were connected; what cannot be gone on with is closed, and complained of."""
    for one in saved:
        try:
            _take_over(server, one)
        except Exception as error:
            complain(f"Cannot go on with a client: {type(error).__name__}: {error}")


def _take_over(server: Server, saved: dict[str, Any]) -> None:
    assert server.loop is not None
    socket = _socket.socket(fileno=saved["fd"])
    try:
        socket.setblocking(False)
        connection = _Connection(server, server.loop, socket, Peer(*saved["peer"]))
    except BaseException:
        socket.close()
        raise
    server._connections.add(connection)
    try:
        connection._received += saved["received"].encode("latin-1")
        connection._unread += saved["unread"].encode("latin-1")
        if saved["call"] is not None:
            told = saved["call"]
            call = Call(connection, told["method"], told["parameters"], told["more"])
            connection.begin(call, oneway=saved["oneway"])
            server._run(server._calls[MANAGER][told["method"]], call)
        connection._flush()
        connection._watch()
    except BaseException:
        connection.close()
        raise
