"""Carrying out a plan on an image: all of it, or none.

Whatever a step replaces or removes is first put aside beside its place. When every step is done that is thrown away;
when one fails it is put back, the last one first, by renaming and removing alone: a disk may be full. What was killed
goes on with the next installation, or its end (`state.py`).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable

from systemctl_replacement.image import diversions, names, steps
from systemctl_replacement.image.diversions import Diversion
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.names import beside
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.steps import Step
from systemctl_replacement.image.tree import set_times


def apply(root: Root, plan: Iterable[Step]) -> None:
    """Carry out a plan. OSError and ImageError leave the image as it was, and so does an interruption.

    ImageError says so if something could not be put back, or if what is no longer needed could not be removed.
    """
    work = _Work(root)
    try:
        for step in plan:
            work.do(step)
    except BaseException as error:
        problems = work.take_back()
        if problems:
            raise ImageError(f"{error!r}; and not all could be put back: {'; '.join(problems)}") from error
        raise
    try:
        work.finish()
    except OSError as error:
        raise ImageError(f"all is done but for removing what is needed no longer, do it again: {error}") from error


class _Work:
    """The steps done so far: how to take them back, and what is left to do when all are done."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._undo: list[Callable[[], object]] = []
        self._at_end: list[Callable[[], object]] = []
        self._kept: set[str] = set()

    def take_back(self) -> list[str]:
        """Put everything back that can be, and say what cannot."""
        problems = []
        while self._undo:
            try:
                self._undo.pop()()
            except OSError as error:
                problems.append(str(error))
        return problems

    def finish(self) -> None:
        """Remove what was put aside. What tells what was done goes last, so that it can be done again."""
        for action in self._at_end:
            action()
        home = self._root.at(names.HOME)
        if os.path.isdir(home):
            set_times(home)

    def do(self, step: Step) -> None:
        if isinstance(step, steps.MakeDirectory):
            self._make_directory(self._root.at(step.path))
        elif isinstance(step, steps.Write):
            self._write(self._root.at(step.path), step.text.encode("utf-8", "surrogateescape"), step.mode)
        elif isinstance(step, steps.MakeLink):
            self._link(self._root.at(step.path), step.link)
        elif isinstance(step, steps.Move):
            self._move(self._root.at(step.path), self._root.at(step.to))
        elif isinstance(step, steps.Remove):
            self._put_aside(self._root.at(step.path))
        elif isinstance(step, steps.Divert):
            self._divert(step)
        elif isinstance(step, steps.PutTree):
            self._put_tree(self._root.at(step.prepared), self._root.at(names.HOME))
        elif isinstance(step, steps.Discard):
            place = self._root.at(step.path)
            self._at_end.append(lambda: discard(place))
        else:
            place = self._root.at(step.path)
            self._at_end.append(lambda: _remove_if_empty(place))

    # --- directories ---

    def _make_directory(self, path: str) -> None:
        os.mkdir(path)
        self._undo.append(lambda: os.rmdir(path))
        os.chmod(path, 0o755)

    def _make_parents(self, path: str) -> None:
        missing = []
        directory = os.path.dirname(path)
        while not os.path.isdir(directory):
            missing.append(directory)
            directory = os.path.dirname(directory)
        for each in reversed(missing):
            self._make_directory(each)

    # --- files ---

    def _write(self, path: str, data: bytes, mode: int) -> None:
        fresh = beside(path, "new")
        discard(fresh)  # left by a killed installation, or a link that leads elsewhere
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._undo.append(lambda: _remove_file(fresh))
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.chmod(fresh, mode)
        set_times(fresh)
        self._replace(fresh, path)

    def _link(self, path: str, text: str) -> None:
        fresh = beside(path, "new")
        discard(fresh)
        os.symlink(text, fresh)
        self._undo.append(lambda: _remove_file(fresh))
        self._replace(fresh, path)

    def _move(self, path: str, to: str) -> None:
        self._make_parents(to)
        self._replace(path, to)

    def _replace(self, path: str, to: str) -> None:
        """Rename a file. What it takes the place of can be put back; there is no moment without either."""
        if os.path.lexists(to):
            self._keep(to)
        os.rename(path, to)
        self._undo.append(lambda: os.rename(to, path))

    def _keep(self, path: str) -> None:
        aside = beside(path, "last" if path in self._kept else "old")
        self._kept.add(path)
        discard(aside)
        os.link(path, aside, follow_symlinks=False)
        self._undo.append(lambda: _put_back(aside, path))
        self._at_end.append(lambda: _remove_file(aside))

    def _put_aside(self, path: str) -> None:
        aside = beside(path, "old")
        discard(aside)
        os.rename(path, aside)
        self._undo.append(lambda: os.rename(aside, path))
        self._at_end.append(lambda: _remove_file(aside))

    # --- dpkg ---

    def _divert(self, step: steps.Divert) -> None:
        before = diversions.read(self._root)
        ended = [Diversion(name, to) for name, to in step.removed]
        after = [each for each in before if each not in ended] + [Diversion(name, to) for name, to in step.added]
        path = self._root.at(diversions.DATABASE)
        if os.path.lexists(path):
            self._keep(path)
        else:
            self._undo.append(lambda: _remove_file(path))
        diversions.write(self._root, after)

    # --- the tree ---

    def _put_tree(self, prepared: str, home: str) -> None:
        """Exchange what is in our directory, one by one: it may be a mount point, and running programs have it open."""
        aside = beside(home, "old")
        discard(aside)
        self._make_directory(aside)
        self._at_end.append(lambda: discard(aside))
        for name in sorted({*os.listdir(prepared), *os.listdir(home)} - set(names.NOT_OF_THE_TREE)):
            if os.path.lexists(f"{home}/{name}"):
                self._move_tree(f"{home}/{name}", f"{aside}/{name}")
            if os.path.lexists(f"{prepared}/{name}"):
                self._move_tree(f"{prepared}/{name}", f"{home}/{name}")

    def _move_tree(self, path: str, to: str) -> None:
        _rename_tree(path, to)
        self._undo.append(lambda: _rename_tree(to, path))


def _rename_tree(path: str, to: str) -> None:
    try:
        os.rename(path, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A directory in a lower image layer cannot be renamed.
        try:
            shutil.copytree(path, to, symlinks=True)
        except OSError:
            discard(to)
            raise
        discard(path)


def _put_back(aside: str, path: str) -> None:
    os.rename(aside, path)
    _remove_file(aside)  # two links to one file stay where they are


def discard(path: str) -> None:
    """Remove a file or a directory, and from our own directory what tells what was done last."""
    if os.path.islink(path) or not os.path.isdir(path):
        _remove_file(path)
        return
    state = os.path.basename(names.STATE)
    for name in sorted(os.listdir(path), key=lambda name: name == state):
        discard(f"{path}/{name}")
    os.rmdir(path)


def _remove_file(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)


def _remove_if_empty(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
