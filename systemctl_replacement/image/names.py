"""The names that we take in an image, and what stands there then. Pure.

Paths are as file-hierarchy(7) has them, below /usr. An image with merged /usr has each under two names, and dpkg
knows a file by the one that its package has used: Debian 12 has /bin/systemctl, Debian 13 /usr/bin/systemctl.
"""

from __future__ import annotations

from systemctl_replacement.paths import BUS_POLICY
from systemctl_replacement.records import dataclass

HOME = "/usr/lib/systemctl-replacement"
STATE = f"{HOME}/installed.json"
# What we have put aside that no diversion has a place for.
REPLACED = f"{HOME}/replaced"
# An interpreter that is carried along.
CARRIED = f"{HOME}/python"
# What is in our directory, but not of the tree that is put there.
NOT_OF_THE_TREE = ("installed.json", "python", "replaced")

# Made ready; put aside; put aside when a path is written to for the second time.
BESIDE = ("new", "old", "last")

LAUNCHER = "/usr/bin/systemctl"
OWN_COMMAND = "/usr/bin/systemctl-replacement"
SYSTEMD = "/usr/lib/systemd/systemd"
INIT = "/usr/sbin/init"
# As systemd-sysv has it. Who wants to know which init an image has reads the text of this link.
INIT_LEADS_TO = "/lib/systemd/systemd"

# Parts of an installation, each of which can be left out but the first.
PROGRAMS, COMPANIONS, INIT_LINK = "programs", "companions", "init"

_DIVERTED = ".distrib"
# The file that a package moves from /bin to /usr/bin is removed as the old one if both diversions lead to one place.
_DIVERTED_ALIAS = ".distrib.usr-is-merged"


@dataclass(frozen=True)
class Name:
    """A name that we take.

    `link` is the text of the link that stands there, "" if it is a launcher. What an image has of its own under a name
    that `yields` stays: it works with us. A name is `diverted` where dpkg is, so that packages keep away from it.
    """

    path: str
    part: str = PROGRAMS
    link: str = ""
    yields: bool = False
    diverted: bool = True

    @property
    def alias(self) -> str:
        """The other name of the path in an image with merged /usr."""
        return self.path[len("/usr") :]


NAMES = (
    Name(LAUNCHER),
    Name(OWN_COMMAND, diverted=False),
    Name(BUS_POLICY, diverted=False),
    Name("/usr/bin/journalctl", COMPANIONS),
    Name("/usr/bin/systemd-cat", COMPANIONS, yields=True),
    # A launcher and no link: chkconfig(8) looks where /sbin/init leads to in the end.
    Name(SYSTEMD, INIT_LINK),
    Name(INIT, INIT_LINK, link=INIT_LEADS_TO),
    # Not diverted: packages like molly-guard divert them themselves, and could no longer be installed.
    *(
        Name(f"/usr/sbin/{program}", COMPANIONS, link=LAUNCHER, yields=True, diverted=False)
        for program in ("halt", "poweroff", "reboot", "runlevel", "shutdown", "telinit")
    ),
)


def wanted(init_link: bool, companions: bool) -> list[Name]:
    """The names of an installation with these parts."""
    return [
        name
        for name in NAMES
        if name.part == PROGRAMS or (name.part == INIT_LINK and init_link) or (name.part == COMPANIONS and companions)
    ]


def yields(path: str) -> bool:
    """Whether somebody else's file may stand at a path, under whichever of its names it is known."""
    return any(name.yields and path in (name.path, name.alias) for name in NAMES)


def beside(path: str, what: str) -> str:
    """Where what is to come to a path is made ready, and what was there stays until all is done: one of BESIDE."""
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.systemctl-replacement.{what}"


def diversion(path: str) -> tuple[tuple[str, str], ...]:
    """What dpkg is to divert for a path that has no other name, and where to."""
    return ((path, path + _DIVERTED),)


def diversions(path: str) -> tuple[tuple[str, str], ...]:
    """The same for a path below /usr that has another name without it: both names are diverted."""
    alias = path[len("/usr") :]
    return (*diversion(path), (alias, alias + _DIVERTED_ALIAS))
