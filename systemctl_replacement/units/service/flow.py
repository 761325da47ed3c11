"""The ways through a service's life: entering a state, running the next command, killing, dying.

`ServiceFlow` collects what one step of the machine changes and asks for; `step.py` decides which way is taken when.
The diagram of all ways is docs/states.md.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands import flow as commands
from systemctl_replacement.units.commands.flow import ABORT, FOUND, KILL, REMAINS, TERMINATE, Rung
from systemctl_replacement.units.commands.state import ExecStatus, Running
from systemctl_replacement.units.end_line import end_line
from systemctl_replacement.units.events import (
    Changed,
    Forked,
    Identify,
    ReleaseResources,
    RemoveDirectories,
    RemovePidFile,
    Signal,
    Spawn,
    TellProcesses,
    WatchPidFile,
)
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.exit import end_variables, restart_delay, shall_restart
from systemctl_replacement.units.service.state import ServiceState
from systemctl_replacement.units.service.states import (
    IDLE_ACTIVE_STATE,
    KILLING,
    SERVICE_ACTIVE_STATE,
    STOPPING,
    WATCHED,
)
from systemctl_replacement.units.states import (
    ACTIVE_OR_RELOADING,
    RESOURCES,
    SKIP_CONDITION,
    SUCCESS,
    TIMEOUT,
    WATCHDOG,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar

    from systemctl_replacement.unitfile.values import StatusSet


# States that nothing times out: entering one drops the deadline of the state before.
_UNTIMED = frozenset({"dead", "failed", "exited"})
_DOWN = frozenset({"dead", "failed"})


def active_state(config: ServiceConfig, sub: str) -> str:
    """The active state a service's sub-state stands for."""
    return (IDLE_ACTIVE_STATE if config.type == "idle" else SERVICE_ACTIVE_STATE)[sub]


def _rungs(*, term: str, kill: str, abort: str, survived: str, spared: str) -> dict[str, Rung]:
    """The kill states before ExecStopPost=, or those after it."""

    def late(sub: str) -> str:
        return f"State '{sub}' timed out."

    return {
        abort: Rung(ABORT, late(abort), kill, spared),
        term: Rung(TERMINATE, late(term), kill, spared),
        kill: Rung(KILL, survived),
    }


class ServiceFlow(commands.Flow):
    """One step in the making."""

    rungs: ClassVar[Mapping[str, Rung]] = {
        **_rungs(
            term="stop-sigterm",
            kill="stop-sigkill",
            abort="stop-watchdog",
            survived="Processes still around after SIGKILL. Ignoring.",
            spared="Skipping SIGKILL.",
        ),
        **_rungs(
            term="final-sigterm",
            kill="final-sigkill",
            abort="final-watchdog",
            survived="Processes still around after final SIGKILL. Entering failed mode.",
            spared="Skipping SIGKILL. Entering failed mode.",
        ),
    }
    tasks: ClassVar[Mapping[str, str]] = {
        "ExecCondition": "exec-condition",
        "ExecStartPre": "start-pre",
        "ExecStart": "start",
        "ExecStartPost": "start-post",
        "ExecReload": "reload",
        "ExecStop": "stop",
        "ExecStopPost": "stop-post",
    }

    config: ServiceConfig
    state: ServiceState

    @property
    def success(self) -> StatusSet:
        return self.config.success

    def active_state(self, sub: str) -> str:
        return active_state(self.config, sub)

    # --- small tools ---

    def enter(self, sub: str, will_restart: bool = False) -> None:
        """Enter a sub-state and announce it."""
        if self.state.waiting_for == "pidfile":
            self.ask(WatchPidFile(False))
        before, active = active_state(self.config, self.state.sub), active_state(self.config, sub)
        if active in ACTIVE_OR_RELOADING and before not in ACTIVE_OR_RELOADING:
            self.set(active_since=self.context.now)
        self.set(sub=sub, waiting_for="")
        if sub in _UNTIMED:
            self.set(deadline=None)
        if sub not in WATCHED:
            self.set(watchdog_deadline=None)
        self.ask(
            Changed(
                sub,
                active,
                self.state.result,
                will_restart=will_restart,
                reload_failed=self.state.reload_result != SUCCESS,
            )
        )

    def identify(self) -> None:
        state = self.state
        spawned = state.main is not None and state.main.pid == state.main_pid
        foreign = bool(state.main_pid) and (state.main_alien or not spawned)
        self.ask(Identify(state.main_pid, state.control.pid if state.control else 0, foreign))

    def set_main(self, pid: int, alien: bool = False) -> None:
        self.set(main_pid=pid, main_known=True, main_alien=alien)
        self.identify()

    def main_alive(self) -> bool | None:
        """Whether the main process lives; None when it is not known which one it is."""
        state = self.state
        if state.main is not None or state.main_pid:
            return True
        return False if state.main_known else None

    def good(self) -> bool:
        """Whether there is something left of the service that is worth calling it running."""
        if self.config.type == "dbus" and not (self.state.bus_owner or self.state.without_bus):
            return False
        alive = self.main_alive()
        if self.config.exit_type == "cgroup" or alive is None:
            return self.state.populated
        return alive

    # --- processes ---

    def commands_under_way(self) -> tuple[Running, ...]:
        main = self.state.main
        return (main, *super().commands_under_way()) if main is not None else super().commands_under_way()

    def known_pids(self) -> tuple[int, ...]:
        main = self.state.main_pid
        return (main, *super().known_pids()) if main else super().known_pids()

    def outside_pids(self) -> tuple[int, ...]:
        return (self.state.main_pid,) if self.state.main_alien and self.state.main_pid else ()

    def is_main(self, running: Running) -> bool:
        """Whether the process of a command is the main process."""
        return self.state.main is not None and self.state.main.token == running.token

    def spawn_main(self, index: int, timeout: int) -> None:
        """Start the `index`th command of ExecStart= as the main process."""
        running = self.new_command("ExecStart", index)
        self.set(main=running)
        self.deadline(timeout)
        self.ask(self.spawn_action(running))

    def spawn_action(self, running: Running) -> Spawn:
        main = self.is_main(running)
        return replace(super().spawn_action(running), main=main, when_idle=main and self.config.type == "idle")

    def environment(self, phase: str) -> tuple[str, ...]:
        """What a command may know of the service it belongs to (systemd.exec(5), environment variables)."""
        state = self.state
        known = []
        if phase == "ExecStart" and state.watchdog_usec not in (None, 0, INFINITY):
            known.append(f"WATCHDOG_USEC={state.watchdog_usec}")
        if state.main_pid and phase != "ExecStart":
            known.append(f"MAINPID={state.main_pid}")
        if phase in ("ExecStop", "ExecStopPost"):
            known.append(f"SERVICE_RESULT={state.result}")
            known += end_variables(state, "EXIT_CODE", "EXIT_STATUS")
        return tuple(known)

    def place(self, running: Running, event: Forked) -> None:
        if self.is_main(running):
            self.set(main=running, main_status=ExecStatus(event.pid, event.time))
            self.set_main(event.pid)
        else:
            super().place(running, event)

    def displace(self, running: Running) -> None:
        if self.is_main(running):
            self.set(main=None, main_pid=0, main_known=True)
        else:
            super().displace(running)

    # --- starting ---

    def _crowded(self, phase: str, task: str) -> bool:
        """Tell which processes the last life has left. Returns whether they forbid a command: SendSIGKILL=no is for
        what two of would do harm (systemd.kill(5))."""
        config = self.config
        if not self.state.populated or not config.phase(phase):
            return False
        self.ask(TellProcesses(LOG_WARNING, FOUND))
        if config.send_sigkill or config.kill_mode not in ("control-group", "mixed"):
            return False
        kind = "SendSIGKILL=no service of type KillMode=control-group or mixed"
        self.log(LOG_ERR, f"Will not start {kind} while processes exist")
        self.log(LOG_WARNING, f"Failed to run '{task}' task: Device or resource busy")
        return True

    def enter_condition(self) -> None:
        self.forget_control()
        if self._crowded("ExecCondition", "exec-condition"):
            self.enter_dead(RESOURCES)
        elif not self.run_control("ExecCondition", "condition", self.config.timeout_start_usec):
            self.enter_start_pre()

    def enter_start_pre(self) -> None:
        self.forget_control()
        if self._crowded("ExecStartPre", "start-pre"):
            self.enter_dead(RESOURCES)
        elif not self.run_control("ExecStartPre", "start-pre", self.config.timeout_start_usec):
            self.enter_start()

    def enter_start(self) -> None:
        self.forget_control()
        self.set(main=None, main_pid=0, main_known=False, main_alien=False)
        # What was told before ExecStartPre= and the like is no news any more.
        self.set(without_bus=False, bus_lost=False, name_taken=self.state.name_taken and self.state.sub in _DOWN)
        config = self.config
        if self._crowded("ExecStart", "start"):
            self.enter_signal("stop-sigterm", RESOURCES)
            return
        if not config.phase("ExecStart"):  # a oneshot service with ExecStop= only
            self.enter("start")
            self.enter_start_post()
            return
        timeout = INFINITY if config.type in ("simple", "idle") else config.timeout_start_usec
        if config.type == "forking":
            self.spawn("ExecStart", 0, timeout)
        else:
            self.spawn_main(0, timeout)
        self.enter("start")

    def sign_of_life(self) -> None:
        """Give the service another WatchdogSec=."""
        usec = self.state.watchdog_usec
        if usec and usec != INFINITY:
            now = self.context.now
            self.set(watchdog_time=(self.context.realtime, now), watchdog_deadline=now + usec)
        else:
            self.set(watchdog_deadline=None)

    def hung(self, why: str) -> None:
        """The watchdog bites."""
        self.log(LOG_ERR, why)
        self.set(watchdog_deadline=None)
        self.enter_signal("stop-watchdog", WATCHDOG)

    def enter_start_post(self) -> None:
        self.forget_control()
        self.set(name_taken=False)
        self.sign_of_life()
        if not self.run_control("ExecStartPost", "start-post", self.config.timeout_start_usec):
            self.enter_running(SUCCESS)

    def enter_running(self, result: str) -> None:
        self.forget_control()
        self.fail_with(result)
        state = self.state
        if state.result != SUCCESS:
            self.enter_signal("stop-sigterm", result)
        elif self.good():
            if state.notify_state == "reloading":
                self.enter_reload_by_notify()
            elif state.notify_state == "stopping":
                self.enter_stop_by_notify()
            else:
                self.enter("running")
                self._limit_runtime()
        elif self.config.remain_after_exit:
            self.enter("exited")
        else:
            self.enter_stop(SUCCESS)

    def _limit_runtime(self) -> None:
        limit, extra = self.config.runtime_max_usec, self.config.runtime_extra_usec
        end = self.state.active_since + limit + int(extra * self.context.random)
        self.set(deadline=None if limit == INFINITY else end)

    # --- reloading ---

    def enter_reload(self) -> None:
        self.forget_control()
        self.set(reload_result=SUCCESS, reload_begin=self.context.now)
        signalled = self.config.type == "notify-reload" and bool(self.state.main_pid)
        if signalled:
            self.ask(Signal((self.state.main_pid,), self.config.reload_signal, cont=True))
        if self.run_control("ExecReload", "reload", self.config.timeout_start_usec):
            return
        if signalled:
            self.deadline(self.config.timeout_start_usec)
            self.enter("reload-signal")
        else:
            self.enter_running(SUCCESS)

    def enter_reload_by_notify(self) -> None:
        self.deadline(self.config.timeout_start_usec)
        self.enter("reload-notify" if self.config.type == "notify-reload" else "reload")

    # --- stopping ---

    def enter_stop(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        if not self.run_control("ExecStop", "stop", self.config.timeout_stop_usec):
            self.enter_signal("stop-sigterm", SUCCESS)

    def enter_stop_by_notify(self) -> None:
        self.deadline(self.config.timeout_stop_usec)
        self.enter("stop-sigterm")

    def time_to_end(self, rung: Rung) -> int:
        return self.config.timeout_abort_usec if rung.means == ABORT else super().time_to_end(rung)

    def after_kill(self, sub: str, result: str) -> None:
        if sub in KILLING:
            self.enter_stop_post(result)
        else:
            self.enter_dead(result)

    def spared(self, sub: str) -> None:
        if sub in KILLING:
            self.enter_stop_post(TIMEOUT)
        else:
            self.enter_dead(TIMEOUT, allow_restart=False)

    def enter_stop_post(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        if not self.run_control("ExecStopPost", "stop-post", self.config.timeout_stop_usec):
            self.enter_signal("final-sigterm", SUCCESS)

    def enter_dead(self, result: str, allow_restart: bool = True) -> None:
        self.fail_with(result)
        final = self.state.result
        self.ask(end_line(final))
        if self.state.populated:
            self.ask(TellProcesses(LOG_INFO, REMAINS))
        self.set(control=None, main=None, main_pid=0, main_alien=False)
        if not allow_restart:
            self.set(forbid_restart=True)
        preserve = not self._must_remove_directories()
        if preserve and (not self.config.has_credentials or self.state.sub in _DOWN):
            self.leave()
            return
        self.set(preserving=preserve)
        # What comes next, be it the same service once more, may make them anew, and must not lose its own.
        self.ask(RemoveDirectories(preserve))
        if self.state.sub in _DOWN:
            self.leave()
        elif self.state.sub not in STOPPING and self.state.sub != "auto-restart":
            direct = self.config.restart_mode == "direct" and self._will_restart()
            self.enter("auto-restart" if direct else "final-sigterm")
        self.set(waiting_for="removal")
        self.deadline(self.config.timeout_stop_usec)

    def _must_remove_directories(self) -> bool:
        """RuntimeDirectoryPreserve= (systemd.exec(5))."""
        preserve = self.config.preserve_directories
        if preserve == "no" and self.state.sub in _DOWN:
            return False  # it was not even begun
        coming_back = self._will_restart() or self.context.restart_pending or self.context.start_pending
        return preserve == "no" or (preserve == "restart" and not coming_back)

    def _will_restart(self) -> bool:
        return not self.context.stop_pending and shall_restart(self.config, self.state)

    def leave(self) -> None:
        """Be dead, or about to be restarted: nothing is left of the service."""
        restart = self._will_restart()
        final = self.state.result
        if not restart or self.config.restart_mode == "normal":
            self.enter("dead" if final in (SUCCESS, SKIP_CONDITION) else "failed", will_restart=restart)
        if restart:
            self.set(flush_restarts=False)
            self.deadline(restart_delay(self.config, self.state.restarts))
            self.enter("auto-restart")
        else:
            self.set(flush_restarts=True)
        self.set(forbid_restart=False, name_taken=False, uid=-1, gid=-1)
        if self.config.pid_file:
            self.ask(RemovePidFile())
        self.ask(ReleaseResources(restarting=restart))

    # --- what cannot be done ---

    def resources(self) -> None:
        """A command could not be run at all: fail in the way each state does."""
        sub = self.state.sub
        if sub in ("condition", "start-pre"):
            self.enter_dead(RESOURCES)
        elif sub == "start":
            self.enter_signal("stop-sigterm", RESOURCES)
        elif sub == "start-post":
            self.enter_stop(RESOURCES)
        elif sub == "reload":
            self.set(reload_result=RESOURCES)
            self.enter_running(SUCCESS)
        elif sub == "stop":
            self.enter_signal("stop-sigterm", RESOURCES)
        elif sub == "stop-post":
            self.enter_signal("final-sigterm", RESOURCES)
        elif sub in self.rungs and not self.main_alive() and not self.control_alive:
            self.after_kill(sub, RESOURCES)
