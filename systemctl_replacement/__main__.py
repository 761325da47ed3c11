"""Which program this is, decided before anything else is imported.

As PID 1, the first statements (the launcher's, where there is one) block all signals, and the next ones fork the
forkserver. A signal that comes while modules are imported must not be lost, and processes forked from the forkserver
later are only as large as what was imported before.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import posix
import sys

if posix.getpid() == 1:
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())

if not __package__:
    # Run as a file: we start ourselves in this way, independent of where the environment looks for modules.
    sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0] or "/")

from systemctl_replacement.command_line import BOOTED_AS, init_arguments, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.manager.options import InitOptions


def main() -> None:
    """Run the program and exit with its status."""
    what = program(sys.argv, posix.getpid())
    if what == "init":
        sys.exit(_init())
    if what == "forkserver":
        from systemctl_replacement.process import forkserver

        forkserver.begin(int(sys.argv[2]))
    if what == "probe":
        from systemctl_replacement.manager import startup

        posix.write(1, startup.ALIVE)
        sys.exit()
    if what == "generators":
        from systemctl_replacement.process import generator_runner

        generator_runner.main(sys.argv[2], sys.argv[3:])
    if what == "init-scripts":
        from systemctl_replacement.manager.generators import init_script_units

        init_script_units.main(sys.argv[4])
        sys.exit()
    if what == "bus":
        from systemctl_replacement.process.bus import watcher

        watcher.main(int(sys.argv[2]), sys.argv[3])
    # A client: Ctrl-C ends it like every other command, even while the rest is being imported.
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:  # a shell's job in the background
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    if posix.getpid() == 1:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    if what in ("systemctl", "init-version"):
        from systemctl_replacement.cli.main import main as systemctl

        status = systemctl(sys.argv if what == "systemctl" else [sys.argv[0], "--version"])
        # Everything is written. To take the interpreter apart first would be a tenth of what a probe costs.
        posix._exit(status & 0xFF)
    if what == "journalctl":
        from systemctl_replacement.cli.journalctl.command import main as journalctl

        posix._exit(journalctl(sys.argv) & 0xFF)
    if what == "systemd-cat":
        from systemctl_replacement.cli.systemd_cat import main as systemd_cat

        posix._exit(systemd_cat(sys.argv))
    if what == "init-help":
        from systemctl_replacement.cli.help_text import INIT
        from systemctl_replacement.cli.main import show

        sys.exit(show(INIT))
    if what == "check":
        sys.exit(_check())
    if what == "no-init":
        # As systemd says it; managers of users (--user) are not made here.
        _say("Can't run system mode unless PID 1.")
        sys.exit(1)
    from systemctl_replacement.cli.compat import main as compatibility

    name, *words = sys.argv
    sys.exit(compatibility(what, [name, *(words[1:] if words[:1] == ["init"] else words)]))


def _init() -> int:
    try:
        return _become_init()
    except (OSError, ImportError, MemoryError) as error:
        # No descriptors, no memory, no modules: for more than a line of our own there may be nothing to be had.
        _say(f"Cannot start the manager: {_reason(error)}")
        return 1


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or "Cannot allocate memory"


def _say(text: str) -> None:
    """One line that drives nobody's terminal, whatever names are in it."""
    line = "".join([character if character.isprintable() else "?" for character in text])
    posix.write(2, f"{line}\n".encode("utf-8", "replace"))


def _become_init() -> int:
    _open_standard_descriptors()
    if not sys.flags.isolated:
        # Run as `python3 systemctl`: neither environment variables nor an image's modules may change what is imported.
        from systemctl_replacement import paths

        name = sys.argv[0].rpartition("/")[2]
        command = [*paths.self_command(), *(["init"] if name in BOOTED_AS else []), *sys.argv[1:]]
        posix.execv(command[0], command)
    from systemctl_replacement import syscalls

    syscalls.block_all_signals()
    forkserver = None
    if not any(word.startswith("--deserialize=") for word in sys.argv):
        from systemctl_replacement.supervision.client import ForkServer

        forkserver = ForkServer.fork_now()
    from systemctl_replacement.manager import options, startup

    try:
        chosen = _init_options()
        if posix.getpid() != 1 and chosen.deserialize_fd < 0:
            # An engine may pass anything to PID 1. Anybody else has made a slip, and waits for something else than an
            # init.
            options.refuse_unknown(chosen)
    except options.UsageError as error:
        _say(str(error))
        return 1
    return startup.run(chosen, forkserver)


def _check() -> int:
    import os

    from systemctl_replacement.check.profiles import DEFAULT
    from systemctl_replacement.check.report import Question
    from systemctl_replacement.cli.image_check import main as check
    from systemctl_replacement.manager import options

    try:
        chosen = _init_options()
        options.refuse_unknown(chosen)
    except options.UsageError as error:
        _say(str(error))
        return 1
    question = Question(
        chosen.root,
        chosen.profile or DEFAULT,
        chosen.unit,
        chosen.units,
        chosen.stop_timeout,
        os.environ,
        chosen.command,
        tuple(name for name in chosen.wait_for if name != options.RUNNING),
    )
    return check(question, chosen.output, chosen.show_status == "full")


def _init_options() -> InitOptions:
    """The options of init on our command line. UsageError."""
    from systemctl_replacement.manager import options

    name = sys.argv[0].rpartition("/")[2]
    arguments = None if name in BOOTED_AS else init_arguments(sys.argv, posix.getpid())
    return options.parse_kernel(sys.argv[1:]) if arguments is None else options.parse(arguments)


def _open_standard_descriptors() -> None:
    """Open /dev/null for standard descriptors that are closed (`exec systemctl init <&-`).

    Otherwise a file that is opened later would get such a number, and be lost when this is replaced as input or output.
    """
    for number in range(3):
        try:
            posix.fstat(number)
        except OSError:
            posix.set_inheritable(posix.open("/dev/null", posix.O_RDWR), True)


if __name__ == "__main__":
    main()
