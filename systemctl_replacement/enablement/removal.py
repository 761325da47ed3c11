"""Planning the removal of every link to a set of units, wherever it is below the configuration directory."""

from __future__ import annotations

import errno

from systemctl_replacement.enablement.changes import UNLINK, FileOperation, InstallChange, InstallError, PlanStep
from systemctl_replacement.unitfile.names import template_of, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.enablement.lookup import Lookup


class Removal:
    """The names and paths whose links are removed from one configuration directory."""

    def __init__(self, lookup: Lookup, config: str) -> None:
        self.lookup = lookup
        self.config = config
        self.marked: set[str] = set()
        self._failure: InstallError | None = None

    def mark(self, name_or_path: str) -> None:
        """Remove links with this name, and links that lead to this name or path."""
        self.marked.add(name_or_path)

    def run(self) -> None:
        """Plan the removals, until no link points to a removed link.

        Links that cannot be followed (loops) are reported, and raise InstallError at the end.
        """
        if not self.marked:
            return
        while self._pass(self.config):
            pass
        if self._failure is not None:
            raise self._failure

    def _pass(self, directory: str) -> bool:
        again = False
        tree = self.lookup.tree
        for name, kind in tree.entries(directory):
            path = f"{directory}/{name}"
            if kind == "directory":
                again = self._pass(path) or again
            elif kind == "link" and valid_unit_name(name) and self._leads_to_marked(path, name):
                tree.plan_unlink(path)
                change = InstallChange(UNLINK, self.lookup.planner.shown(path))
                self.lookup.planner.steps.append(
                    PlanStep((change,), FileOperation("unlink", path, boundary=self.config))
                )
                if path not in self.marked:
                    self.marked.add(path)
                    again = True
        return again

    def _leads_to_marked(self, path: str, name: str) -> bool:
        if name in self.marked or ("@" in name and template_of(name) in self.marked):
            return True
        try:
            target = self.lookup.tree.chase(path)
        except OSError as problem:
            failure = InstallError(problem.errno or errno.EIO)
            self.lookup.planner.fail(failure.error, self.lookup.planner.shown(path))
            self._failure = self._failure or failure
            return False
        if target.rpartition("/")[2] in self.marked:
            return True
        # Below a root systemd compares names only, so a unit stays enabled there after `revert`.
        return not self.lookup.tree.root and target in self.marked
