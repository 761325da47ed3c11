"""The small idle process from which supervisors, console and collector are forked.

Each page that a parent writes to after a fork becomes a private copy in the child. Forked from here, where the manager
was never imported, a supervisor costs little. The forkserver is stateless: if it is killed, the manager makes a new
one.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import gc
import os
import select

from systemctl_replacement import exit_status, syscalls

# Everything that a supervisor or a child needs is imported here, once, before the forks.
from systemctl_replacement.process import console, exec_spec, supervisor
from systemctl_replacement.process.link import RETRY_SECONDS, Link, close_fds
from systemctl_replacement.process.process_title import find_arguments, set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from systemctl_replacement.process.link import Message


def begin(link_fd: int) -> NoReturn:
    """Run the forkserver. It exits silently if it lacks resources: the manager notices and logs that."""
    try:
        main(link_fd)
    except OSError:
        os._exit(exit_status.EXIT_SOFTWARE)


def main(link_fd: int) -> NoReturn:
    """The life of a forkserver; ends when the manager is gone. OSError."""
    syscalls.block_all_signals()
    syscalls.reset_signal_dispositions()
    _leave_everything(link_fd)
    find_arguments()
    set_title("forkserver", "forkserver")
    syscalls.raise_limit("NOFILE")
    # A signalfd reports the signals of the process that reads it, so every supervisor can inherit this one.
    child_signals = syscalls.signalfd([_signal.SIGCHLD])
    link = Link(link_fd)
    poll = select.poll()
    poll.register(child_signals, select.POLLIN)
    # No garbage collection may write to the pages that all children share. Nothing here makes cycles.
    exec_spec.prepare()
    gc.disable()
    gc.freeze()
    while True:
        poll.register(link.fileno(), select.POLLIN | (select.POLLOUT if link.wants_write else 0))
        poll.poll(RETRY_SECONDS * 1000 if link.stalled else None)
        try:
            if link.flush():
                os._exit(exit_status.EXIT_SOFTWARE)
            for message, fds in link.receive():
                _answer(link, message, fds, child_signals)
            if syscalls.read_signalfd(child_signals):
                _look_at_children(link)
        except EOFError:
            os._exit(0)
        except Exception:
            os._exit(exit_status.EXIT_SOFTWARE)  # the manager makes another one, and asks again for what it is owed


def _leave_everything(link_fd: int) -> None:
    """Give up everything that was inherited: descriptors, terminal, directory."""
    for fd, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        null = os.open(os.devnull, flags)
        if fd not in (link_fd, null):
            os.dup2(null, fd)
    syscalls.close_all_except([0, 1, 2, link_fd])
    os.set_inheritable(link_fd, False)
    os.chdir("/")
    os.umask(0o022)
    if os.getsid(0) != os.getpid():
        os.setsid()


def _look_at_children(link: Link) -> None:
    """Reap those that have ended, of which the manager hears from their links, and tell which have been stopped."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if not pid:
                return
            if os.WIFSTOPPED(status):
                link.send({"stopped": pid})
    except ChildProcessError:
        pass  # there is none left


def _answer(link: Link, message: Message, fds: list[int], child_signals: int) -> None:
    tag = message["unit"] if message["op"] == "supervisor" else message["op"]
    try:
        if message.get("fds_lost"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        pid = os.fork()
    except OSError as error:
        link.send({"pid": 0, "tag": tag, "errno": error.errno, "message": error.strerror})
        close_fds(fds)
        return
    if pid == 0:
        link.socket.close()
        # Requests that came together with this one are waiting with descriptors of their own: keeping another unit's
        # link open would hide its supervisor's death.
        syscalls.close_all_except([0, 1, 2, child_signals, *fds])
        named = dict(zip(message["fds"], fds))
        if message["op"] == "supervisor":
            supervisor.main(message, named, child_signals)
        if message["op"] == "collector":
            from systemctl_replacement.process.collector import process  # which nobody else has a use for

            process.main(message, named)
        console.main(message, named)
    close_fds(fds)
    link.send({"pid": pid, "tag": tag})
