"""POSIX message queues to listen on (mq_overview(7)), by system calls: not every C library has them at hand."""

from __future__ import annotations

from systemctl_replacement import syscalls
from systemctl_replacement.manager.ports import nodes
from systemctl_replacement.tree_walk import Umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.units.listen_on import ListenOn


def open_queue(on: ListenOn) -> int:
    """Open a message queue, which is made if it is not there. OSError, EEXIST if it is somebody else's, or has another
    mode."""
    options = on.options
    sizes = (options.max_messages, options.message_size)
    with Umask(options.socket_mode):
        fd = syscalls.open_queue(on.address, options.socket_mode, sizes if min(sizes) > 0 else None)
    return nodes.kept_if(fd, lambda found: nodes.is_ours(found, options.socket_mode))
