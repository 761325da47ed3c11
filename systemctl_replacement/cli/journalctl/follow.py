"""--follow: showing entries as they come, until somebody ends it or nobody reads it any more."""

from __future__ import annotations

import select

from systemctl_replacement.cli import streams
from systemctl_replacement.cli.journalctl.failure import Failure
from systemctl_replacement.cli.journalctl.show import wanted
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.infinity import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.options import Options
    from systemctl_replacement.cli.journalctl.show import Shower
    from systemctl_replacement.journal.query import Journal, Query

_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


def follow(journal: Journal, query: Query, options: Options, shower: Shower) -> int:
    """Show what comes after what the journal had. Returns the exit status when the reader of stdout has gone."""
    if options.boot and not options.boot_id and not options.boot_offset:
        query = replace(query, boots=())  # a manager may start, and begin another boot
    try:
        follower = journal.follow(query)
    except OSError as error:
        raise Failure(f"Failed to wait for the journal: {error.strerror}") from None
    until = INFINITY if options.until is None else options.until
    poll = select.poll()
    poll.register(follower.fd, select.POLLIN)
    poll.register(1, 0)  # POLLERR and POLLHUP come unasked
    while True:
        shower.show(entry for entry in wanted(follower.entries(), options) if entry.realtime <= until)
        streams.stdout.flush()
        if streams.stdout.error or any(fd == 1 and what & _GONE for fd, what in poll.poll()):
            return 0
