"""Which modules an interpreter that is carried into an image is given."""

from __future__ import annotations

from pathlib import Path

from release.imports import find, imported

SOURCE = """
import a, b.c
def f():
    try:
        from d import e
    except ImportError:
        from . import g
    else:
        import h
    finally:
        import i
if True:
    pass
elif False:
    import j
"""


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(SOURCE, encoding="utf-8")
    assert set(imported(path, "p.q")) == {"a", "b.c", "d", "d.e", "p.q", "p.q.g", "h", "i", "j"}


def test_what_is_imported_by_what_is_imported(tmp_path: Path) -> None:
    library, start = tmp_path / "library", tmp_path / "start.py"
    for name, text in {
        "a.py": "import b.c, _d, left_out.inner",
        "b/__init__.py": "from . import e",
        "b/c.py": "from .. import nothing",
        "b/e.py": "import a",
        "b/unused.py": "",
        "_d.cpython-311-x86_64-linux-gnu.so": "",
        "left_out/__init__.py": "",
        "left_out/inner.py": "",
    }.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(text, encoding="utf-8")
    start.write_text("import a", encoding="utf-8")
    found = {str(path.relative_to(library)) for path in find([start], (library,), ("left_out",))}
    assert found == {"a.py", "b/__init__.py", "b/c.py", "b/e.py", "_d.cpython-311-x86_64-linux-gnu.so"}
