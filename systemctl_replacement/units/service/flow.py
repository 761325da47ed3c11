"""The ways through a service's life: entering a state, running the next command, killing, dying.

`Flow` collects what one step of the machine changes and asks for; `step.py` decides which way is taken when.
The diagram of all ways is docs/states.md.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR, LOG_INFO, LOG_WARNING
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.values import INFINITY, format_time_span
from systemctl_replacement.units.events import (
    Action,
    Changed,
    Context,
    Identify,
    Log,
    ReleaseResources,
    RemoveDirectories,
    RemovePidFile,
    Signal,
    SignalAll,
    Spawn,
    WatchPidFile,
)
from systemctl_replacement.units.service.config import ServiceConfig
from systemctl_replacement.units.service.exit import end_variables, restart_delay, shall_restart
from systemctl_replacement.units.service.state import ExecStatus, Running, ServiceState
from systemctl_replacement.units.states import (
    ACTIVE_OR_RELOADING,
    FINAL,
    IDLE_ACTIVE_STATE,
    KILLING,
    RESOURCES,
    SERVICE_ACTIVE_STATE,
    SKIP_CONDITION,
    STOPPING,
    SUCCESS,
    WATCHDOG,
    WATCHED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# States that nothing times out: entering one drops the deadline of the state before.
_UNTIMED = frozenset({"dead", "failed", "exited"})
_DOWN = frozenset({"dead", "failed"})


def active_state(config: ServiceConfig, sub: str) -> str:
    """The active state a service's sub-state stands for."""
    return (IDLE_ACTIVE_STATE if config.type == "idle" else SERVICE_ACTIVE_STATE)[sub]


class Flow:
    """One step in the making: the state so far and the actions asked for so far, in order."""

    def __init__(self, config: ServiceConfig, state: ServiceState, context: Context) -> None:
        self.config = config
        self.state = state
        self.context = context
        self.actions: list[Action] = []

    # --- small tools ---

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def ask(self, action: Action) -> None:
        self.actions.append(action)

    def log(self, level: int, message: str) -> None:
        self.ask(Log(level, message))

    def deadline(self, usec: int) -> None:
        """Time out `usec` from now; INFINITY: never."""
        self.set(deadline=None if usec == INFINITY else self.context.now + usec)

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

    def fail_with(self, result: str) -> None:
        """Note a result; the first one that is not success stays."""
        if self.state.result == SUCCESS:
            self.set(result=result)

    def forget_control(self) -> None:
        if self.state.control is not None:
            self.set(control=None)
            self.identify()

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

    @property
    def control_alive(self) -> bool:
        return self.state.control is not None

    def good(self) -> bool:
        """Whether there is something left of the service that is worth calling it running."""
        alive = self.main_alive()
        if self.config.exit_type == "cgroup" or alive is None:
            return self.state.populated
        return alive

    # --- processes ---

    def spawn(self, phase: str, index: int, main: bool, timeout: int) -> None:
        """Start the `index`th command of a directive, as the main or the control process."""
        command = self.config.phase(phase)[index]
        token = self.state.next_token
        running = Running(phase, index, command, token)
        self.set(next_token=token + 1)
        self.set(**{"main" if main else "control": running})
        self.deadline(timeout)
        self.ask(self.spawn_action(running, main))

    def spawn_action(self, running: Running, main: bool) -> Spawn:
        """What has the process of a command made."""
        when_idle = main and self.config.type == "idle"
        environment = self._environment(running.phase)
        return Spawn(running.token, running.phase, running.command, main, environment, when_idle)

    def _environment(self, phase: str) -> tuple[str, ...]:
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

    def record(self, running: Running, **changes: Any) -> ExecStatus:
        """Note what became of a command's process, for `systemctl show`."""
        key = (running.phase, running.index)
        kept = [entry for entry in self.state.statuses if entry[:2] != key]
        before = next((entry[2] for entry in self.state.statuses if entry[:2] == key), ExecStatus())
        status = replace(before, **changes)
        self.set(statuses=(*kept, (*key, status)))
        return status

    def next_index(self, running: Running) -> int | None:
        """The index of the command after one, found by the command itself: the unit file may have changed under it."""
        commands = self.config.phase(running.phase)
        index = running.index
        if not (index < len(commands) and commands[index] == running.command):
            index = next((i for i, command in enumerate(commands) if command == running.command), len(commands))
        return index + 1 if index + 1 < len(commands) else None

    def run_control(self, phase: str, sub: str, timeout: int) -> bool:
        """Enter `sub` and run the first control command of a directive; False when it has none."""
        if not self.config.phase(phase):
            return False
        self.spawn(phase, 0, main=False, timeout=timeout)
        self.enter(sub)
        return True

    # --- starting ---

    def _crowded(self, phase: str, task: str) -> bool:
        """Whether processes of the last life forbid a command: SendSIGKILL=no is for what two of would do harm
        (systemd.kill(5))."""
        config = self.config
        harmless = config.send_sigkill or config.kill_mode not in ("control-group", "mixed")
        if harmless or not self.state.populated or not config.phase(phase):
            return False
        kind = "SendSIGKILL=no service of type KillMode=control-group or mixed"
        self.log(LOG_WARNING, f"Will not start {kind} while processes exist")
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
        config = self.config
        if self._crowded("ExecStart", "start"):
            self.enter_signal("stop-sigterm", RESOURCES)
            return
        if not config.phase("ExecStart"):  # a oneshot service with ExecStop= only
            self.enter("start")
            self.enter_start_post()
            return
        timeout = INFINITY if config.type in ("simple", "idle") else config.timeout_start_usec
        self.spawn("ExecStart", 0, main=config.type != "forking", timeout=timeout)
        self.enter("start")

    def sign_of_life(self) -> None:
        """Give the service another WatchdogSec=."""
        usec = self.state.watchdog_usec
        if usec and usec != INFINITY:
            now = self.context.now
            self.set(watchdog_time=(self.context.realtime, now), watchdog_deadline=now + usec)
        else:
            self.set(watchdog_deadline=None)

    def hung(self) -> None:
        """The watchdog bites."""
        self.log(LOG_ERR, f"Watchdog timeout (limit {format_time_span(self.state.watchdog_usec or 0)})!")
        self.set(watchdog_deadline=None)
        self.enter_signal("stop-watchdog", WATCHDOG)

    def enter_start_post(self) -> None:
        self.forget_control()
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

    def enter_signal(self, sub: str, result: str) -> None:
        """Signal the processes as KillMode= says and wait for them, or go on when there is nothing to wait for."""
        self.fail_with(result)
        if self._kill(sub):
            aborting = sub in ("stop-watchdog", "final-watchdog")
            self.deadline(self.config.timeout_abort_usec if aborting else self.config.timeout_stop_usec)
            self.enter(sub)
        elif sub in ("stop-watchdog", "stop-sigterm") and self.config.send_sigkill:
            self.enter_signal("stop-sigkill", SUCCESS)
        elif sub in KILLING:
            self.enter_stop_post(SUCCESS)
        elif sub in ("final-watchdog", "final-sigterm") and self.config.send_sigkill:
            self.enter_signal("final-sigkill", SUCCESS)
        else:
            self.enter_dead(SUCCESS)

    def kill_signal(self, sub: str) -> int:
        """The signal a kill state sends (systemd.kill(5))."""
        config = self.config
        if sub in ("stop-sigkill", "final-sigkill"):
            return config.final_kill_signal
        if sub in ("stop-watchdog", "final-watchdog"):
            return config.watchdog_signal
        return config.restart_kill_signal if self.context.restart_pending else config.kill_signal

    def _kill(self, sub: str) -> bool:
        """Send the signals of a kill state; whether there is a process to wait for."""
        config, state = self.config, self.state
        if config.kill_mode == "none":
            return False
        number = self.kill_signal(sub)
        killing = sub in ("stop-sigkill", "final-sigkill")
        # SendSIGHUP= goes with the normal signal only: not with SIGKILL, the watchdog's or that of a restart.
        hup = config.send_sighup and sub.endswith("-sigterm") and not self.context.restart_pending
        everyone = config.kill_mode == "control-group" or (config.kill_mode == "mixed" and killing)
        control = state.control.pid if state.control else 0
        single = tuple(pid for pid in (state.main_pid, control) if pid)
        wait = bool(state.main is not None or (state.main_pid and not state.main_alien) or state.control is not None)
        coming = any(running is not None and not running.pid for running in (state.main, state.control))
        if everyone and (state.populated or coming):
            outside = (state.main_pid,) if state.main_alien and state.main_pid else ()
            if outside:
                self.ask(Signal(outside, number, hup, cont=not killing))
            self.ask(SignalAll(number, hup=hup, cont=not killing))
            return True
        if single:
            self.ask(Signal(single, number, hup, cont=not killing))
        return wait

    def enter_stop_post(self, result: str) -> None:
        self.fail_with(result)
        self.forget_control()
        if not self.run_control("ExecStopPost", "stop-post", self.config.timeout_stop_usec):
            self.enter_signal("final-sigterm", SUCCESS)

    def enter_dead(self, result: str, allow_restart: bool = True) -> None:
        self.fail_with(result)
        final = self.state.result
        if final == SUCCESS:
            self.log(LOG_INFO, "Deactivated successfully.")
        elif final == SKIP_CONDITION:
            self.log(LOG_INFO, f"Skipped due to '{final}'.")
        else:
            self.log(LOG_WARNING, f"Failed with result '{final}'.")
        self.set(control=None, main=None, main_pid=0, main_alien=False)
        if not allow_restart:
            self.set(forbid_restart=True)
        if not self._must_remove_directories():
            self.leave()
            return
        # What comes next, be it the same service once more, may make them anew, and must not lose its own.
        self.ask(RemoveDirectories())
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
        self.set(forbid_restart=False, uid=-1, gid=-1)
        if self.config.pid_file:
            self.ask(RemovePidFile())
        self.ask(ReleaseResources(restarting=restart))

    # --- what cannot be done ---

    def resources(self, running: Running, message: str) -> None:
        """A command could not be run at all: fail in the way each state does."""
        task = {
            "ExecCondition": "exec-condition",
            "ExecStartPre": "start-pre",
            "ExecStart": "start",
            "ExecStartPost": "start-post",
            "ExecReload": "reload",
            "ExecStop": "stop",
            "ExecStopPost": "stop-post",
        }[running.phase]
        self.log(LOG_WARNING, f"Failed to run '{task}' task: {message}")
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
        elif sub in KILLING and not self.main_alive() and not self.control_alive:
            self.enter_stop_post(RESOURCES)
        elif sub in FINAL and not self.main_alive() and not self.control_alive:
            self.enter_dead(RESOURCES)
