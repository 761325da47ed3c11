"""Every Python from 3.9 on that is installed can import everything: syntax, and what is evaluated at import time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import jeepney
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "systemctl_replacement"
OLDEST, NEWEST = 9, 19

IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
for name in sys.argv[3:]:
    importlib.import_module(name)
"""


def interpreters() -> list[str]:
    """One interpreter of each version, from PATH and from where pyenv keeps them."""
    found: dict[int, str] = {}
    for minor in range(OLDEST, NEWEST + 1):
        name = f"python3.{minor}"
        pyenv = sorted((Path.home() / ".pyenv/versions").glob(f"3.{minor}.*/bin/{name}"))
        path = shutil.which(name, path="/usr/bin:/usr/local/bin") or (str(pyenv[-1]) if pyenv else None)
        if path is not None:
            found[minor] = path
    found.setdefault(sys.version_info.minor, sys.executable)
    return [found[minor] for minor in sorted(found)]


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).name)
def test_everything_can_be_imported(python: str) -> None:
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
    ]
    libraries = str(Path(jeepney.__file__).parents[1])
    result = subprocess.run(
        [python, "-BISXutf8", "-c", IMPORT_ALL, str(PACKAGE.parent), libraries, *modules],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
