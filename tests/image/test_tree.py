"""The tree that is put into images: what is in it, and that it is the same whoever builds it."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import jeepney
import pytest

from systemctl_replacement.image import bytecode, interpreter, names, tree, vendor
from tests.box import rootfs
from tests.test_interpreters import interpreters

PACKAGE = rootfs.REPOSITORY / "systemctl_replacement"
# Sources and what is compiled of them, in a layer as engines send it.
LARGEST_LAYER = 3_000_000
EXPECTED = {"", ".py", ".catalog", ".varlink", ".conf", ".preset"} | {
    f".{kind}" for kind in ("service", "slice", "socket", "target")
}

BUILD = """
import os, sys
sys.path[:0] = sys.argv[1:3]
os.umask(int(sys.argv[4], 8))
from pathlib import Path
from systemctl_replacement.image import interpreter, tree
target = Path(sys.argv[3])
target.mkdir()
tree.build(target)
tree.compile_for(interpreter.find("", sys.executable), str(target))
"""


def digest(directory: Path) -> str:
    """A hash of all that a layer would have: names, modes, times, contents."""
    found = hashlib.sha256()
    for path in [directory, *sorted(directory.rglob("*"))]:
        status = path.lstat()
        found.update(f"{path.relative_to(directory)}\0{status.st_mode:o}\0{status.st_mtime_ns}\0".encode())
        if path.is_symlink():
            found.update(os.readlink(path).encode())
        elif path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def copy_of_the_sources(target: Path, when: int) -> Path:
    """A few of our modules, our units, and the library, with other times."""
    shutil.copytree(PACKAGE / "image", target / "systemctl_replacement/image")
    shutil.copytree(PACKAGE / "unitfile", target / "systemctl_replacement/unitfile")
    for name in ("__init__", "paths", "records"):
        shutil.copy(PACKAGE / f"{name}.py", target / "systemctl_replacement")
    shutil.copytree(rootfs.REPOSITORY / "units", target / "units", symlinks=True)
    for path in [target, *target.rglob("*")]:
        os.utime(path, (when, when), follow_symlinks=False)
    return target


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).name)
def test_the_same_sources_make_the_same_tree(tmp_path: Path, python: str) -> None:
    libraries = str(Path(jeepney.__file__).parents[1])
    found = set()
    for name, umask, seed in (("first", "022", "1"), ("second", "077", "2")):
        sources = copy_of_the_sources(tmp_path / name, int(seed) * 10**9)
        target = tmp_path / name / "tree"
        subprocess.run(
            [python, "-sc", BUILD, str(sources), libraries, str(target), umask],
            env={"PATH": os.defpath, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
        )
        assert any(path.suffix == ".pyc" for path in target.rglob("*"))
        found.add(digest(target))
    assert len(found) == 1


def test_the_time_is_what_the_builder_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    tree.build(tmp_path)
    assert {path.lstat().st_mtime for path in [tmp_path, *tmp_path.rglob("*")]} == {1234567890}


def test_a_built_tree(tmp_path: Path) -> None:
    tree.build(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["jeepney", "licences", "systemctl_replacement", "units"]
    assert not [path for path in tmp_path.rglob("*") if path.suffix not in EXPECTED and path.is_file()]
    assert all(path.lstat().st_mode & 0o022 == 0 for path in tmp_path.rglob("*") if not path.is_symlink())
    tree.compile_for(interpreter.find("", sys.executable), str(tmp_path))
    with tarfile.open(tmp_path / "layer.tar.gz", "w:gz", compresslevel=6) as layer:
        layer.add(tmp_path, filter=lambda info: None if info.name.endswith(".tar.gz") else info)
    assert (tmp_path / "layer.tar.gz").stat().st_size < LARGEST_LAYER
    bytecode.remove(str(tmp_path))
    assert not list(tmp_path.rglob("__pycache__"))


def test_of_the_library_there_is_what_we_import(tmp_path: Path) -> None:
    """Everything that our modules import can be imported from the tree, and nothing else of the library is in it."""
    tree.build(tmp_path)
    wanted = {
        name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if name.split(".")[0] in vendor.LIBRARIES
    }
    code = "import importlib, sys; sys.path.insert(0, sys.argv[1]); [importlib.import_module(n) for n in sys.argv[2:]]"
    code += "; print(*sorted(name for name in sys.modules if name.startswith('jeepney')))"
    ran = subprocess.run(
        [sys.executable, "-BISc", code, str(tmp_path), *wanted], capture_output=True, text=True, check=True
    )
    there = {"jeepney" if name == "__init__" else f"jeepney.{name}" for name in vendor.LIBRARIES["jeepney"]}
    assert set(ran.stdout.split()) == there


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_what_is_not_compiled_is_what_is_not_of_the_tree() -> None:
    assert set(bytecode._OTHERS) < set(names.NOT_OF_THE_TREE)
