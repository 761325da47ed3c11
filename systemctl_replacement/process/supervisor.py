"""The process above one unit's processes: a child subreaper, so that no descendant of the unit escapes it.

It starts, signals and reaps on the manager's messages (supervision/client.py), reads what the unit prints and
what it sends to its notify socket, and ends only on "release", or, when the manager is gone, after stopping its unit.
Nothing is imported after the fork, and nothing here blocks.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os
import time

from systemctl_replacement import exit_status, syscalls, wait_status
from systemctl_replacement.journal import record
from systemctl_replacement.log_levels import LOG_ERR, LOG_WARNING
from systemctl_replacement.log_limit import LogLimit
from systemctl_replacement.process import child, descendants, notify, removal, spawn
from systemctl_replacement.process.describe_error import describe, guard
from systemctl_replacement.process.final_kill import FinalKill
from systemctl_replacement.process.foreign import LOOK_INTERVAL, Foreign
from systemctl_replacement.process.link import RETRY_SECONDS, Link, close_fds
from systemctl_replacement.process.notify_socket import NotifySocket
from systemctl_replacement.process.output import Output
from systemctl_replacement.process.poller import READABLE, WRITABLE, Poller
from systemctl_replacement.process.process_title import set_title
from systemctl_replacement.process.report import Report
from systemctl_replacement.process.sandbox import dynamic_user
from systemctl_replacement.process.told import Told
from systemctl_replacement.process.uplink import Uplink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from systemctl_replacement.process.link import Message

_QUEUE_LIMIT = 64
"""With more messages than this queued for the manager, notifications wait in their socket instead of our memory."""
_REAPED_PER_TURN = 64
"""After this many in a row the manager's messages are handled: it may want to kill the process that makes zombies."""


class Supervisor:
    """One unit's processes, sockets and output."""

    def __init__(self, message: Message, link: Link, fds: dict[str, int], child_signals: int) -> None:
        self.link = link
        self.uplink = Uplink(link)
        self.log_write = fds.get("log_write", -1)
        log_read = fds.get("log", -1)
        if log_read >= 0:
            os.set_blocking(log_read, False)
            if self.log_write < 0:
                self.log_write = os.open(f"/proc/self/fd/{log_read}", os.O_WRONLY | os.O_CLOEXEC)
        console = fds.get("console", -1)
        as_json, comes = message["console_json"], message.get("console_comes", False)
        self.output = Output(message["unit"], log_read, message["journal"], console, as_json, comes)
        self.output.console.on_full = lambda: self._send({"ev": "console-full"})
        self.complaints = LogLimit(self.output.log)  # of what the unit sends
        self.problems = LogLimit(self._tell_problem)
        self.notify: NotifySocket | None = None
        if "notify" in fds:
            self.notify = NotifySocket(fds["notify"], self._send, self.complaints, self._may_speak, self._guard)
        self.stop_timeout: int = message["stop_timeout"]
        self.kill_signal: int = message["kill_signal"]
        self.told = Told()
        self.main = self.control = 0
        self.tokens: dict[int, Any] = {}  # pid -> token, for processes that we started and have not reaped
        self.identifiers: dict[int, str] = {}  # the same pids' SyslogIdentifier=
        self.starter = ""  # the identifier of ExecStart=, which daemons that it leaves behind share
        self.exec_pipes: dict[int, Report] = {}  # the reading ends, by descriptor
        self.users = dynamic_user.Store()
        self.removals: dict[int, int] = {}  # pid -> number of the request
        self.foreign = Foreign(self._watch_fd, self._forget_fd, self._end_of_foreign)
        self.known_children: dict[int, int] = {}  # pid -> start time
        self.adopted: list[int] = []  # children of the manager since another supervisor of the unit was killed
        self.had_children = False
        self.children_changed = False
        self.more_ended = False  # there may be zombies for which no further signal comes
        self.final_kill = FinalKill()
        self.give_up_at: float | None = None  # monotonic seconds: when the unit gets SIGKILL, as the manager is gone
        self.orphaned = False
        self.released = False
        self.unheard: list[int] = []  # pipes to processes that wait until the manager knows of them
        self.passed = spawn.Passed()
        self.handlers: dict[int, Callable[[], object]] = {}
        self.poller = Poller()
        self.signal_fd = child_signals
        self._watch_fd(self.link.fileno(), self._on_link)
        self._watch_fd(self.signal_fd, self._on_child)
        if self.notify:
            self._watch_fd(self.notify.fileno(), self._read_notification)
        if log_read >= 0:
            self._watch_fd(log_read, self.output.read)

    def _watch_fd(self, fd: int, handler: Callable[[], object]) -> None:
        self.handlers[fd] = handler
        self.poller.watch(fd, READABLE)

    def _forget_fd(self, fd: int) -> None:
        del self.handlers[fd]
        self.poller.forget(fd)

    # --- the loop ---

    def run(self) -> None:
        """Handle events until released, or until the manager is gone and the unit is empty."""
        self.link.send({"ev": "ready", "pid": os.getpid()})
        while not (self.released or (self.orphaned and not descendants.any_child())):
            for fd, _ in self._wait():
                handler = self.handlers.get(fd)
                if handler:
                    self._guard(handler)
            self._after_events()
        self.users.release()
        self.complaints.tell()
        self.problems.tell()
        unshown, dropped = self.output.close()
        if unshown:
            self._send({"ev": "unshown", "text": unshown.decode("utf-8", "surrogateescape")})
        if dropped:
            self._send({"ev": "log-dropped", "count": dropped})

    def _wait(self) -> list[tuple[int, int]]:
        link = self.link.fileno()
        blocked_console = self.output.console.blocked()
        if not self.orphaned:
            self.poller.watch(link, READABLE | (WRITABLE if self.link.wants_write else 0))
        if self.notify:
            is_full = self.link.queued + len(self.uplink.late) > _QUEUE_LIMIT
            self.poller.watch(self.notify.fileno(), 0 if is_full else READABLE)
        if blocked_console >= 0:
            self.handlers[blocked_console] = self.output.console.announce_dropped
            self.poller.watch(blocked_console, WRITABLE)
        try:
            ready = self.poller.wait(self._timeout())
            return [*ready, (self.signal_fd, READABLE)] if self.more_ended else ready
        finally:
            if blocked_console >= 0:
                self.poller.forget(blocked_console)

    def _timeout(self) -> int | None:
        """Milliseconds until something is due. None if nothing is: an idle unit causes no wake-ups."""
        if self.more_ended:
            return 0
        pauses = []
        if self.final_kill.active:
            pauses.append(self.final_kill.pause)
        if self.give_up_at is not None:
            pauses.append(max(self.give_up_at - time.monotonic(), 0))
        if self.foreign.to_be_looked_after:
            pauses.append(LOOK_INTERVAL)
        if self.uplink.late or self.link.stalled:  # attributes: what is called costs each supervisor memory
            pauses.append(RETRY_SECONDS)
        for limit in (self.complaints, self.problems):
            if limit.suppressed and limit.due is not None:
                pauses.append(max(limit.due / 1_000_000 - time.monotonic(), 0))
        return int(min(pauses) * 1000) + 1 if pauses else None

    def _after_events(self) -> None:
        if self.give_up_at is not None and time.monotonic() >= self.give_up_at:
            self.give_up_at = None
            self._guard(self.final_kill.begin, self.removals)
        if self.final_kill.active:
            self._guard(lambda: self._report_denied(self.final_kill.round()))
        if self.foreign.to_be_looked_after:
            self._guard(self.foreign.look)
        if self.children_changed:
            self._guard(self._report_children)
        if self.uplink.late or self.link.stalled:
            self._guard(self.uplink.flush)
        for limit in (self.complaints, self.problems):
            if limit.suppressed and limit.due is not None and limit.due <= time.monotonic_ns() // 1000:
                self._guard(limit.tell)
        barriers = self.notify.barriers if self.notify else []
        if (barriers or self.unheard) and not (self.uplink.late or self.link.queued):
            for fd in () if self.link.is_cut else self.unheard:
                self._guard(child.let_go, fd)
            close_fds([*barriers, *self.unheard])
            barriers[:], self.unheard = [], []

    def _guard(self, handler: Callable[..., object], *arguments: object) -> None:
        """Call a handler. If it fails, only this event, message or process is affected."""
        guard(self.report_problem, handler, *arguments)

    def report_problem(self, error: BaseException) -> None:
        """Log a defect of ours with its place in the code."""
        self.problems.log(LOG_ERR, f"Supervisor cannot handle an event: {describe(error)}")

    def _tell_problem(self, priority: int, text: str) -> None:
        self.output.log(priority, text)
        self._send({"ev": "problem", "message": text})

    def _send(self, message: Message, fds: tuple[int, ...] | list[int] = ()) -> None:
        if not self.orphaned:
            self.uplink.send(message, fds)

    # --- the manager ---

    def _on_link(self) -> None:
        self.uplink.flush()
        try:
            received = self.link.receive()
        except EOFError:
            self._lose_manager()
            return
        for message, fds in received:
            self._guard(self._obey, message, fds)
            close_fds(fds)

    def _obey(self, message: Message, fds: list[int]) -> None:
        operation = message["op"]
        if operation == "spawn":
            self._spawn(message, fds)
        elif operation == "pass":
            self.passed.keep(message["token"], fds)
        elif operation == "users":
            self.users.receive(message, fds)
        elif operation == "identity":
            self.main = message.get("main", self.main)
            self.control = message.get("control", self.control)
            if self.notify:
                self.notify.access = message.get("notify_access", self.notify.access)
            self._attribute_output()
        elif operation in ("signal", "signal-all"):
            if not message.get("pids", True):  # nobody: the manager waits for what there is to tell
                self._guard(self._catch_up)
            self._guard(self._signal if operation == "signal" else self._signal_all, message)
            self._send({"ev": "signalled"})
        elif operation == "store":
            if self.notify:
                self.notify.set_room(message["room"], message["answer"])
        elif operation == "watch":
            self.foreign.watch(message["pid"])
        elif operation == "adopted":
            self.adopted = message["pids"]
        elif operation == "guess-main":
            self._send({"ev": "guess", "pid": self._guess_main()})
        elif operation == "remove":
            self._remove(message["number"], message["paths"], message.get("links", []))
        elif operation == "stop-removing":
            for pid in self.removals:
                os.kill(pid, _signal.SIGKILL)
        elif operation == "settings":
            self.stop_timeout = message.get("stop_timeout", self.stop_timeout)
            self.kill_signal = message.get("kill_signal", self.kill_signal)
            self.output.configure(message)
        elif operation == "console":
            # Without it nobody sees what the unit prints, but its journal has it.
            self.output.console.set(fds.pop() if fds else -1, message["json"])
            if message.get("fds_lost"):
                self.output.log(LOG_ERR, f"Failed to receive the console: {os.strerror(errno.EMFILE)}")
        elif operation == "rotate":
            self.output.rotate()
        elif operation == "move":
            self.output.move(message["path"], message["limits"])
        elif operation == "rename":
            set_title(f"supervisor: {message['unit']}", "supervisor")
            self.output.rename(message["unit"], message["journal"])
        elif operation == "release":
            self.released = True
        else:
            raise ValueError(f"unknown operation {operation}")

    def _lose_manager(self) -> None:
        """Stop the unit: the manager is gone, and nobody else can."""
        self._forget_fd(self.link.fileno())
        self.link.close()
        self.uplink = Uplink(self.link)  # what waited is nobody's to hear
        self.orphaned = True
        descendants.signal_each(os.getpid(), self.kill_signal, (), cont=True, hup=False)
        self.give_up_at = time.monotonic() + self.stop_timeout / 1_000_000

    # --- starting ---

    def _spawn(self, message: Message, fds: list[int]) -> None:
        token = message["token"]
        try:
            self._spawn_process(token, message["launch"], message, fds)
        except Exception as error:
            self.report_problem(error)
            self._send({"ev": "spawn-failed", "token": token, "errno": 0, "message": "Internal error"})

    def _spawn_process(self, token: Any, launch: Message, message: Message, fds: list[int]) -> None:
        fds[:0] = self.passed.take(token)  # the caller closes all of them
        try:
            begun = spawn.begin(message, fds, self.log_write, self.users)
        except spawn.CannotSpawn as failed:
            self._fail_spawn(token, failed.what, failed.error)
            return
        pid = begun.pid
        self.unheard.append(begun.let_go)
        when = record.stamp()
        self.final_kill.end()  # starting a program means that nobody waits any longer for what cannot be killed
        for problem in begun.problems:
            self.output.log(LOG_WARNING, problem)
        self.tokens[pid] = token
        self.identifiers[pid] = launch["identifier"]
        if launch["starts_service"]:
            self.starter = self.identifiers[pid]
        self.exec_pipes[begun.report] = Report(pid, begun.report, launch["path"])
        self._watch_fd(begun.report, lambda: self._on_exec_report(begun.report))
        if launch["role"] == "main":
            self.main = pid
        elif launch["role"] == "control":
            self.control = pid
        self.had_children = self.children_changed = True
        self._attribute_output(pid)
        self._send({"ev": "forked", "token": token, "pid": pid, "time": when})

    def _fail_spawn(self, token: Any, what: str, error: OSError) -> None:
        self.output.log(LOG_ERR, f"{what}: {error.strerror}", {"ERRNO": str(error.errno)} if error.errno else {})
        self._send({"ev": "spawn-failed", "token": token, "errno": error.errno, "message": error.strerror})

    def _on_exec_report(self, fd: int) -> None:
        report = self.exec_pipes[fd]
        ended = report.read()
        for priority, text, fields in report.take_lines():
            self.output.log(priority, text, {**report.origin, "_SYSTEMD_UNIT": self.output.unit, **fields})
        if not ended:
            return
        self._forget_fd(fd)
        del self.exec_pipes[fd]
        os.close(fd)
        token = self.tokens.get(report.pid)
        if report.failure:
            self._send({"ev": "exec-failed", "token": token, "pid": report.pid, **report.failure})
        elif report.executed:
            uid, gid = report.user
            self._send({"ev": "executed", "token": token, "pid": report.pid, "uid": uid, "gid": gid})

    def _attribute_output(self, newest: int = 0) -> None:
        """One pipe carries the output of all processes of the unit. It is attributed to the main process if there is
        one, else to the control process, else to the newest one."""
        for pid in (self.main, self.control, newest):
            if pid in self.tokens:
                self.output.attribute(pid, self.identifiers[pid])
                return
        if self.main:  # a descendant, or found by a new supervisor
            self.output.attribute(self.main, self.starter or self.output.identifier)

    # --- ends ---

    def _catch_up(self) -> None:
        """Pass on everything that has arrived."""
        if self.notify:
            notify.drain(self._read_notification)
        self._on_child()

    def _on_child(self) -> None:
        syscalls.read_signalfd(self.signal_fd)
        self.more_ended = False
        for _ in range(_REAPED_PER_TURN):
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self._become_empty()
                return
            if ended is None or not ended.si_pid:
                return
            self._guard(self._reap, ended)
        self.more_ended = True

    def _reap(self, ended: os.waitid_result) -> None:
        """Reap a process. First everything that it has sent is read; meanwhile it remains a zombie."""
        pid = ended.si_pid
        for fd in [fd for fd, report in self.exec_pipes.items() if report.pid == pid]:
            self._guard(self._on_exec_report, fd)
        if self.notify:
            self._guard(notify.drain, self._read_notification)
        self._guard(self.output.drain)
        when = record.stamp()
        self.children_changed = True
        if pid in self.removals:
            os.waitpid(pid, os.WNOHANG)
            self._send({"ev": "removed", "number": self.removals.pop(pid)})
            return
        token = self.tokens.pop(pid, None)
        if self.identifiers.pop(pid, None) is not None:
            self._guard(self.output.finish_line)
        code = wait_status.CODES[ended.si_code]
        report = {"ev": "exited", "pid": pid, "code": code, "status": ended.si_status, "time": when, "token": token}
        # How a process ended that the manager waits for is reported before it is reaped: if we are killed in between,
        # the manager inherits the zombie and can ask. Of other processes, which may be many, only the end counts.
        if token is not None or pid in (self.main, self.control):
            try:
                self._send({**report, "last": descendants.children(os.getpid()) == [pid]})
            finally:
                os.waitpid(pid, os.WNOHANG)
        else:
            os.waitpid(pid, os.WNOHANG)
            self._send({**report, "last": not descendants.any_child()})
        if pid == self.main:
            self.main = 0
        if pid == self.control:
            self.control = 0
        self._attribute_output()

    def _become_empty(self) -> None:
        self.final_kill.end()
        if self.children_changed:
            self._report_children()
        if self.had_children:
            self.had_children = False
            self._send({"ev": "empty", "time": record.stamp()})

    def _report_children(self) -> None:
        self.children_changed = False
        now: dict[int, int] = {}
        for pid in descendants.children(os.getpid()):
            if pid in self.removals:
                continue
            start = self.known_children.get(pid)
            if start is None:
                stat = descendants.read_stat(pid)
                if stat is None:
                    continue
                start = stat[3]
            now[pid] = start
        if now != self.known_children:
            self.known_children = now
            self._send({"ev": "children", "pids": [[pid, start] for pid, start in now.items()]})

    def _guess_main(self) -> int:
        strangers = []
        for pid in descendants.children(os.getpid()):
            stat = descendants.read_stat(pid)
            if pid not in self.tokens and pid not in self.removals and stat and stat[0] not in "ZX":
                strangers.append(pid)
        return strangers[0] if len(strangers) == 1 else 0

    def _end_of_foreign(self, pid: int) -> None:
        ended = {"ev": "exited", "pid": pid, "code": "exited", "status": 0, "time": record.stamp(), "token": None}
        self._send({**ended, "last": not descendants.any_child(), "unseen": True})

    # --- signals ---

    def _signal(self, message: Message) -> None:
        number, cont, hup = message["signal"], message.get("cont", False), message.get("hup", False)
        is_due = self.told.filter(message.get("why", ""), number)
        denied = []
        for pid in message["pids"]:
            # A pid that the manager remembers may have been reaped and reused meanwhile.
            allowed = pid in self.foreign or descendants.is_below(pid, os.getpid())
            if allowed and is_due(pid) and not descendants.send(pid, number, cont, hup):
                denied.append(pid)
        self._report_denied(denied)

    def _signal_all(self, message: Message) -> None:
        spare = [*message.get("except", ()), *self.removals]
        if message["signal"] == _signal.SIGKILL:
            self._report_denied(self.final_kill.begin(spare))
            return
        cont, hup = message.get("cont", False), message.get("hup", False)
        is_due = self.told.filter(message.get("why", ""), message["signal"], message.get("except", ()))
        denied = descendants.signal_each(os.getpid(), message["signal"], spare, cont, hup, is_due)
        self._report_denied(denied)

    def _report_denied(self, pids: list[int]) -> None:
        if pids:
            self._send({"ev": "kill-denied", "pids": pids})

    def _remove(self, number: int, paths: list[str], links: list[str]) -> None:
        try:
            self.removals[removal.begin(paths, links)] = number
        except OSError as error:
            self.output.log(LOG_ERR, f"Cannot remove {', '.join(paths)}: Failed to fork: {error.strerror}")
            self._send({"ev": "removed", "number": number})

    # --- what the unit says ---

    def _read_notification(self) -> bool:
        assert self.notify is not None
        return self.notify.read(self.main, self.control)

    def _may_speak(self, pid: int, uid: int) -> bool:
        if pid in self.foreign or pid in self.adopted or descendants.sent_from_below(pid, uid, os.getpid()):
            return True
        return any(descendants.is_below(pid, ancestor) for ancestor in self.adopted)


def main(message: Message, fds: dict[str, int], child_signals: int) -> NoReturn:
    """The life of a supervisor; `child_signals` is a signalfd for SIGCHLD."""
    status = exit_status.EXIT_SOFTWARE
    link = Link(fds["link"])
    try:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        os.setsid()
        syscalls.set_child_subreaper()
        descendants.keep_reserve()
        set_title(f"supervisor: {message['unit']}", "supervisor")
        Supervisor(message, link, fds, child_signals).run()
        status = 0
    except Exception as error:
        link.send({"ev": "problem", "message": f"Supervisor ends: {describe(error)}"})
    finally:
        os._exit(status)
