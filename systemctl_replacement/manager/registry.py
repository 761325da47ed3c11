"""The units in memory: loading them with all they refer to, forgetting those nobody needs, loading them anew.

A unit is loaded together with everything it names, so that inverse dependencies are known; a unit that is inactive, has
no job and is referred to by no unit that matters is forgotten, so that the next request reads its files again.
"""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.manager import unit_change
from systemctl_replacement.manager.init_scripts import sees_all
from systemctl_replacement.manager.unit import INVERSE, INVERSE_OF, ManagedUnit
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile import dependencies, perpetual
from systemctl_replacement.unitfile.load import Unit, load_error
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.syntax import Problem
from systemctl_replacement.units.states import FAILED, INACTIVE
from systemctl_replacement.units.table import TYPES, traits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable, Iterator
    from typing import Callable

    from systemctl_replacement.units.mounted import Mounted
else:
    from _collections import deque  # without the six modules that `collections` brings

# Units that exist without a file and cannot be stopped (systemd.special(7)).
PERPETUAL = perpetual.UNITS

_EEXIST = 17
_TWO_SERVICES = "{}: Two services allocated for the same bus name {}, refusing operation."


class Registry:
    """Units by name. `read` loads one unit's files; `mounted` says which mount units the kernel has mounted."""

    def __init__(
        self,
        read: Callable[[str], Unit],
        config: ManagerConfig,
        mounted: Callable[[], dict[str, Mounted]],
        on_load: Callable[[ManagedUnit, bool], None],
        on_exception: Callable[[str, BaseException], object],
        call_soon: Callable[[Callable[[], object]], object],
    ) -> None:
        self._read = read
        self._config = config
        self.mounts = mounted
        self.perpetual = PERPETUAL
        self._on_load = on_load
        self._on_exception = on_exception
        self._call_soon = call_soon
        self._no_mounts: set[str] = set()  # mount units that are known not to be
        self._units: dict[str, ManagedUnit] = {}
        self._ids: dict[str, str] = {}  # every known name -> id
        self._former: dict[str, ManagedUnit] = {}  # during a reload: units not yet loaded again
        # What is still to be done for units that were read: names to read (and whether quietly), links to make, orders
        # to complete.
        self._unread: deque[tuple[str, bool]] = deque()
        self._unlinked: deque[ManagedUnit] = deque()
        self._unordered: deque[ManagedUnit] = deque()
        self._incomplete: list[ManagedUnit] = []  # the units all that is done for
        self.asked_for: set[str] = set()  # units that were started by name although a boot skips them
        self.apart: dict[str, str] = {}  # units whose names mean others once they have stopped -> the ids of those
        self._bus_names: dict[str, str] = {}  # names on the system bus -> the ids of the units that had them last
        self._collectable = False  # something became collectable since the last collect()

    def __iter__(self) -> Iterator[ManagedUnit]:
        return iter(list(self._units.values()))

    def __len__(self) -> int:
        return len(self._units)

    def find(self, name: str) -> ManagedUnit | None:
        """The unit if it is loaded."""
        return self._units.get(self._ids.get(name, ""))

    def get(self, name: str, quiet: bool = False) -> ManagedUnit:
        """The unit, loaded if need be; one without files has load state not-found. quiet: as for `loading`."""
        unit = self._find_or_load(name, quiet)
        if not unit.complete:
            self._complete_all()
        return unit

    def known(self, unit_id: str) -> ManagedUnit:
        """The same for a unit that is loaded already, unless it was forgotten meanwhile."""
        return self._units.get(unit_id) or self.get(unit_id)

    def loading(self, name: str, quiet: bool = False) -> Iterator[None]:
        """Load a unit as `get` does, a little at each step, so that a long chain of units keeps nobody waiting.

        quiet: for a stranger's question, so that what is loaded for it alone is `quiet`.
        Nothing is forgotten before the last step. Whoever cannot wait that long may `get` units meanwhile.
        """
        if not self._find_or_load(name, quiet).complete:
            yield from self._complete_slowly()

    def __getitem__(self, unit_id: str) -> ManagedUnit:
        return self._units[unit_id]

    def heir(self, unit: ManagedUnit) -> ManagedUnit:
        """The unit that is to be started in this one's place: itself, unless it is kept apart from that."""
        return self._find_or_load(self.apart[unit.id]) if unit.id in self.apart else unit

    def names(self, unit: ManagedUnit) -> list[str]:
        found = unit.names.union(unit.file.names)
        return sorted(name for name in found if name == unit.id or name not in self.apart)

    def _name(self, name: str, unit: ManagedUnit) -> None:
        if name == unit.id or name not in self.apart:
            self._ids[name] = unit.id
            unit.names.add(name)

    def _find_or_load(self, name: str, quiet: bool = False) -> ManagedUnit:
        known = self.find(name)
        if known is not None:
            if known.quiet and not quiet:
                self._end_quiet(known)
            return known
        file = self._file_of(name)
        unit = self._units.get(file.id)
        if unit is not None and unit.quiet and not quiet:
            self._end_quiet(unit)
        if unit is None:
            unit = self._former.pop(file.id, None)
            if unit is None:
                unit = ManagedUnit(file)
                unit.quiet = quiet
                self._collectable = True
            self._adopt(unit, file)
        self._name(name, unit)
        return unit

    def _end_quiet(self, unit: ManagedUnit) -> None:
        """Somebody else needs a unit that was loaded for a stranger, and so all that it refers to."""
        unit.quiet = False
        self._on_load(unit, unit.id in self.asked_for)
        self._want_links(unit)

    def _file_of(self, name: str) -> Unit:
        file = self._read(name)
        if name in self.apart:
            return _of_its_own(file, name)
        if any(self._is_taken(other) for other in file.names if other != file.id):
            return _taken(file)
        return self._with_name_of_its_own(file)

    def _with_name_of_its_own(self, file: Unit) -> Unit:
        """The file, which cannot be loaded if a unit in memory has the same name on the bus."""
        name = traits_of(file.id).load().bus_name(file) if file.load_state == "loaded" else ""
        if not name:
            return file
        other = self._units.get(self._bus_names.get(name, file.id))
        if other is None or other.id == file.id or other.bus_name != name:
            self._bus_names[name] = file.id
            return file
        problem = Problem("", 0, LOG_ERR, _TWO_SERVICES.format(file.id, name))
        return replace(_taken(file), names=file.names, problems=(*file.problems, problem))

    def _is_taken(self, name: str) -> bool:
        """Whether a unit has this name that had a file of its own when it was loaded."""
        unit = self._units.get(name)
        return unit is not None and unit.file.load_state != "not-found" and name not in self.apart

    def _adopt(self, unit: ManagedUnit, file: Unit) -> None:
        unit.file = file
        unit.dependencies = {}
        unit.references = set()
        unit.peer = ""
        is_new = unit.config is None
        mounted = self.mounts().get(file.id) if unit.traits.from_mountinfo else None
        if mounted is not None and unit.id not in PERPETUAL:
            unit.file = unit.kind.found(file, mounted)
        unit.config = unit.kind.configure(unit.file, self._config, sees_all)
        if is_new and (mounted is not None or unit.id in PERPETUAL):
            unit.state = unit.kind.up(mounted)
            unit_change.found_up(unit)
            if unit.id not in PERPETUAL:
                unit.invocation_id = unit_change.new_invocation()
        self._units[unit.id] = unit
        for name in (unit.id, *file.names):
            self._name(name, unit)
        self._on_load(unit, unit.id in self.asked_for)
        self._want_links(unit)

    def _want_links(self, unit: ManagedUnit) -> None:
        """What the unit refers to is to be read, and the two to be linked."""
        unit.complete = False
        self._incomplete.append(unit)
        self._unlinked.append(unit)
        for kind, names in unit.file.dependencies.items():
            if _links(unit, kind):
                self._unread.extend([(name, unit.quiet) for name in names])

    def _complete_all(self) -> None:
        for _ in self._complete_slowly():
            continue

    def _complete_slowly(self) -> Iterator[None]:
        """Do what is still to be done for units that were read, a little at each step. Others may do some of it."""
        while self._incomplete:
            if self._unread:
                self._find_or_load(*self._unread.popleft())
            elif self._unlinked:
                unit = self._unlinked.popleft()
                self._link(unit)
                self._unordered.append(unit)
            elif self._unordered:
                self._complete_order(self._unordered.popleft())
            else:
                for unit in self._incomplete:
                    unit.complete = True
                self._incomplete.clear()
            yield

    def _complete_order(self, unit: ManagedUnit) -> None:
        """Whichever of a target and what it pulls in is loaded later completes the order of the two."""
        if unit.traits.groups:
            for other in dependencies.pulls_in(unit.dependencies):
                self._order(unit, self._units[other])
        for kind in _PULLED_IN_BY:
            for target in unit.related(kind):
                if self._units[target].traits.groups:
                    self._order(self._units[target], unit)

    def _order(self, target: ManagedUnit, other: ManagedUnit) -> None:
        both_default = _has_default_dependencies(target) and _has_default_dependencies(other)
        if dependencies.target_orders_after(target.id, target.dependencies, other.id, True, both_default):
            target.relate("After", other.id)
            other.relate("Before", target.id)

    def unskip(self, unit: ManagedUnit) -> None:
        """The unit is asked for by name: it is started after all, with what it needs, unless it would
        be in the way of what does the same here."""
        if unit.skipped and not unit.stays_skipped:
            unit.skipped = ""
            self.asked_for.add(unit.id)
            self._want_links(unit)
            self._complete_all()

    def _link(self, unit: ManagedUnit) -> None:
        for kind, names in unit.file.dependencies.items():
            if not _links(unit, kind):
                continue
            inverse = INVERSE[kind]
            for name in names:
                other = self._find_or_load(name, unit.quiet)
                if self.apart.get(other.id) == unit.id:
                    continue  # a name of its own
                for one in self._ordered(other) if kind in ("After", "Before") else (other,):
                    unit.relate(kind, one.id)
                    one.relate(inverse, unit.id)
                    unit.references.add(one.id)
        if unit.file.load_state == "loaded":
            for path in unit.file.dependencies.get("RequiresMountsFor", ()):
                self._link_mounts(unit, path)

    def _ordered(self, unit: ManagedUnit) -> Iterable[ManagedUnit]:
        """Those that an order means which names a unit: also the one that is started in its place."""
        return (unit, self.heir(unit)) if unit.id in self.apart else (unit,)

    def _link_mounts(self, unit: ManagedUnit, path: str) -> None:
        """Order a unit after the mounts that a path of its RequiresMountsFor= is on; require those that have a file."""
        for name in dependencies.mounts_above(path):
            mount = self._mount(name, unit.quiet)
            if mount is None or mount is unit:
                continue
            required = mount.file.fragment_path and not unit.skipped
            for kind in ("After", "Requires") if required else ("After",):
                unit.relate(kind, mount.id)
                mount.relate(INVERSE[kind], unit.id)
            unit.references.add(mount.id)

    def _mount(self, name: str, quiet: bool) -> ManagedUnit | None:
        """A mount unit that has a file, or that the kernel has mounted; None if there is none of this name."""
        known = self.find(name)
        if known is None:
            if name in self._no_mounts:
                return None
            if name not in self.mounts() and self._read(name).load_state == "not-found":
                self._no_mounts.add(name)
                return None
            known = self._find_or_load(name, quiet)
        return known if known.file.load_state == "loaded" else None

    # --- reloading and forgetting ---

    def needed(self) -> list[ManagedUnit]:
        """The units that stay in memory whether others refer to them or not."""
        return [unit for unit in self._units.values() if not _idle(unit)]

    def reload(self, read: Callable[[str], Unit], config: ManagerConfig) -> None:
        """Load every unit that matters anew from its files; states, jobs and processes stay."""
        kept = self.needed()
        self._former = self._units
        self._read, self._config = read, config
        self._no_mounts.clear()
        self._units, self._ids = {}, {}
        self._unread.clear()
        self._unlinked.clear()
        self._unordered.clear()
        self._incomplete.clear()
        for unit in self._former.values():
            unit.names.clear()
        for unit in kept:
            if unit.id in self._former:
                del self._former[unit.id]
                before = unit.file
                try:
                    self._adopt(unit, self._file_of(unit.id))
                except Exception as error:
                    # A defect met in one unit's files costs no other unit, and this one what is new of them.
                    self._on_exception(unit.id, error)
                    self._adopt(unit, before)
        self._complete_all()
        self._former = {}
        self._collectable = True

    def found_mounted(self, unit: ManagedUnit) -> None:
        """The kernel has mounted what a unit stands for, which may have no file."""
        self._no_mounts.discard(unit.id)
        if unit.file.load_state not in ("loaded", "masked"):
            related = unit.dependencies
            self._adopt(unit, self._file_of(unit.id))
            unit.dependencies = related  # what others said of it still holds
            self._complete_all()

    def retry_missing(self) -> None:
        """The unit directories changed: load the units that had no files before. Others keep what was loaded."""
        self._no_mounts.clear()
        missing = [
            unit for unit in self._units.values() if unit.file.load_state == "not-found" and unit.tracking is None
        ]
        for unit in missing:
            file = self._read(unit.id)
            if file.load_state == "not-found":
                continue
            if file.id == unit.id:
                related = unit.dependencies
                self._adopt(unit, file)
                unit.dependencies = related  # what others said of it still holds
            else:
                self._become_alias(unit, file.id)
        self._complete_all()

    def _become_alias(self, unit: ManagedUnit, name: str) -> None:
        """A name that had no file is another unit's now: that one takes over what others said of it."""
        del self._units[unit.id]
        for known in [known for known, unit_id in self._ids.items() if unit_id == unit.id]:
            del self._ids[known]
        real = self._find_or_load(name, unit.quiet)
        for kind, others in unit.dependencies.items():
            for other_id in others:
                other = self._units[other_id]
                other.related(INVERSE_OF[kind]).pop(unit.id, None)
                if unit.id in other.references:
                    other.references.remove(unit.id)
                    other.references.add(real.id)
                other.relate(INVERSE_OF[kind], real.id)
                real.relate(kind, other_id)
        self._name(unit.id, real)

    def rename(self, unit: ManagedUnit, new: str) -> None:
        """Give a unit another id; whoever has that is forgotten. To be followed by `reload`, which gives it its names.
        `.renaming` sees to everything else that is kept by id."""
        del self._units[unit.id]
        if unit.id in self.asked_for:
            self.asked_for.remove(unit.id)
            self.asked_for.add(new)
        unit.id = new
        self._units[new] = unit

    def forget(self, unit: ManagedUnit) -> None:
        """Keep nothing of a unit whose name is another's from now on. To be followed by `reload`."""
        del self._units[unit.id]

    def end_apart(self) -> bool:
        """Make the names of units that were kept apart, and have stopped, the names of those that they lead to."""
        over = [unit for unit in map(self._units.get, self.apart) if unit is not None and _is_over(unit)]
        for unit in over:
            self._become_alias(unit, self.apart.pop(unit.id))
        self._complete_all()
        return bool(over)

    def may_collect(self) -> None:
        """A unit became inactive: the next collect() looks for units to forget."""
        self._collectable = True
        if self.apart:
            self._call_soon(self.end_apart)  # one of these may have stopped

    def collect(self) -> None:
        """Forget idle units that no other unit refers to; none while some are being loaded."""
        if not self._collectable or self._incomplete:
            return
        self._collectable = False
        pending = self.needed()
        needed = {unit.id for unit in pending}
        while pending:
            for other in pending.pop().references:
                if other not in needed:
                    needed.add(other)
                    pending.append(self._units[other])
        if len(needed) == len(self._units):
            return
        gone = self._units.keys() - needed
        for unit in self._units.values():
            if unit.id in needed:
                for related in unit.dependencies.values():
                    for other in related.keys() & gone:
                        del related[other]
        for unit_id in gone:
            del self._units[unit_id]
            self.apart.pop(unit_id, None)
        self._ids = {name: unit_id for name, unit_id in self._ids.items() if unit_id in needed}


PULLS_IN = ("Requires", "Requisite", "Wants", "BindsTo", "Upholds")
_PULLED_IN_BY = ("RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "UpheldBy")


def _links(unit: ManagedUnit, kind: str) -> bool:
    """Whether a kind of dependency links two units. A unit that is not started pulls nothing in."""
    return kind in INVERSE and not (unit.skipped and kind in PULLS_IN)


def _of_its_own(file: Unit, name: str) -> Unit:
    """The file of another unit for one that runs beside it until it stops: it is to stop as that one does, before that
    is started, and is not started again."""
    order = {**file.dependencies, "Before": (*file.dependencies.get("Before", ()), file.id)}
    own = TYPES[file.type].load().without_restart(file)
    return replace(own, id=name, names=(name,), dependencies=order)


def _taken(file: Unit) -> Unit:
    """The file of a unit one of whose names is that of another unit, until a reload: it cannot be loaded."""
    error = load_error(file.id, "error", _EEXIST)
    return replace(file, names=(file.id,), load_state="error", load_error=error, derived=False, dependencies={})


def _is_over(unit: ManagedUnit) -> bool:
    """Whether a unit has stopped, and nothing is left of it to be seen to."""
    down = unit.active_state in (INACTIVE, FAILED)
    return down and unit.job is None and unit.nop_job is None and unit.tracking is None


def _has_default_dependencies(unit: ManagedUnit) -> bool:
    return unit.file.load_state == "loaded" and bool(unit.get("Unit", "DefaultDependencies"))


def _idle(unit: ManagedUnit) -> bool:
    """Whether nothing but other units' references keeps a unit in memory (CollectMode=, systemd.unit(5))."""
    state = unit.active_state
    return (
        unit.job is None
        and unit.nop_job is None
        and unit.tracking is None
        and (state == INACTIVE or (state == FAILED and unit.get("Unit", "CollectMode") == "inactive-or-failed"))
        and unit.id not in PERPETUAL
        and not unit.kind.is_needed(unit.state)
    )
