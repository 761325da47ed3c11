"""cat: the files that a unit consists of, as they are now."""

from __future__ import annotations

from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.files import read_text
from systemctl_replacement.unitfile.names import is_template, replace_instance, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options

_PROPERTIES = ["FragmentPath", "DropInPaths", "LoadState", "NeedDaemonReload"]
# Load states of units without anything to print.
_UNREADABLE = {
    "masked": "# Unit {} is masked",
    "error": "# Unit {} could not be loaded",
}
_OUTDATED = (
    "# Warning: {name} changed on disk, the version systemd has loaded is outdated.\n"
    "# This output shows the current version of the unit's original fragment and drop-in files.\n"
    "# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"
    "# Run 'systemctl daemon-reload' to reload units."
)


def cat(words: list[str], options: Options, invocation: Invocation) -> int:
    """Print unit files and drop-ins. 1 if a unit has none."""
    invocation.page()
    terminal = invocation.terminal
    status = 0
    invocation.options.all = invocation.options.all or not invocation.options.states
    printed = False
    for name in expand(words, invocation):
        if not valid_unit_name(name):
            what = f"Unit name {name} is neither a valid invocation ID nor unit name."
            raise CommandError(f"Failed to get LoadState: {what}")
        files = files_of(name, options, invocation)
        if files.load_state in _UNREADABLE:
            invocation.out(terminal.colored(_UNREADABLE[files.load_state].format(name), "magenta") + ".")
        elif not files.fragment and not files.drop_ins:
            invocation.err(f"No files found for {name}.")
            status = 1
        else:
            if printed:
                invocation.out("")
            printed = True
            _print_unit(files, terminal, invocation)
    return status


@dataclass(frozen=True)
class SourceFiles:
    """The files that a unit consists of. `outdated`: the manager has loaded something else."""

    name: str
    fragment: str
    drop_ins: tuple[str, ...]
    load_state: str
    outdated: bool = False


def _print_unit(files: SourceFiles, terminal: Terminal, invocation: Invocation) -> None:
    paths = [*([files.fragment] if files.fragment else []), *files.drop_ins]
    if files.outdated:
        invocation.err(terminal.colored(_OUTDATED.format(name=files.name), "red"))
    for number, path in enumerate(paths):
        if number:
            invocation.out("")
        invocation.out(terminal.colored(f"# {path}", "blue"))
        try:
            text = read_text(path)
        except OSError as error:
            raise CommandError(f"Failed to cat {path}: {error.strerror}") from None
        if text:
            invocation.out(text[:-1] if text.endswith("\n") else text)


def files_of(name: str, options: Options, invocation: Invocation) -> SourceFiles:
    """The files of a unit, according to the manager if there is one.

    A template is no unit for the manager, but has files: those of any of its instances.
    """
    manager = None if options.root or is_template(name) else invocation.manager()
    if manager is None:
        unit = invocation.file_manager().unit(replace_instance(name, "x") if is_template(name) else name)
        return SourceFiles(name, unit.fragment_path, unit.dropin_paths, unit.load_state)
    found = manager.call("Show", names=[name], properties=_PROPERTIES)["units"][0]["properties"]
    drop_ins = tuple(found.get("DropInPaths", ()))
    return SourceFiles(name, found["FragmentPath"], drop_ins, found["LoadState"], found["NeedDaemonReload"])


VERBS = {"cat": cat}
