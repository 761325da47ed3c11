"""Where the log is written to now: below /var/log if that is possible, or in the runtime directory.

Which of them it is is looked at when a manager starts, at the end of a boot, and when journalctl(1) asks with --flush
or --relinquish-var. What has been written before stays where it is: readers read both.
"""

from __future__ import annotations

from systemctl_replacement.manager.logs.plan import settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.manager.logs.plan import LogPlan
    from systemctl_replacement.paths import Paths


class LogPlace:
    """The plan that counts at present."""

    def __init__(self, paths: Paths, plan: LogPlan) -> None:
        self._paths = paths
        self.plan = plan
        self.is_relinquished = False
        """Whether /var/log was asked to be left alone."""

    def settle(self, is_relinquished: bool) -> bool:
        """Decide anew. Returns whether the directory is another one now."""
        before = self.plan.directory
        self.is_relinquished = is_relinquished
        self.plan = settled(self.plan, self._paths, is_relinquished)
        return self.plan.directory != before

    def directory(self) -> str:
        """Where files are written, "" if nothing is stored."""
        return self.plan.directory

    def directories(self) -> list[str]:
        """Where files may be."""
        return self._paths.log_candidates()
