"""The collector as a process: forked from the forkserver like the console, imported after the fork."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import gc
import os

from systemctl_replacement import exit_status, libc, syscalls
from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.process.collector.account import PrivilegedError, settle
from systemctl_replacement.process.collector.collector import Collector
from systemctl_replacement.process.describe_error import describe
from systemctl_replacement.process.link import Link
from systemctl_replacement.process.process_title import set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from systemctl_replacement.process.link import Message

_TURN_NSEC = 100_000
"""The shortest that the kernel knows."""
_DIRECTORY_GONE = "Cannot store what is logged through sockets: %s"


def main(message: Message, fds: dict[str, int]) -> NoReturn:
    """The life of the collector. message: "directory" for the journals ("" for none), "dynamic" for the uids of
    DynamicUser=, "streams" for the highest number of a connection that is to be resumed."""
    status = exit_status.EXIT_SOFTWARE
    try:
        os.setsid()
        set_title("collector", "collector")
        _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # the kernel reaps who looks for our user
        gc.enable()
        libc.return_memory()
        _ask_for_short_turns()
        link = Link(fds["link"])
        try:
            directory = settle(message["directory"], message["dynamic"])
        except OSError as error:
            link.send({"ev": "trouble", "level": LOG_ERR, "message": _DIRECTORY_GONE % describe(error)})
            directory = ""
        except PrivilegedError as error:
            link.send(
                {"ev": "trouble", "level": LOG_ERR, "message": f"Cannot collect what is logged as a user: {error}"}
            )
            raise
        Collector(link, directory, message.get("streams", 0)).run()
        status = 0
    finally:
        os._exit(status)


def _ask_for_short_turns() -> None:
    """Be there soon when something is sent: who has sent it may be gone a moment later."""
    try:
        syscalls.set_time_slice(_TURN_NSEC)
    except OSError:
        return  # a filter of system calls
