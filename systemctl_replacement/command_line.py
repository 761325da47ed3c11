"""What our command line asks for: an init, one of our helpers, systemctl, or a program that is a link to it.

This imports nothing. It is used before anything else, and by clients that want to know what PID 1 is.
"""

from __future__ import annotations

# Names of links to systemctl in distributions. `init` is telinit unless it is PID 1.
BOOTED_AS = ("init", "systemd")
COMPATIBILITY = ("telinit", "runlevel", "shutdown", "halt", "poweroff", "reboot")

# Programs of their own, which have nothing of an init.
LOG_PROGRAMS = ("journalctl", "systemd-cat")

# The words of telinit(8), which are no verbs. systemd's /sbin/init passes them on to systemctl, and the name it was
# called by is lost on the way, because ours is a script.
_TELINIT_WORDS = ("0", "1", "2", "3", "4", "5", "6", "s", "S", "q", "Q", "u", "U")
# `init` followed by one of these talks to the running init.
_TO_INIT = ("0", "6", "q", "Q", "u", "U")

# Verbs that mean an init if nothing else could do what they ask for and stay: as PID 1, or with --init. Each has the
# words that it stands for, besides the units that follow.
_STARTING = {
    "": (),
    "init": (),
    "start": (),
    "restart": (),
    "reload-or-restart": (),
    "isolate": (),
    "default": ("default",),
    "rescue": ("rescue",),
    "emergency": ("emergency",),
}
# Options of init whose value may be the next word.
_WITH_VALUE = (
    "--root", "--unit", "--stop-timeout", "--log-level", "--log-format", "--log-console",
    "--log-console-level", "--log-console-identifiers", "--profile", "--wait-for",
)  # fmt: skip
# The same behind the verb; before it they are systemctl's, and ask for a listing if there is no verb.
_OUTPUT = ("-o", "--output")
_ABOUT_ITSELF = {"-h": "init-help", "--help": "init-help", "--version": "init-version"}
# Options about the listing of units. Without a verb they ask for a listing.
_LISTING = frozenset(
    (
        "--failed",
        "--state",
        "--type",
        "--all",
        "--full",
        "--plain",
        "--recursive",
        "--legend",
        "--no-legend",
        "--no-pager",
    )
)
_LISTING_LETTERS = frozenset("altr")


def program(argv: list[str], pid: int) -> str:
    """What a command line asks for: forkserver, probe, generators, init-scripts, bus, init, init-help, init-version,
    check, systemctl, or a name in COMPATIBILITY or LOG_PROGRAMS; no-init if it is systemd's, which boots as PID 1 only.
    """
    name = argv[0].rpartition("/")[2] if argv else ""
    if name in LOG_PROGRAMS:
        return name
    if argv[1:2] in (["--forkserver"], ["--probe"], ["--generators"], ["--init-scripts"], ["--bus"]):
        return argv[1][2:]
    if name in COMPATIBILITY:
        return name
    if name == "init" and pid != 1:
        return "telinit"
    words = Words(argv)
    if pid == 1 and name in BOOTED_AS:
        return words.about_itself or ("check" if words.checks else "init")
    if name == "systemd":
        return words.about_itself or "no-init"
    if words.verb == "init":
        if words.about_itself or words.checks:
            return words.about_itself or "check"
        return "telinit" if pid != 1 and len(words.rest) == 1 and words.rest[0] in _TO_INIT else "init"
    if argv[1:2] == [words.verb] and words.verb in _TELINIT_WORDS and not words.operands and pid != 1:
        return "telinit"
    if init_arguments(argv, pid) is None:
        return "systemctl"
    return "check" if words.checks else "init"


class Words:
    """A systemctl command line as far as it matters here: the verb, and the words before and after it."""

    def __init__(self, argv: list[str]) -> None:
        self.verb = ""
        self.operands = 0
        self.asks_for_init = False  # with `-1` or `--init`, which may take the place of the verb
        self.checks = False  # `--check`: an init only says what it would meet
        self.about_itself = ""  # asks for help or the version: the program that an init leaves the answer to
        self.about_listing = False
        self.rest: list[str] = []
        words = iter(argv[1:])
        for word in words:
            if word == "--":
                self.rest += [word, *words]
            elif word in ("-1", "--init"):
                self.asks_for_init = True
            elif word in _WITH_VALUE or (self.verb and word in _OUTPUT):
                value = next(words, None)
                self.rest.append(word if value is None else f"{word}={value}")
            elif word.startswith("-") or self.verb:
                self.rest.append(word)
                self.operands += not word.startswith("-")
                self.checks = self.checks or word == "--check"
                self.about_itself = self.about_itself or _ABOUT_ITSELF.get(word, "")
                self.about_listing = self.about_listing or _is_about_listing(word)
            else:
                self.verb = word


def _is_about_listing(word: str) -> bool:
    if word.startswith("--"):
        return word.partition("=")[0] in _LISTING
    return word.startswith("-") and not _LISTING_LETTERS.isdisjoint(word)


def init_arguments(argv: list[str], pid: int) -> list[str] | None:
    """The arguments that a systemctl command line has for `init`, None if it asks for something else."""
    words = Words(argv)
    if words.about_itself or words.verb not in _STARTING:
        return None
    if words.verb != "init" and not words.asks_for_init and (pid != 1 or (not words.verb and words.about_listing)):
        return None
    if words.verb in ("start", "restart", "reload-or-restart", "isolate") and not (
        words.operands or words.asks_for_init
    ):
        return None  # too few arguments, as systemctl will say
    return [*_STARTING[words.verb], *words.rest]
