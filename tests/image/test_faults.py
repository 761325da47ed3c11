"""Installing and uninstalling, interrupted at every call that changes the file system: made-up images, a small tree."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from systemctl_replacement.image import names, plan, state, survey
from systemctl_replacement.image.apply import apply
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.image.root import Root
from systemctl_replacement.image.state import State
from systemctl_replacement.image.steps import PutTree
from tests.image import roots
from tests.image.faults import FULL, KILL, ONCE, Killed, fault

PACKAGED = "/bin/systemctl\n/usr/bin/journalctl\n/sbin/init\n"
PREPARED = names.beside(names.HOME, "new")
Make = Callable[[Path], Root]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory that no disk slows down."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        yield Path(directory)


def with_files(root: Root) -> Root:
    """An init system's files: its link has the text of ours."""
    for name in ("usr/bin/systemctl", "usr/bin/journalctl", "usr/lib/systemd/systemd"):
        path = Path(root.directory, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"real {name}")
    Path(root.directory, "sbin/init").symlink_to(names.INIT_LEADS_TO)
    return root


MAKERS: dict[str, Make] = {
    "merged with dpkg": lambda path: with_files(roots.merged(path, packages=PACKAGED)),
    "merged without": lambda path: with_files(roots.merged(path, dpkg=False)),
    "unmerged with dpkg": lambda path: with_files(roots.unmerged(path, packages=PACKAGED)),
    "unmerged without": lambda path: with_files(roots.unmerged(path, dpkg=False)),
    "empty": lambda path: roots.merged(path),
}


def prepare(root: Root) -> None:
    shutil.rmtree(root.directory + PREPARED, ignore_errors=True)
    (Path(root.directory + PREPARED) / "systemctl_replacement").mkdir(parents=True)
    Path(f"{root.directory}{PREPARED}/systemctl_replacement/__main__.py").write_text("ours")


def install(root: Root, version: str = "1", init_link: bool = True) -> None:
    known = state.read(root) or State()
    # One link of its kind is enough.
    wanted = [name for name in names.wanted(init_link, True) if name.link != names.LAUNCHER or "halt" in name.path]
    image = survey.look(root, wanted, roots.PYTHON, known)
    apply(root, plan.install(image, version, roots.PYTHON, (PutTree(PREPARED),)))


def cleared(root: Root) -> dict[str, tuple[int, int, str]]:
    """What is in an image, without the prepared tree, which whoever has prepared it removes."""
    shutil.rmtree(root.directory + PREPARED, ignore_errors=True)
    return roots.everything(Path(root.directory))


OPERATIONS: dict[str, Callable[[Root], None]] = {
    "first": install,
    "again": lambda root: install(root, "2", init_link=False),
    "uninstall": roots.uninstall,
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def ready(make: Make, directory: Path, operation: str) -> Root:
    root = make(directory)
    if operation != "first":
        prepare(root)
        install(root)
    prepare(root)
    return root


@every_operation
@pytest.mark.parametrize("image", ["merged with dpkg", "unmerged without"])
def test_a_kill_anywhere_loses_nothing(
    memory: Path, image: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("systemctl_replacement.image.apply._Work.take_back", lambda _: [])
    make = MAKERS[image]
    original = roots.everything(Path(make(memory / "original").directory))
    for number in itertools.count(1):
        for go_on in (False, True):
            root = ready(make, memory / f"{number}-{go_on}", operation)
            with fault(number, KILL) as injected:
                try:
                    OPERATIONS[operation](root)
                except Killed:
                    assert injected.reached
            if not injected.reached:
                return
            if go_on:
                prepare(root)
                install(root)
            if go_on or state.read(root) is not None:
                roots.uninstall(root)
                assert cleared(root) == original, (number, go_on)
            shutil.rmtree(root.directory)


@every_operation
@pytest.mark.parametrize(("image", "kind"), [("unmerged with dpkg", FULL), ("merged without", FULL), ("empty", ONCE)])
def test_a_failure_anywhere_changes_nothing(memory: Path, image: str, operation: str, kind: str) -> None:
    make = MAKERS[image]
    original = roots.everything(Path(make(memory / "original").directory))
    for number in itertools.count(1):
        root = ready(make, memory / str(number), operation)
        before = cleared(root)
        prepare(root)
        problem: BaseException | None = None
        with fault(number, kind) as injected:
            try:
                OPERATIONS[operation](root)
            except (OSError, ImageError) as error:
                problem = error
        if not injected.reached:
            return
        assert problem is not None
        if "all is done" in str(problem):
            prepare(root)
            install(root)
            roots.uninstall(root)
            assert cleared(root) == original, (number, problem)
        else:
            assert cleared(root) == before, (number, problem)
        shutil.rmtree(root.directory)


def test_what_cannot_be_put_back_is_said_and_the_rest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from systemctl_replacement.image import apply as module

    root = MAKERS["merged with dpkg"](tmp_path)
    before = roots.everything(tmp_path)
    prepare(root)
    known = survey.look(root, names.wanted(True, True), roots.PYTHON, State())
    steps = plan.install(known, "1", roots.PYTHON, (PutTree(PREPARED),))

    def refuse(aside: str, path: str) -> None:
        raise OSError(f"cannot put {path} back")

    monkeypatch.setattr(module, "_put_back", refuse)
    with pytest.raises(ImageError, match=r"not all could be put back: cannot put .*/diversions back"):
        apply(root, [*steps, PutTree("/nowhere")])
    after = cleared(root)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert {name for name in changed if "systemctl-replacement" not in name} == {"var/lib/dpkg/diversions"}
