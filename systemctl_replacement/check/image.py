"""The unit files of an image, loaded as the init of a container would load them, before there is a container."""

from __future__ import annotations

from systemctl_replacement import paths
from systemctl_replacement.check import accounts
from systemctl_replacement.check.conditions import Foresight
from systemctl_replacement.check.profiles import Profile
from systemctl_replacement.check.tree import ROOT, Account, Tree
from systemctl_replacement.jobs.model import START, Job
from systemctl_replacement.manager import boot_skips, own_user
from systemctl_replacement.manager.conditions.check import Checker
from systemctl_replacement.manager.jobs.job_view import UnitView
from systemctl_replacement.manager.registry import Registry
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile import load, loadpath
from systemctl_replacement.unitfile.manager_config import read_manager_config
from systemctl_replacement.unitfile.specifiers import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from systemctl_replacement.manager.unit import ManagedUnit


# More than any image has: units that name ever more units are read without end. It takes a quarter of a minute.
MOST_UNITS = 8192


class TooManyUnits(Exception):
    """The units that a boot asks for have no end, as far as anybody would wait for it."""


class Image:
    """An image below `root` ("": the system itself), in a container of a profile. environment: of its init, as far as
    the image says."""

    def __init__(self, root: str, profile: Profile, environment: Mapping[str, str]) -> None:
        places = paths.Paths(root)
        self.root = places.root
        self.profile = profile
        self.tree = Tree(self.root)
        self.host = _host(self.root, profile)
        self.config = read_manager_config(self.root, self.host)
        self.accounts = accounts.read(self.tree)
        self.directories = places.unit_path()
        self.index = loadpath.Index(self.directories, self.root)
        self.problems: list[str] = []  # of what is no unit file
        self.skips = boot_skips.read(
            paths.shipped_units(),
            self.root,
            self.problems.append,
            boot_skips.circumstances(
                is_pid1=True, is_root=profile.uid == 0, can_mount="CAP_SYS_ADMIN" in profile.capabilities
            ),
        )
        self.problems += [str(problem) for problem in (*self.config.problems, *self.index.problems)]
        self.registry = Registry(self._read, self.config, dict, self._loaded, _raise, _later)
        self.jobs: dict[int, Job] = {}
        self.view = UnitView(self.registry, self.jobs)
        self.ignores_others = own_user.is_told(environment, self.problems.append) and profile.uid != 0
        checker = Checker("", lambda: self.host, dict, lambda: profile.engine, _say_nothing)
        self.foresight = Foresight(self.tree, profile, checker)

    @property
    def init(self) -> Account:
        """Whom init runs as, and so whoever sets no User=."""
        return Account(self.profile.uid, 0) if self.profile.uid else ROOT

    @property
    def starting(self) -> list[ManagedUnit]:
        """The units with a start job, in the order of the transaction, also those that init skips."""
        return [self.registry[job.unit] for job in self.jobs.values() if job.type == START]

    def install(self, jobs: tuple[Job, ...]) -> None:
        """Keep the jobs of a transaction, as the manager does."""
        for job in jobs:
            self.jobs[job.id] = job
            self.registry[job.unit].job = job

    def _read(self, name: str) -> load.Unit:
        if len(self.registry) >= MOST_UNITS:
            raise TooManyUnits(f"Units that name others ask for more than {MOST_UNITS} in all, {name} among them.")
        return load.load(name, self.index, self.host)

    def _loaded(self, unit: ManagedUnit, asked_for: bool) -> None:
        unit.skipped = "" if asked_for else self.skips.reason_of(unit.file)


def _host(root: str, profile: Profile) -> Host:
    """The host as the unit files' specifiers will see it: whoever asks now is not the one who runs init later."""
    host = Host.current(root)
    if profile.uid:
        name = str(profile.uid)
        return replace(host, uid=profile.uid, user=name, gid=0, group="root", home="/", shell="/bin/sh")
    return replace(host, uid=0, user="root", gid=0, group="root", home="/root", shell="/bin/sh")


def _raise(where: str, error: BaseException) -> None:
    raise error


def _later(call: object) -> None:
    """Nothing stops here, so nothing is ever to be done after it."""


def _say_nothing(unit: str, level: int, message: str) -> None:
    """What cannot be told of a condition is told by the answer."""
