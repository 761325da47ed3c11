"""edit: change drop-ins (with --full, copies of unit files) in the caller's editor.

Source: systemctl(1) "edit". The editor gets a temporary file beside the one that it becomes, so that a half-written
file is never read. The names of files and editors never pass through a shell.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import os

from systemctl_replacement.cli import streams, verbs
from systemctl_replacement.cli.cat import SourceFiles, files_of
from systemctl_replacement.cli.invocation import CommandError, Invocation
from systemctl_replacement.cli.names import expand
from systemctl_replacement.cli.show import check_not_template
from systemctl_replacement.cli.terminal import on_terminal
from systemctl_replacement.cli.unit_files_common import new_planner
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.files import read_text
from systemctl_replacement.unitfile.names import instance_of, is_instance, is_template, replace_instance
from systemctl_replacement.wait_status import describe_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.option_table import Options

_START = "### Anything between here and the comment below will become the new contents of the file"
_END = "### Lines below this comment will be discarded"
_EDITORS = ("editor", "nano", "vim", "vi")


@dataclass(frozen=True)
class _Edited:
    """One file, and the temporary file that the editor gets in its place."""

    path: str
    temporary: str


def edit(words: list[str], options: Options, invocation: Invocation) -> int:
    """Open an editor for all units at once, adopt the changes, and have the manager reload."""
    if not on_terminal():
        raise CommandError("Cannot edit units if not on a tty.")
    names = expand(words, invocation)
    if not names:
        raise CommandError("No units matched the specified patterns.")
    units = [_unit_files(name, options, invocation) for name in names]
    for unit in units:
        if unit.load_state == "masked":
            raise CommandError(f"Cannot edit {unit.name}: unit is masked.")
    edited: list[_Edited] = []
    try:
        for unit in units:
            edited.append(_prepare(unit, options, invocation))
        _run_editor([each.temporary for each in edited])
        for each in edited:
            _adopt(each, invocation)
    finally:
        for each in edited:
            _clean_up(each, keep_directory=options.full)
    if not options.no_reload and not options.root:
        manager = invocation.manager()
        if manager is not None:
            return verbs.run("daemon-reload", [], options, invocation)
    return 0


def _unit_files(name: str, options: Options, invocation: Invocation) -> SourceFiles:
    if not is_template(name):
        check_not_template(name)  # which also finds other mistakes in names
    return files_of(name, options, invocation)


def _prepare(unit: SourceFiles, options: Options, invocation: Invocation) -> _Edited:
    name = unit.name
    if not unit.fragment:
        if not options.force:
            scope = " --global" if options.scope == "global" else ""
            raise CommandError(
                f"No files found for {name}.\nRun 'systemctl edit{scope} --force --full {name}' to create a new unit."
            )
    else:
        name = os.path.basename(unit.fragment)
        if is_instance(unit.name) and is_template(name):
            name = replace_instance(name, instance_of(unit.name))
    edited = _place(name if options.full else f"{name}.d/override.conf", options, invocation)
    if options.full and unit.fragment:
        if edited.path != unit.fragment and os.path.lexists(edited.path):
            _ask_to_overwrite(name, edited.path, unit.fragment)
        _write(edited, _read(unit.fragment, missing_is_empty=True))
    elif unit.fragment:
        originals = [path for path in (unit.fragment, *unit.drop_ins) if path != edited.path]
        _write(
            edited, template(edited.path, _read(edited.path, missing_is_empty=True), [(p, _read(p)) for p in originals])
        )
    else:
        _make_directory(edited.path)
    return edited


def _place(name: str, options: Options, invocation: Invocation) -> _Edited:
    directories = new_planner(options, invocation).directories
    persistent = f"{invocation.paths.root}{directories.config(False)}/{name}"
    path = f"{invocation.paths.root}{directories.config(options.runtime)}/{name}"
    if options.runtime and os.access(persistent, os.F_OK):
        raise CommandError(f'Refusing to create "{path}" because it would be overridden by "{persistent}" anyway.')
    directory, _, base = path.rpartition("/")
    return _Edited(path, f"{directory}/.#{base}{os.urandom(8).hex()}")


def template(path: str, contents: str, originals: list[tuple[str, str]]) -> str:
    """What the editor shows for a drop-in: its contents between two marks, then the other files as comments."""
    end = "" if contents.endswith("\n") else "\n"
    parts = [f"### Editing {path}\n{_START}\n\n{contents}{end}\n{_END}"]
    for original, text in originals:
        parts.append(f"\n\n### {original}")
        if text:
            parts.append("\n# " + text.strip().replace("\n", "\n# "))
    return "".join(parts)


def between_marks(text: str) -> str:
    """The new contents of the file: the text between the marks (all of it without marks), stripped of blanks."""
    _, start, inside = text.partition(_START)
    return (inside if start else text).partition(_END)[0].strip()


def _ask_to_overwrite(name: str, path: str, original: str) -> None:
    question = f'"{path}" already exists. Overwrite with "{original}"? [(y)es, (n)o] '
    answer = ""
    while answer not in ("y", "n"):
        streams.stdout.write(question)
        streams.stdout.flush()
        answer = os.read(0, 1024).decode("utf-8", "replace")
        if not answer:
            raise CommandError("")
        answer = answer.strip()
    if answer == "n":
        raise CommandError(f"{name} skipped.")


def _read(path: str, missing_is_empty: bool = False) -> str:
    try:
        return read_text(path)
    except OSError as error:
        if missing_is_empty and error.errno == errno.ENOENT:
            return ""
        raise CommandError(f'Failed to read "{path}": {error.strerror}') from None


def _make_directory(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    except OSError as error:
        raise CommandError(f'Failed to create directories for "{path}": {error.strerror}') from None


def _write(edited: _Edited, text: str) -> None:
    _make_directory(edited.path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(edited.temporary, flags, 0o644), "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandError(f'Failed to open "{edited.temporary}": {error.strerror}') from None


def _run_editor(paths: list[str]) -> None:
    streams.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            _become_editor(paths)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if status:
        raise CommandError(describe_failure("(editor)", status))


def _become_editor(paths: list[str]) -> None:
    """In the child: execute the editor. Returns only if that fails."""
    from systemctl_replacement import syscalls

    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _signal.SIGTERM)
    variables = ("SYSTEMD_EDITOR", "EDITOR", "VISUAL")
    chosen = next((os.environ[name] for name in variables if name in os.environ), "").split()
    for words in ([chosen] if chosen else []) + [[name] for name in _EDITORS]:
        try:
            os.execvp(words[0], [*words, *paths])
        except OSError as error:
            if words is not chosen and error.errno != errno.ENOENT:
                streams.err(f"Failed to execute {words[0]}: {error.strerror}")
                return
    streams.err("Cannot edit units, no editor available. Please set either $SYSTEMD_EDITOR, $EDITOR or $VISUAL.")


def _adopt(edited: _Edited, invocation: Invocation) -> None:
    """Put the edited file in its place. If it was left empty, nothing changes."""
    try:
        with open(edited.temporary, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
    except OSError as error:  # removed, which is the same as left empty
        invocation.err(f'Failed to read temporary file "{edited.temporary}": {error.strerror}')
        return
    kept = between_marks(text)
    if not kept:
        invocation.err(f'Editing "{edited.path}" canceled: temporary file is empty.')
        return
    try:
        if kept != text:
            with open(edited.temporary, "wb") as changed:
                changed.write(kept.encode("utf-8", "surrogateescape"))
        os.rename(edited.temporary, edited.path)
    except OSError as error:
        what = f'Failed to rename "{edited.temporary}" to "{edited.path}"'
        raise CommandError(f"{what}: {error.strerror}") from None


def _clean_up(edited: _Edited, keep_directory: bool) -> None:
    try:
        os.unlink(edited.temporary)
    except OSError:
        pass  # adopted, or never made
    if not keep_directory:
        try:
            os.rmdir(os.path.dirname(edited.path))
        except OSError:
            pass  # it is not empty


VERBS = {"edit": edit}
