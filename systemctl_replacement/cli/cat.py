"""cat: the files that a unit is made of, as they are now."""

from __future__ import annotations

from systemctl_replacement.cli.context import Context, Failure
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.terminal import Terminal
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.names import is_template, replace_instance, valid_unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.settings import Options

_PROPERTIES = ["FragmentPath", "DropInPaths", "LoadState", "NeedDaemonReload"]
_OUTDATED = (
    "# Warning: {name} changed on disk, the version systemd has loaded is outdated.\n"
    "# This output shows the current version of the unit's original fragment and drop-in files.\n"
    "# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"
    "# Run 'systemctl daemon-reload' to reload units."
)


def cat(words: list[str], options: Options, context: Context) -> int:
    """Print unit files and drop-ins; 1 if a unit has none."""
    context.page()
    terminal = context.terminal
    status = 0
    for position, name in enumerate(expand(words, context)):
        if not valid_unit_name(name):
            what = f"Unit name {name} is neither a valid invocation ID nor unit name."
            raise Failure(f"Failed to get LoadState: {what}")
        files = _files(name, options, context)
        if files.load_state != "masked" and not files.fragment and not files.drop_ins:
            context.err(f"No files found for {name}.")
            status = 1
        else:
            _print_unit(files, terminal, context, separated=position > 0)
    return status


@dataclass(frozen=True)
class _Files:
    """What a unit is made of: paths, and whether the manager has loaded something else."""

    name: str
    fragment: str
    drop_ins: tuple[str, ...]
    load_state: str
    outdated: bool = False


def _print_unit(files: _Files, terminal: Terminal, context: Context, *, separated: bool) -> None:
    masked = files.load_state == "masked"
    paths = [*([files.fragment] if files.fragment else []), *files.drop_ins]
    if separated:
        context.out("")
    if masked:
        context.out(f"# Unit {files.name} is masked.")
        return
    if files.outdated:
        context.out(_colored(_OUTDATED.format(name=files.name), terminal))
    for number, path in enumerate(paths):
        if number:
            context.out("")
        context.out(_colored(f"# {path}", terminal))
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError as error:
            raise Failure(f"Failed to cat {path}: {error.strerror}") from None
        if text:
            context.out(text[:-1] if text.endswith("\n") else text)


def _files(name: str, options: Options, context: Context) -> _Files:
    """The manager knows best; a template is no unit for it, but has files: those of any instance."""
    manager = None if options.root or is_template(name) else context.manager()
    if manager is None:
        unit = context.local().unit(replace_instance(name, "x") if is_template(name) else name)
        return _Files(name, unit.fragment_path, unit.dropin_paths, unit.load_state)
    found = manager.call("Show", names=[name], properties=_PROPERTIES)["units"][0]["properties"]
    drop_ins = tuple(found.get("DropInPaths", ()))
    return _Files(name, found["FragmentPath"], drop_ins, found["LoadState"], found["NeedDaemonReload"])


def _colored(text: str, terminal: Terminal) -> str:
    return terminal.colored(text, "grey")


VERBS = {"cat": cat}
