"""The manager's side of the process tree: the forkserver's handle, and the link to each supervisor.

Manager to supervisor (`op`; descriptors travel beside the message)::

    spawn       token, launch, spec (both made by process/exec_spec.py); fds: first those that the spec names as passed,
                then whatever its streams point at
    pass        token; fds: more descriptors than one message can carry come ahead of the process that gets them. Those
                sent ahead of another process, which could not be asked for, are let go
    users       names, directory (dynamic_users of the spec, or ""), remove_ipc; fds: a pair of connected sockets for
                each name, where processes keep the user ids that they have found, as long as anybody has it open
    identity    main, control (pids, 0 for none), notify_access (none main exec all); every key optional
    signal      pids, signal, cont, hup         to these processes, each only if it is below the supervisor or watched
    signal-all  signal, except, cont, hup       to every descendant; SIGKILL is repeated until none is left
    store       room, answer                    how many more descriptors the unit may store, and whether that answers a
                                                "notify" that asks
    watch       pid                             a main process that is not below the supervisor: its end is reported
    adopted     pids                            the unit's, which a killed supervisor has left to the manager
    guess-main                                  asks for "guess"
    remove      number, paths, links            in a child of its own: the paths with all below, the links if they are
                                                some; "removed" when done
    stop-removing                               SIGKILL for that child
    settings    stop_timeout (usec), kill_signal: what to do with the unit if the manager dies;
                fields (of its journal records), level_prefix, priority, max_priority; own_level, own_shown (which of
                its own lines the journal and the console get): all optional
    rotate                                      a new file of the journal begins with the next line
    move        path, limits                    as "journal" below has them: the unit's file is another one from now on
    rename      unit, journal                   the unit is called so now; what it prints goes to that journal
    console     json (bool); fd                 the console was made anew
    release                                     the supervisor ends, whatever still runs below it

Supervisor to manager (`ev`; `time` is [realtime usec, monotonic usec])::

    ready        pid
    forked       token, pid, time
    executed     token, pid, uid, gid           of User= and Group=, -1 for none
    exec-failed  token, pid, status (203), step ("EXEC"), errno,
                 message ("Failed to locate executable /x: No such file or directory"),
                 summary ("Failed at step EXEC spawning /x: No such file or directory"); both are logged,
                 and "exited" follows
    spawn-failed token, errno, message          no process was made (result "resources")
    exited       pid, code (exited killed dumped), status, time, token (null for what we did not start), last (no child
                 is left: "empty" follows if there were any), unseen (true: it is not the supervisor's child, and only
                 its parent knows how it ended)
    empty        time                           no descendant is left, after there were some
    notify       pid, uid, text {"READY": "1"}; fds with FDSTORE=1, or fds_lost (true) where none are left, or refused
                 (how many were closed for want of room in the store); asks (true): "store" is to answer
    children     pids [[pid, start time in ticks], …]   the direct children, after every change that was noticed
    guess        pid                            the only direct child we did not start, else 0
    signalled                                   a "signal" or "signal-all" was carried out
    kill-denied  pids                           the kernel refused (EPERM)
    console-full                                the console takes no more lines: those that come now are dropped
    removed      number                         of the request
    unshown      text                           lines in the console's format that were kept for a console that did not
                                                come in time: the manager shows them. One of the last words of a
                                                supervisor, as "log-dropped" is
    log-dropped  count                          lines that the console had no room for, and has none to be told of them
    problem      message                        a defect of the supervisor itself, with its traceback

Order: "executed" or "exec-failed", everything a process had sent to the notify socket and everything it had printed
come before its "exited". The fields of a spec are described in process/exec_spec.py.
"""

from __future__ import annotations

import os
import sys

from systemctl_replacement.process.link import Link, make_pair
from systemctl_replacement.process.spawn_program import spawn_program
from systemctl_replacement.signals import SIGTERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systemctl_replacement.process.link import Message

__all__ = ["ForkServer", "Link", "make_pair"]

DEFAULT_STOP_TIMEOUT = 90_000_000


class ForkServer:
    """The handle of the small idle process that makes supervisors, console and collector."""

    __slots__ = ("link", "pid")

    def __init__(self, pid: int, link: Link) -> None:
        self.pid = pid
        self.link = link

    @classmethod
    def fork_now(cls) -> ForkServer:
        """Forks it off this process: the first thing in a manager's life, all signals blocked, little imported."""
        link, theirs = make_pair()
        try:
            pid = os.fork()
        except OSError:
            link.close()
            os.close(theirs)
            raise
        if pid == 0:
            try:
                from systemctl_replacement.process import forkserver

                forkserver.begin(theirs)
            except (OSError, ImportError):
                pass  # the manager sees the end, and tries again, or cannot start for the same reason
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(70)
        os.close(theirs)
        return cls(pid, link)

    @classmethod
    def spawn_new(cls, command: list[str]) -> ForkServer:
        """One made by :meth:`spawn_fresh`, for a manager that has none. OSError."""
        link, theirs = make_pair()
        os.close(theirs)
        made = cls(0, link)
        made.spawn_fresh(command)
        return made

    def spawn_fresh(self, command: list[str]) -> None:
        """Makes a new one after its death, by executing `command` (`paths.self_command()`) + `--forkserver 3`.

        Nothing else is lost with a forkserver: supervisors and the console live on as the manager's own children.
        Requests it had not answered are to be made again. OSError when there is no process to be had.
        """
        link, theirs = make_pair()
        try:
            self.pid = spawn_program([*command, "--forkserver", "3"], {}, {3: theirs})
        except OSError:
            link.close()
            raise
        finally:
            os.close(theirs)
        self.link.close()
        self.link = link

    def fileno(self) -> int:
        return self.link.fileno()

    @property
    def wants_write(self) -> bool:
        return self.link.wants_write

    def flush(self) -> list[tuple[Message, OSError]]:
        """Sends the requests that wait. Those that cannot be sent are given back."""
        return self.link.flush()

    def request_supervisor(
        self,
        unit: str,
        link_fd: int,
        log_read_fd: int,
        notify_fd: int,
        console_fd: int,
        journal: Message,
        *,
        log_write_fd: int = -1,
        console_json: bool = False,
        console_comes: bool = False,
        stop_timeout: int = DEFAULT_STOP_TIMEOUT,
        kill_signal: int = SIGTERM,
    ) -> None:
        """Asks for a supervisor; the answer's tag is the unit. Descriptors are -1 for none and stay the caller's.

        `journal` is {"path": file, "boot": _BOOT_ID=, "fields": {static fields of every record}, "own": {static fields
        of the manager's records}, "limits": what keeps journals small, and what "settings" has}, all but the path
        optional; {} for no journal.
        Without `log_write_fd` the supervisor opens the pipe's other end through /proc.
        `console_comes`: without a console now, lines are kept for the one that "console" will bring.
        `kill_signal`: what its unit gets if the manager dies, and `stop_timeout` (usec), how long to end.
        """
        named = {
            "link": link_fd,
            "log": log_read_fd,
            "log_write": log_write_fd,
            "notify": notify_fd,
            "console": console_fd,
        }
        present = {name: fd for name, fd in named.items() if fd >= 0}
        message = {
            "op": "supervisor",
            "unit": unit,
            "fds": list(present),
            "journal": journal,
            "console_json": console_json,
            "console_comes": console_comes,
            "stop_timeout": stop_timeout,
            "kill_signal": kill_signal,
        }
        self.link.send(message, list(present.values()))

    def request_console(self, link_fd: int, stdout_fd: int, as_json: bool, stdout_is_tty: bool) -> None:
        """Asks for the process that writes to the container's stdout; the answer's tag is "console".

        Its link takes {"op": "add", "unit"} + fd (the reading end of a SOCK_SEQPACKET pair whose other end goes to a
        supervisor as `console_fd`), {"op": "write", "text"} (the manager's own status lines, verbatim),
        {"op": "record", "record": {journal fields}} and {"op": "flush"}, which {"ev": "flushed"} answers when all that
        was sent before is written. Its first word is {"ev": "ready", "pid"}. It ends when its link and all its sources
        are closed.
        """
        message = {"op": "console", "fds": ["link", "stdout"], "json": as_json, "tty": stdout_is_tty}
        self.link.send(message, [link_fd, stdout_fd])

    def request_collector(self, link_fd: int, **message: Any) -> None:
        """Asks for the process that reads the sockets of the log; the answer's tag is "collector". `message`: what it
        has to know from its first moment (process/collector/)."""
        self.link.send({"op": "collector", "fds": ["link"], **message}, [link_fd])

    def receive(self) -> list[Message]:
        """The answers that have arrived: {"pid", "tag"}; pid 0 with "errno" and "message" where no process could be
        made. Besides, {"stopped": pid} when somebody has stopped one of its children. EOFError when it is dead."""
        return [message for message, _ in self.link.receive()]
