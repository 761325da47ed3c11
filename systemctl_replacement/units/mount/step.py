"""The machine of mounts: what each event means in each state (systemd.mount(5); the diagram is docs/states.md).

The kernel decides whether something is mounted (the events Mounted and Unmounted); what mount(8) and umount(8) say of
their success is only what they say.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_INFO, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.units.commands.flow import KILL, TERMINATE, Flow, Rung
from systemctl_replacement.units.commands.leaving import leave, while_leaving
from systemctl_replacement.units.commands.state import ExecStatus
from systemctl_replacement.units.end_line import end_line
from systemctl_replacement.units.events import (
    Changed,
    Elapsed,
    Empty,
    Exited,
    Forked,
    Reload,
    ResetFailed,
    SpawnFailed,
    Start,
    StartLimitHit,
    Stop,
    TellProcesses,
)
from systemctl_replacement.units.mount.config import MOUNT, REMOUNT, UNMOUNT, MountConfig
from systemctl_replacement.units.mount.state import ACTIVE_STATE, DOWN, MOUNTING, REMOUNTING, RESTING, MountState
from systemctl_replacement.units.mounted import Mounted, MountPointFailed, MountPointMade, Unmounted
from systemctl_replacement.units.states import EXIT_CODE, PROTOCOL, RESOURCES, START_LIMIT_HIT, SUCCESS, TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable, ClassVar

    from systemctl_replacement.units.events import Action, Context, Event

# As often as systemd tries to unmount what is mounted one over the other.
_MOST_ATTEMPTS = 32

_SURVIVED = "Mount process still around after SIGKILL. Ignoring."
_SPARED = "Skipping SIGKILL. Ignoring."
_LIVES_ON = ("remounting-sigterm", "remounting-sigkill")


class MountFlow(Flow):
    """One step in the making."""

    rungs: ClassVar[Mapping[str, Rung]] = {
        "remounting-sigterm": Rung(TERMINATE, "Remounting timed out.", "remounting-sigkill", _SPARED),
        "remounting-sigkill": Rung(KILL, _SURVIVED),
        "unmounting-sigterm": Rung(TERMINATE, "Mount process timed out.", "unmounting-sigkill", _SPARED),
        "unmounting-sigkill": Rung(KILL, _SURVIVED),
    }
    tasks: ClassVar[Mapping[str, str]] = {MOUNT: "mount", UNMOUNT: "umount", REMOUNT: "remount"}

    config: MountConfig
    state: MountState

    def active_state(self, sub: str) -> str:
        return ACTIVE_STATE[sub]

    def enter(self, sub: str) -> None:
        self.set(sub=sub)
        if sub in RESTING:
            self.set(deadline=None)
        state = self.state
        failed = state.reload_result != SUCCESS
        self.ask(Changed(sub, ACTIVE_STATE[sub], state.result, reload_failed=failed))

    def fail_with(self, result: str) -> None:
        """What goes wrong with a remount is no failure of the mount."""
        if self.state.sub not in REMOUNTING:
            super().fail_with(result)
        elif result != SUCCESS:
            self.set(reload_result=result)

    def after_kill(self, sub: str, result: str) -> None:
        self.fail_with(result)
        self.settle(SUCCESS)

    # --- where it comes to rest ---

    def settle(self, result: str) -> None:
        """It is mounted if the kernel says so, and down otherwise."""
        if self.state.kernel is not None:
            self.enter_mounted(result)
        else:
            self.enter_dead(result)

    def enter_mounted(self, result: str) -> None:
        self.fail_with(result)
        self.enter("mounted")

    def enter_dead(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        self.set(is_ours=False)
        result = self.state.result
        self.ask(end_line(result))
        if self.state.populated:
            self.ask(TellProcesses(LOG_INFO, "Unit process {} remains running after unit stopped."))
        leave(self, self.config, "unmounting")

    def left(self) -> None:
        """Somebody may have mounted something there meanwhile."""
        if self.state.kernel is not None and self.state.sub not in DOWN:
            self.begin_anew()
            self.enter("mounted")
        else:
            super().left()

    def begin_anew(self) -> None:
        """Forget what became of the life before."""
        blank = tuple([(phase, index, ExecStatus()) for phase, index, _ in self.state.statuses])
        self.set(result=SUCCESS, reload_result=SUCCESS, statuses=blank)

    # --- its commands ---

    def enter_mounting(self) -> None:
        self.set(is_ours=True)
        if not self.run_control(MOUNT, "mounting", self.config.timeout_usec):
            self.cannot_mount("No such file or directory")

    def cannot_mount(self, why: str) -> None:
        self.log(LOG_WARNING, f"Failed to run 'mount' task: {why}")
        self.settle(RESOURCES)

    def enter_unmounting(self) -> None:
        if self.state.sub != "unmounting":
            self.set(attempts=0)
        self.run_control(UNMOUNT, "unmounting", self.config.timeout_usec)

    def enter_remounting(self) -> None:
        self.set(reload_result=SUCCESS)
        if not self.run_control(REMOUNT, "remounting", self.config.timeout_usec):
            self.log(LOG_WARNING, "Failed to run 'remount' task: No such file or directory")
            self.set(reload_result=RESOURCES)
            self.enter("mounted")


def step(
    config: MountConfig, state: MountState, event: Event, context: Context
) -> tuple[MountState, tuple[Action, ...]]:
    """The state after an event, and what is to be done about it, in order."""
    flow = MountFlow(config, state, context)
    handler = _HANDLERS.get(type(event))
    if not while_leaving(flow, state, event) and handler is not None:
        handler(flow, event)
    return flow.state, tuple(flow.actions)


# --- requests ---------------------------------------------------------------------------------------------------


def _start(flow: MountFlow, _event: Start) -> None:
    if flow.state.sub in DOWN:
        flow.begin_anew()
        flow.ask(flow.config.mount_point)


def _point_made(flow: MountFlow, _event: MountPointMade) -> None:
    if flow.state.sub in DOWN:
        flow.enter_mounting()


def _point_failed(flow: MountFlow, event: MountPointFailed) -> None:
    if flow.state.sub in DOWN:
        flow.cannot_mount(event.message)


def _start_limit_hit(flow: MountFlow, _event: StartLimitHit) -> None:
    flow.log(LOG_WARNING, "Start request repeated too quickly.")
    if flow.state.sub in DOWN:
        flow.enter_dead(START_LIMIT_HIT)


def _stop(flow: MountFlow, _event: Stop) -> None:
    sub = flow.state.sub
    if sub in _LIVES_ON:
        # It is killed already; what follows is another state.
        flow.enter(f"un{sub[2:]}")
    elif sub in MOUNTING or sub == "remounting":
        flow.enter_signal("unmounting-sigterm", SUCCESS)
    elif sub == "mounted":
        flow.enter_unmounting()


def _reload(flow: MountFlow, _event: Reload) -> None:
    if flow.state.sub == "mounted":
        flow.enter_remounting()


def _reset_failed(flow: MountFlow, _event: ResetFailed) -> None:
    flow.set(result=SUCCESS, reload_result=SUCCESS)
    if flow.state.sub == "failed":
        flow.enter("dead")


# --- the kernel -------------------------------------------------------------------------------------------------


def _mounted(flow: MountFlow, event: Mounted) -> None:
    before = flow.state.kernel
    flow.set(kernel=event)
    sub = flow.state.sub
    if sub in DOWN:
        flow.begin_anew()
        flow.enter("mounted")
    elif sub == "mounting":
        flow.enter("mounting-done")
    elif before != event:
        flow.enter(sub)  # with other options, say: somebody may wait for that


def _unmounted(flow: MountFlow, _event: Unmounted) -> None:
    flow.set(kernel=None)
    sub = flow.state.sub
    if sub == "mounted":
        flow.enter_dead(SUCCESS)
    elif sub == "mounting-done":
        flow.enter("mounting")  # mount(8) has taken it back, and is about to say so


# --- processes --------------------------------------------------------------------------------------------------


def _forked(flow: MountFlow, event: Forked) -> None:
    flow.forked(event)


def _spawn_failed(flow: MountFlow, event: SpawnFailed) -> None:
    if flow.spawn_failed(event) is not None:
        flow.fail_with(RESOURCES)
        flow.settle(SUCCESS)


def _empty(flow: MountFlow, _event: Empty) -> None:
    flow.set(populated=False)


def _exited(flow: MountFlow, event: Exited) -> None:
    """The driver has told what the kernel says now before it tells that a process has ended."""
    if event.last:
        flow.set(populated=False)
    state = flow.state
    if state.control is None or event.pid != state.control.pid:
        return
    _running, result = flow.control_ended(event)
    flow.log_exit("Mount", "", event, quiet=result == SUCCESS)
    flow.fail_with(result)
    sub, is_there = state.sub, state.kernel is not None
    if sub == "mounting":
        if result == SUCCESS:
            flow.log(LOG_WARNING, "Mount process finished, but there is no mount.")
            result = PROTOCOL
        flow.enter_dead(result)
    elif sub == "mounting-done":
        flow.enter_mounted(result)
    elif sub == "unmounting":
        if result == SUCCESS and is_there:
            _unmount_again(flow)
        elif result == EXIT_CODE and not is_there:
            flow.log(LOG_NOTICE, "Mount disappeared even though umount process failed, continuing.")
            flow.enter_dead(SUCCESS)
        else:
            flow.settle(result)
    else:
        flow.settle(SUCCESS)


def _unmount_again(flow: MountFlow) -> None:
    """Something is mounted there still: most likely there were several, one over the other."""
    attempts = flow.state.attempts
    if attempts < _MOST_ATTEMPTS:
        flow.set(attempts=attempts + 1)
        flow.enter_unmounting()
    else:
        flow.log(LOG_WARNING, f"Mount still present after {attempts} attempts to unmount, giving up.")
        flow.enter_mounted(SUCCESS)


def _elapsed(flow: MountFlow, _event: Elapsed) -> None:
    sub = flow.state.sub
    if sub in flow.rungs:
        flow.kill_timed_out(sub)
    elif sub in MOUNTING:
        flow.log(LOG_WARNING, "Mounting timed out. Terminating.")
        flow.enter_signal("unmounting-sigterm", TIMEOUT)
    elif sub == "remounting":
        flow.log(LOG_WARNING, "Remounting timed out. Terminating remount process.")
        flow.enter_signal("remounting-sigterm", TIMEOUT)
    elif sub == "unmounting":
        flow.log(LOG_WARNING, "Unmounting timed out. Terminating.")
        flow.enter_signal("unmounting-sigterm", TIMEOUT)


_HANDLERS: dict[type[Any], Callable[[MountFlow, Any], None]] = {
    Start: _start,
    MountPointMade: _point_made,
    MountPointFailed: _point_failed,
    StartLimitHit: _start_limit_hit,
    Stop: _stop,
    Reload: _reload,
    ResetFailed: _reset_failed,
    Mounted: _mounted,
    Unmounted: _unmounted,
    Forked: _forked,
    SpawnFailed: _spawn_failed,
    Exited: _exited,
    Empty: _empty,
    Elapsed: _elapsed,
}
