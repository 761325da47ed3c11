"""The client's end of the control protocol.

This is on the hot path of `systemctl is-active`, so it only imports C modules and leaves.
"""

from __future__ import annotations

import _socket
import os

from systemctl_replacement import wire
from systemctl_replacement.control import address
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.paths import SYSTEM_RUNTIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from systemctl_replacement.paths import Paths

# How many seconds a call may take that does not wait for jobs. systemd's clients give up then too.
TIMEOUT = 90.0

# The protocol's own errors with their names on systemd's bus, and its texts.
_PROTOCOL_ERRORS = {
    "org.varlink.service.PermissionDenied": ("org.freedesktop.DBus.Error.AccessDenied", "Access denied"),
    "org.varlink.service.MethodNotImplemented": ("org.freedesktop.DBus.Error.NotSupported", "Not supported"),
    "org.varlink.service.MethodNotFound": ("org.freedesktop.DBus.Error.UnknownMethod", "Unknown method"),
    "org.varlink.service.InvalidParameter": ("org.freedesktop.DBus.Error.InvalidArgs", "Invalid argument"),
}


class CallError(Exception):
    """The manager answered with an error: systemd's name for it, and its message."""

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        self.name = name
        self.parameters = parameters
        dbus_name, message = _PROTOCOL_ERRORS.get(name, (name, name))
        if name == f"{MANAGER}.Failed":
            dbus_name = str(parameters.get("dbus_name", name))
            message = str(parameters.get("message", ""))
        self.dbus_name = dbus_name
        self.message = message
        super().__init__(message)


class Disconnected(Exception):
    """The manager went away, or does not answer."""


class Client:
    """A connection to a manager. One call at a time."""

    def __init__(self, socket: _socket.socket) -> None:
        self._socket = socket
        self._received = bytearray()
        self.manager_pid, self.manager_uid = address.peer(socket, lambda pid, uid, gid: (pid, uid))

    @property
    def may_change(self) -> bool:
        """Whether the manager lets us change anything: root may, and the user that it runs as."""
        return os.geteuid() in (0, self.manager_uid)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The reply's parameters. Raises CallError, Disconnected."""
        self._socket.settimeout(TIMEOUT)
        self._send({"method": f"{MANAGER}.{method}", "parameters": parameters})
        return self._reply()[0]

    def call_waiting(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Like `call`, for a method whose answer may take any time."""
        self._socket.settimeout(None)
        self._send({"method": f"{MANAGER}.{method}", "parameters": parameters})
        return self._reply()[0]

    def call_more(self, method: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """The parameters of each reply as it comes, however long that takes. Raises like `call`."""
        self._socket.settimeout(None)
        self._send({"method": f"{MANAGER}.{method}", "parameters": parameters, "more": True})
        continues = True
        while continues:
            reply, continues = self._reply()
            yield reply

    def close(self) -> None:
        self._socket.close()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.sendall(wire.dumps(message) + b"\0", _socket.MSG_NOSIGNAL)
        except OSError as error:
            raise Disconnected(error.strerror or str(error)) from None

    def _reply(self) -> tuple[dict[str, Any], bool]:
        searched = 0
        while (end := self._received.find(0, searched)) < 0:
            searched = len(self._received)
            try:
                data = self._socket.recv(65536)
            except _socket.timeout:
                raise Disconnected("Connection timed out") from None
            except OSError as error:
                raise Disconnected(error.strerror or str(error)) from None
            if not data:
                raise Disconnected("Connection reset by peer")
            self._received += data
        message = wire.loads(bytes(self._received[:end]))
        del self._received[: end + 1]
        parameters = message.get("parameters") or {}
        if "error" in message:
            raise CallError(message["error"], parameters)
        return parameters, message.get("continues") is True


def connect(paths: Paths) -> Client | None:
    """A connection to the manager in one of the runtime directories, or None. Disconnected if it accepts none in time.

    A manager is trusted if it belongs to root or to us: root never uses another user's, and users never each other's.
    Below a root (`--root=`), which the caller has named, anybody who may make a socket there is trusted. PID 1 is asked
    whoever it runs as.
    """
    for runtime in _runtimes(paths):
        try:
            socket = address.connect(paths.socket_path(runtime), TIMEOUT)
        except TimeoutError:
            raise Disconnected("Connection timed out") from None
        if socket is None:
            continue
        client = Client(socket)
        if client.manager_uid in (0, os.geteuid()) or client.manager_pid == 1 or paths.root:
            paths.runtime = runtime
            return client
        client.close()
    return None


def _runtimes(paths: Paths) -> list[str]:
    """Where a socket may be: also where root does not look for anything else, if PID 1's user has made it."""
    found = paths.trusted_runtimes()
    if not paths.root and SYSTEM_RUNTIME not in found:
        try:
            if os.lstat(SYSTEM_RUNTIME).st_uid == os.stat("/proc/1").st_uid:
                found.append(SYSTEM_RUNTIME)
        except OSError:
            pass  # there is none
    return found
