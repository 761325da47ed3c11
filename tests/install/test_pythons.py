"""The interpreters that an image may have: each version from 3.9 on, one without its standard library, and none."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.box import rootfs
from tests.box.harness import Box
from tests.install import roots
from tests.install.root import Root
from tests.test_interpreters import NEWEST, OLDEST

MakeRoot = Callable[[Sequence[Path]], Root]
# Of the standard library, what takes room and is not for programs that run.
LEFT_OUT = shutil.ignore_patterns(
    "*.a", "*.opt-?.pyc", "config-*", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "tkinter",
)  # fmt: skip


def built() -> list[Path]:
    """One installation of each version that pyenv has built here. These do not depend on where they lie."""
    versions = Path.home() / ".pyenv/versions"
    found = [sorted(versions.glob(f"3.{minor}.*/bin/python3.{minor}")) for minor in range(OLDEST, NEWEST + 1)]
    return [paths[-1].parents[1] for paths in found if paths]


def carry(prefix: Path, layer: Path) -> str:
    """Make a layer with an interpreter in /usr/local, as the images named "python" have it. Returns its path there."""
    (program,) = (path for path in (prefix / "bin").glob("python3.*") if path.suffix[1:].isdigit())
    for place in (layer / "usr/local/bin", layer / "usr/local/lib"):
        place.mkdir(parents=True)
    shutil.copy(program, layer / "usr/local/bin")
    shutil.copytree(prefix / "lib" / program.name, layer / "usr/local/lib" / program.name, ignore=LEFT_OUT)
    for library in (prefix / "lib").glob("libpython3.*.so.*"):
        shutil.copy(library, layer / "usr/local/lib")
    return f"/usr/local/bin/{program.name}"


@pytest.mark.parametrize("prefix", built(), ids=lambda prefix: str(prefix.name))
def test_each_version(prefix: Path, make_root: MakeRoot, tmp_path: Path) -> None:
    python = carry(prefix, tmp_path / "python")
    root = make_root([tmp_path / "python", *rootfs.layers(("nginx", "redis-server"))])
    root.run("ldconfig")
    root.manage("install", f"--python={python}")
    with Box(root=root.layers) as box:
        assert box.run("systemctl is-system-running --wait").stdout == "running\n"
        assert box.run("readlink /proc/1/exe").stdout == f"{python}\n"
        assert box.run("systemctl restart nginx && curl -s -o /dev/null -w '%{http_code}' localhost").stdout == "200"
        assert "Started nginx.service" in box.run("journalctl -u nginx").stdout
        box.signal(signal.SIGTERM)
        assert box.wait() == 0


@pytest.mark.parametrize("suite", roots.SUITES)
def test_one_without_its_standard_library_and_none(suite: str, make_root: MakeRoot) -> None:
    root = make_root(roots.plain(suite))
    packages = "python3 libpython3-stdlib $(dpkg-query -W -f '${Package} ' 'python3.*' 'libpython3.*-stdlib')"
    root.run(f"dpkg --purge --force-depends $(echo {packages} | tr ' ' '\\n' | grep -v -e -minimal)")
    said = root.manage("install", check=False)
    assert said.returncode == 1
    assert "/usr/bin/python3" in said.stdout and "lacks" in said.stdout
    root.run("dpkg --purge --force-depends python3-minimal")
    said = root.manage("install", check=False)
    assert said.returncode == 1
    assert "no /usr/bin/python3" in said.stdout
    assert not (root.layers[0] / "usr/lib/systemctl-replacement").exists()
