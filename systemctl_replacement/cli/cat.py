"""cat: the files that a unit is made of, as they are now."""

from __future__ import annotations

from systemctl_replacement.cli.context import Context, Failure
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.terminal import Terminal, start_pager
from systemctl_replacement.control.client import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.settings import Options

_OUTDATED = (
    "# Warning: {name} changed on disk, the version systemd has loaded is outdated.\n"
    "# This output shows the current version of the unit's original fragment and drop-in files.\n"
    "# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"
    "# Run 'systemctl daemon-reload' to reload units."
)


def cat(words: list[str], options: Options, context: Context) -> int:
    """Print unit files and drop-ins; 1 at the first unit that has none."""
    if options.pager:
        start_pager()
    terminal = Terminal()
    local = context.local()
    manager = None if options.root else context.manager()
    for position, name in enumerate(expand(words, context)):
        _print_unit(name, local, manager, terminal, context, separated=position > 0)
    return 0


def _print_unit(
    name: str, local: object, manager: object, terminal: Terminal, context: Context, *, separated: bool
) -> None:
    fragment, drop_ins, load_state = _files(name, local)
    found = load_state == "masked" or fragment or drop_ins
    if separated and found:
        context.out("")
    if load_state == "masked":
        context.out(f"# Unit {name} is masked.")
        return
    if not found:
        raise Failure(f"No files found for {name}.")
    if manager is not None and _is_outdated(name, manager):
        context.out(_colored(_OUTDATED.format(name=name), terminal))
    paths = ([fragment] if fragment else []) + list(drop_ins)
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


def _files(name: str, local: object) -> tuple[str, tuple[str, ...], str]:
    from systemctl_replacement.cli.offline import FileManager
    from systemctl_replacement.unitfile.names import is_template, replace_instance

    assert isinstance(local, FileManager)
    if is_template(name):
        # A template has no properties, but it has files: those of any instance.
        unit = local.unit(replace_instance(name, "x"))
    else:
        unit = local.unit(name)
    return unit.fragment_path, unit.dropin_paths, unit.load_state


def _is_outdated(name: str, manager: object) -> bool:
    from systemctl_replacement.control.client import Client

    assert isinstance(manager, Client)
    try:
        unit = manager.call("Show", names=[name], properties=["NeedDaemonReload"])["units"][0]
    except CallError:
        return False  # a template: nothing of it is loaded
    return bool(unit["properties"].get("NeedDaemonReload"))


def _colored(text: str, terminal: Terminal) -> str:
    return terminal.colored(text, "grey") if terminal.tty else text


VERBS = {"cat": cat}
