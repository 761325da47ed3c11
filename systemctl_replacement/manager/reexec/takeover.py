"""An init finds that a manager on demand is there already: what runs is taken over, and goes on running.

`CMD sh -c "systemctl start x; exec systemctl init"` does it, and so may somebody who is quick with `docker exec`. The
other manager is asked for a re-execution's state and its descriptors (:mod:`.bequest` is that end). They are ours only
when that manager is gone, so that there are never two masters. One that cannot give them is told to stop what it runs,
and waited for. All this is before the loop, and bounded; a signal to halt shortens it (manager/halt/early.py).
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from systemctl_replacement import paths, syscalls, wire
from systemctl_replacement.control import address
from systemctl_replacement.control.address import MANAGER
from systemctl_replacement.log_levels import LOG_NOTICE, LOG_WARNING
from systemctl_replacement.loop import now_monotonic, now_stamp
from systemctl_replacement.manager.halt.early import NEVER, EarlyHalt
from systemctl_replacement.manager.reexec import reexec_state
from systemctl_replacement.process.descendants import descendants, read_stat, send
from systemctl_replacement.process.link import Link, close_fds, unpack_fds
from systemctl_replacement.signals import SIGCONT, SIGKILL, SIGTERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# The other manager answers within milliseconds, or after some seconds if a supervisor is slow to take its messages.
_ANSWER_USEC = 10_000_000
# More than a service has by default to stop (DefaultTimeoutStopSec=).
_END_USEC = 100_000_000
# How often is looked where the kernel cannot tell by a descriptor.
_LOOK_USEC = 10_000

# What of the state is the other manager's own, and not for us.
_ITS_OWN = ("forkserver", "console", "log_level", "shows", "status_lines", "halt")


class _Impossible(Exception):
    """The state cannot be had; the text says why."""


class Outcome:
    """What became of the manager that was found.

    state: as from a re-execution, if it was taken over; lost: else why what ran there was stopped, "" if there was
    nothing; notes: (level, text) for the log; forced: processes had to be killed, because of a halt.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.lost = ""
        self.notes: list[tuple[int, str]] = []
        self.forced = False


def take_over(places: paths.Paths, is_pid1: bool, halt: EarlyHalt) -> Outcome:
    """Take over from the manager on demand that runs, or see it end. OSError, EADDRINUSE if one runs that stays."""
    takeover = _Takeover(places, is_pid1, halt)
    for runtime in places.trusted_runtimes():
        takeover.look(runtime)
    return takeover.outcome


class _Takeover:
    def __init__(self, places: paths.Paths, is_pid1: bool, halt: EarlyHalt) -> None:
        self.outcome = Outcome()
        self._places = places
        self._is_pid1 = is_pid1
        self._halt = halt

    def look(self, runtime: str) -> None:
        path = self._places.socket_path(runtime)
        end = now_monotonic() + _ANSWER_USEC
        socket = _connect(path, end, self._halt) if _is_ours(path) else None
        if socket is None:
            return
        try:
            pid, uid = address.peer(socket, lambda pid, uid, gid: (pid, uid))
            if pid == 0:
                raise OSError(errno.EADDRINUSE, "A manager in another container is running", path)
            if uid != os.geteuid():
                self.outcome.notes.append((LOG_WARNING, f"The manager of user {uid} at {path} is left alone."))
                return
            other = _Process(pid)
            try:
                if not self._is_pid1 and not other.is_on_demand:
                    raise OSError(errno.EADDRINUSE, "Another manager is running", path)
                if self.outcome.state is not None:
                    raise _Impossible("another manager was found first")
                self._take(socket, other, runtime, end)
            except _Impossible as reason:
                self._end(other, str(reason))
            finally:
                other.close()
        finally:
            socket.close()

    # --- taking over ---

    def _take(self, socket: _socket.socket, other: _Process, runtime: str, end: int) -> None:
        """Ask for the state, take it, and see the other manager go. _Impossible if it cannot be had."""
        link = self._ask(socket, end)
        received: dict[int, int] = {}  # descriptors: its number of it, and ours
        try:
            state = self._receive(link, received, end)
            link.send({"taken": True})
            if not other.wait(end):
                # It does not go: a frozen one is ended, one that is not has closed the link.
                if self._is_closed(link):
                    raise _Impossible("it did not wait for us")
                other.signal(SIGKILL)
                other.wait(end + _ANSWER_USEC)
        except BaseException:
            close_fds(list(received.values()))
            raise
        finally:
            link.close()
        self.outcome.state = self._adapted(state, runtime, list(received.values()))
        self.outcome.notes.append((LOG_NOTICE, f"Took over from the manager on demand (PID {other.pid})."))

    def _ask(self, socket: _socket.socket, end: int) -> Link:
        request = {"method": f"{MANAGER}.HandOver", "parameters": {}}
        fds: list[int] = []
        try:
            socket.sendmsg([wire.dumps(request) + b"\0"], (), _socket.MSG_NOSIGNAL)
            answer = b""
            while not answer.endswith(b"\0"):
                self._await(socket.fileno(), end)
                data, ancillary, _flags, _ = socket.recvmsg(65536, 64, _socket.MSG_CMSG_CLOEXEC)
                fds += unpack_fds(ancillary)
                answer += data
                if not data:
                    raise _Impossible("it has closed the connection")
        except (OSError, _Impossible) as error:
            close_fds(fds)
            if isinstance(error, OSError):
                raise _Impossible(f"it cannot be asked: {error.strerror}") from None
            raise
        if len(fds) != 1:
            close_fds(fds)
            raise _Impossible(_refusal(answer))
        os.set_blocking(fds[0], False)
        return Link(fds[0])

    def _receive(self, link: Link, received: dict[int, int], end: int) -> dict[str, Any]:
        """The state, with our numbers for its descriptors."""
        while True:
            self._await(link.fileno(), end)
            try:
                messages = link.receive()
            except EOFError:
                raise _Impossible("it ended before it had handed over everything") from None
            except (OSError, ValueError) as error:
                raise _Impossible(f"it cannot be understood: {error}") from None
            # All of them are noted before anything is said: those that stayed open here would keep the supervisors
            # from seeing the other manager's end.
            for message, fds in messages:
                numbers = message.get("descriptors")
                if isinstance(numbers, list) and len(numbers) == len(fds):
                    received.update(zip(numbers, fds))
                else:
                    close_fds(fds)
            for message, _fds in messages:
                if message.get("fds_lost"):
                    raise _Impossible(f"its descriptors cannot be received: {os.strerror(errno.EMFILE)}")
                if "descriptors" in message:
                    continue
                try:
                    state = message["state"]
                    reexec_state.renumber(state, received)
                    reexec_state.check(state)
                except Exception as error:
                    raise _Impossible(f"its state cannot be read: {type(error).__name__}: {error}") from None
                return dict(state)

    def _await(self, fd: int, end: int) -> None:
        """Wait for input. _Impossible when it is too late, or we are to halt: the other had better stop its units."""
        if not self._halt.wait(end, fd):
            raise _Impossible("we were told to halt" if self._halt.since else "it does not answer")

    def _is_closed(self, link: Link) -> bool:
        try:
            link.receive()
        except (EOFError, OSError):
            return True
        return False

    def _adapted(self, state: dict[str, Any], runtime: str, fds: list[int]) -> dict[str, Any]:
        """The other's state as one of our own: the units are taken over, the boot is still to come."""
        for name in _ITS_OWN:
            state.pop(name, None)
        state["booted"] = False
        state["boot"] = {"id": state["boot"]["id"], "start": list(now_stamp())}
        for tracking in state["trackings"]:
            # What its supervisor knows of its log, who signs its own lines above all, is another manager's.
            tracking["known_as"] = ""
        state["inherited"] = {fd: syscalls.file_identity(fd) for fd in fds}
        if runtime != self._places.runtime:
            os.close(state["listener"])
            state["listener"] = -1
            _remove(self._places.socket_path(runtime))
        return state

    # --- ending it ---

    def _end(self, other: _Process, reason: str) -> None:
        """Have the other manager stop what it runs."""
        self.outcome.lost = (
            f"Could not take over from the manager on demand (PID {other.pid}): {reason}. Its services are stopped."
        )
        for number in (SIGTERM, SIGCONT):
            other.signal(number)
        if not other.is_gone():
            _say(f"Waiting for the manager on demand (PID {other.pid}) to stop what it runs.")
        end, told = now_monotonic() + _END_USEC, False
        while not other.wait(min(end, self._halt.kill_at, NEVER if told else self._halt.tell_at), self._halt):
            now = now_monotonic()
            if now >= self._halt.kill_at:
                self._note(f"Stop timeout reached, killing what the manager on demand (PID {other.pid}) has left.")
                self.outcome.forced = True
                other.signal_all(SIGKILL)
                break
            if now >= end:
                self._note(f"The manager on demand (PID {other.pid}) does not exit, killing it.")
                break
            if now >= self._halt.tell_at and not told:
                told = True
                self._note(f"Stop timeout almost reached, terminating all that the manager (PID {other.pid}) runs.")
                other.signal_all(SIGTERM)
        else:
            return
        other.signal(SIGKILL)
        other.wait(now_monotonic() + _ANSWER_USEC)

    def _note(self, text: str) -> None:
        self.outcome.notes.append((LOG_WARNING, text))


def _say(text: str) -> None:
    """Tell it on the container's output, which the loop is not there for yet, unless that might block."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    try:
        if poll.poll(0):
            os.write(2, f"{text}\n".encode())
    except OSError:
        return  # nobody reads it


def _refusal(answer: bytes) -> str:
    try:
        reply = wire.loads(answer[:-1])
        name, parameters = str(reply.get("error", "")), reply.get("parameters") or {}
    except (ValueError, AttributeError):
        return "it does not speak our protocol"
    if name.endswith("MethodNotFound"):
        return "it is of an older version"
    if name.endswith("NotOnDemand"):
        return "it is no manager on demand"
    return str(parameters.get("message", name))


def _is_ours(path: str) -> bool:
    """Whether it was a process of our own user that has made the socket: a stranger's would only keep us waiting."""
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False


def _connect(path: str, end: int, halt: EarlyHalt) -> _socket.socket | None:
    """A non-blocking connection; None if nobody listens, or so many wait already that we never get through."""
    while True:
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        try:
            with address.Short(path) as short:
                socket.connect(short)
            return socket
        except BlockingIOError:
            socket.close()
            if now_monotonic() > end or halt.since:
                return None
            halt.wait(now_monotonic() + _LOOK_USEC)
        except OSError:
            socket.close()
            return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # gone, or not ours to remove: nobody listens there


class _Process:
    """The other manager. It cannot be mistaken for a later process with its pid."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.is_on_demand = _was_started_on_demand(pid)
        self._start = self._started()
        try:
            self._pidfd = syscalls.open_pidfd(pid)
        except OSError:
            self._pidfd = -1  # gone, or a kernel that has none: then it is looked for

    def _started(self) -> int:
        stat = read_stat(self.pid)
        return 0 if stat is None or stat[0] in "ZX" else stat[3]

    def is_gone(self) -> bool:
        return self._await(0) if self._pidfd >= 0 else not self._start or self._started() != self._start

    def signal(self, number: int) -> None:
        if not self.is_gone():
            try:
                os.kill(self.pid, number)
            except OSError:
                return  # it has gone, or may not be signalled: waiting tells

    def signal_all(self, number: int) -> None:
        """To every process below it: helpers of ours ignore all but SIGKILL."""
        if not self.is_gone():
            for pid in descendants(self.pid):
                send(pid, number, cont=True)

    def wait(self, end: int, halt: EarlyHalt | None = None) -> bool:
        """Whether it was gone before that monotonic microsecond, and before the first signal to halt came."""
        while not self.is_gone():
            now = now_monotonic()
            look = end if self._pidfd >= 0 else min(end, now + _LOOK_USEC)
            if now >= end:
                return False
            if halt is None:
                self._await((look - now) // 1000 + 1)
            else:
                was_halting = halt.since
                halt.wait(look, self._pidfd)
                if halt.since != was_halting:
                    return self.is_gone()
        return True

    def _await(self, milliseconds: int) -> bool:
        poll = select.poll()
        if self._pidfd >= 0:
            poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def close(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)


def _was_started_on_demand(pid: int) -> bool:
    """Any other one is an init, of whatever version, and stays."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"--on-demand" in file.read().split(b"\0")
    except OSError:
        return False
