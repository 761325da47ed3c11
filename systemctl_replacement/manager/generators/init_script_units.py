"""A generator of ours: units for init scripts that have none, in images without systemd's (systemd-sysv-generator(8)).

Run as a program, `--init-scripts NORMAL EARLY LATE`, like the generators of packages: PID 1 only asks whether there is
anything to do.
"""

from __future__ import annotations

import os
import stat

from systemctl_replacement import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from systemctl_replacement.unitfile.init_script import InitScript

OPTION = "--init-scripts"
GENERATOR = "systemd-sysv-generator"

SCRIPTS, LINKS = "/etc/init.d", "/etc"

# The directories of links to scripts, with the target that each is.
_RUNLEVELS = (
    ("rc1.d", "rescue.target"),
    ("rc2.d", "multi-user.target"),
    ("rc3.d", "multi-user.target"),
    ("rc4.d", "multi-user.target"),
    ("rc5.d", "graphical.target"),
)
# What editors and package managers leave behind.
_LEFT_BEHIND = (
    "~", ".rpmnew", ".rpmsave", ".rpmorig", ".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-dist", ".dpkg-bak",
    ".dpkg-backup", ".dpkg-remove", ".ucf-new", ".ucf-old", ".ucf-dist", ".swp", ".bak", ".old", ".new",
)  # fmt: skip
_LONGEST = 1 << 20  # of what is read of a script


def native_directories() -> list[str]:
    """Where a unit file hides an init script of the same name: everywhere but where generators write."""
    return [path for path in paths.Paths().unit_path() if not os.path.basename(path).startswith("generator")]


def find(scripts: str, directories: Sequence[str]) -> dict[str, str]:
    """Init scripts without a unit file of their own, as unit names with the names of the scripts."""
    try:
        entries = sorted(os.listdir(scripts))
    except OSError:
        return {}
    found: dict[str, str] = {}
    for name in entries:
        if name.startswith(".") or name.endswith(_LEFT_BEHIND) or not _is_script(f"{scripts}/{name}"):
            continue
        stem = name[:-3] if name.endswith(".sh") else name
        if not any(os.path.lexists(f"{directory}/{stem}.service") for directory in directories):
            found.setdefault(stem, name)
    return found


def enabled(root: str, directories: Sequence[str], targets: Collection[str]) -> dict[str, str]:
    """The units of init scripts below `root` that one of the targets will start, with the names of the scripts."""
    from systemctl_replacement.unitfile import init_script

    found = {}
    for name in find(root + SCRIPTS, directories).values():
        try:
            found[init_script.unit_name(name)] = name
        except ValueError:
            continue  # no unit can be named so
    wanted, _ = _read_links(root + LINKS, found)
    return {unit: name for unit, name in found.items() if not wanted[unit].keys().isdisjoint(targets)}


def _is_script(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


def main(late: str) -> None:
    """Write the units to the directory of those that everything else hides."""
    generate(SCRIPTS, LINKS, native_directories(), late)


def generate(scripts: str, links: str, directories: Sequence[str], target: str) -> None:
    """Write the unit of each script in `scripts`, with the links that those of its runlevels below `links` mean."""
    from systemctl_replacement.unitfile import init_script

    units: dict[str, tuple[str, InitScript]] = {}
    for name in find(scripts, directories).values():
        path = f"{scripts}/{name}"
        try:
            unit = init_script.unit_name(name)
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                units[unit] = path, init_script.parse(unit, name, file.read(_LONGEST))
        except (OSError, ValueError) as error:
            print(f"Cannot make a unit of {path}: {error}")
    wanted, priorities = _read_links(links, units)
    order = {unit: priority for unit, priority in priorities.items() if priority >= 0}
    for unit, (path, script) in units.items():
        before, after = _by_priority(unit, order, {other: found.has_header for other, (_, found) in units.items()})
        text = init_script.unit_text(path, script, (*wanted[unit], *before), after)
        try:
            _write(f"{target}/{unit}", text)
            for alias in script.aliases:
                if alias not in units:
                    _link(unit, f"{target}/{alias}")
            for wanter in wanted[unit]:
                os.makedirs(f"{target}/{wanter}.wants", exist_ok=True)
                _link(f"../{unit}", f"{target}/{wanter}.wants/{unit}")
        except OSError as error:
            print(f"Cannot make a unit of {path}: {error.strerror}")


def _read_links(links: str, units: Iterable[str]) -> tuple[dict[str, dict[str, None]], dict[str, int]]:
    """For each unit the targets that start it, and the highest number of its start links, -1 without any."""
    from systemctl_replacement.unitfile import init_script

    wanted: dict[str, dict[str, None]] = {unit: {} for unit in units}
    priorities = dict.fromkeys(wanted, -1)
    for directory, target in _RUNLEVELS:
        for number, name in _start_links(f"{links}/{directory}"):
            try:
                unit = init_script.unit_name(name)
            except ValueError:
                continue
            if unit in wanted:
                wanted[unit][target] = None
                priorities[unit] = max(priorities[unit], number)
    return wanted, priorities


def _start_links(directory: str) -> Iterator[tuple[int, str]]:
    """(number, script) of each `S20script` in a directory."""
    try:
        entries = sorted(os.listdir(directory))
    except OSError:
        return
    for entry in entries:
        if entry[0] == "S" and entry[1:3].isdecimal() and entry[1:3].isascii() and len(entry) > 3:
            yield int(entry[1:3]), entry[3:]


def _by_priority(unit: str, order: Mapping[str, int], headers: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """Which units come later and which earlier by the numbers of their links, which count where either of two scripts
    has no header that says it better."""
    if unit not in order:
        return [], []
    others = [other for other in order if not (headers[unit] and headers[other])]
    before = [other for other in others if order[other] > order[unit]]
    return before, [other for other in others if order[other] < order[unit]]


def _write(path: str, text: str) -> None:
    """OSError; nothing is left of a file that is not complete."""
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except OSError:
        if os.path.lexists(path):
            os.unlink(path)
        raise


def _link(text: str, path: str) -> None:
    try:
        os.symlink(text, path)
    except FileExistsError:
        return  # another script provides the same
