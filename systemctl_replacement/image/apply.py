"""Carrying out a plan on an image: all of it, or none.

Whatever a step replaces or removes is first put aside beside its place. When every step is done that is thrown away;
when one fails it is put back, the last one first.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable

from systemctl_replacement.image import diversions, names, steps
from systemctl_replacement.image.diversions import Diversion
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.steps import Step
from systemctl_replacement.image.tree import set_times


def apply(root: Root, plan: Iterable[Step]) -> None:
    """Carry out a plan. OSError and ImageError leave the image as it was, and so does an interruption."""
    work = _Work(root)
    try:
        for step in plan:
            work.do(step)
    except BaseException:
        work.take_back()
        raise
    work.finish()


class _Work:
    """The steps done so far: how to take them back, and what is left to do when all are done."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._undo: list[Callable[[], object]] = []
        self._at_end: list[Callable[[], object]] = []

    def take_back(self) -> None:
        while self._undo:
            self._undo.pop()()

    def finish(self) -> None:
        for action in self._at_end:
            action()

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
        elif isinstance(step, steps.RemoveTree):
            place = self._root.at(step.path)
            self._at_end.append(lambda: shutil.rmtree(place))
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
        fresh = _beside(path, "new")
        _remove_file(fresh)  # left by an interrupted installation, or a link that leads elsewhere
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._undo.append(lambda: _remove_file(fresh))
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(fresh, mode)
        set_times(fresh)
        self._replace(fresh, path)

    def _link(self, path: str, text: str) -> None:
        fresh = _beside(path, "new")
        _remove_file(fresh)
        os.symlink(text, fresh)
        self._undo.append(lambda: _remove_file(fresh))
        self._replace(fresh, path)

    def _move(self, path: str, to: str) -> None:
        self._make_parents(to)
        self._replace(path, to)

    def _replace(self, path: str, to: str) -> None:
        """Rename a file. What it takes the place of can be put back; there is no moment without either."""
        there = os.path.lexists(to)
        if there:
            aside = _beside(to, "old")
            _remove_file(aside)
            os.link(to, aside, follow_symlinks=False)
            self._undo.append(lambda: os.rename(aside, to))
            self._at_end.append(lambda: os.unlink(aside))
        os.rename(path, to)
        self._undo.append(lambda: os.rename(to, path))

    def _put_aside(self, path: str) -> None:
        aside = _beside(path, "old")
        _remove_file(aside)
        os.rename(path, aside)
        self._undo.append(lambda: os.rename(aside, path))
        self._at_end.append(lambda: os.unlink(aside))

    # --- dpkg ---

    def _divert(self, step: steps.Divert) -> None:
        before = diversions.read(self._root)
        ended = [Diversion(name, to) for name, to in step.removed]
        after = [each for each in before if each not in ended] + [Diversion(name, to) for name, to in step.added]
        self._undo.append(lambda: diversions.write(self._root, before))
        diversions.write(self._root, after)

    # --- the tree ---

    def _put_tree(self, prepared: str, home: str) -> None:
        """Exchange what is in our directory, one by one: it may be a mount point, and running programs have it open."""
        aside = _beside(home, "old")
        shutil.rmtree(aside, ignore_errors=True)
        self._make_directory(aside)
        self._at_end.append(lambda: shutil.rmtree(aside))
        for name in sorted({*os.listdir(prepared), *os.listdir(home)} - set(names.NOT_OF_THE_TREE)):
            if os.path.lexists(f"{home}/{name}"):
                self._move_tree(f"{home}/{name}", f"{aside}/{name}")
            if os.path.lexists(f"{prepared}/{name}"):
                self._move_tree(f"{prepared}/{name}", f"{home}/{name}")
        self._at_end.append(lambda: set_times(home))

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
        shutil.copytree(path, to, symlinks=True)
        shutil.rmtree(path)


def _beside(path: str, what: str) -> str:
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.systemctl-replacement.{what}"


def _remove_file(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)


def _remove_if_empty(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
