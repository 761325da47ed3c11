"""From fork to exec: the steps (steps.py) that make a unit's process out of a copy of its supervisor.

A step that fails is reported through a pipe that the exec closes, with systemd's exit status and message; the child
then exits with that status.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

from systemctl_replacement import exit_status, syscalls
from systemctl_replacement.process import exec_spec, ownership, program
from systemctl_replacement.process.report import tell
from systemctl_replacement.process.step import APPLIED, NOT_ALLOWED, NotPossible, Skipped, Step, StepFailed
from systemctl_replacement.process.steps import STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from systemctl_replacement.process.accounts import Account
    from systemctl_replacement.process.link import Message
    from systemctl_replacement.process.sandbox import dynamic_user
    from systemctl_replacement.process.step import Outcome


class _Failure(Exception):
    """The step that ended it: its exit status, and what failed."""

    def __init__(self, status: int, failed: StepFailed) -> None:
        super().__init__(failed.failure)
        self.status = status
        self.report = {
            "status": status,
            "errno": failed.error.errno or 0,
            "message": f"{failed.failure}: {failed.error.strerror}",
            "level": failed.level,
            "fields": failed.fields,
        }


class Child:
    """What the steps know and find out, one after the other."""

    def __init__(
        self,
        message: Message,
        files: dict[str, str] | None,
        fds: list[int],
        log: int,
        report: int,
        users: dynamic_user.Store,
    ) -> None:
        """See :func:`run`. FieldError."""
        self.spec = exec_spec.decode(message)
        self.fds = fds
        self.log = log
        self.report = report
        self.users = users
        self.file_variables = files
        self.account: Account | None = None  # of User=
        self.gid: int | None = None
        self.groups: list[int] | None = None  # None: those of the manager stay
        self.variables: dict[str, str] = {}
        self.passed = fds[: len(self.spec.passed)]
        self.passed_names = list(self.spec.passed)
        self.journal_stream = ""  # which file is the stream that goes to the log
        self.program = ""  # where it was found
        self.ambient = 0  # the mask of the ambient capabilities that can be given
        self.bounding_refused = False  # the bounding set could not be changed

    def perform(self, step: Step) -> None:
        """Performs a step, and has it logged if what it is for is not possible here. _Failure."""
        if step.restricts and self.spec.privileged:
            return
        try:
            outcome = self._outcome_of(step)
        except StepFailed as failed:
            raise _Failure(step.exit_status, failed) from None
        except OSError as error:
            raise _Failure(step.exit_status, StepFailed(step.failure, error)) from None
        if outcome is not APPLIED:
            self.warn(outcome)

    def _outcome_of(self, step: Step) -> Outcome:
        try:
            return step.perform(self)
        except OSError as error:
            if not step.dispensable or error.errno not in NOT_ALLOWED:
                raise
            return NotPossible(f"{step.failure}, ignoring: {error.strerror}")

    def warn(self, outcome: NotPossible) -> None:
        """Has the supervisor log a line."""
        tell(self.report, {"priority": outcome.level, "warning": outcome.why, "fields": outcome.fields})

    def detach(self, go: int) -> None:
        """Leaves the supervisor's session and descriptors, and waits until the manager knows of this process."""
        os.setsid()
        # The supervisor's own link above all: as long as we held it, the manager would not see the supervisor die.
        kept = [*self.fds, *self.users.descriptors(), *([self.log] if self.log >= 0 else ())]
        syscalls.close_all_except([0, 1, 2, self.report, go, *kept])
        # Where the supervisor is killed before it has told the manager of us, nobody could ever stop the program.
        if not os.read(go, 1):
            os.kill(os.getpid(), _signal.SIGKILL)
        os.close(go)

    def run(self, go: int) -> int:
        """Performs the steps and executes the program, if there is one; the exit status if it does not come to that."""
        try:
            self.detach(go)
            if self.spec.ownership is not None:
                return ownership.take_ownership(self)
            for step in STEPS:
                self.perform(step)
            self._execute()
        except Skipped:
            return exit_status.EXIT_SUCCESS
        except _Failure as failure:
            tell(self.report, failure.report)
            return failure.status
        except Exception as error:
            message = f"Failed to prepare the program: {error!r}"
            tell(self.report, {"status": exit_status.EXIT_EXCEPTION, "errno": 0, "message": message})
        return exit_status.EXIT_EXCEPTION

    def _execute(self) -> NoReturn:
        try:
            program.execute(self)
        except OSError as error:
            raise _Failure(exit_status.EXIT_EXEC, StepFailed(f"Failed to execute {self.program}", error)) from None


def run(
    message: Message,
    files: dict[str, str] | None,
    fds: list[int],
    log: int,
    report: int,
    go: int,
    users: dynamic_user.Store,
) -> NoReturn:
    """Becomes the program, or exits with systemd's status for the step that failed.

    `message`: asks for it, with an :class:`.exec_spec.ExecSpec`; `files`: the variables of the environment files,
    None if reading them may take its time; `fds`: the message's descriptors; `log`: the writing end of the unit's
    log pipe (-1 for none); `report`: the pipe for :class:`.report.Report`; `go`: a pipe that is written to when the
    manager knows of this process; `users`: those that exist for the unit.
    """
    status = exit_status.EXIT_EXCEPTION
    try:
        status = Child(message, files, fds, log, report, users).run(go)
    except ValueError as error:
        tell(report, {"status": status, "errno": errno.EINVAL, "message": f"Cannot read what to run: {error}"})
    finally:
        os._exit(status)


def let_go(fd: int) -> None:
    """The supervisor's side: the manager knows of the process."""
    try:
        os.write(fd, b"\n")
    except OSError:
        return  # it has been killed, as its status says
