"""One step of a unit that runs commands: the next command of a list, what became of it, killing what is left.

A kind derives from `Flow`: it names its kill states (`rungs`), and says what follows when the processes of one are gone
(`after_kill`). Everything else that happens in its life is a method of its own, built of these.
"""

from __future__ import annotations

from systemctl_replacement import signals
from systemctl_replacement.log_levels import LOG_DEBUG, LOG_NOTICE, LOG_WARNING
from systemctl_replacement.message_ids import UNIT_PROCESS_EXIT
from systemctl_replacement.records import dataclass, replace
from systemctl_replacement.unitfile.values import INFINITY
from systemctl_replacement.units.commands.exit import NO_STATUS, describe, result_of
from systemctl_replacement.units.commands.state import NEVER, ExecStatus, Running
from systemctl_replacement.units.events import Changed, Identify, Log, Signal, SignalAll, Spawn, TellProcesses
from systemctl_replacement.units.states import SUCCESS, TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

    from systemctl_replacement.unitfile.values import StatusSet
    from systemctl_replacement.units.commands.state import CommandsConfig, CommandsState
    from systemctl_replacement.units.events import Action, Context, Exited, Forked, SpawnFailed

# What is told of processes that the last life of a unit has left, and of those that this one leaves.
FOUND = (
    "Found left-over process {} in control group while starting unit. Ignoring.\n"
    "This usually indicates unclean termination of a previous run, or service implementation deficiencies."
)
REMAINS = "Unit process {} remains running after unit stopped."

# What a kill state sends (systemd.kill(5)): KillSignal=, WatchdogSignal= or FinalKillSignal=.
TERMINATE, ABORT, KILL = "terminate", "abort", "kill"


@dataclass(frozen=True)
class Rung:
    """A kill state: processes are signalled and waited for. `late` is what the log says when that takes too long,
    `spared` what it says more when SendSIGKILL=no forbids the harder one."""

    means: str
    late: str
    harder: str = ""  # the kill state that follows; none after the hardest
    spared: str = ""


class Flow:
    """One step in the making: the state so far and the actions asked for so far, in order."""

    # The kill states by their names.
    rungs: ClassVar[Mapping[str, Rung]] = {}
    # What the log calls the task that the commands of a directive do.
    tasks: ClassVar[Mapping[str, str]] = {}

    config: CommandsConfig
    state: CommandsState

    def __init__(self, config: Any, state: Any, context: Context) -> None:
        self.config = config
        self.state = state
        self.context = context
        self.actions: list[Action] = []

    # --- what a kind says of itself ---

    def active_state(self, sub: str) -> str:
        """The active state that a sub-state stands for."""
        raise NotImplementedError

    def rung(self, sub: str) -> Rung:
        """What a kill state means in this step."""
        return self.rungs[sub]

    def after_kill(self, sub: str, result: str) -> None:
        """Go on from a kill state: no process is left that is waited for, or none was there."""
        raise NotImplementedError

    def left(self) -> None:
        """Nothing is left of the unit: it is down."""
        self.enter("dead" if self.state.result == SUCCESS else "failed")

    def environment(self, phase: str) -> tuple[str, ...]:
        """What a command is told of the unit it belongs to."""
        return ()

    @property
    def success(self) -> StatusSet:
        """The exit statuses and signals that count as success besides 0."""
        return NO_STATUS

    # --- small tools ---

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def ask(self, action: Action) -> None:
        self.actions.append(action)

    def log(self, level: int, message: str, message_id: str = "", **fields: str) -> None:
        """Have a line logged; message_id: one of `message_ids`; fields: further fields of the record."""
        told = {"MESSAGE_ID": message_id, **fields} if message_id else fields
        self.ask(Log(level, message, fields=tuple(told.items())))

    def deadline(self, usec: int) -> None:
        """Time out `usec` from now; INFINITY: never."""
        self.set(deadline=None if usec == INFINITY else self.context.now + usec)

    def enter(self, sub: str) -> None:
        """Enter a sub-state and announce it."""
        self.set(sub=sub)
        self.ask(Changed(sub, self.active_state(sub), self.state.result))

    def fail_with(self, result: str) -> None:
        """Note a result; the first one that is not success stays."""
        if self.state.result == SUCCESS:
            self.set(result=result)

    # --- processes ---

    def identify(self) -> None:
        """Tell whoever tracks the processes which ones have a role."""
        self.ask(Identify(0, self.state.control.pid if self.state.control else 0))

    def commands_under_way(self) -> tuple[Running, ...]:
        """The commands whose processes are or will be there."""
        return (self.state.control,) if self.state.control is not None else ()

    def known_pids(self) -> tuple[int, ...]:
        """The processes that KillMode=process means."""
        return (self.state.control.pid,) if self.state.control is not None and self.state.control.pid else ()

    def outside_pids(self) -> tuple[int, ...]:
        """Those of them that are no descendants of the unit's supervisor: nobody tells of their end."""
        return ()

    @property
    def control_alive(self) -> bool:
        return self.state.control is not None

    def forget_control(self) -> None:
        if self.state.control is not None:
            self.set(control=None)
            self.identify()

    # --- one command after the other ---

    def run_control(self, phase: str, sub: str, timeout: int) -> bool:
        """Enter `sub` and run the first command of a directive; False when it has none."""
        if not self.config.phase(phase):
            return False
        self.spawn(phase, 0, timeout)
        self.enter(sub)
        return True

    def spawn(self, phase: str, index: int, timeout: int) -> None:
        """Start the `index`th command of a directive as the control process."""
        running = self.new_command(phase, index)
        self.set(control=running)
        self.deadline(timeout)
        self.ask(self.spawn_action(running))

    def new_command(self, phase: str, index: int) -> Running:
        """The `index`th command of a directive, about to be started."""
        token = self.state.next_token
        self.set(next_token=token + 1)
        return Running(phase, index, self.config.phase(phase)[index], token)

    def spawn_action(self, running: Running) -> Spawn:
        """What has the process of a command made."""
        environment = self.environment(running.phase)
        return Spawn(running.token, running.phase, running.command, False, environment)

    def spawn_next(self, running: Running, timeout: int) -> bool:
        """A control process has ended well: start the command after it; False when there is none."""
        following = self.next_index(running)
        if following is None:
            return False
        self.spawn(running.phase, following, timeout)
        return True

    def next_index(self, running: Running) -> int | None:
        """The index of the command after one, found by the command itself: the unit file may have changed under it."""
        commands = self.config.phase(running.phase)
        index = running.index
        if not (index < len(commands) and commands[index] == running.command):
            index = next((i for i, command in enumerate(commands) if command == running.command), len(commands))
        return index + 1 if index + 1 < len(commands) else None

    # --- what becomes of it ---

    def record(self, running: Running, **changes: Any) -> None:
        """Note what became of a command's process, for `systemctl show`."""
        key = (running.phase, running.index)
        kept = [entry for entry in self.state.statuses if entry[:2] != key]
        before = next((entry[2] for entry in self.state.statuses if entry[:2] == key), ExecStatus())
        self.set(statuses=(*kept, (*key, replace(before, **changes))))

    def command_of(self, token: int) -> Running | None:
        """The command under way that a token was given to."""
        return next((running for running in self.commands_under_way() if running.token == token), None)

    def forked(self, event: Forked) -> None:
        """The process of a command exists."""
        self.set(populated=True)
        running = self.command_of(event.token)
        if running is None:
            return
        running = replace(running, pid=event.pid)
        self.record(running, pid=event.pid, start=event.time, exit=NEVER, code="", status=0)
        self.place(running, event)
        rung = self.rung(self.state.sub) if self.state.sub in self.rungs else None
        if rung is not None and self.config.kill_mode in ("process", "mixed"):
            # It was still being made when everything was to die.
            self.ask(Signal((event.pid,), self.kill_signal(rung)))

    def place(self, running: Running, event: Forked) -> None:
        """Keep a command that has its process now."""
        self.set(control=running)
        self.identify()

    def displace(self, running: Running) -> None:
        """Forget a command that has got no process."""
        self.set(control=None)

    def spawn_failed(self, event: SpawnFailed) -> Running | None:
        """No process came of a command, which is told; the command if it was still wanted."""
        running = self.command_of(event.token)
        if running is not None:
            self.displace(running)
            self.log(LOG_WARNING, f"Failed to run '{self.tasks[running.phase]}' task: {event.message}")
        return running

    def control_ended(self, event: Exited, *, daemon: bool = False) -> tuple[Running, str]:
        """The control process has ended: its command, and the result that its end stands for. daemon: it is one that
        was meant to run until it is stopped."""
        running = self.state.control
        assert running is not None
        result = result_of(self.success, event.code, event.status, daemon)
        if running.command.ignore_failure:
            result = SUCCESS
        self.record(running, exit=event.time, code=event.code, status=event.status)
        self.set(control=None)
        self.identify()
        return running, result

    def log_exit(self, role: str, phase: str, event: Exited, *, quiet: bool) -> None:
        """Tell how a process has ended. phase: the directive that it was started by, "" not to tell. quiet: it is what
        was to be expected."""
        # A signal comes from elsewhere, from the kernel's OOM killer, say; exiting so was the process's own choice.
        level = LOG_DEBUG if quiet else LOG_NOTICE if event.code == "exited" else LOG_WARNING
        end = {"COMMAND": phase} if phase else {}
        end.update(EXIT_CODE=event.code, EXIT_STATUS=str(event.status))
        self.log(level, f"{role} process exited, {describe(event.code, event.status)}", UNIT_PROCESS_EXIT, **end)

    # --- killing ---

    def enter_signal(self, sub: str, result: str) -> None:
        """Signal the processes as KillMode= says and wait for them, or go on when there is nothing to wait for."""
        self.fail_with(result)
        rung = self.rung(sub)
        if self._kill(rung):
            self.deadline(self.time_to_end(rung))
            self.enter(sub)
        elif rung.harder and self.config.send_sigkill:
            self.enter_signal(rung.harder, SUCCESS)
        else:
            self.after_kill(sub, SUCCESS)

    def time_to_end(self, rung: Rung) -> int:
        """How long processes have that were signalled; microseconds."""
        return self.config.timeout_stop_usec

    def kill_timed_out(self, sub: str) -> None:
        """The deadline of a kill state has passed."""
        rung = self.rung(sub)
        if not rung.harder:
            self.log(LOG_WARNING, rung.late)
            self.after_kill(sub, TIMEOUT)
        elif self.config.send_sigkill:
            self.log(LOG_WARNING, f"{rung.late} Killing.")
            self.enter_signal(rung.harder, TIMEOUT)
        else:
            self.log(LOG_WARNING, f"{rung.late} {rung.spared}")
            self.spared(sub)

    def spared(self, sub: str) -> None:
        """Go on from a kill state although processes are left: SendSIGKILL=no."""
        self.after_kill(sub, TIMEOUT)

    def kill_signal(self, rung: Rung) -> int:
        """The signal that a kill state sends (systemd.kill(5))."""
        config = self.config
        if rung.means == KILL:
            return config.final_kill_signal
        if rung.means == ABORT:
            return config.watchdog_signal
        return config.restart_kill_signal if self.context.restart_pending else config.kill_signal

    def _kill(self, rung: Rung) -> bool:
        """Send the signals of a kill state; whether there is a process to wait for."""
        config, state = self.config, self.state
        if config.kill_mode == "none":
            return False
        number, killing = self.kill_signal(rung), rung.means == KILL
        # SendSIGHUP= goes with the normal signal only: not with SIGKILL, the watchdog's or that of a restart.
        hup = config.send_sighup and rung.means == TERMINATE and not self.context.restart_pending
        everyone = config.kill_mode == "control-group" or (config.kill_mode == "mixed" and killing)
        commands, pids, outside = self.commands_under_way(), self.known_pids(), self.outside_pids()
        everyone = everyone and (state.populated or any(not running.pid for running in commands))
        if rung.means != TERMINATE and (everyone or pids):
            text = f"Killing process {{}} with signal SIG{signals.name(number)}."
            self.ask(TellProcesses(LOG_NOTICE, text, pids, everyone))
        if everyone:
            if outside:
                self.ask(Signal(outside, number, hup, cont=not killing))
            self.ask(SignalAll(number, hup=hup, cont=not killing))
            return True
        if pids:
            self.ask(Signal(pids, number, hup, cont=not killing))
        return bool(commands) or any(pid not in outside for pid in pids)
