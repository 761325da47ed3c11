"""The index of the unit directories: which names exist, which file each stands for, and its drop-ins.

Source: systemd.unit(5) "UNIT FILE LOAD PATH", "Description" (drop-ins, aliases, `.wants/`). One scan lists every
directory; a name is resolved when it is asked for.
"""

from __future__ import annotations

import errno
import os

from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.syntax import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEPENDENCY_SUFFIXES = (("wants", "Wants"), ("requires", "Requires"), ("upholds", "Upholds"))
_LINK_MAX = 40
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True)
class Fragment:
    """The file behind a unit name: `path` "" if there is none; `names` all that lead to it, the real one first."""

    id: str
    path: str
    names: tuple[str, ...]


class Index:
    """What the unit directories held when they were scanned. All paths are full paths, with the root in front."""

    def __init__(self, directories: Sequence[str], root: str = "") -> None:
        """Scan `directories`, highest precedence first. Absolute links of directories below `root` stay below it."""
        self.root = "" if root == "/" else root.rstrip("/")
        self.directories = tuple(dict.fromkeys(directories))
        self.problems: list[Problem] = []
        self.stamps: dict[str, int] = {}
        self._files: dict[str, str] = {}  # name → the first path that has it (file or link)
        self._links: set[str] = set()  # those paths that are links
        self._side: dict[str, list[str]] = {}  # "name.d" and "name.wants" → directories, in order of precedence
        self._aliases: dict[str, set[str]] = {}  # name → names linked to it
        self._resolved: dict[str, tuple[str, str]] = {}
        self._listings: dict[str, tuple[str, ...]] = {}
        # /lib may be a link to /usr/lib: unit directories are recognised by either path.
        self._known_elsewhere: dict[str, str] = {}
        self._known = {directory: directory for directory in self.directories}
        for directory in self.directories:
            self._known.setdefault(os.path.realpath(directory), directory)
            self._scan(directory)
        for path in sorted(self._links):
            name = os.path.basename(path)
            target = self._resolve(name)[0]
            if target != name:
                self._aliases.setdefault(target, set()).add(name)

    def is_stale(self) -> bool:
        """Whether a unit directory changed since it was scanned: files came, went or were replaced."""
        for directory in self.directories:
            try:
                stamp: int | None = os.stat(directory).st_mtime_ns
            except OSError:
                stamp = None
            if stamp != self.stamps.get(directory):
                return True
        return False

    def _scan(self, directory: str) -> None:
        try:
            self.stamps[directory] = os.stat(directory).st_mtime_ns
            with os.scandir(directory) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            message = f'Failed to open "{directory}", ignoring: {os.strerror(error.errno or 0)}'
            self.problems.append(Problem("", 0, LOG_WARNING, message))
            if error.errno in _NO_DESCRIPTOR:
                del self.stamps[directory]  # what is in it is not forgotten: it is stale, and scanned again
            return
        for entry in listed:
            name = entry.name
            if name.endswith((".d", ".wants", ".requires", ".upholds")):
                self._side.setdefault(name, []).append(f"{directory}/{name}")
            elif name not in self._files and names.valid_unit_name(name):
                if entry.is_symlink():
                    self._links.add(f"{directory}/{name}")
                elif not entry.is_file():
                    continue
                self._files[name] = f"{directory}/{name}"

    def _resolve(self, name: str) -> tuple[str, str]:
        """The real name behind a name of the index, following aliases, and its path; path "" if the links are bad."""
        known = self._resolved.get(name)
        if known is None:
            known = self._resolved[name] = self._follow(name)
        return known

    def _follow(self, name: str) -> tuple[str, str]:
        visited = [name]
        while True:
            path = self._files[name]
            target = self._target(path) if path in self._links else ""
            if target is None:
                return visited[0], ""
            base = os.path.basename(target)
            if os.path.dirname(target) not in self._known or not names.valid_unit_name(base):
                # A file, a mask, or a link out of the unit directories ("linked"): the name is that of the link.
                return name, path
            if not self._alias_fits(name, base):
                return visited[0], ""
            if names.is_template(base) and names.is_instance(name):
                # getty@tty1.service may be a link to getty@.service, or to what that is an alias of.
                return self._instance_of(base, name)
            template = names.template_of(base)
            if base not in self._files and template != base and template in self._files:
                return self._instance_of(template, base)
            if base in visited or base not in self._files:
                return visited[0], ""
            visited.append(base)
            name = base

    def _instance_of(self, template: str, name: str) -> tuple[str, str]:
        real, path = self._resolve(template) if template in self._files else (template, "")
        instance = names.instance_of(name)
        return (names.replace_instance(real, instance), path) if names.is_template(real) else (real, path)

    def _target(self, path: str) -> str | None:
        """Where a link leads: up to another name in the unit directories, else to the end; None for a loop."""
        own = os.path.basename(path)
        current = path
        for _ in range(_LINK_MAX):
            try:
                link = os.readlink(current)
            except OSError:
                return current
            if link == "/dev/null":
                return link
            if link.startswith("/") and self.root and (current + "/").startswith(self.root + "/"):
                link = self.root + link
            current = self._in_unit_path(os.path.normpath(os.path.join(os.path.dirname(current), link)))
            if os.path.dirname(current) in self._known and os.path.basename(current) != own:
                return current
        return None

    def _in_unit_path(self, path: str) -> str:
        """`path` with its unit directory spelled as in the search path, however it was reached."""
        directory, _, name = path.rpartition("/")
        if directory not in self._known:
            self._known_elsewhere.setdefault(directory, os.path.realpath(directory))
            directory = self._known_elsewhere[directory]
        known = self._known.get(directory)
        return f"{known}/{name}" if known else path

    def _alias_fits(self, alias: str, target: str) -> bool:
        """Whether an alias may point there: same type and kind; an instance to its template or the same instance."""
        if names.unit_type(alias) != names.unit_type(target):
            self._reject(f'{alias}: symlink target "{target}" has incompatible suffix, rejecting.')
            return False
        if names.is_instance(alias):
            fits = names.is_template(target) or names.instance_of(target) == names.instance_of(alias) != ""
        else:
            fits = not names.is_instance(target) and names.is_template(alias) == names.is_template(target)
        if not fits:
            self._reject(f'{alias}: symlink target name type "{target}" does not match source, rejecting.')
        return fits

    def _reject(self, message: str) -> None:
        self.problems.append(Problem("", 0, LOG_WARNING, message))

    def has(self, name: str) -> bool:
        """Whether there is a file of this very name."""
        return name in self._files

    def fragment(self, name: str) -> Fragment:
        """The file behind a name: its own, that of the unit it is an alias of, or that of its template."""
        real, path = self._resolve(name) if name in self._files else (name, "")
        template = names.template_of(name)
        if not path and template != name and template in self._files:
            real, path = self._instance_of(template, name)
        if not path:
            return Fragment(name, "", (name,))
        return Fragment(real, path, self._names(name, real))

    def _names(self, asked: str, real: str) -> tuple[str, ...]:
        found = {asked, real}
        found |= self._aliases.get(real, set())
        template = names.template_of(real)
        if template != real:
            instance = names.instance_of(real)
            for alias in self._aliases.get(template, ()):
                if names.is_template(alias):
                    found.add(names.replace_instance(alias, instance))
                elif names.instance_of(alias) == instance:
                    found.add(alias)
        return (real, *sorted(found - {real}))

    def is_masked(self, path: str) -> bool:
        """Whether the file is a mask: /dev/null or empty."""
        try:
            status = os.stat(path)
        except OSError:
            return False
        return is_mask(status)

    def _side_directories(self, unit_names: Iterable[str], suffix: str) -> list[str]:
        found: list[str] = []
        for name in unit_names:
            wanted = dropin_names(name)
            lists = [self._side.get(f"{each}.{suffix}") for each in wanted]
            if not any(lists):
                continue
            # Precedence goes by unit directory first, then from the most specific name to the least.
            for directory in self.directories:
                for each, have in zip(wanted, lists):
                    path = f"{directory}/{each}.{suffix}"
                    if have and path in have and path not in found:
                        found.append(path)
        return found

    def dropins(self, unit_names: Sequence[str]) -> list[str]:
        """Paths of the drop-ins (`*.conf`) of a unit with these names, its id first, in the order they apply in."""
        directories = self._side_directories(unit_names, "d")
        directories += self._side.get(names.unit_type(unit_names[0]) + ".d", ())
        return self._listed(map(self._real, directories), ".conf")

    def _real(self, directory: str) -> str:
        """A directory of drop-ins by its real name, as systemd shows it. Below a root no link is followed out of it."""
        if self.root:
            return directory
        known = self._known_elsewhere.get(directory)
        if known is None:
            known = self._known_elsewhere[directory] = os.path.realpath(directory)
        return known

    def dependency_links(self, unit_names: Sequence[str], suffix: str) -> list[str]:
        """Names of the links in the unit's `.wants/`, `.requires/` or `.upholds/` directories, but for masked ones."""
        paths = self._listed(self._side_directories(unit_names, suffix), "")
        return [os.path.basename(path) for path in paths if not self.is_masked(path)]

    def _listed(self, directories: Iterable[str], ending: str) -> list[str]:
        by_name: dict[str, str] = {}
        for directory in directories:
            for entry in self._listing(directory):
                if entry.endswith(ending) and entry not in by_name:
                    by_name[entry] = f"{directory}/{entry}"
        return [by_name[entry] for entry in sorted(by_name, key=os.fsencode)]

    def _listing(self, directory: str) -> tuple[str, ...]:
        known = self._listings.get(directory)
        if known is None:
            try:
                self.stamps[directory] = os.stat(directory).st_mtime_ns
                with os.scandir(directory) as entries:
                    known = tuple(e.name for e in entries if not e.name.startswith(".") and not _is_directory(e))
            except OSError:
                known = ()
            self._listings[directory] = known
        return known


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads to itself: its name counts, as that of one that leads nowhere


def is_mask(status: os.stat_result) -> bool:
    """Whether a unit file with this status is a mask: an empty file or a device such as /dev/null."""
    kind = status.st_mode & 0o170000
    return kind == 0o020000 or (kind == 0o100000 and status.st_size == 0)


def dropin_names(name: str) -> list[str]:
    """Names whose drop-ins apply to `name`, most specific first: itself, its template, dashed prefixes of both."""
    found = [name]
    if names.is_instance(name):
        for each in dropin_names(names.template_of(name)):
            if each not in found:
                found.append(each)
    shorter = _shorter(name)
    if shorter:
        for each in dropin_names(shorter):
            if each not in found:
                found.append(each)
    return found


def _shorter(name: str) -> str:
    """The next dashed prefix: `a-b.service` gives `a-.service`; "" if there is none."""
    prefix = names.prefix_of(name)
    dash = prefix.rstrip("-").rfind("-") if prefix.endswith("-") else prefix.rfind("-")
    if dash <= 0:
        return ""
    instance = names.instance_of(name)
    return prefix[: dash + 1] + (f"@{instance}" if instance else "") + "." + names.unit_type(name)
