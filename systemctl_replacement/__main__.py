"""Which program this is, decided before anything else is imported.

As PID 1 the first statements block all signals and fork the forkserver: a signal that comes while modules are imported
must not be lost, and what is forked from the forkserver later is as small as what was imported until then.
"""

from __future__ import annotations

import sys

if not __package__:
    # Run as a file: that is how we start ourselves, isolated from the environment's idea of where modules are.
    sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0] or "/")

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

# Names by which distributions call systemctl; `init` is telinit unless it is PID 1.
BOOTED_AS = ("init", "systemd")
COMPATIBILITY = ("telinit", "runlevel", "shutdown", "halt", "poweroff", "reboot")


def program(argv: list[str], pid: int) -> str:
    """What a command line asks for: forkserver, probe, generators, init, systemctl, or a name of COMPATIBILITY."""
    name = argv[0].rpartition("/")[2] if argv else ""
    if argv[1:2] in (["--forkserver"], ["--probe"], ["--generators"]):
        return argv[1][2:]
    if pid == 1 and (name in BOOTED_AS or all(word.startswith("-") and word != "--version" for word in argv[1:])):
        return "init"
    if name == "init":
        return "telinit"
    if name in COMPATIBILITY:
        return name
    return "systemctl" if init_arguments(argv) is None else "init"


def init_arguments(argv: list[str]) -> list[str] | None:
    """What follows `init` on a systemctl command line, options before it included; None if it asks for another verb.

    The verb may also be written `-1` or `--init`, as an option of `start` or on its own.
    """
    rest: list[str] = []
    verb = ""
    words = iter(argv[1:])
    asked = False
    for word in words:
        if word == "--":
            return [*rest, word, *words] if asked else None
        if word in ("-1", "--init"):
            asked = True
        elif word == "--root":
            rest.append("--root=" + next(words, ""))
        elif not word.startswith("-") and not verb:
            verb = word
            asked = asked or word == "init"
        else:
            rest.append(word)
    return rest if asked and verb in ("", "init", "start", "default") else None


def main() -> None:
    """Run the program and exit with its status."""
    what = program(sys.argv, posix.getpid())
    if what == "init":
        sys.exit(_init())
    if what == "forkserver":
        from systemctl_replacement.process import forkserver

        forkserver.main(int(sys.argv[2]))
    if what == "probe":
        from systemctl_replacement.manager import startup

        posix.write(1, startup.ALIVE)
        sys.exit()
    if what == "generators":
        from systemctl_replacement.process import generate

        generate.main(sys.argv[2], sys.argv[3:])
    if what == "systemctl":
        from systemctl_replacement.cli.main import main as systemctl

        sys.exit(systemctl(sys.argv))
    from systemctl_replacement.cli.compat import main as compatibility

    sys.exit(compatibility(what, sys.argv))


def _init() -> int:
    from systemctl_replacement import syscalls

    syscalls.block_all_signals()
    forkserver = None
    if not any(word.startswith("--deserialize=") for word in sys.argv):
        from systemctl_replacement.process.client import ForkServer

        forkserver = ForkServer.fork_now()
    from systemctl_replacement.manager import options, startup

    arguments = init_arguments(sys.argv)
    try:
        chosen = options.parse_kernel(sys.argv[1:]) if arguments is None else options.parse(arguments)
    except options.UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return startup.run(chosen, forkserver)


if __name__ == "__main__":
    main()
